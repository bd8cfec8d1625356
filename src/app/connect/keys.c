#include "app/connect/keys.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define ESC 0x1b
#define SEQUENCE_MAX 32 /* no key sends more */
#define PASTE_BEGIN "\x1b[200~"
#define PASTE_END "\x1b[201~"
#define PASTE_MARK_SIZE (sizeof(PASTE_END) - 1)

void keys_init(struct keys *k, void (*on_key)(void *, enum key_kind, const uint8_t *, size_t),
               void *ctx) {
    *k = (struct keys){.on_key = on_key, .ctx = ctx};
}

void keys_release(struct keys *k) {
    bytes_release(&k->pending);
}

/* ---- how long is what stands at the front? 0: more must come to know ---- */

static size_t csi_size(const uint8_t *p, size_t n) {
    /* The Linux console sends ESC [ [ A for F1. */
    if (n > 2 && p[2] == '[') {
        return n > 3 ? 4 : 0;
    }
    size_t i = 2;
    while (i < n && i < SEQUENCE_MAX && p[i] >= 0x20 && p[i] < 0x40) {
        i++;
    }
    if (i < n && i < SEQUENCE_MAX) {
        return i + (p[i] >= 0x40 && p[i] < 0x7f ? 1 : 0);
    }
    return n < SEQUENCE_MAX ? 0 : SEQUENCE_MAX;
}

static size_t sequence_size(const uint8_t *p, size_t n) {
    if (n == 1) {
        return 0;
    }
    switch (p[1]) {
    case ESC:
        return 1; /* pressed twice, or in front of another sequence */
    case '[':
        return csi_size(p, n);
    case 'O':
        return n > 2 ? 3 : 0;
    default:
        return p[1] < 0x80 ? 2 : 1;
    }
}

static bool is_control(uint8_t byte) {
    return byte < 0x20 || byte == 0x7f;
}

static bool is_c1(uint32_t point) {
    return point >= 0x80 && point < 0xa0;
}

/* Whether the bytes are the beginning of a code point, which more bytes may end. */
static bool is_cut(const uint8_t *p, size_t n) {
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n >= size) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

static size_t text_size(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && !is_control(p[i])) {
        uint32_t point;
        size_t size = text_decode(p + i, n - i, &point);
        if (size == 0 || is_c1(point)) {
            break;
        }
        i += size;
    }
    return i;
}

/* ---- a paste ---- */

/* Appends the point at p unless no paste may contain it; *next is behind it. */
static int append_pasted(struct bytes *clean, const uint8_t *p, const uint8_t *end,
                         const uint8_t **next) {
    uint32_t point;
    size_t size = text_decode(p, (size_t)(end - p), &point);
    *next = p + (size > 0 ? size : 1);
    if (*p == '\r') {
        /* A terminal sends the line ends of a paste as it sends Enter. */
        *next += *next < end && **next == '\n' ? 1 : 0;
        return bytes_append(clean, "\n", 1);
    }
    if (size == 0 || is_c1(point) || (is_control(*p) && *p != '\n' && *p != '\t')) {
        return TB_OK;
    }
    return bytes_append(clean, p, size);
}

static int end_paste(struct keys *k, const uint8_t *p, size_t n) {
    struct bytes clean = BYTES_INIT;
    int err = TB_OK;
    for (const uint8_t *at = p; at < p + n && err == TB_OK;) {
        err = append_pasted(&clean, at, p + n, &at);
    }
    while (clean.len > 0 && clean.data[clean.len - 1] == '\n') {
        clean.len--;
    }
    if (err == TB_OK) {
        k->on_key(k->ctx, KEY_PASTE, clean.data, clean.len);
    }
    bytes_release(&clean);
    return err;
}

/* ---- the whole ---- */

/* Takes one thing from the front. Returns its size, 0 if it has not come whole. */
static size_t take(struct keys *k, const uint8_t *p, size_t n, int *err) {
    if (k->is_pasting) {
        const uint8_t *end = memmem(p, n, PASTE_END, PASTE_MARK_SIZE);
        if (end == NULL) {
            return 0;
        }
        k->is_pasting = false;
        *err = end_paste(k, p, (size_t)(end - p));
        return (size_t)(end - p) + PASTE_MARK_SIZE;
    }
    if (p[0] == ESC) {
        size_t size = sequence_size(p, n);
        if (size == PASTE_MARK_SIZE && memcmp(p, PASTE_BEGIN, size) == 0) {
            k->is_pasting = true;
        } else if (size > 1) {
            k->on_key(k->ctx, KEY_SEQUENCE, p, size);
        }
        return size;
    }
    if (is_control(p[0])) {
        k->on_key(k->ctx, KEY_CONTROL, p, 1);
        return 1;
    }
    size_t size = text_size(p, n);
    if (size > 0) {
        k->on_key(k->ctx, KEY_TEXT, p, size);
        return size;
    }
    return is_cut(p, n) ? 0 : 1;
}

int keys_feed(struct keys *k, const uint8_t *p, size_t n) {
    int err = bytes_append(&k->pending, p, n);
    size_t at = 0;
    while (err == TB_OK && at < k->pending.len) {
        size_t size = take(k, k->pending.data + at, k->pending.len - at, &err);
        if (size == 0) {
            break;
        }
        at += size;
    }
    bytes_consume(&k->pending, at);
    return err;
}
