/* script/scenario/play.h - what a player is made of; for this folder only.
 *
 * What happens on connections is only noted (play_client.c); steps are taken at the end of it, in
 * the next turn of the loop (player.c), so that no step is taken while a connection speaks.
 */
#ifndef TB_SCRIPT_SCENARIO_PLAY_H
#define TB_SCRIPT_SCENARIO_PLAY_H

#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "proto/url.h"
#include "script/chance.h"
#include "script/matcher.h"
#include "script/message.h"
#include "script/payload.h"
#include "script/scenario/player.h"

/* A message that nobody has looked at, or that a failure may have to show. */
struct mail {
    struct list hook;
    enum message_type type;
    uint64_t at_us;
    size_t size;
    uint8_t data[];
};

/* ---- clients ---- */

enum play_client_state {
    PLAY_CLIENT_IDLE, /* it has never connected */
    PLAY_CLIENT_DIALLING,
    PLAY_CLIENT_OPEN, /* or closing */
    PLAY_CLIENT_ENDED,
    PLAY_CLIENT_REFUSED
};

struct play_client {
    struct player *player;
    const struct scenario_client *plan;
    struct store store;
    struct conn *conn; /* while it is dialled, open or closing */
    enum play_client_state state;
    /* what is dialled */
    bool has_target;
    struct client_target target;
    void *hold;
    struct player_dial want;
    struct bytes url;
    char **lines;
    size_t line_count;
    /* how it ended, or was refused */
    unsigned status; /* HTTP's; 0: there was no answer */
    enum conn_closer closer;
    uint16_t code;
    size_t reason_size;
    uint8_t reason[WS_CLOSE_REASON_MAX];
    struct bytes why; /* refused or lost: in words, safe; may be empty */
    /* what came */
    struct list inbox;      /* struct mail */
    struct mail *last;      /* what an expect, await or unordered was met by; NULL: nothing yet */
    struct message message; /* the same, as templates see it */
    bool pinged;            /* a pong with this is awaited */
    uint8_t ping_size;
    uint8_t ping[WS_CONTROL_MAX];
};

/* ---- who takes steps ---- */

enum look { LOOK_DONE, LOOK_WAIT, LOOK_FAILED };

/* Somebody who takes steps one after another. */
struct walker {
    struct player *player;
    struct play_client *client; /* who runs it, in an `all`; NULL: the scenario */
    const struct steps *steps;  /* NULL: it has nothing to do */
    size_t at;
    bool begun;           /* the step there has */
    bool dialled;         /* by a connect step; else an earlier connection has to end first */
    uint64_t began_ms;    /* by the loop's clock */
    uint64_t began_us;    /* since the scenario began */
    uint64_t deadline_ms; /* 0: none */
    uint64_t wake_ms;     /* look again then; 0: when something happens */
    uint64_t past_ms;     /* a time that was found to have passed, */
    uint64_t past_turn;   /* and in which turn */
    /* of an expect, await, unordered */
    struct list seen; /* struct mail: the last of what has come since it began */
    size_t seen_count;
    size_t seen_bytes;
    uint64_t seen_total;
    struct matching *matching; /* of unordered, else NULL */
};

enum player_state {
    PLAYER_OPENING, /* the clients connect that do not do it themselves */
    PLAYER_PLAYING,
    PLAYER_ENDING, /* the last connections close */
    PLAYER_GONE
};

/* How often the mock had received something when the scenario began. */
struct verify_base {
    const struct step *step;
    uint64_t received;
};

struct player {
    const struct player_config *config;
    const struct scenario *scenario;
    struct player_config own_config; /* what config points at */
    enum player_state state;
    uv_idle_t idle;   /* active: something has happened */
    uv_timer_t timer; /* the next deadline */
    uint64_t turn;    /* how often on_kicked() was called; connections are read in between */
    unsigned handles; /* still to be closed */
    uint64_t began_us;
    uint64_t end_by_ms;
    struct url base;
    bool has_base;
    struct play_client *clients;
    const struct store **stores; /* the clients' */
    struct walker main;
    struct walker *parts; /* of an `all`, by the clients' numbers */
    struct store vars;
    struct chance chance;
    struct scope scope;
    struct message message;
    struct match match;
    atomic_uint *counters;
    struct verify_base *bases;
    size_t base_count;
    size_t inbox_bytes; /* of all clients */
    struct play_result *result;
};

/* ---- player.c ---- */

uint64_t play_now_us(const struct player *p);
uint64_t play_now_ms(const struct player *p);

/* Steps are taken in the next turn. */
void play_kick(struct player *p);

/* The scenario has failed, if it has not already. c may be NULL: none of the steps is to blame. */
enum look play_fail(struct player *p, struct walker *c, struct play_client *k, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for want of memory. */
enum look play_fail_nomem(struct player *p, struct walker *c, struct play_client *k);

/* Whether the time (of the loop's clock) has passed, and what had come by then was read: whatever
 * held up the loop, what came in time counts. While it has passed and that is still to be done,
 * steps are taken again. A walker asks for one time only. */
bool play_is_past(struct walker *c, uint64_t at_ms);

/* The same of its deadline; it may have none. */
bool walker_is_late(struct walker *c);

/* The walker of the step that is being taken; NULL: there is none. */
struct walker *play_current(struct player *p);

/* An event of the transcript. NULL: it is left out, for memory is, or the scenario is over. */
struct play_event *play_note(struct player *p, const struct play_client *k, enum play_kind kind,
                             const void *data, size_t n);

/* What a client's templates and matchers look at; k may be NULL. */
struct scope *play_scope(struct player *p, struct play_client *k);

/* Expands a template. A variable that has no value fails the step, and so does what cannot be made.
 * LOOK_DONE or LOOK_FAILED. */
enum look play_expand(struct walker *c, struct play_client *k, const struct template *t,
                      struct bytes *out);

/* ---- play_client.c ---- */

/* Connects to what the wishes say, the nearest first. False: *why says what is wrong with it, or
 * is empty: memory is out. */
bool play_client_dial(struct play_client *k, const struct dial_wish *step, struct bytes *why);

/* Lets go of what it is dialling. */
void play_client_give_up(struct play_client *k);

/* A conversation's end: closes, and later: at once. */
void play_client_close(struct play_client *k);
void play_client_drop(struct play_client *k);

/* Appends how it ended: "closed by the server: 1001 (going away)", "refused: …". */
int play_client_tell_end(const struct play_client *k, struct bytes *out);

void play_client_release(struct play_client *k);

/* The first message in the inbox, taken out of it; NULL: there is none. */
struct mail *play_client_take(struct play_client *k);
void play_mail_free(struct mail *mail);

/* What is in the inbox will not be looked at any more. */
void play_client_count_unread(struct play_client *k);

/* No message of the conversation, but a ping or a pong. */
bool play_is_control(const struct mail *mail);

/* Ready to match a message of the client: what is to be looked at is in player.message. */
struct match *play_look_at(struct play_client *k, enum message_type type, const void *data,
                           size_t n);

/* ---- play_dial.c ---- */

/* Makes k->want of the wishes. As play_client_dial(). */
bool play_dial_make(struct play_client *k, const struct dial_wish *step, struct bytes *why);
void play_dial_release(struct play_client *k);

/* ---- play_step.c, play_wait.c ---- */

/* Takes the step where the walker stands as far as it goes. */
enum look play_step(struct walker *c);

/* The limit of its step. */
double play_limit_s(const struct walker *c);

/* Only an open connection can be spoken on: LOOK_DONE, or LOOK_FAILED. */
enum look play_want_open(struct walker *c, struct play_client *k);

/* Whether the message matches, which is then looked at. LOOK_DONE, or LOOK_FAILED. */
enum look play_try(struct walker *c, struct play_client *k, const struct matcher *m,
                   const struct mail *mail, bool *matches);

/* Keeps what the message that has just matched gives to variables, and the message itself, which is
 * the client's from now on. */
enum look play_keep(struct walker *c, struct play_client *k, const struct expectation *e,
                    struct mail *mail);

/* The connection has ended, or was never there. */
enum look play_fail_ended(struct walker *c, struct play_client *k);

/* Steps that wait for messages or for the end. */
enum look play_look_expect(struct walker *c, const struct step *s, struct play_client *k);
enum look play_look_await(struct walker *c, const struct step *s, struct play_client *k);
enum look play_look_silence(struct walker *c, const struct step *s, struct play_client *k);
enum look play_look_unordered(struct walker *c, const struct step *s, struct play_client *k);
enum look play_look_close(struct walker *c, const struct step *s, struct play_client *k);

/* ---- play_seen.c: what a wait has seen, for the report ---- */

/* Keeps it, for a while; it is the walker's. */
void play_seen_add(struct walker *c, struct mail *mail);
void play_seen_clear(struct walker *c);

/* What a message of that type is in a transcript. */
enum play_kind play_kind_of(enum message_type type);

/* Says in the failure what was awaited; a second time: that, too. */
void play_await(struct player *p, const struct matcher *m);

/* Shows it in the failure, with what was awaited and the one that came nearest to one of the
 * matchers. */
void play_seen_report(struct walker *c, struct play_client *k,
                      const struct matcher *const *matchers, size_t count);

/* ---- play_unordered.c ---- */

struct matching;

/* NULL is allowed. */
void matching_free(struct matching *m);

#endif
