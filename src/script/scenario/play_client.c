/* A client's connection: what happens there is noted, for steps to look at. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/conn.h"
#include "conn/endpoint.h"
#include "proto/close.h"
#include "proto/violation.h"
#include "script/scenario/play.h"

/* ---- the inbox ---- */

void play_mail_free(struct mail *mail) {
    free(mail);
}

bool play_is_control(const struct mail *mail) {
    return mail->type != MESSAGE_TEXT && mail->type != MESSAGE_BINARY;
}

struct match *play_look_at(struct play_client *k, enum message_type type, const void *data,
                           size_t n) {
    struct player *p = k->player;
    match_clear(&p->match);
    message_set(&p->message, type, false, data, n);
    play_scope(p, k)->message = &p->message;
    return &p->match;
}

static size_t weight(const struct mail *mail) {
    return sizeof *mail + mail->size;
}

struct mail *play_client_take(struct play_client *k) {
    if (list_is_empty(&k->inbox)) {
        return NULL;
    }
    struct mail *mail = LIST_ENTRY(k->inbox.next, struct mail, hook);
    list_remove(&mail->hook);
    k->player->inbox_bytes -= weight(mail);
    return mail;
}

void play_client_count_unread(struct play_client *k) {
    for (struct list *hook = k->inbox.next; hook != &k->inbox; hook = hook->next) {
        k->player->result->unread += !play_is_control(LIST_ENTRY(hook, struct mail, hook));
    }
}

static void empty_inbox(struct play_client *k) {
    struct list *hook = k->inbox.next;
    while (hook != &k->inbox) {
        struct mail *mail = LIST_ENTRY(hook, struct mail, hook);
        hook = hook->next;
        k->player->inbox_bytes -= weight(mail);
        play_mail_free(mail);
    }
    list_init(&k->inbox);
}

static void put_mail(struct play_client *k, enum message_type type, const void *data, size_t n) {
    struct player *p = k->player;
    if (p->inbox_bytes >= PLAYER_INBOX_MAX || n > PLAYER_INBOX_MAX - p->inbox_bytes) {
        play_fail(p, play_current(p), k,
                  "more than %d MiB of messages wait that no step has looked at",
                  PLAYER_INBOX_MAX / (1024 * 1024));
        return;
    }
    struct mail *mail = malloc(sizeof *mail + n);
    if (mail == NULL) {
        play_fail_nomem(p, play_current(p), k);
        return;
    }
    mail->type = type;
    mail->size = n;
    mail->at_us = play_now_us(p);
    if (n > 0) {
        memcpy(mail->data, data, n);
    }
    list_append(&k->inbox, &mail->hook);
    p->inbox_bytes += weight(mail);
}

/* Noise: no step sees it. */
static bool is_ignored(struct play_client *k, enum message_type type, const void *data, size_t n) {
    const struct scenario_settings *s = &k->player->scenario->settings;
    bool ignored = false;
    for (size_t i = 0; !ignored && i < s->ignore_count; i++) {
        ignored = matcher_matches(s->ignore[i], play_look_at(k, type, data, n));
    }
    return ignored;
}

/* ---- what happens on a connection ---- */

static struct play_client *client_of(const struct conn *c) {
    return conn_data(c);
}

static bool is_playing(const struct player *p) {
    return p->state == PLAYER_OPENING || p->state == PLAYER_PLAYING;
}

static void on_open(struct conn *c) {
    struct play_client *k = client_of(c);
    if (k == NULL) {
        return;
    }
    k->state = PLAY_CLIENT_OPEN;
    (void)play_note(k->player, k, PLAY_OPEN, k->url.data, k->url.len - 1);
    play_dial_release(k);
    play_kick(k->player);
}

static void take_in(struct play_client *k, enum message_type type, enum play_kind kind,
                    const struct ws_event *ev) {
    bool ignored = is_ignored(k, type, ev->data, ev->size);
    struct play_event *e = play_note(k->player, k, kind, ev->data, ev->size);
    if (e != NULL) {
        e->ignored = ignored;
    }
    if (!ignored) {
        put_mail(k, type, ev->data, ev->size);
        play_kick(k->player);
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    struct play_client *k = client_of(c);
    if (k == NULL || !is_playing(k->player)) {
        return;
    }
    bool text = ev->opcode == WS_OP_TEXT;
    take_in(k, text ? MESSAGE_TEXT : MESSAGE_BINARY, text ? PLAY_TEXT : PLAY_BINARY, ev);
}

static bool is_awaited(const struct play_client *k, const struct ws_event *ev) {
    return k->pinged && ev->kind == WS_EVENT_PONG && ev->size == k->ping_size &&
           (ev->size == 0 || memcmp(ev->data, k->ping, ev->size) == 0);
}

/* The pong that a step awaits is nobody else's. */
static void on_control(struct conn *c, const struct ws_event *ev) {
    struct play_client *k = client_of(c);
    if (k == NULL || !is_playing(k->player) || ev->kind == WS_EVENT_CLOSE) {
        return;
    }
    bool ping = ev->kind == WS_EVENT_PING;
    if (is_awaited(k, ev)) {
        k->pinged = false;
        (void)play_note(k->player, k, PLAY_PONG, ev->data, ev->size);
        play_kick(k->player);
    } else {
        take_in(k, ping ? MESSAGE_PING : MESSAGE_PONG, ping ? PLAY_PING : PLAY_PONG, ev);
    }
}

static void on_close(struct conn *c) {
    struct play_client *k = client_of(c);
    if (k == NULL) {
        return;
    }
    const struct conn_ending e = conn_ending(c);
    k->conn = NULL;
    k->state = PLAY_CLIENT_ENDED;
    k->closer = e.closer;
    k->code = e.closer == CONN_LOST ? WS_CLOSE_ABNORMAL : e.code;
    k->reason_size = e.reason_size < sizeof k->reason ? e.reason_size : sizeof k->reason;
    if (k->reason_size > 0) {
        memcpy(k->reason, e.reason, k->reason_size);
    }
    bytes_clear(&k->why);
    const char *why = e.violation != WS_V_NONE ? ws_violation_row(e.violation)->text
                      : e.silent               ? "no answer to a ping"
                                               : e.why_lost;
    if (why != NULL) {
        (void)text_escape(&k->why, why, strlen(why), TEXT_ONE_LINE);
    }
    struct play_event *event = play_note(k->player, k, PLAY_CLOSE, k->reason, k->reason_size);
    if (event != NULL) {
        event->code = k->code;
        event->sent = e.closer == CONN_CLOSED_BY_US;
    }
    play_kick(k->player);
}

static void on_refused(struct conn *c, const struct client_refusal *refusal) {
    struct play_client *k = client_of(c);
    if (k == NULL) {
        return;
    }
    k->conn = NULL;
    k->state = PLAY_CLIENT_REFUSED;
    k->status = refusal->response != NULL ? http1_status(refusal->response) : 0;
    bytes_clear(&k->why);
    (void)bytes_append_str(&k->why, refusal->why);
    (void)play_note(k->player, k, PLAY_REFUSED, refusal->why, strlen(refusal->why));
    play_dial_release(k);
    play_kick(k->player);
}

const struct conn_behaviour player_behaviour = {
    .on_open = on_open,
    .on_message = on_message,
    .on_control = on_control,
    .on_close = on_close,
    .on_refused = on_refused,
};

/* ---- connecting, and its end ---- */

bool play_client_dial(struct play_client *k, const struct dial_wish *step, struct bytes *why) {
    play_client_count_unread(k);
    empty_inbox(k);
    bytes_clear(&k->why);
    k->pinged = false;
    k->status = 0;
    if (!play_dial_make(k, step, why)) {
        return false;
    }
    k->conn = client_dial(k->player->config->endpoint, &k->target);
    if (k->conn == NULL) {
        play_dial_release(k);
        return false;
    }
    conn_set_data(k->conn, k);
    k->state = PLAY_CLIENT_DIALLING;
    return true;
}

void play_client_give_up(struct play_client *k) {
    struct conn *c = k->conn;
    k->conn = NULL;
    k->state = PLAY_CLIENT_IDLE;
    if (c != NULL) {
        conn_set_data(c, NULL);
        conn_drop(c);
    }
    play_dial_release(k);
}

void play_client_close(struct play_client *k) {
    if (k->state == PLAY_CLIENT_DIALLING) {
        play_client_give_up(k);
    } else if (k->conn != NULL) {
        conn_close(k->conn, WS_CLOSE_NORMAL, "");
    }
}

void play_client_drop(struct play_client *k) {
    struct conn *c = k->conn;
    k->conn = NULL;
    if (c != NULL) {
        conn_set_data(c, NULL);
        conn_abort(c);
    }
}

void play_client_release(struct play_client *k) {
    empty_inbox(k);
    play_dial_release(k);
    message_release(&k->message);
    play_mail_free(k->last);
    store_release(&k->store);
    bytes_release(&k->why);
    bytes_release(&k->url);
}

/* ---- in words ---- */

static int tell_close(const struct play_client *k, struct bytes *out) {
    int err = bytes_appendf(out, "closed by the %s: %u (%s)",
                            k->closer == CONN_CLOSED_BY_US ? "client" : "server", k->code,
                            ws_close_phrase(k->code));
    if (err == TB_OK && k->reason_size > 0) {
        err = bytes_append_str(out, " \"");
        err = err == TB_OK ? text_escape(out, k->reason, k->reason_size, TEXT_ONE_LINE) : err;
        err = err == TB_OK ? bytes_append_str(out, "\"") : err;
    }
    return err;
}

int play_client_tell_end(const struct play_client *k, struct bytes *out) {
    int err = TB_OK;
    switch (k->state) {
    case PLAY_CLIENT_ENDED:
        err = k->closer == CONN_LOST ? bytes_append_str(out, "lost without a close")
                                     : tell_close(k, out);
        break;
    case PLAY_CLIENT_REFUSED:
        return bytes_append(out, k->why.data, k->why.len);
    case PLAY_CLIENT_IDLE:
    case PLAY_CLIENT_DIALLING:
        return bytes_append_str(out, "it has not connected");
    case PLAY_CLIENT_OPEN:
        return bytes_append_str(out, "it is closing");
    }
    if (err == TB_OK && k->why.len > 0) {
        err = bytes_appendf(out, " (%.*s)", (int)k->why.len, (const char *)k->why.data);
    }
    return err;
}
