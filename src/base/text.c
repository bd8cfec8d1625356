#include "base/text.h"

#include <string.h>

#include "base/err.h"

#define MAX_EDITS 2

struct range {
    uint32_t first;
    uint32_t last;
};

/* Code points that a terminal or a line reader could obey. */
static const struct range unsafe[] = {
    {0x00, 0x1f},       /* C0 */
    {0x7f, 0x9f},       /* DEL and C1: 9B alone is the start of a terminal command */
    {0x061c, 0x061c},   /* Arabic letter mark */
    {0x200e, 0x200f},   /* left-to-right and right-to-left marks */
    {0x2028, 0x202e},   /* line and paragraph separators, bidirectional embeddings, overrides */
    {0x2066, 0x2069},   /* bidirectional isolates */
    {0xe0000, 0xe007f}, /* tags: a hidden copy of ASCII */
};

static bool is_continuation(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

static bool is_scalar_value(uint32_t point) {
    return point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
}

size_t text_decode(const uint8_t *p, size_t n, uint32_t *point) {
    if (p[0] < 0x80) {
        *point = p[0];
        return 1;
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || size > n) {
        return 0;
    }
    uint32_t value = p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(p[i])) {
            return 0;
        }
        value = value << 6 | (p[i] & 0x3fu);
    }
    if (value < smallest[size] || !is_scalar_value(value)) {
        return 0;
    }
    *point = value;
    return size;
}

size_t text_encode(uint32_t point, uint8_t to[4]) {
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (point < 0x80) {
        to[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (uint8_t)(lead[size] | point);
    return size;
}

bool text_is_unsafe(uint32_t point) {
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++) {
        if (point >= unsafe[i].first && point <= unsafe[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_printable_ascii(uint8_t byte) {
    return byte >= 0x20 && byte < 0x7f;
}

static bool is_allowed_control(uint8_t byte, enum text_lines lines) {
    return lines == TEXT_MANY_LINES && (byte == '\n' || byte == '\t');
}

/* Returns how many bytes from the front can be shown as they are. */
static size_t safe_run(const uint8_t *p, size_t n, enum text_lines lines) {
    size_t i = 0;
    while (i < n) {
        if (is_printable_ascii(p[i]) || is_allowed_control(p[i], lines)) {
            i++;
            continue;
        }
        uint32_t point;
        size_t size = text_decode(p + i, n - i, &point);
        if (size == 0 || text_is_unsafe(point)) {
            break;
        }
        i += size;
    }
    return i;
}

/* Appends what stands at the front, which cannot be shown, as an escape; *size is how many
 * bytes it stands for. */
static int escape_one(struct bytes *out, const uint8_t *p, size_t n, size_t *size) {
    uint32_t point;
    *size = text_decode(p, n, &point);
    if (*size > 1) {
        return bytes_appendf(out, "\\u{%x}", (unsigned)point);
    }
    *size = 1;
    if (p[0] == '\n') {
        return bytes_append_str(out, "\\n");
    }
    if (p[0] == '\t') {
        return bytes_append_str(out, "\\t");
    }
    return bytes_appendf(out, "\\x%02x", p[0]);
}

int text_escape(struct bytes *out, const void *p, size_t n, enum text_lines lines) {
    const uint8_t *in = p;
    size_t len_before = out->len;
    int err = TB_OK;
    for (size_t i = 0; i < n;) {
        size_t size = safe_run(in + i, n - i, lines);
        if (size > 0) {
            err = bytes_append(out, in + i, size);
        } else {
            err = escape_one(out, in + i, n - i, &size);
        }
        if (err != TB_OK) {
            out->len = len_before;
            return err;
        }
        i += size;
    }
    return TB_OK;
}

/* Whether a becomes b by at most that many insertions, deletions, replacements and swaps of
 * neighbours. What both begin with never needs an edit. The recursion is `edits` deep. */
static bool is_within(const char *a, const char *b, unsigned edits) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == *b) {
        return true;
    }
    if (edits == 0) {
        return false;
    }
    if (*a == '\0') {
        return is_within(a, b + 1, edits - 1);
    }
    if (*b == '\0') {
        return is_within(a + 1, b, edits - 1);
    }
    bool swapped = a[0] == b[1] && a[1] == b[0];
    return is_within(a + 1, b, edits - 1) || is_within(a, b + 1, edits - 1) ||
           is_within(a + 1, b + 1, edits - 1) || (swapped && is_within(a + 2, b + 2, edits - 1));
}

const char *text_nearest(const char *word, const char *const *names, size_t count) {
    size_t len = strlen(word);
    for (unsigned edits = 0; edits <= MAX_EDITS && edits < len; edits++) {
        for (size_t i = 0; i < count; i++) {
            if (is_within(word, names[i], edits)) {
                return names[i];
            }
        }
    }
    return NULL;
}
