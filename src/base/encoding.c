#include "base/encoding.h"

#include <stdbool.h>

#include "base/ascii.h"
#include "base/err.h"

static bool is_white(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- hexadecimal ---- */

static bool is_prefix(const char *text, size_t n) {
    return n >= 3 && text[0] == '0' && ascii_lower(text[1]) == 'x' && ascii_is_hex(text[2]);
}

int hex_encode(struct bytes *out, const void *p, size_t n) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = p;
    if (n > SIZE_MAX / 2) {
        return TB_ENOMEM;
    }
    int err = bytes_reserve(out, n * 2);
    if (err != TB_OK) {
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        out->data[out->len++] = (uint8_t)digits[in[i] >> 4];
        out->data[out->len++] = (uint8_t)digits[in[i] & 15];
    }
    return TB_OK;
}

int hex_decode(struct bytes *out, const char *text, size_t n, size_t *offset) {
    int err = bytes_reserve(out, n / 2);
    if (err != TB_OK) {
        return err;
    }
    size_t len = out->len;
    bool may_have_prefix = true;
    for (size_t i = 0; i < n;) {
        if (is_white(text[i]) || text[i] == ':') {
            may_have_prefix = true;
            i++;
            continue;
        }
        if (may_have_prefix && is_prefix(text + i, n - i)) {
            i += 2;
        }
        may_have_prefix = false;
        if (n - i < 2 || !ascii_is_hex(text[i]) || !ascii_is_hex(text[i + 1])) {
            *offset = i;
            return TB_EINVAL;
        }
        out->data[len++] = (uint8_t)(ascii_hex_value(text[i]) << 4 | ascii_hex_value(text[i + 1]));
        i += 2;
    }
    out->len = len;
    return TB_OK;
}

/* ---- base64 ---- */

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (ascii_is_digit(c)) {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

/* One to three bytes as four characters. */
static void encode_group(uint8_t *to, const uint8_t *p, size_t n) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0u);
    to[0] = (uint8_t)alphabet[bits >> 18];
    to[1] = (uint8_t)alphabet[bits >> 12 & 63];
    to[2] = n > 1 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
    to[3] = n > 2 ? (uint8_t)alphabet[bits & 63] : '=';
}

int base64_encode(struct bytes *out, const void *p, size_t n) {
    const uint8_t *in = p;
    if (n > SIZE_MAX / 2) {
        return TB_ENOMEM;
    }
    int err = bytes_reserve(out, (n + 2) / 3 * 4);
    if (err != TB_OK) {
        return err;
    }
    for (size_t i = 0; i < n; i += 3) {
        encode_group(out->data + out->len, in + i, n - i);
        out->len += 4;
    }
    return TB_OK;
}

/* What has been read of a group of four characters. */
struct group {
    uint32_t bits;
    unsigned count;   /* characters */
    unsigned padding; /* of them "=" */
};

/* Takes one character that is not white; false where it may not stand here. */
static bool take(struct group *g, char c) {
    if (c == '=') {
        /* A byte needs two characters, so no more than two can be missing. */
        if (g->count < 2) {
            return false;
        }
        g->padding++;
    } else if (g->padding > 0 || base64_value(c) < 0) {
        return false;
    }
    g->bits = g->bits << 6 | (c == '=' ? 0u : (uint32_t)base64_value(c));
    g->count++;
    return true;
}

/* Appends the bytes of a group that is full; false where bits of no byte are set. */
static bool put_group(uint8_t *to, size_t *len, const struct group *g) {
    unsigned n = 3 - g->padding;
    for (unsigned i = 0; i < n; i++) {
        to[(*len)++] = (uint8_t)(g->bits >> (16 - 8 * i));
    }
    return (g->bits & ((1u << 8 * g->padding) - 1)) == 0;
}

/* The last group, which may lack its padding (all of it). */
static bool put_last(uint8_t *to, size_t *len, struct group *g) {
    if (g->count == 0) {
        return true;
    }
    if (g->count < 2 || g->padding > 0) {
        return false;
    }
    while (g->count < 4) {
        take(g, '=');
    }
    return put_group(to, len, g);
}

int base64_decode(struct bytes *out, const char *text, size_t n, size_t *offset) {
    int err = bytes_reserve(out, n / 4 * 3 + 3);
    if (err != TB_OK) {
        return err;
    }
    size_t len = out->len;
    struct group g = {0};
    bool padded = false;
    for (size_t i = 0; i < n; i++) {
        if (is_white(text[i])) {
            continue;
        }
        bool good = !padded && take(&g, text[i]);
        if (good && g.count == 4) {
            padded = g.padding > 0;
            good = put_group(out->data, &len, &g);
            g = (struct group){0};
        }
        if (!good) {
            *offset = i;
            return TB_EINVAL;
        }
    }
    if (!put_last(out->data, &len, &g)) {
        *offset = n;
        return TB_EINVAL;
    }
    out->len = len;
    return TB_OK;
}

/* ---- percent ---- */

size_t percent_decode_one(const char *text, size_t n, char *c) {
    if (text[0] != '%') {
        *c = text[0];
        return 1;
    }
    if (n < 3 || !ascii_is_hex(text[1]) || !ascii_is_hex(text[2])) {
        return 0;
    }
    *c = (char)(ascii_hex_value(text[1]) << 4 | ascii_hex_value(text[2]));
    return 3;
}
