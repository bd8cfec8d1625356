/* net/stream_ops.h - what lies below a stream's bytes; for the files of this room only.
 *
 * stream.c owns the libuv handle and the plain operations, tls.c the encrypted ones and the
 * functions of stream.h that are about TLS. Both write through stream_raw_try() and
 * stream_raw_rest().
 */
#ifndef TB_NET_STREAM_OPS_H
#define TB_NET_STREAM_OPS_H

#include "net/stream.h"

struct stream_ops {
    /* Bytes came from the wire. */
    void (*received)(struct stream *s, uint8_t *p, size_t n);
    /* The wire has ended; the owner is told next. */
    void (*ended)(struct stream *s);
    ssize_t (*try_write)(struct stream *s, const uv_buf_t *bufs, unsigned count);
    /* A rest has been written. TB_OK; the stream may be busy again with what had to wait. */
    int (*rest_written)(struct stream *s);
    /* The last bytes that this layer wants to say. */
    void (*finish)(struct stream *s);
    void (*release)(struct stream *s);
};

/* Writes to the wire what it takes now: the bytes taken, or TB_ESYS. */
ssize_t stream_raw_try(struct stream *s, const uv_buf_t *bufs, unsigned count);

/* Writes the rest; `owned` (may be NULL) is memory that is freed when it is written. Makes the
 * stream busy. TB_OK, TB_ENOMEM or TB_ESYS; `owned` is freed in any case. */
int stream_raw_rest(struct stream *s, const uv_buf_t *bufs, unsigned count, void *owned);

/* Puts the server's side of TLS below the stream. TB_OK or TB_ENOMEM. */
int tls_accept(struct stream *s, struct tls_context *context);

#endif
