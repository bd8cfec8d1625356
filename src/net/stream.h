/* net/stream.h - a connected byte stream: TCP, Unix socket, or TLS over either.
 *
 * Embedded in its owner, which frees itself in on_closed. What lies below the bytes (plain or
 * encrypted) is decided once, by an operations table; the owner cannot tell the difference.
 *
 * Writing: stream_try() takes what the peer accepts now; what is left over stays the owner's,
 * which hands it to stream_finish() and keeps the bytes until on_written. While the stream is
 * busy with such a rest, it takes nothing.
 */
#ifndef TB_NET_STREAM_H
#define TB_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "net/loop.h"
#include "net/tls.h"

struct stream;

/* What the owner is told. None of these is called after on_closed. */
struct stream_events {
    /* Bytes have come. They are the owner's to change until it returns, and gone after that. */
    void (*on_read)(struct stream *s, uint8_t *p, size_t n);
    /* The rest that was handed over is written: the stream takes more. */
    void (*on_written)(struct stream *s);
    /* Nothing will come any more: the peer ended its side (0) or the connection is lost (a
     * negative libuv error; also after a 0, where a rest could not be written). The stream stays
     * the owner's to close. */
    void (*on_end)(struct stream *s, int status);
    /* stream_close() is complete. The owner may free the stream. */
    void (*on_closed)(struct stream *s);
};

struct stream_ops;

/* libuv's handle of a socket, connected or listening. */
union stream_handle {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct stream {
    union stream_handle uv;
    const struct stream_ops *ops;
    const struct stream_events *events;
    struct tls_state *tls; /* NULL for a plain stream */
    bool busy;             /* a rest is being written */
    bool shutdown_asked;   /* stream_shutdown() was called */
};

enum stream_kind { STREAM_TCP, STREAM_UNIX };

/* Gives a descriptor to a handle of its kind, which owns it from then on; it is closed if the
 * handle does not take it. TB_OK or TB_ESYS (errno says why). */
int stream_handle_open(union stream_handle *handle, int fd);

/* Prepares a stream on the loop, not connected yet. TB_OK or TB_ESYS. */
int stream_init(struct stream *s, struct loop *loop, enum stream_kind kind,
                const struct stream_events *events);

/* Takes the connection that waits at a listening handle; with a context, the stream is the
 * server's side of TLS. TB_OK, TB_ENOMEM or TB_ESYS; the stream is to be closed in any case. */
int stream_accept(struct stream *s, uv_stream_t *listening, struct tls_context *context);

/* Takes over a descriptor that is connected (net/dial.h). TB_OK or TB_ESYS; the stream is to be
 * closed in any case, and the descriptor is no longer the caller's. */
int stream_open(struct stream *s, int fd);

/* Why TLS failed, in OpenSSL's words; NULL if it did not, or there is none. */
const char *stream_tls_failure(const struct stream *s);

struct loop *stream_loop(const struct stream *s);

/* Start and stop reading. Starting again is allowed. TB_OK or TB_ESYS. */
int stream_read_start(struct stream *s);
void stream_read_stop(struct stream *s);

/* Writes what is accepted now. Returns the bytes taken (0 while busy), or TB_ESYS if the
 * connection is lost, or TB_ENOMEM. */
ssize_t stream_try(struct stream *s, const uv_buf_t *bufs, unsigned count);

/* Hands over what stream_try() left. TB_OK (on_written will come, unless the stream is closed
 * before), TB_ENOMEM or TB_ESYS. */
int stream_finish(struct stream *s, const uv_buf_t *bufs, unsigned count);

/* Whether a rest is being written, and how many bytes of it (as they are on the wire). */
bool stream_is_busy(const struct stream *s);
size_t stream_unsent(const struct stream *s);

/* Bytes that the peer has not confirmed: those, and what the system holds, as far as it tells. It
 * shrinks whenever the peer takes something. */
size_t stream_unconfirmed(const struct stream *s);

/* Says to the peer that nothing more comes (TLS: close_notify; then FIN), after what was written.
 */
void stream_shutdown(struct stream *s);

/* Closes (TLS: with a close_notify, as far as the socket takes it); on_closed follows in a later
 * turn. Calling it again does nothing. */
void stream_close(struct stream *s);

/* Closes with a TCP RST: the peer learns at once, and no buffer lingers in the kernel. */
void stream_reset(struct stream *s);

#endif
