#include "script/from/from_yaml.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/text.h"

enum { HEX_SPACED_MAX = 64 };

void yaml_put(struct yaml_out *y, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (y->err == TB_OK) {
        y->err = bytes_appendv(y->out, fmt, ap);
    }
    va_end(ap);
}

static void put(struct yaml_out *y, const void *p, size_t n) {
    if (y->err == TB_OK) {
        y->err = bytes_append(y->out, p, n);
    }
}

/* ---- scalars ---- */

/* Words and paths, and nothing that could be taken for anything else. */
static bool is_plain(const char *p, size_t n) {
    if (n == 0 || p[n - 1] == ' ' ||
        !(ascii_is_alpha(p[0]) || ascii_is_digit(p[0]) || p[0] == '/')) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_alpha(p[i]) && !ascii_is_digit(p[i]) &&
            (p[i] == '\0' || strchr(" /._-", p[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

/* What may stand in quotes as it is: what a person can see, and YAML allows (YAML 1.2 s.5.1). */
static bool is_bare(uint32_t point) {
    return !text_is_unsafe(point) && point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

/* Whether single quotes are easier to read: they have no escapes. */
static bool wants_single_quotes(const uint8_t *p, size_t n) {
    bool is_dense = memchr(p, '"', n) != NULL || memchr(p, '\\', n) != NULL;
    for (size_t i = 0, size = 0; is_dense && i < n; i += size) {
        uint32_t point = 0;
        size = text_decode(p + i, n - i, &point);
        if (size == 0 || !is_bare(point)) {
            return false;
        }
    }
    return is_dense;
}

static void put_single_quoted(struct yaml_out *y, const char *p, size_t n) {
    put(y, "'", 1);
    while (n > 0) {
        const char *quote = memchr(p, '\'', n);
        size_t size = quote != NULL ? (size_t)(quote - p) + 1 : n;
        put(y, p, size);
        put(y, "'", quote != NULL);
        p += size;
        n -= size;
    }
    put(y, "'", 1);
}

/* An escape of YAML 1.2 s.5.7. */
static void put_escape(struct yaml_out *y, uint32_t point) {
    static const char plain[] = "\\\\\"\"\nn\tt\rr";
    for (size_t i = 0; i + 1 < sizeof plain; i += 2) {
        if (point == (uint8_t)plain[i]) {
            yaml_put(y, "\\%c", plain[i + 1]);
            return;
        }
    }
    yaml_put(y,
             point < 0x100     ? "\\x%02X"
             : point < 0x10000 ? "\\u%04X"
                               : "\\U%08X",
             (unsigned)point);
}

static void put_double_quoted(struct yaml_out *y, const uint8_t *p, size_t n) {
    size_t from = 0;
    size_t i = 0;
    put(y, "\"", 1);
    while (i < n) {
        uint32_t point = 0xfffd;
        size_t size = text_decode(p + i, n - i, &point);
        bool stays = size > 0 && is_bare(point) && point != '"' && point != '\\';
        if (!stays) {
            put(y, p + from, i - from);
            put_escape(y, point);
        }
        i += size > 0 ? size : 1;
        from = stays ? from : i;
    }
    put(y, p + from, n - from);
    put(y, "\"", 1);
}

void yaml_text(struct yaml_out *y, const void *p, size_t n) {
    if (is_plain(p, n)) {
        put(y, p, n);
    } else if (n > 0 && wants_single_quotes(p, n)) {
        put_single_quoted(y, p, n);
    } else {
        put_double_quoted(y, p, n);
    }
}

void yaml_template(struct yaml_out *y, const void *p, size_t n) {
    struct bytes escaped = BYTES_INIT;
    struct yaml_out e = {.out = &escaped, .err = y->err};
    const char *from = p;
    const char *at;
    size_t left = n;
    while (left > 0 && (at = memmem(from, left, "${", 2)) != NULL) {
        put(&e, from, (size_t)(at - from));
        put(&e, "$${", 3);
        left -= (size_t)(at - from) + 2;
        from = at + 2;
    }
    put(&e, from, left);
    y->err = e.err;
    yaml_text(y, escaped.data != NULL ? (const char *)escaped.data : "", escaped.len);
    bytes_release(&escaped);
}

/* ---- bytes ---- */

static void encode(struct yaml_out *y, int (*encoder)(struct bytes *, const void *, size_t),
                   const void *p, size_t n) {
    if (y->err == TB_OK) {
        y->err = encoder(y->out, p, n);
    }
}

void yaml_hex(struct yaml_out *y, const void *p, size_t n) {
    put(y, "\"", 1);
    if (n > HEX_SPACED_MAX) {
        encode(y, hex_encode, p, n);
    } else {
        for (size_t i = 0; i < n; i++) {
            yaml_put(y, "%s%02x", i > 0 ? " " : "", ((const uint8_t *)p)[i]);
        }
    }
    put(y, "\"", 1);
}

void yaml_base64(struct yaml_out *y, const void *p, size_t n) {
    put(y, "\"", 1);
    encode(y, base64_encode, p, n);
    put(y, "\"", 1);
}

/* ---- comments ---- */

/* What is safe for a terminal, but not allowed in YAML, is escaped as well. */
static void put_remark(struct yaml_out *y, const uint8_t *p, size_t n) {
    for (size_t i = 0, size; i < n; i += size) {
        uint32_t point = 0;
        size = text_decode(p + i, n - i, &point);
        if (is_bare(point)) {
            put(y, p + i, size);
        } else {
            put_escape(y, point);
        }
    }
}

void yaml_comment(struct yaml_out *y, unsigned indent, const char *fmt, ...) {
    struct bytes text = BYTES_INIT;
    struct bytes safe = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    yaml_put(y, "%*s# ", (int)indent, "");
    if (y->err == TB_OK) {
        y->err = bytes_appendv(&text, fmt, ap);
    }
    if (y->err == TB_OK) {
        y->err = text_escape(&safe, text.data, text.len, TEXT_ONE_LINE);
    }
    put_remark(y, safe.data, safe.len);
    put(y, "\n", 1);
    va_end(ap);
    bytes_release(&text);
    bytes_release(&safe);
}
