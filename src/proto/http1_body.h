/* proto/http1_body.h - the body of a response, as far as a person wants to see it (RFC 9112 s.6,
 * s.7).
 *
 * Incremental: bytes come in any pieces. Keeps nothing but where it is; what it finds is appended
 * to the caller's bytes, up to a limit. Sans-I/O.
 */
#ifndef TB_PROTO_HTTP1_BODY_H
#define TB_PROTO_HTTP1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proto/http1.h"

struct http1_body {
    uint64_t left;   /* bytes of the body, or of the chunk, still to come */
    uint8_t awaited; /* enum in http1_body.c */
    bool has_digit;  /* of the chunk's size */
};

enum http1_body_result {
    HTTP1_BODY_MORE, /* everything was taken, the body is not finished */
    HTTP1_BODY_DONE, /* it is; what comes behind it is none of it */
    HTTP1_BODY_FULL, /* the limit is reached, and there is more */
    HTTP1_BODY_BAD,  /* the chunks are not what they should be */
    HTTP1_BODY_NOMEM
};

/* Starts behind a response's head: by its Transfer-Encoding, its Content-Length, or else until the
 * connection ends. */
void http1_body_init(struct http1_body *b, const struct http1 *response);

/* Takes bytes; what of them is content is appended to *out, which does not grow beyond `limit`.
 * After anything but MORE, nothing more is to be fed; a body that has nothing to come is DONE at
 * the first call, also for n = 0. */
enum http1_body_result http1_body_feed(struct http1_body *b, const uint8_t *p, size_t n,
                                       struct bytes *out, size_t limit);

/* Whether the connection may end here: nothing is missing that was announced. */
bool http1_body_may_end(const struct http1_body *b);

#endif
