/* conn/trace.h - everything that happens on a connection, told to whoever listens.
 *
 * The one place through which every event goes: as a line of JSON to a recording and to a JSON log,
 * and to one view, which shows it to a person. Values of Authorization, Proxy-Authorization, Cookie
 * and Set-Cookie headers are masked in JSON; a view asks trace_is_secret(). Safe from any thread,
 * if the view is.
 */
#ifndef TB_CONN_TRACE_H
#define TB_CONN_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "proto/handshake.h"
#include "proto/http1.h"
#include "proto/session.h"

struct conn;
struct trace;

enum trace_from { TRACE_CLIENT, TRACE_SERVER };

/* An opening handshake, as far as it came. */
struct trace_handshake {
    const char *url;              /* what a client dialled; NULL: the request's target tells */
    const struct http1 *request;  /* NULL: none was made, or none came */
    unsigned status;              /* of the answer; 0: there was none */
    const struct http1 *response; /* the answer that came; NULL: it was ours to give */
    const char *subprotocol;      /* NULL: none */
    struct ws_deflate deflate;
};

/* A message in either direction. */
struct trace_message {
    uint8_t opcode;
    const uint8_t *data; /* unmasked and inflated */
    size_t size;
    uint64_t wire; /* bytes on the wire, headers included */
    uint32_t frames;
};

/* A ping or a pong. */
struct trace_control {
    uint8_t opcode;
    const uint8_t *data;
    size_t size;
    int64_t rtt_us; /* microseconds since the ping that a pong answers; negative: it answers none */
};

/* A message of ours, as whole frames. */
struct trace_sent {
    uint8_t opcode;
    const uint8_t *data; /* as the program said it */
    size_t size;
    const uint8_t *wire; /* the frames as they are sent */
    size_t wire_size;
};

/* Who shows events to a person. What a peer said is the view's to escape. */
struct trace_view {
    /* Whether events of that level are worth being told. */
    bool (*wants)(void *ctx, enum log_level level);
    void (*open)(void *ctx, const struct conn *c, const struct trace_handshake *h);
    void (*refused)(void *ctx, const struct conn *c, const struct trace_handshake *h,
                    const char *why);
    void (*message)(void *ctx, const struct conn *c, enum trace_from from,
                    const struct trace_message *m);
    void (*frame)(void *ctx, const struct conn *c, enum trace_from from,
                  const struct ws_head *head);
    void (*control)(void *ctx, const struct conn *c, enum trace_from from,
                    const struct trace_control *k);
    void (*violation)(void *ctx, const struct conn *c, enum ws_violation v);
    void (*dropped)(void *ctx, const struct conn *c, uint64_t messages);
    void (*close)(void *ctx, const struct conn *c);
    void (*log)(void *ctx, enum log_level level, const char *text);
};

/* Lines go to the console, as far as its level shows them, and, all of them but frames below
 * LOG_DEBUG of the console, to the recording, which begins with its own line. A text console has
 * the view of conn/trace_text.h. Either may be NULL, and both outlive the trace. NULL if memory is
 * out. */
struct trace *trace_new(struct log *console, struct log *record);
void trace_free(struct trace *t);

/* Another view takes the place of the one that is there. */
void trace_set_view(struct trace *t, const struct trace_view *view, void *ctx);

/* Starts a recording in the middle, or ends it (NULL). The log that was there before is the
 * caller's again. */
void trace_set_record(struct trace *t, struct log *record);

/* Whether an event of that level would be shown anywhere: ask before looking at every member of a
 * room. NULL: no. */
bool trace_wants(const struct trace *t, enum log_level level);

/* A header whose value is nobody's business: Authorization, Cookie and their kin. */
bool trace_is_secret(struct http1_str header_name);

/* The events of a connection. The trace may be NULL in each. */
void trace_open(struct trace *t, const struct conn *c, const struct trace_handshake *h);
void trace_refused(struct trace *t, const struct conn *c, const struct trace_handshake *h,
                   const char *why);
void trace_received(struct trace *t, const struct conn *c, const struct ws_event *message);
void trace_sent(struct trace *t, const struct conn *c, const struct trace_sent *sent);
/* Bytes of ours of which nobody knows what they are: their frames, if they are some. */
void trace_sent_raw(struct trace *t, const struct conn *c, const uint8_t *p, size_t n);
void trace_frame(struct trace *t, const struct conn *c, enum trace_from from,
                 const struct ws_head *head);
void trace_control(struct trace *t, const struct conn *c, enum trace_from from,
                   const struct trace_control *k);
void trace_violation(struct trace *t, const struct conn *c, enum ws_violation v);
void trace_dropped(struct trace *t, const struct conn *c, uint64_t messages);
/* A fault of that id, one that was asked for, had its effect; c may be NULL: on who was not let in.
 */
void trace_fault(struct trace *t, const struct conn *c, const char *id);
/* The connection is gone: how, stands in it. */
void trace_close(struct trace *t, const struct conn *c);

/* Where the server listens, on the console, whatever its level: "listening on …" or
 * {"ev":"listening","url":"…"}. */
void trace_listening(struct trace *t, const char *url);

/* Something that the program itself says; text without control characters. */
void trace_log(struct trace *t, const char *text);

/* The end of a turn: what was written goes out. If the recording has failed (the disk is full),
 * says so once, on the console. Returns whether lines wait for the console's reader, and so for
 * another flush. */
bool trace_flush(struct trace *t);

#endif
