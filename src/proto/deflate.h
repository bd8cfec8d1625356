/* proto/deflate.h - permessage-deflate: parameters, inflating, deflating (RFC 7692 s.7).
 *
 * Owns zlib's states. A state is taken from a cache when a message needs one and goes back when
 * the message has ended, so an idle connection without context takeover costs nothing. A cache
 * belongs to one thread; it owns no connection. Sans-I/O.
 */
#ifndef TB_PROTO_DEFLATE_H
#define TB_PROTO_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* The agreed parameters, by direction as RFC 7692 s.7.1 names them. */
struct ws_deflate {
    bool on; /* the extension was agreed */
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    uint8_t server_max_window_bits; /* 8-15: what the server's compressor uses; 15 by default */
    uint8_t client_max_window_bits; /* 8-15: what the client's compressor uses; 15 by default */
};

enum {
    WS_DEFLATE_BITS_MIN = 9, /* zlib has no raw deflate with a window of 2^8: a server never agrees
                                to it for itself, a client whose server wants it sends messages
                                as they are; inflating such a stream works */
    WS_DEFLATE_BITS_MAX = 15,
    WS_DEFLATE_WORTH = 64, /* smaller messages are sent as they are (s.6 leaves the choice) */
};

struct ws_inflater;
struct ws_deflater;

/* Idle states, for one thread. */
struct ws_deflate_cache;

/* NULL if memory is out. */
struct ws_deflate_cache *ws_deflate_cache_new(void);

/* Frees the cache and its idle states; no state may be out. NULL is allowed. */
void ws_deflate_cache_free(struct ws_deflate_cache *cache);

/* Take a fresh state (an empty window; bits from WS_DEFLATE_BITS_MIN to _MAX) / give it back.
 * take: NULL if memory is out.
 * give: NULL is allowed; few are kept idle, the others freed. */
struct ws_inflater *ws_inflater_take(struct ws_deflate_cache *cache);
void ws_inflater_give(struct ws_deflate_cache *cache, struct ws_inflater *inflater);
struct ws_deflater *ws_deflater_take(struct ws_deflate_cache *cache, uint8_t bits);
void ws_deflater_give(struct ws_deflate_cache *cache, struct ws_deflater *deflater);

enum ws_inflate_result {
    WS_INFLATE_OK,
    WS_INFLATE_BAD,     /* not a deflate stream */
    WS_INFLATE_TOO_BIG, /* the message would be longer than the limit */
    WS_INFLATE_NOMEM
};

/* Inflates the next piece of a message's payload, appending to *out, which never grows beyond
 * `limit` bytes of content (checked while inflating). `last` ends the message: the tail 00 00 ff
 * ff is supplied (s.7.2.2). After anything but OK the state is only to be given back. */
enum ws_inflate_result ws_inflate(struct ws_inflater *inflater, const uint8_t *p, size_t n,
                                  bool last, struct bytes *out, size_t limit);

/* The most bytes that ws_deflate_message() writes for n bytes. */
size_t ws_deflate_bound(size_t n);

/* Deflates one whole message (tail removed, s.7.2.1) to dst, which has room for
 * ws_deflate_bound(n) bytes. The window stays for the next message. Gives the size in *written.
 * TB_OK or TB_ENOMEM. */
int ws_deflate_message(struct ws_deflater *deflater, const uint8_t *p, size_t n, uint8_t *dst,
                       size_t *written);

#endif
