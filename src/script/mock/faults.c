/* What goes wrong on purpose. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/conn.h"
#include "conn/trace.h"
#include "conn/wire.h"
#include "script/mock/held.h"
#include "script/mock/outbox.h"
#include "script/mock/state.h"

static bool is_on(const struct run *run, const struct fault *fault) {
    return atomic_load_explicit(&run->loop->tally->on[fault->index], memory_order_relaxed);
}

bool faults_are_on(const struct run *run) {
    const struct plan_route *route = run->route;
    for (size_t i = 0; route != NULL && i < route->fault_count; i++) {
        if (is_on(run, &route->faults[i])) {
            return true;
        }
    }
    return false;
}

/* ---- whether a fault strikes ---- */

/* A connection's first messages may be spared. */
static bool is_spared(struct member *m, const struct fault *fault) {
    const struct plan_route *route = m->run->route;
    if (fault->after == 0) {
        return false;
    }
    if (m->seen == NULL && (m->seen = calloc(route->fault_count, sizeof *m->seen)) == NULL) {
        return true;
    }
    uint32_t *seen = &m->seen[fault - route->faults];
    *seen += *seen < UINT32_MAX;
    return *seen <= fault->after;
}

static bool has_times_left(const struct run *run, const struct fault *fault) {
    atomic_uint_fast64_t *struck = &run->loop->tally->struck[fault->index];
    return atomic_fetch_add_explicit(struck, 1, memory_order_relaxed) < fault->times ||
           fault->times == 0;
}

static bool matches(struct run *run, const struct matcher *when, struct scope *scope) {
    struct match *x = &run->loop->fault_match;
    match_clear(x);
    x->scope = scope;
    x->counters = run->loop->tally->counters;
    bool yes = when == NULL || matcher_matches(when, x);
    x->scope = NULL;
    return yes;
}

static void tell(struct run *run, const struct fault *fault, const struct member *m) {
    trace_fault(run->loop->mock->config.trace, m == NULL ? NULL : m->conn, fault->id);
}

/* For a message, in its direction. */
static bool strikes(struct member *m, const struct fault *fault, struct message *message) {
    struct run *run = m->run;
    struct scope scope = {.message = message,
                          .own = m->store,
                          .vars = &run->loop->script->vars,
                          .peer = &m->peer,
                          .chance = &run->loop->chance};
    if (!is_on(run, fault) || !matches(run, fault->when, &scope) || is_spared(m, fault) ||
        !chance_happens(&run->loop->chance, fault->chance) || !has_times_left(run, fault)) {
        return false;
    }
    tell(run, fault, m);
    return true;
}

/* ---- changing what is said ---- */

/* Half of it; a text is cut between characters. */
static size_t half(const uint8_t *p, size_t n, bool is_text) {
    size_t size = n / 2;
    while (is_text && size > 0 && (p[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

/* One byte becomes another one. */
static void corrupt(struct chance *chance, uint8_t *p, size_t n) {
    if (n > 0) {
        size_t at = (size_t)chance_between(chance, 0, n - 1);
        p[at] = (uint8_t)(p[at] ^ chance_between(chance, 1, 255));
    }
}

/* ---- ending it ---- */

/* An effect that ends the conversation, one way or another. False: it is none of these. */
static bool end(struct member *m, const struct fault *fault) {
    switch (fault->effect) {
    case EFFECT_CLOSE:
        conn_close(m->conn, (uint16_t)fault->number, "");
        return true;
    case EFFECT_RESET:
        conn_abort(m->conn);
        return true;
    case EFFECT_STALL:
        conn_stall(m->conn);
        return true;
    default:
        return false;
    }
}

/* ---- what the server says ---- */

/* What becomes of a message. */
struct fate {
    struct made made;
    struct wire_shape shape; /* if it is split */
    struct bytes changed;    /* the bytes, if they are others */
    uint64_t delay_ms;
    uint64_t rate;
    bool is_shaped;
    unsigned copies;
    bool swapped;
};

static bool change(struct fate *fate) {
    if (fate->changed.data == NULL) {
        if (bytes_append(&fate->changed, fate->made.bytes.data, fate->made.bytes.len) != TB_OK) {
            return false;
        }
        fate->made.bytes = fate->changed;
    }
    return true;
}

static void split(struct fate *fate, uint64_t size) {
    fate->shape = fate->made.shape != NULL && !fate->made.plain
                      ? *fate->made.shape
                      : (struct wire_shape){.fragment = 0};
    fate->shape.fragment = size;
    fate->shape.fragment_count = 0;
    fate->made.shape = &fate->shape;
    fate->made.plain = false;
}

static void delay(struct mock_loop *l, const struct fault *fault, struct fate *fate) {
    fate->delay_ms += alarm_time(l, &fault->delay) + alarm_time(l, &fault->jitter);
    fate->rate = fault->rate > 0 ? fault->rate : fate->rate;
    fate->is_shaped = true;
}

static void alter(struct member *m, const struct fault *fault, struct fate *fate) {
    struct mock_loop *l = m->run->loop;
    bool is_text = fate->made.opcode == WS_OP_TEXT;
    switch (fault->effect) {
    case EFFECT_SHAPE:
        delay(l, fault, fate);
        break;
    case EFFECT_DUPLICATE:
        fate->copies++;
        break;
    case EFFECT_REORDER:
        fate->swapped = true;
        break;
    case EFFECT_TRUNCATE:
        fate->made.bytes.len = half(fate->made.bytes.data, fate->made.bytes.len, is_text);
        break;
    case EFFECT_CORRUPT:
        if (change(fate)) {
            corrupt(&l->chance, fate->made.bytes.data, fate->made.bytes.len);
        }
        break;
    case EFFECT_SPLIT:
        split(fate, fault->number);
        break;
    case EFFECT_RAW:
        fate->made =
            (struct made){.raw = true, .bytes = {.data = fault->raw, .len = fault->raw_size}};
        break;
    default: /* what ends it, and what is not for messages */
        break;
    }
}

static void carry_out(struct member *m, struct fate *fate) {
    if (fate->swapped && outbox_swap(m, &fate->made)) {
        return;
    }
    for (unsigned i = 0; i < fate->copies && m->conn != NULL && conn_is_open(m->conn); i++) {
        if (fate->is_shaped || !outbox_is_empty(m->outbox)) {
            outbox_put(m, &fate->made, fate->delay_ms, fate->rate);
        } else {
            made_send(&fate->made, m->conn);
        }
    }
    outbox_put_swapped(m);
}

void faults_say(struct member *m, const struct made *made) {
    const struct plan_route *route = m->run->route;
    struct fate fate = {.made = *made, .copies = 1};
    struct message message = {.type = MESSAGE_TEXT};
    message_set(&message, made->opcode == WS_OP_BINARY ? MESSAGE_BINARY : MESSAGE_TEXT, false,
                made->bytes.data, made->bytes.len);
    bool lost = false;
    size_t count = route == NULL ? 0 : route->fault_count; /* the file may have it no more */
    for (size_t i = 0; i < count && !lost && !fate.made.raw; i++) {
        const struct fault *fault = &route->faults[i];
        bool is_ours =
            !fault->of_client && fault->effect != EFFECT_NO_PONG && fault->effect != EFFECT_REFUSE;
        if (is_ours && strikes(m, fault, &message)) {
            lost = fault->effect == EFFECT_DROP || end(m, fault);
            alter(m, fault, &fate);
        }
    }
    if (!lost) {
        carry_out(m, &fate);
    }
    bytes_release(&fate.changed);
    message_release(&message);
}

/* ---- what the client says ---- */

/* What becomes of a message. */
struct hearing {
    struct message *message; /* the one that came, or the changed one */
    struct held *changed;    /* NULL: it is as it came */
    uint64_t delay_ms;
    bool later;
    unsigned copies;
    bool lost;
};

static void on_heard(struct alarm *a) {
    struct member *m = a->member;
    m->hearing--;
    if (m->conn != NULL && m->run->route != NULL) {
        fire_for_message(m, &a->held->message);
    }
    alarm_stop(a);
    member_free_if_done(m);
}

/* The rules see it later, and not before what waits already. */
static void hear_later(struct member *m, const struct message *message, uint64_t delay_ms) {
    uint64_t now = uv_now(&m->run->loop->ep->loop->uv);
    uint64_t due = now + delay_ms;
    due = m->hearing > 0 && m->heard_at_ms > due ? m->heard_at_ms : due;
    const char *why;
    struct alarm *a = alarm_hold(m->run, m, due - now, on_heard, message, NULL, &why);
    if (a == NULL) {
        mock_note(m->run->loop, NULL, NULL, "#%" PRIu64 " is closed: a fault delays it (%s)",
                  m->peer.id, why);
        conn_close(m->conn, WS_CLOSE_POLICY, why);
        return;
    }
    m->hearing++;
    m->heard_at_ms = due;
}

/* False: memory is out. */
static bool change_heard(struct hearing *h) {
    if (h->changed == NULL && (h->changed = held_new(h->message, NULL)) != NULL) {
        h->message = &h->changed->message;
    }
    return h->changed != NULL;
}

static void cut_heard(struct hearing *h) {
    const struct message *whole = h->message;
    if (change_heard(h)) {
        h->message->size = half(h->changed->bytes, whole->size, whole->type == MESSAGE_TEXT);
    }
}

static void hear_fault(struct member *m, const struct fault *fault, struct hearing *h) {
    struct mock_loop *l = m->run->loop;
    switch (fault->effect) {
    case EFFECT_DROP:
        h->lost = true;
        break;
    case EFFECT_SHAPE:
        h->delay_ms += alarm_time(l, &fault->delay) + alarm_time(l, &fault->jitter);
        h->later = true;
        break;
    case EFFECT_TRUNCATE:
        cut_heard(h);
        break;
    case EFFECT_CORRUPT:
        if (change_heard(h)) {
            corrupt(&l->chance, h->changed->bytes, h->message->size);
        }
        break;
    case EFFECT_DUPLICATE:
        h->copies++;
        break;
    default:
        h->lost = end(m, fault);
        break;
    }
}

static void hear(struct member *m, const struct hearing *h) {
    bool is_content = h->message->type == MESSAGE_TEXT || h->message->type == MESSAGE_BINARY;
    bool later = h->later || (is_content && m->hearing > 0);
    for (unsigned i = 0; i < h->copies && m->conn != NULL; i++) {
        if (later) {
            hear_later(m, h->message, h->delay_ms);
        } else {
            fire_for_message(m, h->message);
        }
    }
}

void faults_hear(struct member *m, struct message *message) {
    const struct plan_route *route = m->run->route;
    struct hearing h = {.message = message, .copies = 1};
    for (size_t i = 0; i < route->fault_count && !h.lost; i++) {
        const struct fault *fault = &route->faults[i];
        if (fault->of_client && fault->effect != EFFECT_NO_PONG && strikes(m, fault, message)) {
            hear_fault(m, fault, &h);
        }
    }
    if (!h.lost) {
        hear(m, &h);
    }
    held_free(h.changed);
}

bool faults_no_pong(struct member *m, const uint8_t *p, size_t n) {
    const struct plan_route *route = m->run->route;
    struct message message = {.type = MESSAGE_PING};
    bool silent = false;
    message_set(&message, MESSAGE_PING, true, p, n);
    for (size_t i = 0; i < route->fault_count && !silent; i++) {
        const struct fault *fault = &route->faults[i];
        silent = fault->effect == EFFECT_NO_PONG && strikes(m, fault, &message);
    }
    message_release(&message);
    return silent;
}

/* ---- handshakes ---- */

unsigned faults_refuse(struct run *run, struct scope *scope) {
    const struct plan_route *route = run->route;
    for (size_t i = 0; i < route->fault_count; i++) {
        const struct fault *fault = &route->faults[i];
        if (fault->effect == EFFECT_REFUSE && is_on(run, fault) &&
            matches(run, fault->when, scope) && chance_happens(&run->loop->chance, fault->chance) &&
            has_times_left(run, fault)) {
            tell(run, fault, NULL);
            return (unsigned)fault->number;
        }
    }
    return 0;
}
