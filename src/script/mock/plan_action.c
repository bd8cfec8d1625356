/* The actions of a rule. */
#include <string.h>

#include "base/err.h"
#include "proto/close.h"
#include "proto/frame.h"
#include "script/mock/mock_plan.h"
#include "script/names.h"

static struct action *add(void *into, enum verb verb, const struct node *node) {
    struct action_reader *a = into;
    struct action *made = &a->items[a->count++];
    *made = (struct action){.verb = verb, .node = node};
    return made;
}

bool action_needs_member(const struct action *a) {
    switch (a->verb) {
    case VERB_BROADCAST:
    case VERB_SEND_ROOM:
    case VERB_SEND_CONN:
    case VERB_WAIT:
    case VERB_LOG:
    case VERB_FAULT:
        return false;
    default:
        return true;
    }
}

const char *action_name(const struct action *a) {
    static const char *const names[] = {
        [VERB_REPLY] = "reply",      [VERB_BROADCAST] = "broadcast",
        [VERB_SEND_OTHERS] = "send", [VERB_SEND_ROOM] = "send",
        [VERB_SEND_CONN] = "send",   [VERB_WAIT] = "wait",
        [VERB_LOG] = "log",          [VERB_SET] = "set",
        [VERB_JOIN] = "join",        [VERB_LEAVE] = "leave",
        [VERB_GOTO] = "goto",        [VERB_PING] = "ping",
        [VERB_CLOSE] = "close",      [VERB_RESET] = "reset",
        [VERB_STALL] = "stall",      [VERB_FAULT] = "fault",
    };
    return names[a->verb];
}

bool action_needs_open(const struct action *a) {
    switch (a->verb) {
    case VERB_REPLY:
    case VERB_JOIN:
    case VERB_PING:
    case VERB_CLOSE:
    case VERB_RESET:
    case VERB_STALL:
        return true;
    default:
        return false;
    }
}

/* ---- messages ---- */

int action_read_reply(struct reader *r, const struct node *value, void *into) {
    return payloads_read(r, value, &add(into, VERB_REPLY, value)->payloads);
}

int action_read_broadcast(struct reader *r, const struct node *value, void *into) {
    return payloads_read(r, value, &add(into, VERB_BROADCAST, value)->payloads);
}

/* To whom: "others", "room NAME", "conn ID". */
static int read_whom(struct reader *r, const struct node *to, struct action *send) {
    static const struct {
        const char *word;
        enum verb verb;
    } kinds[] = {{"room ", VERB_SEND_ROOM}, {"conn ", VERB_SEND_CONN}};
    int err = reader_scalar(r, to, "others, room NAME or conn ID");
    if (err != TB_OK) {
        return err;
    }
    if (strcmp(to->text, "others") == 0) {
        send->verb = VERB_SEND_OTHERS;
        return TB_OK;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i].word);
        if (strncmp(to->text, kinds[i].word, n) == 0 && to->size > n) {
            send->verb = kinds[i].verb;
            return template_read_part(r, to, n, to->size - n, &send->text);
        }
    }
    return reader_refuse(r, to, "'to' is others, room NAME or conn ID, not '%s'", to->text);
}

static int join_send(struct reader *r, struct action_reader *a) {
    struct action *send = a->send;
    const struct node *to = a->to;
    if (send == NULL || to == NULL) {
        return TB_OK;
    }
    a->send = NULL;
    a->to = NULL;
    return read_whom(r, to, send);
}

int action_read_send(struct reader *r, const struct node *value, void *into) {
    struct action_reader *a = into;
    a->send = add(into, VERB_SEND_OTHERS, value);
    int err = payloads_read(r, value, &a->send->payloads);
    return err == TB_OK ? join_send(r, a) : err;
}

int action_read_to(struct reader *r, const struct node *value, void *into) {
    struct action_reader *a = into;
    a->to = value;
    return join_send(r, a);
}

int actions_finish(struct action_reader *a) {
    if (a->send != NULL) {
        return reader_refuse(a->p->r, a->send->node,
                             "'send' needs 'to': others, room NAME or conn ID ('reply' is for "
                             "whoever triggered the rule, 'broadcast' for everybody)");
    }
    return a->to == NULL
               ? TB_OK
               : reader_refuse(a->p->r, a->to, "'to' says to whom, but no 'send' says what");
}

/* ---- templates ---- */

static int read_text(struct reader *r, const struct node *value, const char *what,
                     struct action *a) {
    int err = reader_scalar(r, value, what);
    return err == TB_OK ? template_read(r, value, &a->text) : err;
}

int action_read_log(struct reader *r, const struct node *value, void *into) {
    return read_text(r, value, "the text to log", add(into, VERB_LOG, value));
}

int action_read_join(struct reader *r, const struct node *value, void *into) {
    return read_text(r, value, "a room's name", add(into, VERB_JOIN, value));
}

int action_read_leave(struct reader *r, const struct node *value, void *into) {
    return read_text(r, value, "a room's name", add(into, VERB_LEAVE, value));
}

int action_read_ping(struct reader *r, const struct node *value, void *into) {
    struct action *a = add(into, VERB_PING, value);
    int err = read_text(r, value, "the ping's data", a);
    size_t n;
    if (err == TB_OK && template_literal(a->text, &n) != NULL && n > WS_CONTROL_MAX) {
        err = reader_refuse(r, value, "a ping has %d bytes at most", WS_CONTROL_MAX);
    }
    return err;
}

static int read_assignment(struct reader *r, const struct node *key, struct assignment *a) {
    int err = names_define(r, key, key->text, key->size, &a->slot);
    err = err == TB_OK ? reader_scalar(r, key->value, "the variable's value") : err;
    return err == TB_OK ? template_read(r, key->value, &a->value) : err;
}

int action_read_set(struct reader *r, const struct node *value, void *into) {
    struct action *a = add(into, VERB_SET, value);
    if (value->kind != NODE_MAP) {
        return reader_refuse_kind(r, value, "a mapping of names and values, such as { name: bob }");
    }
    struct assignment *values = arena_alloc(r->arena, (value->count + 1) * sizeof *values);
    if (values == NULL) {
        return TB_ENOMEM;
    }
    int err = TB_OK;
    for (const struct node *key = value->first; key != NULL && err == TB_OK; key = key->next) {
        err = read_assignment(r, key, &values[a->value_count++]);
    }
    a->values = values;
    return err;
}

/* ---- the rest ---- */

int action_read_wait(struct reader *r, const struct node *value, void *into) {
    return reader_span(r, value, &add(into, VERB_WAIT, value)->wait);
}

int action_read_goto(struct reader *r, const struct node *value, void *into) {
    struct action_reader *a = into;
    (void)r;
    return plan_state(a->p, value, true, &add(into, VERB_GOTO, value)->state);
}

static int read_code(struct reader *r, const struct node *value, void *into) {
    struct action *a = into;
    return reader_close_code(r, value, &a->code);
}

static int read_reason(struct reader *r, const struct node *value, void *into) {
    struct action *a = into;
    int err = read_text(r, value, "the reason's text", a);
    size_t n;
    if (err == TB_OK && template_literal(a->text, &n) != NULL && n > WS_CLOSE_REASON_MAX) {
        err = reader_refuse(r, value, "a close reason has %d bytes at most", WS_CLOSE_REASON_MAX);
    }
    return err;
}

int action_read_close(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "code", .read = read_code},
        {.name = "reason", .read = read_reason},
        {.name = NULL},
    };
    struct action *a = add(into, VERB_CLOSE, value);
    a->code = WS_CLOSE_NORMAL;
    if (value->kind == NODE_SCALAR) { /* close: 4000, or nothing behind it */
        return value->size > 0 ? read_code(r, value, a) : TB_OK;
    }
    return reader_map(r, value, fields, "close", a);
}

/* "reset: yes", or nothing behind it. */
static int read_yes(struct reader *r, const struct node *value, const char *name) {
    bool yes = true;
    int err = value->kind == NODE_SCALAR && value->size == 0 ? TB_OK : reader_bool(r, value, &yes);
    return err == TB_OK && !yes
               ? reader_refuse(r, value, "'%s: no' does nothing: leave it out", name)
               : err;
}

int action_read_reset(struct reader *r, const struct node *value, void *into) {
    add(into, VERB_RESET, value);
    return read_yes(r, value, "reset");
}

int action_read_stall(struct reader *r, const struct node *value, void *into) {
    add(into, VERB_STALL, value);
    return read_yes(r, value, "stall");
}

static int read_enable(struct reader *r, const struct node *value, void *into) {
    struct action *a = into;
    a->enable = true;
    a->fault = value->text;
    return reader_scalar(r, value, "a fault's id");
}

static int read_disable(struct reader *r, const struct node *value, void *into) {
    struct action *a = into;
    a->fault = value->text;
    return reader_scalar(r, value, "a fault's id");
}

int action_read_fault(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "enable", .read = read_enable},
        {.name = "disable", .read = read_disable},
        {.name = NULL},
    };
    struct action *a = add(into, VERB_FAULT, value);
    if (value->kind != NODE_MAP) {
        return reader_refuse_kind(r, value, "{ enable: ID } or { disable: ID }");
    }
    int err = reader_map(r, value, fields, "fault", a);
    return err == TB_OK && value->count != 1
               ? reader_refuse(r, value,
                               "'fault' has one of 'enable' and 'disable': { enable: ID } "
                               "or { disable: ID }")
               : err;
}

int action_read_proxied(struct reader *r, const struct node *value, void *into) {
    (void)into;
    return reader_refuse(
        r, value,
        "forward, drop and inject are for a route with an upstream, which cannot be "
        "served yet (a rule without actions answers nothing)");
}
