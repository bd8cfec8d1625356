/* Steps, one after another: how each begins, and what it waits for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/endpoint.h"
#include "conn/trace.h"
#include "script/check.h"
#include "script/mock/mock.h"
#include "script/phrase.h"
#include "script/scenario/play.h"
#include "script/template.h"

enum {
    STATUS_OPEN = 101,
    VERIFY_EVERY_MS = 10,
    VERIFY_SETTLE_MS = 20 /* what was just sent is on its way */
};

/* ---- saying ---- */

/* Only an open connection can be spoken on. */
enum look play_want_open(struct walker *c, struct play_client *k) {
    if (k->conn != NULL && k->state == PLAY_CLIENT_OPEN && conn_is_open(k->conn)) {
        return LOOK_DONE;
    }
    struct bytes how = BYTES_INIT;
    if (play_client_tell_end(k, &how) != TB_OK) {
        bytes_clear(&how);
    }
    enum look look = play_fail(c->player, c, k, "'%s' is not connected: %.*s", k->plan->name,
                               (int)how.len, how.len > 0 ? (const char *)how.data : "");
    bytes_release(&how);
    return look;
}

static enum look fail_to_make(struct walker *c, struct play_client *k, int err) {
    switch (err) {
    case TB_ENOMEM:
        return play_fail_nomem(c->player, c, k);
    case TB_ERANGE:
        return play_fail(c->player, c, k, "what the templates make is too large");
    default:
        return play_fail(c->player, c, k,
                         "what the templates make is not UTF-8, and cannot be sent as a text");
    }
}

static enum look send_one(struct walker *c, struct play_client *k, const struct payload *payload,
                          struct made *made) {
    struct player *p = c->player;
    struct scope *scope = play_scope(p, k);
    int err = payload_make(payload, scope, made);
    if (err != TB_OK) {
        return fail_to_make(c, k, err);
    }
    if (scope->missing != NULL) {
        return play_fail(p, c, k, "'%s' has no value", scope->missing);
    }
    enum play_kind kind = made->opcode == WS_OP_TEXT ? PLAY_TEXT : PLAY_BINARY;
    struct play_event *e =
        play_note(p, k, made->raw ? PLAY_RAW : kind, made->bytes.data, made->bytes.len);
    if (e != NULL) {
        e->sent = true;
    }
    made_send(made, k->conn);
    return LOOK_DONE;
}

static enum look begin_send(struct walker *c, const struct step *s, struct play_client *k) {
    struct made made = {.bytes = BYTES_INIT};
    enum look look = play_want_open(c, k);
    for (size_t i = 0; look == LOOK_DONE && i < s->send.count; i++) {
        look = send_one(c, k, s->send.items[i], &made);
    }
    made_release(&made);
    return look;
}

static enum look begin_close(struct walker *c, const struct step *s, struct play_client *k) {
    struct bytes reason = BYTES_INIT;
    enum look look = play_want_open(c, k);
    if (look == LOOK_DONE && s->close.reason != NULL) {
        look = play_expand(c, k, s->close.reason, &reason);
    }
    if (look == LOOK_DONE && bytes_append(&reason, "", 1) != TB_OK) {
        look = play_fail_nomem(c->player, c, k);
    }
    if (look == LOOK_DONE) {
        conn_close(k->conn, s->close.code, (const char *)reason.data);
    }
    bytes_release(&reason);
    return look;
}

static enum look begin_reset(struct walker *c, const struct step *s, struct play_client *k) {
    enum look look = play_want_open(c, k);
    (void)s;
    if (look == LOOK_DONE) {
        conn_abort(k->conn);
    }
    return look;
}

static enum look begin_ping(struct walker *c, const struct step *s, struct play_client *k) {
    struct bytes data = BYTES_INIT;
    enum look look = play_want_open(c, k);
    if (look == LOOK_DONE && s->ping != NULL) {
        look = play_expand(c, k, s->ping, &data);
    }
    if (look == LOOK_DONE && data.len > sizeof k->ping) {
        look = play_fail(c->player, c, k, "a ping has at most %zu bytes, and this has %zu",
                         sizeof k->ping, data.len);
    }
    if (look == LOOK_DONE) {
        k->ping_size = (uint8_t)data.len;
        if (data.len > 0) {
            memcpy(k->ping, data.data, data.len);
        }
        k->pinged = true;
        struct play_event *e = play_note(c->player, k, PLAY_PING, data.data, data.len);
        if (e != NULL) {
            e->sent = true;
        }
        conn_send_ping(k->conn, data.data, data.len);
        look = LOOK_WAIT;
    }
    bytes_release(&data);
    return look;
}

static enum look look_ping(struct walker *c, const struct step *s, struct play_client *k) {
    (void)s;
    if (!k->pinged) {
        return LOOK_DONE;
    }
    if (k->conn == NULL) {
        return play_want_open(c, k);
    }
    return walker_is_late(c) ? play_fail(c->player, c, k, "the ping was not answered in time")
                             : LOOK_WAIT;
}

/* ---- connecting ---- */

static enum look dial(struct walker *c, const struct step *s, struct play_client *k) {
    struct bytes why = BYTES_INIT;
    enum look look = LOOK_WAIT;
    c->dialled = true;
    if (!play_client_dial(k, &s->connect.wish, &why)) {
        look = why.len > 0 ? play_fail(c->player, c, k, "cannot connect: %.*s", (int)why.len,
                                       (const char *)why.data)
                           : play_fail_nomem(c->player, c, k);
    }
    bytes_release(&why);
    return look;
}

/* What is still there of the last connection goes first. */
static enum look begin_connect(struct walker *c, const struct step *s, struct play_client *k) {
    if (k->conn == NULL) {
        return dial(c, s, k);
    }
    conn_close(k->conn, WS_CLOSE_NORMAL, "");
    return LOOK_WAIT;
}

/* A 101 that breaks a rule opens nothing, and so is not the one that was expected. */
static enum look judge_refusal(struct walker *c, const struct step *s, struct play_client *k) {
    unsigned wanted = s->connect.status;
    bool open = wanted == 0 || wanted == STATUS_OPEN;
    if (!open && wanted == k->status) {
        return LOOK_DONE;
    }
    if (open) {
        return play_fail(c->player, c, k, "it could not connect: %.*s", (int)k->why.len,
                         k->why.len > 0 ? (const char *)k->why.data : "");
    }
    return play_fail(c->player, c, k, "the status %u was expected: %.*s", wanted, (int)k->why.len,
                     k->why.len > 0 ? (const char *)k->why.data : "");
}

static enum look judge_open(struct walker *c, const struct step *s, struct play_client *k) {
    unsigned wanted = s->connect.status;
    return wanted == 0 || wanted == STATUS_OPEN
               ? LOOK_DONE
               : play_fail(c->player, c, k, "it was accepted, and the status %u was expected",
                           wanted);
}

static enum look look_connect(struct walker *c, const struct step *s, struct play_client *k) {
    bool waits = c->dialled ? k->state == PLAY_CLIENT_DIALLING : k->conn != NULL;
    if (waits) {
        return walker_is_late(c) ? play_fail(c->player, c, k, "%s within %.3g s",
                                             c->dialled ? "it was not connected"
                                                        : "its last connection did not end",
                                             play_limit_s(c))
                                 : LOOK_WAIT;
    }
    if (!c->dialled) {
        return dial(c, s, k);
    }
    return k->state == PLAY_CLIENT_REFUSED ? judge_refusal(c, s, k) : judge_open(c, s, k);
}

/* ---- what nobody says ---- */

static enum look begin_nothing(struct walker *c, const struct step *s, struct play_client *k) {
    (void)c;
    (void)s;
    (void)k;
    return LOOK_WAIT;
}

static enum look begin_wait(struct walker *c, const struct step *s, struct play_client *k) {
    (void)k;
    uint64_t ms = chance_between(&c->player->chance, s->wait.min_ms, s->wait.max_ms);
    c->wake_ms = c->began_ms + ms;
    return ms > 0 ? LOOK_WAIT : LOOK_DONE;
}

static enum look look_wait(struct walker *c, const struct step *s, struct play_client *k) {
    (void)s;
    (void)k;
    return play_now_ms(c->player) >= c->wake_ms ? LOOK_DONE : LOOK_WAIT;
}

/* Everybody runs the same steps, so whoever has come to this one or further was here. */
static enum look look_barrier(struct walker *c, const struct step *s, struct play_client *k) {
    struct player *p = c->player;
    (void)s;
    for (size_t i = 0; c->client != NULL && i < p->scenario->client_count; i++) {
        const struct walker *other = &p->parts[i];
        if (other->steps != c->steps || other->at >= c->at) {
            continue;
        }
        return walker_is_late(c)
                   ? play_fail(p, c, k,
                               "'%s' did not come to the barrier within %.3g s: it is at line %u",
                               other->client->plan->name, play_limit_s(c),
                               other->steps->items[other->at].node->line)
                   : LOOK_WAIT;
    }
    return LOOK_DONE;
}

static enum look begin_log(struct walker *c, const struct step *s, struct play_client *k) {
    struct player *p = c->player;
    struct bytes text = BYTES_INIT;
    struct bytes safe = BYTES_INIT;
    int err = template_expand(s->log, play_scope(p, k), &text);
    err = err == TB_OK ? text_escape(&safe, text.data, text.len, TEXT_ONE_LINE) : err;
    err = err == TB_OK ? bytes_append(&safe, "", 1) : err;
    enum look look = err == TB_OK ? LOOK_DONE : fail_to_make(c, k, err);
    if (look == LOOK_DONE) {
        trace_log(p->config->endpoint->config->trace, (const char *)safe.data);
        if (p->config->on_log != NULL) {
            p->config->on_log(p->config->ctx, k != NULL ? k->plan->name : NULL, &text);
        }
    }
    bytes_release(&text);
    bytes_release(&safe);
    return look;
}

static enum look begin_set(struct walker *c, const struct step *s, struct play_client *k) {
    struct player *p = c->player;
    struct bytes value = BYTES_INIT;
    enum look look = LOOK_DONE;
    for (size_t i = 0; look == LOOK_DONE && i < s->set.count; i++) {
        bytes_clear(&value);
        look = play_expand(c, k, s->set.items[i].value, &value);
        if (look == LOOK_DONE && store_set(k != NULL ? &k->store : &p->vars, s->set.items[i].slot,
                                           value.data, value.len) != TB_OK) {
            look = play_fail_nomem(p, c, k);
        }
    }
    bytes_release(&value);
    return look;
}

static enum look fail_check(struct walker *c, struct play_client *k, const struct bytes *left,
                            const struct bytes *right) {
    struct bytes sides = BYTES_INIT;
    int err = phrase_quoted(&sides, '"', left->data, left->len);
    err = err == TB_OK ? bytes_append_str(&sides, " and ") : err;
    err = err == TB_OK ? phrase_quoted(&sides, '"', right->data, right->len) : err;
    enum look look = err == TB_OK ? play_fail(c->player, c, k, "it does not hold for %.*s",
                                              (int)sides.len, (const char *)sides.data)
                                  : play_fail_nomem(c->player, c, k);
    bytes_release(&sides);
    return look;
}

static enum look begin_check(struct walker *c, const struct step *s, struct play_client *k) {
    struct scope *scope = play_scope(c->player, k);
    struct bytes left = BYTES_INIT;
    struct bytes right = BYTES_INIT;
    bool holds = false;
    enum look look = LOOK_DONE;
    int err = check_holds(s->check, scope, &holds, &left, &right);
    if (err != TB_OK) {
        look = fail_to_make(c, k, err);
    } else if (scope->missing != NULL) {
        look = play_fail(c->player, c, k, "'%s' has no value", scope->missing);
    } else if (!holds) {
        look = fail_check(c, k, &left, &right);
    }
    bytes_release(&left);
    bytes_release(&right);
    return look;
}

/* ---- our own mock ---- */

static enum look want_mock(struct walker *c, struct play_client *k) {
    return c->player->config->mock != NULL
               ? LOOK_DONE
               : play_fail(c->player, c, k,
                           "it needs the file's own mock, and another server is "
                           "tested here");
}

static enum look switch_faults(struct walker *c, struct play_client *k, const char *const *ids,
                               bool on) {
    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        if (!mock_fault(c->player->config->mock, ids[i], on)) {
            return play_fail(c->player, c, k, "the mock has no fault '%s'", ids[i]);
        }
    }
    return LOOK_DONE;
}

static enum look begin_fault(struct walker *c, const struct step *s, struct play_client *k) {
    enum look look = want_mock(c, k);
    look = look == LOOK_DONE ? switch_faults(c, k, s->fault.enable, true) : look;
    return look == LOOK_DONE ? switch_faults(c, k, s->fault.disable, false) : look;
}

static enum look begin_verify(struct walker *c, const struct step *s, struct play_client *k) {
    (void)s;
    c->wake_ms = c->began_ms + VERIFY_SETTLE_MS;
    enum look look = want_mock(c, k);
    return look == LOOK_DONE ? LOOK_WAIT : look;
}

/* Since the scenario began. Returns whether that is all. */
static bool received(struct player *p, const struct step *s, struct play_client *k,
                     uint64_t *count) {
    bool complete = mock_received(p->config->mock, s->verify.matcher, play_scope(p, k), count);
    for (size_t i = 0; i < p->base_count; i++) {
        if (p->bases[i].step == s) {
            uint64_t before = p->bases[i].received;
            *count = *count > before ? *count - before : 0;
        }
    }
    return complete;
}

static enum look fail_verify(struct walker *c, const struct step *s, struct play_client *k,
                             uint64_t count, uint64_t wanted) {
    play_await(c->player, s->verify.matcher);
    return play_fail(c->player, c, k,
                     "the mock has received %" PRIu64 " such, and %" PRIu64 "%s expected", count,
                     wanted, wanted == 1 ? " was" : " were");
}

/* There may have been as many as there should, and more that are not kept. */
static enum look fail_forgotten(struct walker *c, const struct step *s, struct play_client *k) {
    play_await(c->player, s->verify.matcher);
    return play_fail(c->player, c, k, "the mock has received more than it keeps");
}

static enum look look_verify(struct walker *c, const struct step *s, struct play_client *k) {
    struct player *p = c->player;
    uint64_t wanted = s->verify.has_times ? s->verify.times : 1;
    if (!play_is_past(c, c->wake_ms)) {
        return LOOK_WAIT;
    }
    uint64_t count = 0;
    bool exact = s->verify.has_times;
    bool complete = received(p, s, k, &count);
    if (exact ? count == wanted && complete : count >= wanted) {
        return LOOK_DONE;
    }
    if (exact && count > wanted) {
        return fail_verify(c, s, k, count, wanted);
    }
    if (c->wake_ms >= c->deadline_ms || (exact && !complete)) {
        return complete ? fail_verify(c, s, k, count, wanted) : fail_forgotten(c, s, k);
    }
    uint64_t next_ms = play_now_ms(p) + VERIFY_EVERY_MS;
    c->wake_ms = next_ms < c->deadline_ms ? next_ms : c->deadline_ms;
    return LOOK_WAIT;
}

/* ---- side by side ---- */

static void send_off(struct player *p, size_t client, const struct steps *steps) {
    struct walker *part = &p->parts[client];
    part->steps = steps;
    part->at = 0;
    part->begun = part->dialled = false;
}

static enum look begin_all(struct walker *c, const struct step *s, struct play_client *k) {
    struct player *p = c->player;
    bool everybody = s->all.actors == NULL;
    size_t count = everybody ? p->scenario->client_count : s->all.actor_count;
    (void)k;
    for (size_t i = 0; i < count; i++) {
        send_off(p, everybody ? i : s->all.actors[i], &s->all.steps);
    }
    return LOOK_WAIT;
}

static enum look look_all(struct walker *c, const struct step *s, struct play_client *k) {
    struct player *p = c->player;
    (void)s;
    (void)k;
    for (size_t i = 0; i < p->scenario->client_count; i++) {
        if (p->parts[i].steps != NULL && p->parts[i].at < p->parts[i].steps->count) {
            return LOOK_WAIT;
        }
    }
    for (size_t i = 0; i < p->scenario->client_count; i++) {
        p->parts[i].steps = NULL;
    }
    return LOOK_DONE;
}

/* ---- the table ---- */

/* `begin` is called once; where it gives LOOK_WAIT, `look` is, until it does not. */
static const struct verb {
    enum look (*begin)(struct walker *c, const struct step *s, struct play_client *k);
    enum look (*look)(struct walker *c, const struct step *s, struct play_client *k);
} verbs[] = {
    [STEP_CONNECT] = {begin_connect, look_connect},
    [STEP_SEND] = {begin_send, NULL},
    [STEP_EXPECT] = {begin_nothing, play_look_expect},
    [STEP_AWAIT] = {begin_nothing, play_look_await},
    [STEP_SILENCE] = {begin_nothing, play_look_silence},
    [STEP_UNORDERED] = {begin_nothing, play_look_unordered},
    [STEP_EXPECT_CLOSE] = {begin_nothing, play_look_close},
    [STEP_CLOSE] = {begin_close, NULL},
    [STEP_PING] = {begin_ping, look_ping},
    [STEP_RESET] = {begin_reset, NULL},
    [STEP_WAIT] = {begin_wait, look_wait},
    [STEP_BARRIER] = {begin_nothing, look_barrier},
    [STEP_LOG] = {begin_log, NULL},
    [STEP_SET] = {begin_set, NULL},
    [STEP_CHECK] = {begin_check, NULL},
    [STEP_FAULT] = {begin_fault, NULL},
    [STEP_VERIFY] = {begin_verify, look_verify},
    [STEP_ALL] = {begin_all, look_all},
};

static struct play_client *actor_of(const struct walker *c, const struct step *s) {
    if (s->actor >= 0) {
        return &c->player->clients[s->actor];
    }
    return s->actor == STEP_EACH ? c->client : NULL;
}

static uint64_t limit_ms(const struct walker *c, const struct step *s) {
    return s->within_ms > 0 ? s->within_ms : c->player->scenario->settings.within_ms;
}

double play_limit_s(const struct walker *c) {
    return (double)limit_ms(c, &c->steps->items[c->at]) / 1e3;
}

static enum look begin(struct walker *c, const struct step *s, struct play_client *k) {
    const struct player_config *config = c->player->config;
    c->begun = true;
    uv_update_time(&config->endpoint->loop->uv); /* what was said before it may have taken long */
    c->began_ms = play_now_ms(c->player);
    c->began_us = play_now_us(c->player);
    if (s->verb == STEP_SILENCE) {
        c->deadline_ms = c->began_ms + s->silence_ms;
    } else if (step_verb_waits(s->verb)) {
        c->deadline_ms = c->began_ms + limit_ms(c, s);
    }
    if (config->on_step != NULL) {
        config->on_step(config->ctx, s, k != NULL ? k->plan->name : NULL);
    }
    return verbs[s->verb].begin(c, s, k);
}

enum look play_step(struct walker *c) {
    const struct step *s = &c->steps->items[c->at];
    struct play_client *k = actor_of(c, s);
    enum look look = LOOK_WAIT;
    if (!c->begun) {
        look = begin(c, s, k);
    }
    return look == LOOK_WAIT && verbs[s->verb].look != NULL ? verbs[s->verb].look(c, s, k) : look;
}
