/* Any bytes become safe ones: no control, no invalid UTF-8, nothing that a second escaping would
 * find unsafe; and what was safe is left alone. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Reads one code point, as RFC 3629 s.4 has it in its grammar; 0 if there is none. */
static size_t read_point(const uint8_t *p, size_t n, uint32_t *point) {
    static const struct {
        uint8_t lead_first, lead_last, second_first, second_last, size;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (p[0] < 0x80) {
        *point = p[0];
        return 1;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (p[0] < rows[i].lead_first || p[0] > rows[i].lead_last || rows[i].size > n ||
            p[1] < rows[i].second_first || p[1] > rows[i].second_last) {
            continue;
        }
        *point = p[0] & (0x7fu >> rows[i].size);
        for (size_t k = 1; k < rows[i].size; k++) {
            if (p[k] < 0x80 || p[k] > 0xbf) {
                return 0;
            }
            *point = *point << 6 | (p[k] & 0x3fu);
        }
        return rows[i].size;
    }
    return 0;
}

static bool is_safe_point(uint32_t u, enum text_lines lines) {
    if (u == '\n' || u == '\t') {
        return lines == TEXT_MANY_LINES;
    }
    return u >= 0x20 && !(u >= 0x7f && u <= 0x9f) && u != 0x061c && u != 0x200e && u != 0x200f &&
           !(u >= 0x2028 && u <= 0x202e) && !(u >= 0x2066 && u <= 0x2069) &&
           !(u >= 0xe0000 && u <= 0xe007f);
}

static bool is_safe(const uint8_t *p, size_t n, enum text_lines lines) {
    for (size_t i = 0; i < n;) {
        uint32_t point;
        size_t size = read_point(p + i, n - i, &point);
        if (size == 0 || !is_safe_point(point, lines)) {
            return false;
        }
        i += size;
    }
    return true;
}

static bool is_same(const struct bytes *b, const uint8_t *p, size_t n) {
    return b->len == n && (n == 0 || memcmp(b->data, p, n) == 0);
}

static void check(const uint8_t *p, size_t n, enum text_lines lines) {
    struct bytes once = BYTES_INIT;
    struct bytes twice = BYTES_INIT;
    require(text_escape(&once, p, n, lines) == TB_OK);
    require(is_safe(once.data, once.len, lines));
    require(is_same(&once, p, n) == is_safe(p, n, lines));
    require(text_escape(&twice, once.data, once.len, lines) == TB_OK);
    require(is_same(&twice, once.data, once.len));
    bytes_release(&once);
    bytes_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check(data, size, TEXT_ONE_LINE);
    check(data, size, TEXT_MANY_LINES);
    return 0;
}
