/* A route's `faults`: what goes wrong on purpose, once it is switched on. */
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/text.h"
#include "base/units.h"
#include "proto/close.h"
#include "script/mock/mock_plan.h"

struct fault_reader {
    struct plan_reader *p;
    struct fault *fault;
    const struct node *when;
    const struct node *then; /* NULL: none */
    bool shapes;             /* it has delay, jitter or rate */
};

/* ---- which messages ---- */

static int read_id(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    int err = reader_scalar(r, value, "the fault's id");
    fr->fault->id = value->text;
    return err == TB_OK && value->size == 0 ? reader_refuse(r, value, "a fault's id is not empty")
                                            : err;
}

static int read_enabled(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    return reader_bool(r, value, &fr->fault->enabled);
}

/* It is read when the effect is known: a refusal looks at handshakes. */
static int read_when(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    (void)r;
    fr->when = value;
    return TB_OK;
}

static int read_chance(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    return reader_percent(r, value, &fr->fault->chance);
}

/* "3 messages", or the number alone. */
static int read_after(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    int err = reader_scalar(r, value, "a number of messages");
    if (err != TB_OK) {
        return err;
    }
    size_t digits = strspn(value->text, "0123456789");
    char *number = arena_text(r->arena, value->text, digits);
    if (number == NULL) {
        return TB_ENOMEM;
    }
    const char *rest = value->text + digits;
    bool is_good = *rest == '\0' || strcmp(rest, " messages") == 0 || strcmp(rest, " message") == 0;
    if (!is_good || units_count(number, 0, UINT32_MAX, &fr->fault->after) != TB_OK) {
        return reader_refuse(r, value, "'%s' is no number of messages, such as '3 messages'",
                             value->text);
    }
    return TB_OK;
}

static int read_times(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    return reader_number(r, value, 1, UINT32_MAX, &fr->fault->times);
}

/* ---- effects ---- */

static int read_delay(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    fr->shapes = true;
    return reader_span(r, value, &fr->fault->delay);
}

static int read_jitter(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    fr->shapes = true;
    return reader_span(r, value, &fr->fault->jitter);
}

static int read_rate(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    fr->shapes = true;
    return reader_rate(r, value, &fr->fault->rate);
}

static int read_raw(struct reader *r, const struct node *value, void *into) {
    struct fault_reader *fr = into;
    struct bytes raw = BYTES_INIT;
    size_t offset = 0;
    int err = reader_scalar(r, value, "bytes in hex");
    if (err != TB_OK) {
        return err;
    }
    err = hex_decode(&raw, value->text, value->size, &offset);
    if (err == TB_OK && raw.len == 0) {
        err = reader_refuse(r, value, "there are no bytes here ('drop' says nothing)");
    } else if (err == TB_OK) {
        fr->fault->raw = (uint8_t *)arena_text(r->arena, raw.data, raw.len);
        fr->fault->raw_size = raw.len;
        err = fr->fault->raw == NULL ? TB_ENOMEM : TB_OK;
    } else if (err == TB_EINVAL) {
        err = reader_refuse_at(r, value, offset, "these are no bytes in hex, such as 81 02 c3 28");
    }
    bytes_release(&raw);
    return err;
}

/* An effect by its word; `min` and `max` are the limits of the number behind it, if one follows. */
static const struct effect_word {
    const char *word;
    uint64_t min, max;
    enum effect effect;
    bool of_client; /* can be done to what the client says, too */
} effects[] = {
    {"drop", 0, 0, EFFECT_DROP, true},
    {"duplicate", 0, 0, EFFECT_DUPLICATE, true},
    {"reorder", 0, 0, EFFECT_REORDER, false},
    {"truncate", 0, 0, EFFECT_TRUNCATE, true},
    {"corrupt", 0, 0, EFFECT_CORRUPT, true},
    {"close", 1000, 4999, EFFECT_CLOSE, true},
    {"reset", 0, 0, EFFECT_RESET, true},
    {"stall", 0, 0, EFFECT_STALL, true},
    {"no-pong", 0, 0, EFFECT_NO_PONG, true},
    {"refuse", 200, 599, EFFECT_REFUSE, true},
    {"split", 1, UINT32_MAX, EFFECT_SPLIT, false},
};

enum { EFFECT_COUNT = sizeof effects / sizeof *effects };

static int refuse_then(struct reader *r, const struct node *value) {
    const char *words[EFFECT_COUNT];
    for (size_t i = 0; i < EFFECT_COUNT; i++) {
        words[i] = effects[i].word;
    }
    const char *near = text_nearest(value->text, words, EFFECT_COUNT);
    if (near != NULL) {
        return reader_refuse(r, value, "'%s' is no effect (did you mean '%s'?)", value->text, near);
    }
    return reader_refuse(
        r, value,
        "'%s' is no effect: drop, duplicate, reorder, truncate, corrupt, close CODE, "
        "reset, stall, no-pong, refuse STATUS, split BYTES, or { raw: HEX }",
        value->text);
}

/* `rest` is what follows the word. */
static int take_effect(struct reader *r, const struct node *value, const struct effect_word *e,
                       const char *rest, struct fault *fault) {
    fault->effect = e->effect;
    r->takes_chance = r->takes_chance || e->effect == EFFECT_CORRUPT;
    if (e->max == 0) {
        return *rest == '\0'
                   ? TB_OK
                   : reader_refuse(r, value, "'%s' stands alone: nothing follows it", e->word);
    }
    if (*rest != ' ' || units_count(rest + 1, e->min, e->max, &fault->number) != TB_OK) {
        return reader_refuse(r, value, "'%s' needs a number behind it, from %llu to %llu", e->word,
                             (unsigned long long)e->min, (unsigned long long)e->max);
    }
    if (e->effect == EFFECT_CLOSE && !ws_close_code_is_valid((uint16_t)fault->number)) {
        return reader_refuse(r, value,
                             "%llu may not stand in a close frame; { raw: HEX } can say it",
                             (unsigned long long)fault->number);
    }
    return TB_OK;
}

static int read_then(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "raw", .read = read_raw, .required = true},
        {.name = NULL},
    };
    struct fault_reader *fr = into;
    fr->then = value;
    if (value->kind == NODE_MAP) {
        fr->fault->effect = EFFECT_RAW;
        return reader_map(r, value, fields, "then", fr);
    }
    int err = reader_scalar(r, value, "an effect");
    if (err != TB_OK) {
        return err;
    }
    size_t n = strcspn(value->text, " ");
    for (size_t i = 0; i < EFFECT_COUNT; i++) {
        if (strlen(effects[i].word) == n && memcmp(effects[i].word, value->text, n) == 0) {
            return take_effect(r, value, &effects[i], value->text + n, fr->fault);
        }
    }
    return refuse_then(r, value);
}

/* ---- a fault ---- */

static const struct field fault_fields[] = {
    {.name = "id", .read = read_id, .required = true},
    {.name = "enabled", .read = read_enabled},
    {.name = "when", .read = read_when},
    {.name = "chance", .read = read_chance},
    {.name = "after", .read = read_after},
    {.name = "times", .read = read_times},
    {.name = "delay", .read = read_delay},
    {.name = "jitter", .read = read_jitter},
    {.name = "rate", .read = read_rate},
    {.name = "then", .read = read_then},
    {.name = NULL},
};

/* The effect that cannot be done to what a client says; NULL: it can. */
static const char *only_of_server(const struct fault *fault) {
    for (size_t i = 0; i < EFFECT_COUNT; i++) {
        if (effects[i].effect == fault->effect) {
            return effects[i].of_client ? NULL : effects[i].word;
        }
    }
    return fault->effect == EFFECT_RAW ? "raw" : fault->rate > 0 ? "rate" : NULL;
}

static int check_fault(struct reader *r, const struct node *item, const struct fault_reader *fr) {
    if ((fr->then != NULL) == fr->shapes) {
        return reader_refuse(r, item,
                             "a fault has either 'then', or some of delay, jitter and rate");
    }
    const char *wrong = fr->fault->of_client ? only_of_server(fr->fault) : NULL;
    if (wrong != NULL) {
        return reader_refuse(r, fr->then != NULL ? fr->then : item,
                             "'%s' can only be done to what the server says, not to what a client "
                             "says (from: client)",
                             wrong);
    }
    if (fr->fault->effect == EFFECT_REFUSE && fr->fault->after > 0) {
        return reader_refuse(r, fr->then,
                             "'after' counts a connection's messages, and who is refused says none "
                             "('times' counts handshakes)");
    }
    return TB_OK;
}

static int read_fault_when(struct reader *r, struct fault_reader *fr) {
    struct fault *fault = fr->fault;
    if (fr->when == NULL) {
        return TB_OK;
    }
    if (fault->effect == EFFECT_REFUSE) {
        return matcher_read_handshake(r, fr->when, &fault->when);
    }
    const struct node *from = fr->when->kind == NODE_MAP ? node_get(fr->when, "from") : NULL;
    fault->of_client =
        from != NULL && from->kind == NODE_SCALAR && strcmp(from->text, "client") == 0;
    return matcher_read(r, fr->when, &fault->when);
}

static int check_id(struct plan_reader *p, const struct node *item, const struct fault *fault) {
    for (size_t i = 0; i < p->plan->route_count; i++) {
        const struct plan_route *route = &p->plan->routes[i];
        for (size_t k = 0; k < route->fault_count && &route->faults[k] != fault; k++) {
            if (strcmp(route->faults[k].id, fault->id) == 0) {
                return reader_refuse(p->r, item,
                                     "a fault of the name '%s' is there already, on line %u",
                                     fault->id, route->faults[k].node->line);
            }
        }
    }
    return TB_OK;
}

static int read_fault(struct reader *r, const struct node *item, void *into) {
    struct plan_reader *p = into;
    struct plan_route *route = p->route;
    if (p->plan->fault_count == PLAN_FAULTS_MAX) {
        return reader_refuse(r, item, "a server has %d faults at most", PLAN_FAULTS_MAX);
    }
    struct fault *fault = (struct fault *)route->faults + route->fault_count;
    *fault = (struct fault){.node = item, .chance = 1000000, .index = p->plan->fault_count};
    struct fault_reader fr = {.p = p, .fault = fault};
    int err = reader_map(r, item, fault_fields, "a fault", &fr);
    err = err == TB_OK ? read_fault_when(r, &fr) : err;
    err = err == TB_OK ? check_fault(r, item, &fr) : err;
    err = err == TB_OK ? check_id(p, item, fault) : err;
    route->fault_count++;
    p->plan->fault_count++;
    return err;
}

int plan_read_faults(struct plan_reader *p, const struct node *list) {
    struct plan_route *route = p->route;
    int err = reader_list(p->r, list, "a list of faults");
    if (err != TB_OK) {
        return err;
    }
    route->faults = arena_alloc(p->r->arena, (list->count + 1) * sizeof *route->faults);
    return route->faults == NULL ? TB_ENOMEM : reader_each(p->r, list, read_fault, p);
}
