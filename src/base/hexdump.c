#include "base/hexdump.h"

#include <string.h>

#include "base/err.h"

enum {
    GAP = 2,
    HEX_SIZE = HEXDUMP_WIDTH * 3 + 1, /* one more space in the middle */
    LINE_MAX_SIZE = HEX_SIZE + GAP + HEXDUMP_WIDTH + 2
};

static char shown(uint8_t byte) {
    return byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
}

/* The columns behind the offset. Returns their size. */
static size_t write_columns(char *line, const uint8_t *p, size_t n) {
    static const char digits[] = "0123456789abcdef";
    memset(line, ' ', HEX_SIZE + 1);
    char *text = line + HEX_SIZE + 1;
    *text++ = '|';
    for (size_t i = 0; i < n; i++) {
        char *hex = line + i * 3 + (i >= HEXDUMP_WIDTH / 2);
        hex[0] = digits[p[i] >> 4];
        hex[1] = digits[p[i] & 15];
        *text++ = shown(p[i]);
    }
    *text++ = '|';
    *text++ = '\n';
    return (size_t)(text - line);
}

static int append_line(struct bytes *out, const uint8_t *p, size_t n, size_t at, unsigned indent) {
    char columns[LINE_MAX_SIZE];
    size_t left = n - at;
    size_t size = write_columns(columns, p + at, left < HEXDUMP_WIDTH ? left : HEXDUMP_WIDTH);
    int err = bytes_appendf(out, "%*s%08zx  ", (int)indent, "", at);
    return err == TB_OK ? bytes_append(out, columns, size) : err;
}

static int append_rest(struct bytes *out, size_t rest, unsigned indent) {
    return bytes_appendf(out, "%*s… %zu more byte%s\n", (int)indent, "", rest,
                         rest == 1 ? "" : "s");
}

int hexdump(struct bytes *out, const void *p, size_t n, unsigned indent, size_t max_lines) {
    size_t len_before = out->len;
    int err = TB_OK;
    size_t at = 0;
    for (size_t line = 0; at < n && err == TB_OK; line++) {
        if (max_lines > 0 && line == max_lines) {
            err = append_rest(out, n - at, indent);
            break;
        }
        err = append_line(out, p, n, at, indent);
        at += HEXDUMP_WIDTH;
    }
    if (err != TB_OK) {
        out->len = len_before;
    }
    return err;
}
