/* The keys of a step: its verbs, each with what it takes, and what may stand beside them. */
#include <string.h>

#include "base/err.h"
#include "proto/close.h"
#include "proto/frame.h"
#include "script/check.h"
#include "script/matcher.h"
#include "script/scenario/reading.h"
#include "script/template.h"

static const struct node *key_of(const struct node *map, const struct node *value) {
    const struct node *key = map->first;
    while (key != NULL && key->value != value) {
        key = key->next;
    }
    return key != NULL ? key : value;
}

static int begin(struct reader *r, struct step_reading *x, const struct node *value,
                 enum step_verb verb) {
    const struct node *key = key_of(x->map, value);
    if (x->verb != NULL) {
        return reader_refuse(r, key, "a step does one thing: '%s' and '%s' are two",
                             step_verb_names[x->step->verb], step_verb_names[verb]);
    }
    x->verb = key;
    x->step->verb = verb;
    x->step->node = key;
    return TB_OK;
}

/* ---- a verb, a function ---- */

static int read_wish_within(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return limit_read(r, value, &x->step->within_ms);
}

static int read_status(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    uint64_t status = 0;
    int err = reader_number(r, value, 101, 599, &status);
    x->step->connect.status = (unsigned)status;
    return err;
}

static int read_connect(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        DIAL_WISH_FIELDS,
        {.name = "expect_status", .read = read_status},
        {.name = "within", .read = read_wish_within},
        {.name = NULL},
    };
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_CONNECT);
    if (err == TB_OK && value->kind == NODE_SCALAR) {
        err = is_nothing(value) ? TB_OK : dial_wish_read_url(r, value, x);
    } else if (err == TB_OK) {
        err = reader_map(r, value, fields, "connect", x);
    }
    x->step->connect.wish = x->wish;
    return err;
}

static int read_send(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_SEND);
    return err == TB_OK ? payloads_read(r, value, &x->step->send) : err;
}

static int read_expect(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_EXPECT);
    return err == TB_OK ? expectation_read(r, value, &x->step->expect, &x->step->within_ms) : err;
}

static int read_await(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_AWAIT);
    return err == TB_OK ? expectation_read(r, value, &x->step->expect, &x->step->within_ms) : err;
}

static int read_silence(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_SILENCE);
    return err == TB_OK ? limit_read(r, value, &x->step->silence_ms) : err;
}

struct unordered_reading {
    struct expectation *items;
    size_t count;
};

static int read_one_of_many(struct reader *r, const struct node *item, void *into) {
    struct unordered_reading *u = into;
    return expectation_read(r, item, &u->items[u->count++], NULL);
}

static int read_unordered(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_UNORDERED);
    err = err == TB_OK ? reader_list(r, value, "a list of matchers") : err;
    if (err == TB_OK && (value->count == 0 || value->count > UNORDERED_MAX)) {
        err = reader_refuse(r, value, "'unordered' takes 1 to %d matchers, and here are %zu",
                            UNORDERED_MAX, value->count);
    }
    if (err != TB_OK) {
        return err;
    }
    struct unordered_reading u = {.items = arena_alloc(r->arena, value->count * sizeof *u.items)};
    err = u.items != NULL ? reader_each(r, value, read_one_of_many, &u) : TB_ENOMEM;
    x->step->unordered.items = u.items;
    x->step->unordered.count = u.count;
    return err;
}

static int read_expected_code(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    uint64_t code = 0;
    int err = reader_number(r, value, 1000, 4999, &code);
    x->step->expect_close.has_code = true;
    x->step->expect_close.code = (uint16_t)code;
    return err;
}

static int read_expected_reason(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return matcher_read(r, value, &x->step->expect_close.reason);
}

static int read_closer(struct reader *r, const struct node *value, void *into) {
    static const char *const words[] = {"client", "server", NULL};
    struct step_reading *x = into;
    unsigned index = 0;
    int err = reader_choice(r, value, words, &index);
    x->step->expect_close.has_closer = true;
    x->step->expect_close.closer = index == 0 ? CONN_CLOSED_BY_US : CONN_CLOSED_BY_PEER;
    return err;
}

static int read_expect_close(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "code", .read = read_expected_code},
        {.name = "reason", .read = read_expected_reason},
        {.name = "by", .read = read_closer},
        {.name = "within", .read = read_wish_within},
        {.name = NULL},
    };
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_EXPECT_CLOSE);
    if (err != TB_OK || is_nothing(value)) {
        return err;
    }
    return value->kind == NODE_SCALAR ? read_expected_code(r, value, x)
                                      : reader_map(r, value, fields, "expect_close", x);
}

static int read_code(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return reader_close_code(r, value, &x->step->close.code);
}

/* A template for something that has little room on the wire. */
static int read_short(struct reader *r, const struct node *value, const char *what, size_t max,
                      const struct template **t) {
    size_t n = 0;
    int err = reader_scalar(r, value, what);
    err = err == TB_OK ? template_read(r, value, t) : err;
    if (err == TB_OK && template_literal(*t, &n) != NULL && n > max) {
        err = reader_refuse(r, value, "%s has at most %zu bytes, and this has %zu", what, max, n);
    }
    return err;
}

static int read_reason(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return read_short(r, value, "a reason", WS_CLOSE_REASON_MAX, &x->step->close.reason);
}

static int read_close(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "code", .read = read_code},
        {.name = "reason", .read = read_reason},
        {.name = NULL},
    };
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_CLOSE);
    x->step->close.code = WS_CLOSE_NORMAL;
    if (err != TB_OK || is_nothing(value)) {
        return err;
    }
    return value->kind == NODE_SCALAR ? read_code(r, value, x)
                                      : reader_map(r, value, fields, "close", x);
}

static int read_ping(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_PING);
    return err != TB_OK || is_nothing(value)
               ? err
               : read_short(r, value, "a ping's data", WS_CONTROL_MAX, &x->step->ping);
}

/* A verb that takes nothing. */
static int want_nothing(struct reader *r, const struct node *value, const char *verb) {
    bool yes = false;
    if (is_nothing(value)) {
        return TB_OK;
    }
    int err = reader_bool(r, value, &yes);
    return err == TB_OK && !yes ? reader_refuse(r, value, "'%s: no' does nothing", verb) : err;
}

static int read_reset(struct reader *r, const struct node *value, void *into) {
    int err = begin(r, into, value, STEP_RESET);
    return err == TB_OK ? want_nothing(r, value, "reset") : err;
}

static int read_wait(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_WAIT);
    return err == TB_OK ? reader_span(r, value, &x->step->wait) : err;
}

static int read_barrier(struct reader *r, const struct node *value, void *into) {
    int err = begin(r, into, value, STEP_BARRIER);
    return err == TB_OK ? reader_scalar(r, value, "a barrier's name, or nothing") : err;
}

static int read_log(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_LOG);
    err = err == TB_OK ? reader_scalar(r, value, "a text") : err;
    return err == TB_OK ? template_read(r, value, &x->step->log) : err;
}

static int read_set(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_SET);
    return err == TB_OK ? step_values_read(r, value, &x->step->set) : err;
}

static int read_check(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_CHECK);
    return err == TB_OK ? check_read(r, value, &x->step->check) : err;
}

/* Wants a fault of the file's own server; where the file has none, nobody knows them. */
static int check_fault(struct reader *r, const struct node *item, void *into) {
    (void)into;
    size_t count = 0;
    if (r->faults == NULL || item->kind != NODE_SCALAR) {
        return TB_OK;
    }
    for (; r->faults[count] != NULL; count++) {
        if (strcmp(r->faults[count], item->text) == 0) {
            return TB_OK;
        }
    }
    return count > 0 ? reader_refuse_unknown(r, item, "fault", "faults", r->faults, count)
                     : reader_refuse(r, item, "unknown fault '%s': the file has no faults",
                                     reader_shown(r, item));
}

static int read_faults(struct reader *r, const struct node *value, const char *const **ids) {
    int err = reader_texts(r, value, ids);
    return err == TB_OK ? reader_each(r, value, check_fault, NULL) : err;
}

static int read_enable(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return read_faults(r, value, &x->step->fault.enable);
}

static int read_disable(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return read_faults(r, value, &x->step->fault.disable);
}

static int read_fault(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "enable", .read = read_enable},
        {.name = "disable", .read = read_disable},
        {.name = NULL},
    };
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_FAULT);
    err = err == TB_OK ? reader_map(r, value, fields, "fault", x) : err;
    if (err == TB_OK && x->step->fault.enable == NULL && x->step->fault.disable == NULL) {
        err = reader_refuse(r, value, "'fault' wants 'enable: ID' or 'disable: ID'");
    }
    return err;
}

static int read_received(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    return matcher_read(r, value, &x->step->verify.matcher);
}

static int read_times(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    x->step->verify.has_times = true;
    return reader_number(r, value, 0, UINT32_MAX, &x->step->verify.times);
}

static int read_verify(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "received", .read = read_received, .required = true},
        {.name = "times", .read = read_times},
        {.name = "within", .read = read_wish_within},
        {.name = NULL},
    };
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_VERIFY);
    return err == TB_OK ? reader_map(r, value, fields, "verify", x) : err;
}

static int read_all(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    int err = begin(r, x, value, STEP_ALL);
    if (err == TB_OK && x->in_all) {
        err = reader_refuse(r, x->verb, "'all' cannot stand in 'all'");
    }
    return err == TB_OK ? steps_read_in(r, value, x->scenario, true, &x->step->all.steps) : err;
}

/* ---- modifiers ---- */

static int keep_as(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    (void)r;
    x->as = value;
    return TB_OK;
}

static int keep_within(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    (void)r;
    x->within = value;
    return TB_OK;
}

static int keep_save(struct reader *r, const struct node *value, void *into) {
    struct step_reading *x = into;
    (void)r;
    x->save = value;
    return TB_OK;
}

const struct field step_fields[] = {
    {.name = "connect", .read = read_connect},
    {.name = "send", .read = read_send},
    {.name = "expect", .read = read_expect},
    {.name = "await", .read = read_await},
    {.name = "silence", .read = read_silence},
    {.name = "unordered", .read = read_unordered},
    {.name = "expect_close", .read = read_expect_close},
    {.name = "close", .read = read_close},
    {.name = "ping", .read = read_ping},
    {.name = "reset", .read = read_reset},
    {.name = "wait", .read = read_wait},
    {.name = "barrier", .read = read_barrier},
    {.name = "log", .read = read_log},
    {.name = "set", .read = read_set},
    {.name = "check", .read = read_check},
    {.name = "fault", .read = read_fault},
    {.name = "verify", .read = read_verify},
    {.name = "all", .read = read_all},
    {.name = "as", .read = keep_as},
    {.name = "within", .read = keep_within},
    {.name = "save", .read = keep_save},
    {.name = NULL},
};

/* ---- a verb alone ---- */

int step_read_bare(struct reader *r, const struct node *item, struct step_reading *x) {
    static const char *const bare[] = {"connect", "expect_close", "close", "ping",
                                       "reset",   "barrier",      NULL};
    static int (*const read[])(struct reader * r, const struct node *value, void *into) = {
        read_connect, read_expect_close, read_close, read_ping, read_reset, read_barrier};
    unsigned index = 0;
    struct node *nothing = arena_alloc(r->arena, sizeof *nothing);
    if (nothing == NULL) {
        return TB_ENOMEM;
    }
    int err = reader_choice(r, item, bare, &index);
    *nothing = *item;
    nothing->text = "";
    nothing->size = 0;
    nothing->quoted = false;
    return err == TB_OK ? read[index](r, nothing, x) : err;
}
