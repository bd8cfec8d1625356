#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

enum {
    CLIENT_DIGITS = 8,
    NUMBER_DIGITS = 11,
    FIN_TEXT = 0x81,
    FIN_PING = 0x89,
    FIN_PONG = 0x8A,
    FILL = 'x',
};

/* One key for a whole run: a server cannot know it, and must unmask as ever. */
static const uint8_t mask_key[4] = {0xA7, 0x3C, 0x51, 0xE9};

static void hex_write(uint8_t *p, unsigned digits, uint64_t value) {
    for (unsigned i = digits; i-- > 0; value >>= 4) {
        p[i] = (uint8_t) "0123456789abcdef"[value & 15];
    }
}

static bool hex_read(const uint8_t *p, unsigned digits, uint64_t *value) {
    uint64_t v = 0;
    for (unsigned i = 0; i < digits; i++) {
        unsigned c = p[i];
        unsigned digit = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 16;
        if (digit == 16) {
            return false;
        }
        v = v << 4 | digit;
    }
    *value = v;
    return true;
}

static size_t head_write(uint8_t *p, size_t size) {
    size_t n = 2;
    p[0] = FIN_TEXT;
    if (size < 126) {
        p[1] = (uint8_t)(0x80 | size);
    } else if (size <= 0xFFFF) {
        p[1] = 0x80 | 126;
        n += 2;
    } else {
        p[1] = 0x80 | 127;
        n += 8;
    }
    for (size_t i = n; i > 2; size >>= 8) {
        p[--i] = (uint8_t)size;
    }
    memcpy(p + n, mask_key, sizeof mask_key);
    return n + sizeof mask_key;
}

static void mask_bytes(uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        p[i] ^= mask_key[i & 3];
    }
}

/* The head's size as far as its first bytes tell. */
static size_t head_size(const struct reader *r) {
    if (r->head_len < 2) {
        return 2;
    }
    uint8_t length = r->head[1] & 0x7F;
    return length == 126 ? 4 : length == 127 ? 10 : 2;
}

static uint64_t head_length(const struct reader *r) {
    size_t n = head_size(r);
    if (n == 2) {
        return r->head[1];
    }
    uint64_t length = 0;
    for (size_t i = 2; i < n; i++) {
        length = length << 8 | r->head[i];
    }
    return length;
}

static void head_judge(const struct reader *r) {
    uint8_t first = r->head[0];
    if (first != FIN_TEXT && first != FIN_PING && first != FIN_PONG) {
        fail("the server sent a frame that begins with 0x%02x", first);
    }
    if (r->head[1] & 0x80) {
        fail("the server sent a masked frame");
    }
    if (first == FIN_TEXT && r->length < STAMP_LEN) {
        fail("the server sent a message of %llu bytes", (unsigned long long)r->length);
    }
}

static size_t feed_head(struct reader *r, const uint8_t *p, size_t n) {
    size_t used = 0;
    while (r->head_len < head_size(r)) {
        if (used == n) {
            return used;
        }
        r->head[r->head_len++] = p[used++];
    }
    r->length = head_length(r);
    r->got = 0;
    r->in_payload = true;
    head_judge(r);
    return used;
}

/* A block that equals itself shifted by one byte is one byte repeated. */
static void check_fill(const uint8_t *p, size_t n) {
    if (n > 0 && (p[0] != FILL || memcmp(p, p + 1, n - 1) != 0)) {
        fail("the server changed a message's content");
    }
}

static size_t feed_text(struct reader *r, const uint8_t *p, size_t n) {
    uint64_t left = r->length - r->got;
    size_t take = left < n ? (size_t)left : n;
    size_t stamp = 0;
    if (r->got < STAMP_LEN) {
        stamp = STAMP_LEN - (size_t)r->got;
        stamp = stamp < take ? stamp : take;
        memcpy(r->stamp + r->got, p, stamp);
    }
    check_fill(p + stamp, take - stamp);
    r->got += take;
    return take;
}

static size_t feed_control(struct reader *r, size_t n) {
    uint64_t left = r->length - r->got;
    size_t take = left < n ? (size_t)left : n;
    r->got += take;
    return take;
}

void stamp_write(uint8_t stamp[STAMP_LEN], uint32_t client, uint64_t number) {
    hex_write(stamp, CLIENT_DIGITS, client);
    stamp[CLIENT_DIGITS] = '-';
    hex_write(stamp + CLIENT_DIGITS + 1, NUMBER_DIGITS, number);
}

bool stamp_read(const uint8_t stamp[STAMP_LEN], uint32_t *client, uint64_t *number) {
    uint64_t who;
    if (!hex_read(stamp, CLIENT_DIGITS, &who) || stamp[CLIENT_DIGITS] != '-' ||
        !hex_read(stamp + CLIENT_DIGITS + 1, NUMBER_DIGITS, number)) {
        return false;
    }
    *client = (uint32_t)who;
    return true;
}

void burst_init(struct burst *b, size_t size, unsigned depth) {
    uint8_t head[14];
    b->depth = depth;
    b->head_len = head_write(head, size);
    b->frame_len = b->head_len + size;
    b->bytes = zalloc_or_fail(depth, b->frame_len);
    for (unsigned i = 0; i < depth; i++) {
        uint8_t *frame = b->bytes + i * b->frame_len;
        memcpy(frame, head, b->head_len);
        memset(frame + b->head_len, FILL, size);
        mask_bytes(frame + b->head_len, size);
    }
}

void burst_release(struct burst *b) {
    free(b->bytes);
}

size_t burst_len(const struct burst *b) {
    return b->frame_len * b->depth;
}

void burst_stamp(struct burst *b, uint32_t client, uint64_t first) {
    for (unsigned i = 0; i < b->depth; i++) {
        uint8_t *stamp = b->bytes + i * b->frame_len + b->head_len;
        stamp_write(stamp, client, first + i);
        mask_bytes(stamp, STAMP_LEN);
    }
}

size_t reader_feed(struct reader *r, const uint8_t *p, size_t n, bool *whole) {
    size_t used = 0;
    *whole = false;
    if (!r->in_payload) {
        used = feed_head(r, p, n);
    }
    if (r->in_payload) {
        bool text = r->head[0] == FIN_TEXT;
        used += text ? feed_text(r, p + used, n - used) : feed_control(r, n - used);
        if (r->got == r->length) {
            r->in_payload = false;
            r->head_len = 0;
            *whole = text;
        }
    }
    return used;
}
