/* All forms of proto/utf8.h must judge every piece of a text alike, however it is cut: the first
 * byte of the input says where, the rest is the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* The piece in memory of its own size, so that reading around it is seen. */
static bool feed_alone(const struct utf8_impl *impl, struct utf8 *u, const uint8_t *p, size_t n) {
    if (n == 0) {
        return impl->feed(u, NULL, 0);
    }
    uint8_t *alone = malloc(n);
    require(alone != NULL);
    memcpy(alone, p, n);
    bool viable = impl->feed(u, alone, n);
    free(alone);
    return viable;
}

/* How much of the text, cut each `step` bytes, was fed without a failure; n + 1 if all of it was
 * and it may end there. */
static size_t feed_in_pieces(const struct utf8_impl *impl, const uint8_t *p, size_t n,
                             size_t step) {
    struct utf8 u;
    utf8_init(&u);
    for (size_t i = 0; i < n; i += step) {
        size_t size = n - i < step ? n - i : step;
        if (!feed_alone(impl, &u, p + i, size)) {
            return i;
        }
    }
    return utf8_is_whole(&u) ? n + 1 : n;
}

/* Two pieces: the same verdict as byte by byte, at the piece that holds the first bad byte. */
static void check_halves(const struct utf8_impl *impl, const uint8_t *p, size_t n, size_t cut,
                         size_t viable) {
    struct utf8 u;
    utf8_init(&u);
    bool first = feed_alone(impl, &u, p, cut);
    require(first == (viable >= cut));
    if (first) {
        require(feed_alone(impl, &u, p + cut, n - cut) == (viable >= n));
    }
    if (viable >= n) {
        require(utf8_is_whole(&u) == (viable > n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    size_t step = (size_t)data[0] + 1;
    const uint8_t *text = data + 1;
    size_t n = size - 1;
    const struct utf8_impl *impls;
    size_t impl_count = utf8_impls(&impls);
    size_t viable = feed_in_pieces(&impls[0], text, n, 1);
    require(utf8_is_valid(text, n) == (viable > n));
    for (size_t k = 0; k < impl_count; k++) {
        require(feed_in_pieces(&impls[k], text, n, 1) == viable);
        size_t in_steps = viable < n ? viable / step * step : viable;
        require(feed_in_pieces(&impls[k], text, n, step) == in_steps);
        check_halves(&impls[k], text, n, n, viable);
        check_halves(&impls[k], text, n, step % (n + 1), viable);
    }
    return 0;
}
