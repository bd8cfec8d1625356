/* net/stream.h - a connected byte stream: TCP, Unix socket, or TLS over either.
 *
 * Embedded in its owner, which frees itself in on_closed. What lies below the bytes (plain or
 * encrypted) is decided once, by an operations table; the owner cannot tell the difference, but
 * that TLS shakes hands first.
 *
 * Writing: stream_try() takes what the peer accepts now; what is left over stays the owner's,
 * which hands it to stream_finish() and keeps the bytes until on_written. While the stream is
 * busy with such a rest, it takes nothing; nor does it before on_secured, if it is TLS.
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
    /* The rest that was handed over (or TLS's own) is written: the stream takes more. Or it is
     * lost: nothing more is taken (TB_ESYS), but what the peer said before is read to its end. */
    void (*on_written)(struct stream *s);
    /* TLS has shaken hands: the stream takes bytes from now on. May be NULL. */
    void (*on_secured)(struct stream *s);
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
    bool reading;          /* stream_read_start() was called, and nothing has ended it */
    bool securing;         /* TLS shakes hands */
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

/* Puts the client's side of TLS below a connected stream and starts its handshake; reading is the
 * owner's to start. Then on_secured comes, or on_end. `host` is a name, or an address without
 * brackets: the certificate must be for it. TB_OK; TB_EINVAL (no host, or none that can be),
 * TB_ENOMEM, TB_ESYS or TB_ECRYPTO (stream_tls_failure() says why): the stream is to be closed
 * then. */
int stream_secure(struct stream *s, struct tls_context *context, const char *host);

/* Gives bytes to what lies below the stream as if they had just been read: those that came behind
 * a proxy's answer. They are changed, and not kept. The stream may be closed by its owner before
 * this returns. */
void stream_feed(struct stream *s, uint8_t *p, size_t n);

/* Why TLS failed, in one line; NULL if it did not, or there is none. A server may refuse a client's
 * certificate after on_secured (TLS 1.3), so it is worth asking at any end with UV_EPROTO. On the
 * server's side these are OpenSSL's words, but where a client's certificate is not trusted: "the
 * client is not trusted: the certificate expired on 2026-12-31". Gone in on_closed. */
const char *stream_tls_failure(const struct stream *s);

/* The same if, and only if, the peer's certificate is not trusted; on the client's side:
 * "self-signed certificate", "the certificate is not for 'example.org' but for 'a.test', 'b.test'".
 * Safe for a terminal. */
const char *stream_tls_distrust(const struct stream *s);

/* Appends one line on what was agreed and who the peer is, safe for a terminal: "TLSv1.3,
 * TLS_AES_256_GCM_SHA384, certificate CN=example.org, issued by CN=Root, valid until 2026-12-31";
 * nothing before on_secured. TB_OK or TB_ENOMEM. */
int stream_tls_describe(const struct stream *s, struct bytes *out);

struct loop *stream_loop(const struct stream *s);

/* Start and stop reading. Starting again is allowed. TB_OK or TB_ESYS. */
int stream_read_start(struct stream *s);
void stream_read_stop(struct stream *s);

bool stream_is_reading(const struct stream *s);

/* Writes what is accepted now. Returns the bytes taken (0 while busy, and before on_secured), or
 * TB_ESYS if the connection is lost, or TB_ENOMEM. TLS takes all or nothing. */
ssize_t stream_try(struct stream *s, const uv_buf_t *bufs, unsigned count);

/* Hands over what stream_try() left. TB_OK (on_written will come, unless the stream is closed
 * before), TB_ENOMEM, TB_ESYS, or TB_EINVAL before on_secured: nothing is sent unencrypted. */
int stream_finish(struct stream *s, const uv_buf_t *bufs, unsigned count);

/* Whether a rest is being written, and how many bytes of it (as they are on the wire). */
bool stream_is_busy(const struct stream *s);
size_t stream_unsent(const struct stream *s);

/* Bytes that the peer has not confirmed: those, and what the system holds, as far as it tells. It
 * shrinks whenever the peer takes something. */
size_t stream_unconfirmed(const struct stream *s);

/* Asks the system whether the peer has ended its side or is lost: of a stream that is not read,
 * nobody tells. *status is then what on_end would have got. Not every system tells of an end that
 * stands behind bytes that were not read. */
bool stream_has_ended(const struct stream *s, int *status);

/* Has the system find out, in a minute or so, whether the peer is still there while nothing is said
 * to it: TCP's keep-alive probes. */
void stream_keep_alive(struct stream *s);

/* Says to the peer that nothing more comes (TLS: close_notify; then FIN), after what was written.
 */
void stream_shutdown(struct stream *s);

/* Closes (TLS: with a close_notify, as far as the socket takes it); on_closed follows in a later
 * turn. Calling it again does nothing. */
void stream_close(struct stream *s);

/* Closes with a TCP RST: the peer learns at once, and no buffer lingers in the kernel. */
void stream_reset(struct stream *s);

#endif
