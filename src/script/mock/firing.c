/* Carrying out rules. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/conn.h"
#include "conn/trace.h"
#include "proto/utf8.h"
#include "script/mock/held.h"
#include "script/mock/state.h"

/* ---- what actions say ---- */

static void note_missing(struct firing *f, const struct action *a) {
    if (f->scope.missing != NULL) {
        mock_note(f->loop, f->script, a->node, "${%s} has no value here", f->scope.missing);
        f->scope.missing = NULL;
    }
}

static const char *why_not_made(int err) {
    return err == TB_ERANGE ? "it came to more than 16 MiB" : tb_err_text(err);
}

/* The text of a template, in the loop's own memory; false: there is none, and that is told. */
static bool expand(struct firing *f, const struct action *a, const struct template *t) {
    struct bytes *text = &f->loop->text;
    bytes_clear(text);
    int err = template_expand(t, &f->scope, text);
    note_missing(f, a);
    if (err == TB_OK) {
        err = bytes_append(text, "", 1);
        text->len -= err == TB_OK;
    }
    if (err != TB_OK) {
        mock_note(f->loop, f->script, a->node, "the text could not be made (%s)",
                  why_not_made(err));
    }
    return err == TB_OK;
}

/* The next message of an action, in l->made. */
static bool make(struct firing *f, const struct action *a, const struct payload *p) {
    int err = payload_make(p, &f->scope, &f->loop->made);
    note_missing(f, a);
    if (err == TB_EINVAL) {
        mock_note(f->loop, f->script, a->node,
                  "nothing is sent: the text is not UTF-8 (with 'binary: yes' it could be sent)");
    } else if (err != TB_OK) {
        mock_note(f->loop, f->script, a->node, "nothing is sent (%s)", why_not_made(err));
    }
    return err == TB_OK;
}

static void say_each(struct firing *f, const struct action *a,
                     void (*say)(struct firing *f, const struct action *a)) {
    for (size_t i = 0; i < a->payloads.count; i++) {
        if (make(f, a, a->payloads.items[i])) {
            say(f, a);
        }
    }
}

static void say_reply(struct firing *f, const struct action *a) {
    (void)a;
    post_to(f->member, &f->loop->made);
}

static void say_to_all(struct firing *f, const struct action *a) {
    (void)a;
    post_everybody(f->run, &f->loop->made, NULL);
}

static void say_to_others(struct firing *f, const struct action *a) {
    (void)a;
    post_everybody(f->run, &f->loop->made, f->member);
}

static void say_to_room(struct firing *f, const struct action *a) {
    if (expand(f, a, a->text)) {
        post_room(f->run, &f->loop->made, (const char *)f->loop->text.data, f->loop->text.len);
    }
}

static void say_to_conn(struct firing *f, const struct action *a) {
    if (!expand(f, a, a->text)) {
        return;
    }
    char *end;
    const char *text = (const char *)f->loop->text.data;
    uint64_t id = strtoull(text, &end, 10);
    if (end == text || *end != '\0') {
        mock_note(f->loop, f->script, a->node, "'%s' is no number of a connection: nothing is sent",
                  text);
        return;
    }
    post_conn(f->run, &f->loop->made, id);
}

/* ---- the actions ---- */

static void do_reply(struct firing *f, const struct action *a) {
    say_each(f, a, say_reply);
}

static void do_broadcast(struct firing *f, const struct action *a) {
    say_each(f, a, say_to_all);
}

static void do_send_others(struct firing *f, const struct action *a) {
    say_each(f, a, say_to_others);
}

static void do_send_room(struct firing *f, const struct action *a) {
    say_each(f, a, say_to_room);
}

static void do_send_conn(struct firing *f, const struct action *a) {
    say_each(f, a, say_to_conn);
}

static void do_log(struct firing *f, const struct action *a) {
    struct bytes line = BYTES_INIT;
    struct trace *trace = f->loop->mock->config.trace;
    if (trace_wants(trace, LOG_NORMAL) && expand(f, a, a->text) &&
        text_escape(&line, f->loop->text.data, f->loop->text.len, TEXT_ONE_LINE) == TB_OK &&
        bytes_append(&line, "", 1) == TB_OK) {
        trace_log(trace, (const char *)line.data);
    }
    bytes_release(&line);
}

/* Keeps the loop's text as the member's variable. TB_OK or TB_ENOMEM. */
static int keep(struct firing *f, unsigned slot) {
    struct member *m = f->member;
    if (m->store == NULL && (m->store = calloc(1, sizeof *m->store)) == NULL) {
        return TB_ENOMEM;
    }
    f->scope.own = m->store;
    return store_set(m->store, slot, f->loop->text.data, f->loop->text.len);
}

static void do_set(struct firing *f, const struct action *a) {
    for (size_t i = 0; i < a->value_count; i++) {
        const struct assignment *set = &a->values[i];
        if (expand(f, a, set->value) && keep(f, set->slot) != TB_OK) {
            mock_note(f->loop, f->script, a->node, "the value could not be kept (out of memory)");
        }
    }
}

static void do_join(struct firing *f, const struct action *a) {
    const struct bytes *name = &f->loop->text;
    if (!expand(f, a, a->text)) {
        return;
    }
    const char *why = crowd_join(f->member, (const char *)name->data, name->len);
    if (why != NULL) {
        mock_note(f->loop, f->script, a->node, "#%" PRIu64 " does not join the room: %s",
                  f->member->peer.id, why);
    }
}

static void do_leave(struct firing *f, const struct action *a) {
    if (expand(f, a, a->text)) {
        crowd_leave(f->member, (const char *)f->loop->text.data, f->loop->text.len);
    }
}

static void do_goto(struct firing *f, const struct action *a) {
    f->member->state = a->state;
}

static void do_ping(struct firing *f, const struct action *a) {
    if (!expand(f, a, a->text)) {
        return;
    }
    if (f->loop->text.len > WS_CONTROL_MAX) {
        mock_note(f->loop, f->script, a->node,
                  "no ping is sent: it would have %zu bytes, and may have %d", f->loop->text.len,
                  WS_CONTROL_MAX);
        return;
    }
    conn_send_ping(f->member->conn, f->loop->text.data, f->loop->text.len);
}

static void do_close(struct firing *f, const struct action *a) {
    if (a->text == NULL || !expand(f, a, a->text)) {
        post_close(f->member, a->code, "");
        return;
    }
    const struct bytes *reason = &f->loop->text;
    if (!utf8_is_valid(reason->data, reason->len)) {
        mock_note(f->loop, f->script, a->node, "the close has no reason: it is not UTF-8");
        post_close(f->member, a->code, "");
        return;
    }
    post_close(f->member, a->code, (const char *)reason->data);
}

static void do_reset(struct firing *f, const struct action *a) {
    (void)a;
    conn_abort(f->member->conn);
}

static void do_stall(struct firing *f, const struct action *a) {
    (void)a;
    conn_stall(f->member->conn);
}

static void do_fault(struct firing *f, const struct action *a) {
    mock_switch(f->loop, a->fault, a->enable);
}

/* WAIT is not done but kept: it ends the loop over the actions. */
static void (*const doers[])(struct firing *f, const struct action *a) = {
    [VERB_REPLY] = do_reply,
    [VERB_BROADCAST] = do_broadcast,
    [VERB_SEND_OTHERS] = do_send_others,
    [VERB_SEND_ROOM] = do_send_room,
    [VERB_SEND_CONN] = do_send_conn,
    [VERB_WAIT] = NULL,
    [VERB_LOG] = do_log,
    [VERB_SET] = do_set,
    [VERB_JOIN] = do_join,
    [VERB_LEAVE] = do_leave,
    [VERB_GOTO] = do_goto,
    [VERB_PING] = do_ping,
    [VERB_CLOSE] = do_close,
    [VERB_RESET] = do_reset,
    [VERB_STALL] = do_stall,
    [VERB_FAULT] = do_fault,
};

/* ---- a firing ---- */

static void begin(struct firing *f, struct run *run, struct member *m, const struct rule *rule) {
    struct mock_loop *l = run->loop;
    f->loop = l;
    f->run = run;
    f->member = m;
    f->rule = rule;
    f->script = l->script;
    f->scope = (struct scope){.message = NULL,
                              .captures = NULL,
                              .own = m != NULL ? m->store : NULL,
                              .vars = &l->script->vars,
                              .peer = m != NULL ? &m->peer : NULL,
                              .n = 0,
                              .chance = &l->chance,
                              .clients = NULL,
                              .missing = NULL};
}

static void on_waited(struct alarm *a);

static void hold(struct firing *f, size_t next) {
    const struct action *wait = &f->rule->actions[next - 1];
    const char *why;
    struct alarm *a = alarm_hold(f->run, f->member, alarm_time(f->loop, &wait->wait), on_waited,
                                 f->scope.message, f->scope.captures, &why);
    if (a == NULL) {
        mock_note(f->loop, f->script, wait->node, "what follows is not done (%s)", why);
        return;
    }
    a->held->next = next;
    a->held->n = f->scope.n;
    a->rule = f->rule;
    a->script = script_ref(f->script);
}

/* The rule is of a file that has changed since. */
static bool is_stale(const struct firing *f) {
    return f->script != f->loop->script;
}

/* Whoever triggered it may have gone, or be going: what needs nobody is still done. */
static bool can_be_done(const struct firing *f, const struct action *a) {
    if (is_stale(f) && (a->verb == VERB_SET || a->verb == VERB_GOTO)) {
        return false;
    }
    return f->member == NULL || !action_needs_open(a) ||
           (f->member->conn != NULL && conn_is_open(f->member->conn));
}

/* Whether something is left to do for others than who triggered it, and is not there any more. */
static bool concerns_others(const struct alarm *a) {
    for (size_t i = a->held->next; i < a->rule->action_count; i++) {
        const struct action *action = &a->rule->actions[i];
        bool is_theirs = !action_needs_member(action) || action->verb == VERB_SEND_OTHERS;
        if (is_theirs && action->verb != VERB_WAIT) {
            return true;
        }
    }
    return false;
}

void fire_for_others_only(struct member *m) {
    for (struct list *hook = m->alarms.next, *next; hook != &m->alarms; hook = next) {
        struct alarm *a = LIST_ENTRY(hook, struct alarm, hook);
        next = hook->next;
        if (a->rule == NULL || a->held == NULL || !concerns_others(a)) {
            alarm_stop(a);
        }
    }
}

static void carry_on(struct firing *f, size_t next) {
    while (next < f->rule->action_count) {
        const struct action *a = &f->rule->actions[next++];
        if (a->verb == VERB_WAIT) {
            hold(f, next);
            return;
        }
        if (can_be_done(f, a)) {
            doers[a->verb](f, a);
        }
    }
}

/* What it was when it began to wait, it is still, but for the file, which may have changed: then
 * variables and states have other numbers. Its member may have gone, but stays until then. */
static void on_waited(struct alarm *a) {
    struct held *held = a->held;
    struct firing f;
    begin(&f, a->run, a->member, a->rule);
    f.script = a->script;
    if (is_stale(&f)) {
        f.scope.own = NULL;
        f.scope.vars = &a->script->vars;
    }
    f.scope.n = held->n;
    f.scope.message = held->is_message ? &held->message : NULL;
    f.scope.captures = &held->captures;
    alarm_stop(a);
    carry_on(&f, held->next);
    if (f.member != NULL) {
        member_free_if_done(f.member);
    } else {
        run_free_if_gone(f.run);
    }
}

/* What only one thread changes needs no lock of the bus. */
static uint64_t count_firing(const struct mock_loop *l, const struct rule *rule) {
    atomic_uint_fast64_t *fired = &l->tally->fired[rule->number];
    if (l->mock->count > 1) {
        return atomic_fetch_add_explicit(fired, 1, memory_order_relaxed);
    }
    uint64_t n = atomic_load_explicit(fired, memory_order_relaxed);
    atomic_store_explicit(fired, n + 1, memory_order_relaxed);
    return n;
}

static void carry_out(struct firing *f) {
    f->scope.n = count_firing(f->loop, f->rule);
    carry_on(f, 0);
}

void fire(struct run *run, struct member *m, const struct rule *rule) {
    struct firing f;
    begin(&f, run, m, rule);
    carry_out(&f);
}

void fire_all(struct member *m, enum trigger trigger) {
    const struct plan_route *route = m->run->route;
    for (size_t i = 0; i < route->rule_count; i++) {
        const struct rule *rule = &route->rules[i];
        if (rule->trigger == trigger && rule_is_for(rule, m)) {
            fire(m->run, m, rule);
        }
    }
}

/* ---- messages ---- */

static bool is_content(const struct message *message) {
    return message->type == MESSAGE_TEXT || message->type == MESSAGE_BINARY;
}

static bool triggers(const struct rule *rule, const struct member *m, struct match *x) {
    if (rule->trigger != TRIGGER_MESSAGE || !rule_is_for(rule, m)) {
        return false;
    }
    if (rule->when == NULL) {
        return is_content(x->scope->message);
    }
    bool yes = matcher_matches(rule->when, x);
    if (x->gave_up) {
        mock_note(m->run->loop, m->run->loop->script, rule->node,
                  "a regex was given up: it might have gone on for ever with the message of "
                  "#%" PRIu64,
                  m->peer.id);
        x->gave_up = false; /* the time for all regexes of this message goes on */
    }
    return yes;
}

static const struct rule *find_nearest(struct member *m, struct match *x) {
    const struct plan_route *route = m->run->route;
    const struct rule *nearest = NULL;
    unsigned best = 0;
    for (size_t i = 0; i < route->rule_count; i++) {
        const struct rule *rule = &route->rules[i];
        if (rule->trigger != TRIGGER_MESSAGE || rule->when == NULL || !rule_is_for(rule, m)) {
            continue;
        }
        x->captures.count = 0;
        unsigned nearness = matcher_nearness(rule->when, x);
        if (nearest == NULL || nearness > best) {
            nearest = rule;
            best = nearness;
        }
    }
    return nearest;
}

/* The rule that came nearest, and why it did not take the message. */
static void note_unmatched(struct member *m, struct match *x) {
    const struct plan_route *route = m->run->route;
    struct bytes why = BYTES_INIT;
    if (!mock_may_note(m->run->loop)) {
        return;
    }
    x->looking = true;
    const struct rule *nearest = find_nearest(m, x);
    if (nearest != NULL && matcher_why_not(nearest->when, x, &why) == TB_OK) {
        mock_note(m->run->loop, m->run->loop->script, nearest->node,
                  "no rule takes the message of #%" PRIu64 "; the nearest is this one: %.*s",
                  m->peer.id, (int)why.len, (const char *)why.data);
    } else {
        mock_note(m->run->loop, m->run->loop->script, route->node,
                  "no rule takes the message of #%" PRIu64, m->peer.id);
    }
    x->looking = false;
    bytes_release(&why);
}

/* The firing is that of one rule after the other. */
static bool ask_rules(struct firing *f, struct match *x) {
    struct member *m = f->member;
    const struct candidates *candidates = &f->loop->candidates;
    bool taken = false;
    ptrdiff_t i = candidates_next(candidates, 0);
    for (; i >= 0; i = candidates_next(candidates, (size_t)i + 1)) {
        f->rule = &f->run->route->rules[i];
        f->scope.n = 0;
        if (!triggers(f->rule, m, x)) {
            continue;
        }
        taken = true;
        carry_out(f);
        if (!f->rule->goes_on || m->conn == NULL) {
            break;
        }
        match_clear(x);
    }
    return taken;
}

bool fire_for_message(struct member *m, struct message *message) {
    struct mock_loop *l = m->run->loop;
    struct match *x = &l->match;
    struct firing f;
    begin(&f, m->run, m, NULL);
    f.scope.message = message;
    f.scope.captures = &x->captures;
    x->scope = &f.scope;
    x->counters = l->tally->counters;
    selector_look(m->run->route->selector, message->data, message->size, &l->candidates);
    bool taken = ask_rules(&f, x);
    if (!taken && is_content(message) && trace_wants(l->mock->config.trace, LOG_NORMAL)) {
        note_unmatched(m, x);
    }
    match_clear(x);
    x->scope = NULL;
    return taken;
}
