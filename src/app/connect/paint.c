#include "app/connect/paint.h"

#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/hexdump.h"
#include "base/json_text.h"
#include "base/text.h"
#include "proto/utf8.h"

enum {
    INDENT = 2,         /* of what stands below an arrow */
    HEXDUMP_LINES = 32, /* of a binary message */
    PRETTY_GROWTH = 16, /* JSON that grows by more than that is shown as it came */
    PRETTY_SLACK = 64 * 1024,
};

const char *paint_on(bool colour, enum paint paint) {
    static const char *const codes[] = {[PAINT_SENT] = "\x1b[1;32m",
                                        [PAINT_RECEIVED] = "\x1b[1;36m",
                                        [PAINT_EVENT] = "\x1b[2m",
                                        [PAINT_HEAD] = "\x1b[2m",
                                        [PAINT_ERROR] = "\x1b[31m"};
    return colour ? codes[paint] : "";
}

const char *paint_off(bool colour) {
    return colour ? "\x1b[0m" : "";
}

/* Appends text that is safe, each line but the first one below the arrow's text. */
static int append_indented(struct bytes *out, const uint8_t *p, size_t n) {
    int err = TB_OK;
    while (err == TB_OK && n > 0) {
        const uint8_t *newline = memchr(p, '\n', n);
        size_t size = newline == NULL ? n : (size_t)(newline - p) + 1;
        err = bytes_append(out, p, size);
        p += size;
        n -= size;
        if (err == TB_OK && newline != NULL && n > 0) {
            err = bytes_append(out, "  ", INDENT);
        }
    }
    return err;
}

static int append_pretty(struct bytes *text, const uint8_t *p, size_t n,
                         const struct paint_style *style) {
    static const struct json_text_colours colours = {.key = "\x1b[34m",
                                                     .string = "\x1b[32m",
                                                     .number = "\x1b[33m",
                                                     .literal = "\x1b[35m",
                                                     .off = "\x1b[0m"};
    const struct json_text_style how = {.indent = INDENT,
                                        .raw = style->raw,
                                        .colours = style->colour ? &colours : NULL,
                                        .size_max = PRETTY_GROWTH * n + PRETTY_SLACK};
    return json_text_pretty(text, p, n, &how);
}

/* Only an object or an array is worth it: a bare number or word is a text like any other. */
static bool may_be_json(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r')) {
        i++;
    }
    return i < n && (p[i] == '{' || p[i] == '[');
}

static int paint_text(struct bytes *out, const uint8_t *p, size_t n,
                      const struct paint_style *style) {
    struct bytes text = BYTES_INIT;
    int err = TB_EINVAL;
    if (style->pretty && may_be_json(p, n)) {
        err = append_pretty(&text, p, n, style);
    }
    if (err == TB_EINVAL || err == TB_ERANGE) {
        err = style->raw ? bytes_append(&text, p, n) : text_escape(&text, p, n, TEXT_MANY_LINES);
    }
    if (err == TB_OK) {
        err = append_indented(out, text.data, text.len);
    }
    bytes_release(&text);
    return err == TB_OK ? bytes_append_str(out, "\n") : err;
}

int paint_message(struct bytes *out, const uint8_t *p, size_t n, const struct paint_style *style) {
    if (!style->binary) {
        return paint_text(out, p, n, style);
    }
    int err = bytes_appendf(out, "binary, %zu byte%s\n", n, n == 1 ? "" : "s");
    return err == TB_OK ? hexdump(out, p, n, INDENT, HEXDUMP_LINES) : err;
}

static int append_escaped_breaks(struct bytes *out, const uint8_t *p, size_t n) {
    int err = bytes_reserve(out, n);
    for (size_t i = 0; i < n && err == TB_OK; i++) {
        if (p[i] == '\n' || p[i] == '\r') {
            err = bytes_append(out, p[i] == '\n' ? "\\n" : "\\r", 2);
        } else {
            err = bytes_append(out, p + i, 1);
        }
    }
    return err;
}

int paint_one_line(struct bytes *out, const uint8_t *p, size_t n) {
    if (!json_text_is_valid(p, n)) {
        return append_escaped_breaks(out, p, n);
    }
    size_t before = out->len;
    int err = bytes_append(out, p, n);
    for (size_t i = before; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\r') { /* never inside a string (RFC 8259) */
            out->data[i] = ' ';
        }
    }
    return err;
}

int paint_binary(struct bytes *out, const uint8_t *p, size_t n, bool base64) {
    return base64 ? base64_encode(out, p, n) : hex_encode(out, p, n);
}

void paint_payload(struct bytes *out, const uint8_t *p, size_t n) {
    if (utf8_is_valid(p, n) && memchr(p, '\0', n) == NULL) {
        bytes_append(out, p, n);
    } else {
        hex_encode(out, p, n);
    }
}
