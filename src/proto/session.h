/* proto/session.h - one side of an open WebSocket connection, lawful (RFC 6455 s.5-7, RFC 7692).
 *
 * Sans-I/O: bytes in, events out, bytes out; no sockets, no clock, no callbacks. Whatever way the
 * input is cut, the events are the same. It judges everything that the peer sends and never
 * sends anything unlawful itself; what misbehaves is built elsewhere, on proto/frame.
 *
 *     session_feed(s, p, n);
 *     while (session_next(s, &event) != WS_EVENT_NONE) { … session_put_message(s, …, dst) … }
 *
 * Memory: a session holds nothing but this struct while no message is incomplete. What is
 * incomplete is kept as it arrives, never as it was announced.
 */
#ifndef TB_PROTO_SESSION_H
#define TB_PROTO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proto/close.h"
#include "proto/deflate.h"
#include "proto/frame.h"
#include "proto/utf8.h"
#include "proto/violation.h"

/* What all sessions of one kind share; it must outlive them. */
struct ws_session_config {
    enum ws_role role;              /* ours */
    bool frame_events;              /* report every frame's header, too */
    uint64_t max_message;           /* bytes, after inflating; a compressed message may take twice
                                       that, 64 KiB and 16 bytes a frame on the wire */
    uint32_t max_fragments;         /* frames per message */
    struct ws_deflate_cache *cache; /* of this thread */
};

enum ws_event_kind {
    WS_EVENT_NONE,      /* all input is used up */
    WS_EVENT_FRAME,     /* a frame's header was read, lawful or not: `head` (only with
                           frame_events) */
    WS_EVENT_MESSAGE,   /* a whole message: opcode TEXT or BINARY, data, size, wire, frames */
    WS_EVENT_PING,      /* data, size: the caller answers with session_put_pong() */
    WS_EVENT_PONG,      /* data, size */
    WS_EVENT_CLOSE,     /* the peer's close frame: code, data, size (the reason); the caller
                           answers with session_put_close() unless one was put before */
    WS_EVENT_VIOLATION, /* the peer broke a rule, by its `head` or by what was in the frame;
                           nothing more will be read. The caller sends the rule's close code
                           and leaves */
    WS_EVENT_NOMEM      /* memory is out; nothing more will be read: 1011 */
};

struct ws_event {
    enum ws_event_kind kind;
    uint8_t opcode;
    bool compressed; /* the message came compressed */
    uint16_t code;
    uint32_t frames; /* frames that the message came in */
    enum ws_violation violation;
    const uint8_t *data; /* valid until the next call of session_next() or session_feed() */
    size_t size;         /* bytes of data, unmasked and inflated */
    uint64_t wire;       /* bytes on the wire, headers included */
    struct ws_head head;
};

/* Private but for its size: embed it, touch it only through the functions below. */
struct ws_session {
    const struct ws_session_config *config;
    uint8_t *in; /* the bytes being fed, in[0..in_len) */
    size_t in_len;
    struct bytes message; /* of an incomplete message: what has come of it, inflated */
    uint8_t *control;     /* of a control frame that was cut: its payload so far, else NULL */
    struct ws_inflater *inflater; /* while a compressed message is incomplete, or for takeover */
    struct ws_deflater *deflater; /* for takeover only */
    uint64_t remaining;           /* payload bytes of the current frame still to come */
    uint64_t wire;                /* bytes of the current message on the wire so far */
    uint32_t frames;              /* frames of the current message so far */
    struct utf8 utf8;
    uint8_t head_bytes[WS_HEAD_MAX]; /* of a header that was cut */
    uint8_t head_len;
    uint8_t awaited;        /* enum in session.c: what comes next */
    uint8_t opcode;         /* of the current frame */
    uint8_t message_opcode; /* of the incomplete message; 0: none */
    uint8_t mask[4];
    uint8_t mask_phase;
    uint8_t control_len;
    uint8_t lent; /* enum in session.c: which memory the last event pointed into */
    bool fin : 1;
    bool masked : 1;
    bool message_compressed : 1;
    bool head_told : 1; /* the header that comes next was reported (frame_events) */
    bool close_put : 1;
    struct ws_deflate deflate;
};

/* Starts a session just after the handshake. *deflate is what was agreed there. */
void session_init(struct ws_session *s, const struct ws_session_config *config,
                  const struct ws_deflate *deflate);
void session_release(struct ws_session *s);

/* Gives the session its next input. p is read and unmasked in place while session_next() is
 * called, and is not kept after that has returned WS_EVENT_NONE. */
void session_feed(struct ws_session *s, uint8_t *p, size_t n);

/* The next event, also in ev->kind. */
enum ws_event_kind session_next(struct ws_session *s, struct ws_event *ev);

/* What was fed and not yet looked at: a caller that must stop in the middle copies it, and feeds
 * it again later. Returns the number of bytes, *p points at them; the session forgets them. */
size_t session_take_rest(struct ws_session *s, const uint8_t **p);

/* A close frame was put. */
bool session_close_put(const struct ws_session *s);

/* The most bytes that a message of n bytes takes on the wire. */
size_t session_message_bound(const struct ws_session *s, size_t n);

/* Writes one whole message, TEXT (the caller knows that it is UTF-8) or BINARY, as one frame
 * (compressed where agreed, possible and worth it; masked with a fresh key where we are the client)
 * to dst, which has room for session_message_bound(s, n). Gives the size in *written: 0 if a close
 * frame was put before, after which nothing may be sent (s.5.5.1). TB_OK, TB_ENOMEM, TB_ESYS, or
 * TB_EINVAL for another opcode. */
int session_put_message(struct ws_session *s, uint8_t opcode, const uint8_t *p, size_t n,
                        uint8_t *dst, size_t *written);

/* The room that a control frame needs. */
enum { WS_CONTROL_FRAME_MAX = WS_HEAD_MAX + WS_CONTROL_MAX };

/* Write a ping or a pong of n <= WS_CONTROL_MAX bytes, or a close frame (RFC 6455 s.5.5) to dst,
 * which has room for WS_CONTROL_FRAME_MAX; same errors and the same *written == 0. A code that
 * may not stand on the wire, or a reason that is not UTF-8, is not the caller's to give:
 * TB_EINVAL. */
int session_put_ping(struct ws_session *s, const uint8_t *p, size_t n, uint8_t *dst,
                     size_t *written);
int session_put_pong(struct ws_session *s, const uint8_t *p, size_t n, uint8_t *dst,
                     size_t *written);
int session_put_close(struct ws_session *s, uint16_t code, const char *reason, size_t reason_len,
                      uint8_t *dst, size_t *written);

#endif
