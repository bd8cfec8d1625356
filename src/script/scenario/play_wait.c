/* Steps that wait: for messages, for none, for the end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "proto/close.h"
#include "script/path.h"
#include "script/scenario/play.h"

/* ---- a message and a matcher ---- */

enum look play_try(struct walker *c, struct play_client *k, const struct matcher *m,
                   const struct mail *mail, bool *matches) {
    struct match *x = play_look_at(k, mail->type, mail->data, mail->size);
    *matches = matcher_matches(m, x);
    return x->nomem ? play_fail_nomem(c->player, c, k) : LOOK_DONE;
}

/* ---- what is kept of it ---- */

static enum look keep_saves(struct walker *c, struct play_client *k, const struct expectation *e) {
    struct player *p = c->player;
    struct bytes value = BYTES_INIT;
    bool nomem = false;
    enum look look = LOOK_DONE;
    const struct json_index *json = e->save_count > 0 ? message_json(&p->message, &nomem) : NULL;
    for (size_t i = 0; look == LOOK_DONE && i < e->save_count; i++) {
        const struct save *s = &e->saves[i];
        ptrdiff_t at = json != NULL ? path_first(s->path, json) : JSON_NONE;
        bytes_clear(&value);
        if (nomem || (at >= 0 && (json_index_append(json, (size_t)at, &value) != TB_OK ||
                                  store_set(&k->store, s->slot, value.data, value.len) != TB_OK))) {
            look = play_fail_nomem(p, c, k);
        } else if (at < 0) {
            look =
                play_fail(p, c, k, "it came, but there is no %s in it to be saved", s->node->text);
        }
    }
    bytes_release(&value);
    return look;
}

static enum look keep_values(struct walker *c, struct play_client *k, const struct expectation *e) {
    struct player *p = c->player;
    const struct captures *captures = &p->match.captures;
    for (size_t i = 0; i < captures->count; i++) {
        if (store_set(&k->store, captures->items[i].slot, captures->items[i].p,
                      captures->items[i].size) != TB_OK) {
            return play_fail_nomem(p, c, k);
        }
    }
    return keep_saves(c, k, e);
}

/* Templates speak of it from now on. */
static void keep_mail(struct play_client *k, struct mail *mail) {
    play_mail_free(k->last);
    k->last = mail;
    message_set(&k->message, mail->type, false, mail->data, mail->size);
}

static void tell_met(struct walker *c, struct play_client *k, struct mail *mail) {
    const struct player_config *config = c->player->config;
    size_t shown = mail->size < PLAY_EVENT_DATA_MAX ? mail->size : PLAY_EVENT_DATA_MAX;
    const struct play_event event = {.kind = play_kind_of(mail->type),
                                     .at_us = mail->at_us,
                                     .client = k->plan->name,
                                     .size = mail->size,
                                     .data = {.data = mail->data, .len = shown, .cap = shown}};
    if (config->on_met != NULL) {
        config->on_met(config->ctx, &c->steps->items[c->at], &event);
    }
}

enum look play_keep(struct walker *c, struct play_client *k, const struct expectation *e,
                    struct mail *mail) {
    enum look look = keep_values(c, k, e);
    tell_met(c, k, mail);
    keep_mail(k, mail);
    return look;
}

/* ---- the end, where a message was awaited ---- */

enum look play_fail_ended(struct walker *c, struct play_client *k) {
    struct bytes how = BYTES_INIT;
    int err = play_client_tell_end(k, &how);
    enum look look = err == TB_OK ? play_fail(c->player, c, k, "the connection is not open: %.*s",
                                              (int)how.len, (const char *)how.data)
                                  : play_fail_nomem(c->player, c, k);
    bytes_release(&how);
    return look;
}

static bool has_ended(const struct play_client *k) {
    return k->conn == NULL;
}

/* `expect: { type: close }`: the frame with which the server closes, and no other end. */
static bool is_met_by_end(struct walker *c, struct play_client *k, const struct matcher *m) {
    if (k->state != PLAY_CLIENT_ENDED || k->closer != CONN_CLOSED_BY_PEER) {
        return false;
    }
    struct match *x = play_look_at(k, MESSAGE_CLOSE, k->reason, k->reason_size);
    c->player->message.code = k->code;
    return matcher_matches(m, x);
}

/* ---- expect and await ---- */

static void report(struct walker *c, struct play_client *k, const struct matcher *m) {
    play_seen_report(c, k, &m, 1);
}

static enum look fail_late(struct walker *c, struct play_client *k) {
    if (c->seen_total == 0) {
        return play_fail(c->player, c, k, "nothing came within %.3g s", play_limit_s(c));
    }
    return play_fail(c->player, c, k, "%" PRIu64 " message%s came within %.3g s, and %s",
                     c->seen_total, c->seen_total == 1 ? "" : "s", play_limit_s(c),
                     c->seen_total == 1 ? "it is not the one" : "none is the one");
}

/* No message waits any more. */
static enum look look_further(struct walker *c, struct play_client *k, const struct matcher *m) {
    if (has_ended(k) && is_met_by_end(c, k, m)) {
        return LOOK_DONE;
    }
    if (has_ended(k)) {
        (void)play_fail_ended(c, k);
    } else if (walker_is_late(c)) {
        (void)fail_late(c, k);
    } else {
        return LOOK_WAIT;
    }
    report(c, k, m);
    return LOOK_FAILED;
}

enum look play_look_await(struct walker *c, const struct step *s, struct play_client *k) {
    for (struct mail *mail; (mail = play_client_take(k)) != NULL;) {
        bool matches = false;
        enum look look = play_try(c, k, s->expect.matcher, mail, &matches);
        if (look == LOOK_DONE && matches) {
            return play_keep(c, k, &s->expect, mail);
        }
        if (play_is_control(mail)) {
            play_mail_free(mail);
        } else {
            play_seen_add(c, mail);
        }
        if (look != LOOK_DONE) {
            return look;
        }
    }
    return look_further(c, k, s->expect.matcher);
}

enum look play_look_expect(struct walker *c, const struct step *s, struct play_client *k) {
    for (struct mail *mail; (mail = play_client_take(k)) != NULL;) {
        bool matches = false;
        enum look look = play_try(c, k, s->expect.matcher, mail, &matches);
        if (look == LOOK_DONE && matches) {
            return play_keep(c, k, &s->expect, mail);
        }
        if (look != LOOK_DONE || play_is_control(mail)) {
            play_mail_free(mail);
        } else {
            play_seen_add(c, mail);
            (void)play_fail(c->player, c, k, "the next message is another one");
            report(c, k, s->expect.matcher);
            look = LOOK_FAILED;
        }
        if (look != LOOK_DONE) {
            return look;
        }
    }
    return look_further(c, k, s->expect.matcher);
}

/* ---- silence ---- */

/* The first message that waits; a ping is none. */
static struct mail *take_message(struct play_client *k) {
    struct mail *mail = play_client_take(k);
    while (mail != NULL && play_is_control(mail)) {
        play_mail_free(mail);
        mail = play_client_take(k);
    }
    return mail;
}

static enum look fail_loud(struct walker *c, struct play_client *k, struct mail *mail) {
    if (mail->at_us < c->began_us) {
        (void)play_fail(c->player, c, k,
                        "a message came before the silence, and nobody expected it");
    } else {
        (void)play_fail(c->player, c, k, "a message came after %.3f s of silence",
                        (double)(mail->at_us - c->began_us) / 1e6);
    }
    c->player->result->failure.kind = "a message came";
    play_seen_add(c, mail);
    play_seen_report(c, k, NULL, 0);
    return LOOK_FAILED;
}

enum look play_look_silence(struct walker *c, const struct step *s, struct play_client *k) {
    struct mail *mail = take_message(k);
    (void)s;
    if (mail != NULL) {
        return fail_loud(c, k, mail);
    }
    if (has_ended(k)) {
        return play_fail_ended(c, k);
    }
    return walker_is_late(c) ? LOOK_DONE : LOOK_WAIT;
}

/* ---- expect_close ---- */

static const char *closer_name(enum conn_closer closer) {
    switch (closer) {
    case CONN_CLOSED_BY_US:
        return "by the client";
    case CONN_CLOSED_BY_PEER:
        return "by the server";
    case CONN_LOST:
        break;
    }
    return "by nobody";
}

static enum look fail_close(struct walker *c, struct play_client *k, const char *wanted) {
    struct bytes how = BYTES_INIT;
    int err = play_client_tell_end(k, &how);
    enum look look = err == TB_OK ? play_fail(c->player, c, k, "%s was expected: %.*s", wanted,
                                              (int)how.len, (const char *)how.data)
                                  : play_fail_nomem(c->player, c, k);
    bytes_release(&how);
    return look;
}

static enum look judge_reason(struct walker *c, struct play_client *k, const struct matcher *m) {
    struct player *p = c->player;
    struct match *x = play_look_at(k, MESSAGE_TEXT, k->reason, k->reason_size);
    if (m == NULL || matcher_matches(m, x)) {
        return LOOK_DONE;
    }
    (void)fail_close(c, k, "another reason");
    play_await(p, m);
    (void)matcher_why_not(m, x, &p->result->failure.why_not);
    return LOOK_FAILED;
}

static enum look judge_close(struct walker *c, const struct expected_close *e,
                             struct play_client *k) {
    if (e->has_code && e->code != k->code) {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "%u", e->code);
        return fail_close(c, k, wanted);
    }
    if (e->has_closer && e->closer != k->closer) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "a close %s", closer_name(e->closer));
        return fail_close(c, k, wanted);
    }
    return judge_reason(c, k, e->reason);
}

/* What has come instead is shown. */
static enum look fail_open(struct walker *c, struct play_client *k) {
    (void)play_fail(c->player, c, k, "the connection is still open after %.3g s", play_limit_s(c));
    for (struct mail *mail; (mail = take_message(k)) != NULL;) {
        play_seen_add(c, mail);
    }
    play_seen_report(c, k, NULL, 0);
    return LOOK_FAILED;
}

enum look play_look_close(struct walker *c, const struct step *s, struct play_client *k) {
    if (k->state == PLAY_CLIENT_ENDED) {
        return judge_close(c, &s->expect_close, k);
    }
    if (k->conn == NULL) {
        return play_want_open(c, k);
    }
    return walker_is_late(c) ? fail_open(c, k) : LOOK_WAIT;
}
