/* conn/trace.h - everything that happens on a connection, as lines.
 *
 * The one place where an event becomes a line: JSON for recordings and for a JSON log, text for a
 * person. Text of a peer is escaped in both. Values of Authorization, Proxy-Authorization, Cookie
 * and Set-Cookie headers are masked. Safe from any thread.
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

/* A message of ours, which is one frame. */
struct trace_sent {
    uint8_t opcode;
    const uint8_t *data; /* as the program said it */
    size_t size;
    const uint8_t *wire; /* the frame as it is sent */
    size_t wire_size;
};

/* Lines go to the console, as far as its level shows them, and, all of them but frames below
 * LOG_DEBUG of the console, to the recording, which begins with its own line. `record` may be NULL.
 * Both outlive the trace. NULL if memory is out. */
struct trace *trace_new(struct log *console, struct log *record);
void trace_free(struct trace *t);

/* Whether a message (LOG_VERBOSE) or a frame (LOG_DEBUG) would be shown anywhere: ask before
 * looking at every member of a room. NULL: no. */
bool trace_wants(const struct trace *t, enum log_level level);

/* The events of a connection. The trace may be NULL in each. */
void trace_open(struct trace *t, const struct conn *c, const struct http1 *request,
                const struct ws_answer *answer);
void trace_refused(struct trace *t, const struct conn *c, const struct http1 *request,
                   unsigned status, const char *why);
void trace_received(struct trace *t, const struct conn *c, const struct ws_event *message);
void trace_sent(struct trace *t, const struct conn *c, const struct trace_sent *sent);
void trace_frame(struct trace *t, const struct conn *c, enum trace_from from,
                 const struct ws_head *head);
void trace_ping(struct trace *t, const struct conn *c, enum trace_from from, const uint8_t *p,
                size_t n);
/* rtt_us: microseconds since our ping; negative if it answers none. */
void trace_pong(struct trace *t, const struct conn *c, enum trace_from from, const uint8_t *p,
                size_t n, int64_t rtt_us);
void trace_violation(struct trace *t, const struct conn *c, enum ws_violation v);
void trace_dropped(struct trace *t, const struct conn *c, uint64_t messages);
/* The connection is gone: how, stands in it. */
void trace_close(struct trace *t, const struct conn *c);

/* Where the server listens, on the console, whatever its level: "listening on …" or
 * {"ev":"listening","url":"…"}. */
void trace_listening(struct trace *t, const char *url);

/* Something that the server itself says; text without control characters. */
void trace_log(struct trace *t, const char *text);

/* The end of a turn: what was written goes out. If the recording has failed (the disk is full),
 * says so once, on the console. Returns whether lines wait for the console's reader, and so for
 * another flush. */
bool trace_flush(struct trace *t);

#endif
