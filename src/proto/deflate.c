#include "proto/deflate.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/err.h"

/* Idle states of a kind that are kept: a turn of the loop needs one or two of each. */
enum { IDLE_MAX = 4 };

enum {
    LEVEL = Z_DEFAULT_COMPRESSION,
    MEM_LEVEL = 8,
    KINDS = WS_DEFLATE_BITS_MAX - WS_DEFLATE_BITS_MIN + 1,
    ROOM_MIN = 256,          /* for a message that is inflated: the first room … */
    ROOM_MAX = 64 * 1024,    /* … and the most that is asked for at once */
    PIECE_MAX = 1024 * 1024, /* zlib counts in unsigned int */
    TAIL_SIZE = 4
};

/* What z_stream.data_type says after inflate(). */
enum { BETWEEN_BLOCKS = 0x80, UNUSED_BITS = 0x1f };

/* What ends every flush and does not go over the wire (RFC 7692 s.7.2.1). */
static const uint8_t tail[TAIL_SIZE] = {0x00, 0x00, 0xff, 0xff};

struct ws_inflater {
    z_stream z;
    struct ws_inflater *next; /* in the cache */
};

struct ws_deflater {
    z_stream z;
    struct ws_deflater *next; /* in the cache */
    uint8_t bits;
};

struct ws_deflate_cache {
    struct ws_inflater *inflaters;
    struct ws_deflater *deflaters[KINDS];
    unsigned inflaters_idle;
    unsigned deflaters_idle[KINDS];
};

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

/* zlib's memory. Zeroed: what a window has never held must not reach a peer. */
static void *allocate(void *opaque, unsigned count, unsigned size) {
    (void)opaque;
    return calloc(count, size);
}

static void release(void *opaque, void *p) {
    (void)opaque;
    free(p);
}

/* States and their cache */

static void inflater_free(struct ws_inflater *inflater) {
    inflateEnd(&inflater->z);
    free(inflater);
}

/* A window of 2^15 holds whatever a smaller one would. */
static struct ws_inflater *inflater_new(void) {
    struct ws_inflater *inflater = calloc(1, sizeof(*inflater));
    if (inflater == NULL) {
        return NULL;
    }
    inflater->z.zalloc = allocate;
    inflater->z.zfree = release;
    if (inflateInit2(&inflater->z, -WS_DEFLATE_BITS_MAX) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

static void deflater_free(struct ws_deflater *deflater) {
    deflateEnd(&deflater->z);
    free(deflater);
}

static struct ws_deflater *deflater_new(uint8_t bits) {
    struct ws_deflater *deflater = calloc(1, sizeof(*deflater));
    if (deflater == NULL) {
        return NULL;
    }
    deflater->z.zalloc = allocate;
    deflater->z.zfree = release;
    deflater->bits = bits;
    if (deflateInit2(&deflater->z, LEVEL, Z_DEFLATED, -bits, MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

struct ws_deflate_cache *ws_deflate_cache_new(void) {
    return calloc(1, sizeof(struct ws_deflate_cache));
}

void ws_deflate_cache_free(struct ws_deflate_cache *cache) {
    if (cache == NULL) {
        return;
    }
    while (cache->inflaters != NULL) {
        struct ws_inflater *inflater = cache->inflaters;
        cache->inflaters = inflater->next;
        inflater_free(inflater);
    }
    for (size_t kind = 0; kind < KINDS; kind++) {
        while (cache->deflaters[kind] != NULL) {
            struct ws_deflater *deflater = cache->deflaters[kind];
            cache->deflaters[kind] = deflater->next;
            deflater_free(deflater);
        }
    }
    free(cache);
}

struct ws_inflater *ws_inflater_take(struct ws_deflate_cache *cache) {
    struct ws_inflater *inflater = cache->inflaters;
    if (inflater == NULL) {
        return inflater_new();
    }
    cache->inflaters = inflater->next;
    cache->inflaters_idle--;
    return inflater;
}

void ws_inflater_give(struct ws_deflate_cache *cache, struct ws_inflater *inflater) {
    if (inflater == NULL) {
        return;
    }
    if (cache->inflaters_idle == IDLE_MAX || inflateReset(&inflater->z) != Z_OK) {
        inflater_free(inflater);
        return;
    }
    inflater->next = cache->inflaters;
    cache->inflaters = inflater;
    cache->inflaters_idle++;
}

struct ws_deflater *ws_deflater_take(struct ws_deflate_cache *cache, uint8_t bits) {
    size_t kind = (size_t)bits - WS_DEFLATE_BITS_MIN;
    struct ws_deflater *deflater = cache->deflaters[kind];
    if (deflater == NULL) {
        return deflater_new(bits);
    }
    cache->deflaters[kind] = deflater->next;
    cache->deflaters_idle[kind]--;
    return deflater;
}

void ws_deflater_give(struct ws_deflate_cache *cache, struct ws_deflater *deflater) {
    if (deflater == NULL) {
        return;
    }
    size_t kind = (size_t)deflater->bits - WS_DEFLATE_BITS_MIN;
    if (cache->deflaters_idle[kind] == IDLE_MAX || deflateReset(&deflater->z) != Z_OK) {
        deflater_free(deflater);
        return;
    }
    deflater->next = cache->deflaters[kind];
    cache->deflaters[kind] = deflater;
    cache->deflaters_idle[kind]++;
}

/* Inflating */

/* Powers of two, so that the room, doubled and doubled again, meets a limit that is one. */
static size_t room_for(size_t deflated) {
    size_t room = ROOM_MIN;
    while (room < ROOM_MAX && room < 2 * deflated) {
        room *= 2;
    }
    return room;
}

/* Gives zlib room behind the content of *out, at most up to the limit. At the limit the room is
 * the one byte *beyond, which shows whether the message is longer. */
static int offer_room(z_stream *z, struct bytes *out, size_t limit, uint8_t *beyond) {
    size_t left = limit - out->len;
    if (left == 0) {
        z->next_out = beyond;
        z->avail_out = 1;
        return TB_OK;
    }
    if (out->cap == out->len) {
        int err = bytes_reserve(out, min_size(room_for(z->avail_in), left));
        if (err != TB_OK) {
            return err;
        }
    }
    z->next_out = out->data + out->len;
    z->avail_out = (uInt)min_size(min_size(out->cap - out->len, left), PIECE_MAX);
    return TB_OK;
}

/* A block marked as the last one ends zlib's stream, but not the message: the next block stands
 * at the next byte, and may still refer to the window (RFC 7692 s.7.2.3.4). */
static int next_stream(z_stream *z) {
    z->data_type = BETWEEN_BLOCKS;
    return inflateResetKeep(z);
}

/* What zlib says, in our words. Z_BUF_ERROR means only that it had nothing to do. */
static enum ws_inflate_result judge_inflate(int code) {
    if (code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END) {
        return WS_INFLATE_OK;
    }
    return code == Z_MEM_ERROR ? WS_INFLATE_NOMEM : WS_INFLATE_BAD;
}

/* One call of zlib, counted. *more: it may have more to give for the same input. */
static enum ws_inflate_result inflate_step(z_stream *z, struct bytes *out, size_t limit,
                                           bool *more) {
    uint8_t beyond;
    if (offer_room(z, out, limit, &beyond) != TB_OK) {
        return WS_INFLATE_NOMEM;
    }
    size_t room = z->avail_out;
    int code = inflate(z, Z_SYNC_FLUSH);
    size_t inflated = room - z->avail_out;
    if (inflated > 0 && out->len == limit) {
        return WS_INFLATE_TOO_BIG;
    }
    out->len += inflated;
    *more = z->avail_in > 0 || (z->avail_out == 0 && code != Z_STREAM_END);
    if (code == Z_STREAM_END) {
        code = next_stream(z);
    }
    return judge_inflate(code);
}

/* Inflates all of p[0..n), n <= PIECE_MAX. */
static enum ws_inflate_result inflate_piece(z_stream *z, const uint8_t *p, size_t n,
                                            struct bytes *out, size_t limit) {
    z->next_in = p;
    z->avail_in = (uInt)n;
    enum ws_inflate_result result = WS_INFLATE_OK;
    bool more = true;
    while (more && result == WS_INFLATE_OK) {
        result = inflate_step(z, out, limit, &more);
    }
    return result;
}

/* zlib counts in the low bits of data_type what it has read and not used. A message that ends
 * anywhere but between two blocks has lost its end. */
static bool is_between_blocks(const z_stream *z) {
    return (z->data_type & (BETWEEN_BLOCKS | UNUSED_BITS)) == BETWEEN_BLOCKS;
}

enum ws_inflate_result ws_inflate(struct ws_inflater *inflater, const uint8_t *p, size_t n,
                                  bool last, struct bytes *out, size_t limit) {
    z_stream *z = &inflater->z;
    while (n > 0) {
        size_t piece = n < PIECE_MAX ? n : PIECE_MAX;
        enum ws_inflate_result result = inflate_piece(z, p, piece, out, limit);
        if (result != WS_INFLATE_OK) {
            return result;
        }
        p += piece;
        n -= piece;
    }
    if (!last) {
        return WS_INFLATE_OK;
    }
    enum ws_inflate_result result = inflate_piece(z, tail, TAIL_SIZE, out, limit);
    if (result == WS_INFLATE_OK && !is_between_blocks(z)) {
        return WS_INFLATE_BAD;
    }
    return result;
}

/* Deflating */

/* Where nothing can be compressed: 9 bits a byte in a block of fixed codes is the worst that zlib
 * chooses, with a byte for each block of short blocks, and the flush. */
size_t ws_deflate_bound(size_t n) {
    return n + n / 8 + n / 64 + 16;
}

int ws_deflate_message(struct ws_deflater *deflater, const uint8_t *p, size_t n, uint8_t *dst,
                       size_t *written) {
    if (n == 0) {
        dst[0] = 0x00; /* an empty block's header (RFC 7692 s.7.2.3.6) */
        *written = 1;
        return TB_OK;
    }
    z_stream *z = &deflater->z;
    size_t left = ws_deflate_bound(n);
    z->next_out = dst;
    z->next_in = p;
    while (n > 0) {
        z->avail_in = (uInt)min_size(n, PIECE_MAX);
        z->avail_out = (uInt)min_size(left, UINT_MAX);
        uInt piece = z->avail_in;
        uInt room = z->avail_out;
        int code = deflate(z, n > PIECE_MAX ? Z_NO_FLUSH : Z_SYNC_FLUSH);
        if (code != Z_OK || z->avail_out == 0) {
            return TB_ENOMEM;
        }
        n -= piece - z->avail_in;
        left -= room - z->avail_out;
    }
    *written = (size_t)(z->next_out - dst) - TAIL_SIZE;
    return TB_OK;
}
