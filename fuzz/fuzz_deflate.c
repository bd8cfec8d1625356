/* Inflating: however a stream is cut, the result and the output are the same, and the output
 * never grows beyond the limit. Deflating: what was deflated with any window is inflated again,
 * message after message; a limit of one byte less is noticed. The first two bytes of the input
 * choose the limit, the cut and the window. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/deflate.h"

static struct ws_deflate_cache *cache;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static struct ws_inflater *must_take(void) {
    struct ws_inflater *inflater = ws_inflater_take(cache);
    require(inflater != NULL);
    return inflater;
}

static enum ws_inflate_result inflate_in_pieces(const uint8_t *p, size_t n, size_t step,
                                                size_t limit, struct bytes *out) {
    struct ws_inflater *inflater = must_take();
    enum ws_inflate_result result = WS_INFLATE_OK;
    size_t i = 0;
    do {
        size_t piece = n - i < step ? n - i : step;
        result = ws_inflate(inflater, p + i, piece, i + piece == n, out, limit);
        require(out->len <= limit);
        i += piece;
    } while (result == WS_INFLATE_OK && i < n);
    ws_inflater_give(cache, inflater);
    return result;
}

static void check_any_stream(const uint8_t *p, size_t n, size_t step, size_t limit) {
    struct bytes whole = BYTES_INIT;
    struct bytes cut = BYTES_INIT;
    enum ws_inflate_result result = inflate_in_pieces(p, n, n + 1, limit, &whole);
    require(result != WS_INFLATE_NOMEM);
    require(inflate_in_pieces(p, n, step, limit, &cut) == result);
    require(whole.len == cut.len);
    require(whole.len == 0 || memcmp(whole.data, cut.data, whole.len) == 0);
    bytes_release(&whole);
    bytes_release(&cut);
}

static void check_message(struct ws_deflater *deflater, struct ws_inflater *inflater,
                          const uint8_t *p, size_t n) {
    uint8_t *wire = malloc(ws_deflate_bound(n));
    require(wire != NULL);
    size_t size;
    require(ws_deflate_message(deflater, p, n, wire, &size) == TB_OK);
    require(size > 0 && size <= ws_deflate_bound(n));
    struct bytes out = BYTES_INIT;
    require(ws_inflate(inflater, wire, size, true, &out, n) == WS_INFLATE_OK);
    require(out.len == n && (n == 0 || memcmp(out.data, p, n) == 0));
    bytes_release(&out);
    free(wire);
}

/* The input as three messages that share a window, after one of a state that was given back. */
static void check_round_trip(const uint8_t *p, size_t n, uint8_t options) {
    uint8_t bits = (uint8_t)(WS_DEFLATE_BITS_MIN + options % 7);
    struct ws_deflater *deflater = ws_deflater_take(cache, bits);
    require(deflater != NULL);
    struct ws_inflater *inflater = must_take();
    size_t first = n / 2;
    if (options & 0x80) {
        check_message(deflater, inflater, p, n);
        ws_deflater_give(cache, deflater);
        ws_inflater_give(cache, inflater);
        deflater = ws_deflater_take(cache, bits);
        inflater = must_take();
    }
    check_message(deflater, inflater, p, first);
    check_message(deflater, inflater, p, n);
    check_message(deflater, inflater, p + first, n - first);
    ws_deflater_give(cache, deflater);
    ws_inflater_give(cache, inflater);
}

static void check_limit(const uint8_t *p, size_t n) {
    struct ws_deflater *deflater = ws_deflater_take(cache, WS_DEFLATE_BITS_MAX);
    uint8_t *wire = malloc(ws_deflate_bound(n));
    require(deflater != NULL && wire != NULL);
    size_t size;
    require(ws_deflate_message(deflater, p, n, wire, &size) == TB_OK);
    struct bytes out = BYTES_INIT;
    require(inflate_in_pieces(wire, size, size, n - 1, &out) == WS_INFLATE_TOO_BIG);
    require(out.len == n - 1 && memcmp(out.data, p, n - 1) == 0);
    bytes_release(&out);
    free(wire);
    ws_deflater_give(cache, deflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) {
        return 0;
    }
    if (cache == NULL) {
        cache = ws_deflate_cache_new();
        require(cache != NULL);
    }
    const uint8_t *p = data + 2;
    size_t n = size - 2;
    size_t limit = data[0] < 0x80 ? 1 << 16 : (size_t)(data[0] & 0x7f);
    check_any_stream(p, n, (size_t)data[1] + 1, limit);
    check_round_trip(p, n, data[0]);
    if (n > 1) {
        check_limit(p, n);
    }
    return 0;
}
