#include "script/phrase.h"

#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

/* The size of the front of p[0..n) that is shown; no character is cut. */
static size_t shown_size(const uint8_t *p, size_t n) {
    size_t size = n;
    if (n > PHRASE_SIZE_MAX) {
        size = PHRASE_SIZE_MAX;
        while (size > PHRASE_SIZE_MAX - 4 && (p[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    return size;
}

int phrase_cut(struct bytes *out, const void *p, size_t n) {
    size_t size = shown_size(p, n);
    int err = text_escape(out, p, size, TEXT_ONE_LINE);
    return err == TB_OK && size < n ? bytes_append_str(out, "…") : err;
}

int phrase_quoted(struct bytes *out, char quote, const void *p, size_t n) {
    int err = bytes_append(out, &quote, 1);
    err = err == TB_OK ? phrase_cut(out, p, n) : err;
    return err == TB_OK ? bytes_append(out, &quote, 1) : err;
}
