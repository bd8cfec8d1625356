#include "base/json_write.h"

#include <stdbool.h>

#include "base/err.h"
#include "base/text.h"

/* What stands behind the backslash; 0: there is no short form. */
static char short_escape(uint8_t c) {
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static bool stays(uint8_t c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* How many bytes from the front can stand as they are. */
static size_t plain_run(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        uint32_t point;
        size_t size = stays(p[i]) ? 1 : p[i] < 0x80 ? 0 : text_decode(p + i, n - i, &point);
        if (size == 0) {
            break;
        }
        i += size;
    }
    return i;
}

static int put_escape(struct bytes *out, uint8_t c) {
    char escape[2] = {'\\', short_escape(c)};
    if (c >= 0x80) {
        return bytes_append_str(out, "\xef\xbf\xbd");
    }
    return escape[1] != 0 ? bytes_append(out, escape, 2) : bytes_appendf(out, "\\u%04x", c);
}

int json_write_string(struct bytes *out, const void *p, size_t n) {
    const uint8_t *in = p;
    size_t len_before = out->len;
    int err = bytes_append(out, "\"", 1);
    for (size_t i = 0; i < n && err == TB_OK;) {
        size_t run = plain_run(in + i, n - i);
        err = bytes_append(out, in + i, run);
        i += run;
        if (i < n && err == TB_OK) {
            err = put_escape(out, in[i]);
            i++;
        }
    }
    if (err == TB_OK) {
        err = bytes_append(out, "\"", 1);
    }
    if (err != TB_OK) {
        out->len = len_before;
    }
    return err;
}
