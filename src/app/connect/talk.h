/* app/connect/talk.h - one conversation with a server, from the first dial to the exit code.
 *
 * Owns the loop and all that runs on it. The conversation is in one of a few states, named for what
 * is awaited; whatever ends it goes through talk_leave(), and it is over once.
 */
#ifndef TB_APP_CONNECT_TALK_H
#define TB_APP_CONNECT_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "app/connect/expect.h"
#include "app/connect/input.h"
#include "app/connect/order.h"
#include "app/connect/outlet.h"
#include "app/connect/settings.h"
#include "app/connect/show.h"
#include "app/dial/plan.h"
#include "app/recording.h"
#include "conn/endpoint.h"

enum { TALK_SIGNALS = 3 };

enum talk_state {
    TALK_DIALLING, /* an open connection, or a refusal */
    TALK_PAUSING,  /* the time to dial again */
    TALK_OPEN,     /* whatever the two sides have to say */
    TALK_LEAVING,  /* the connection's end */
    TALK_OVER      /* that the output is written, and the handles are closed */
};

struct talk {
    const struct connect_settings *settings;
    struct dial_plan *plan;
    struct order *orders; /* of -d, in order; said when it is open first */
    size_t order_count;
    struct expect expect;
    struct recording recording;
    struct outlet out; /* stdout, or the file of -o */
    struct outlet err; /* stderr */
    struct show show;
    struct trace *trace;
    bool interactive; /* a person types, and sees what comes */
    /* on the loop */
    struct loop loop;
    struct endpoint endpoint;
    struct endpoint_shared shared;
    struct endpoint_config config;
    struct conn *conn; /* NULL: none */
    struct input input;
    struct prompt *prompt;
    struct bytes draft; /* of a JSON text that is typed line by line */
    bool drafting;
    uv_timer_t wait;  /* after the input has ended */
    uv_timer_t limit; /* --max-time */
    uv_timer_t pause; /* before the next dial */
    uv_signal_t signals[TALK_SIGNALS];
    enum talk_state state;
    int code;      /* the exit code, as far as it is known */
    bool was_open; /* once at least */
    bool input_over;
    bool decided;      /* what was asked for has come: the code is 0, however it ends */
    bool dropped;      /* we left without a close */
    uint64_t tries;    /* to come back, in a row */
    uint64_t received; /* messages */
};

/* Dials, talks, and returns the exit code. Everything above "on the loop" is ready. */
int talk_run(struct talk *t);

/* ---- for the files of this folder ---- */

/* Leaves with that exit code: politely, if it is open, and after what was said. The first code that
 * is not EXIT_OK counts. */
void talk_leave(struct talk *t, int code);

/* Says something, if the connection is open; TB_EINVAL: it is not. */
int talk_say(struct talk *t, const struct order *o);

/* talk_input.c: begins to listen to whoever speaks for us; goes on, or stops, as the connection
 * takes more. */
void talk_listen(struct talk *t);
void talk_listen_on(struct talk *t, bool wanted);
void talk_stop_listening(struct talk *t);

/* Nothing more will be said: leaves when the time to wait has passed. */
void talk_input_ended(struct talk *t);

/* talk_end.c: the exit code of how an open connection ended, which is told if it is an error; and
 * that code, or what becomes of it where something was expected. */
struct conn_ending;
int talk_judge_end(struct talk *t, const struct conn_ending *e);
int talk_judge_expectations(struct talk *t, const struct conn_ending *e, int code);

/* Tells that the message, or the close, that was expected did not come. */
void talk_miss_message(struct talk *t);
void talk_miss_close(struct talk *t);

#endif
