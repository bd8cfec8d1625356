#include "proto/http1_body.h"

#include "base/err.h"

/* What comes next. */
enum awaited {
    AWAIT_CONTENT,    /* `left` bytes of it, the whole body */
    AWAIT_EVERYTHING, /* until the connection ends */
    AWAIT_SIZE,       /* digits of a chunk's size */
    AWAIT_EXTENSION,  /* the rest of the line behind it */
    AWAIT_CHUNK,      /* `left` bytes of it */
    AWAIT_CHUNK_END,  /* the line's end behind a chunk */
    AWAIT_NOTHING
};

static bool read_length(struct http1_str s, uint64_t *length) {
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || n > (UINT64_MAX - 9) / 10) {
            return false;
        }
        n = n * 10 + (uint64_t)(s.p[i] - '0');
    }
    *length = n;
    return s.n > 0;
}

void http1_body_init(struct http1_body *b, const struct http1 *response) {
    *b = (struct http1_body){.awaited = AWAIT_EVERYTHING};
    size_t encodings;
    unsigned status = http1_status(response);
    struct http1_str length = http1_header(response, "Content-Length", NULL);
    http1_header(response, "Transfer-Encoding", &encodings);
    if (status < 200 || status == 204 || status == 304) {
        b->awaited = AWAIT_NOTHING;
    } else if (http1_has_token(response, "Transfer-Encoding", "chunked")) {
        b->awaited = AWAIT_SIZE;
    } else if (encodings == 0 && length.p != NULL && read_length(length, &b->left)) {
        b->awaited = b->left > 0 ? AWAIT_CONTENT : AWAIT_NOTHING;
    }
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http1_body_result end_size_line(struct http1_body *b) {
    b->has_digit = false;
    b->awaited = b->left > 0 ? AWAIT_CHUNK : AWAIT_NOTHING; /* trailers tell nothing */
    return HTTP1_BODY_MORE;
}

static enum http1_body_result take_size(struct http1_body *b, uint8_t c) {
    int digit = hex_digit(c);
    if (digit >= 0 && b->left < UINT64_MAX >> 8) {
        b->left = b->left * 16 + (uint64_t)digit;
        b->has_digit = true;
        return HTTP1_BODY_MORE;
    }
    if (digit >= 0 || !b->has_digit) {
        return HTTP1_BODY_BAD;
    }
    b->awaited = AWAIT_EXTENSION;
    return c == '\n' ? end_size_line(b) : HTTP1_BODY_MORE;
}

static enum http1_body_result take_chunk_end(struct http1_body *b, uint8_t c) {
    if (c == '\n') {
        b->awaited = AWAIT_SIZE;
    }
    return c == '\n' || c == '\r' ? HTTP1_BODY_MORE : HTTP1_BODY_BAD;
}

static enum http1_body_result take_byte(struct http1_body *b, uint8_t c) {
    switch ((enum awaited)b->awaited) {
    case AWAIT_SIZE:
        return take_size(b, c);
    case AWAIT_EXTENSION:
        return c == '\n' ? end_size_line(b) : HTTP1_BODY_MORE;
    case AWAIT_CHUNK_END:
        return take_chunk_end(b, c);
    default:
        return HTTP1_BODY_DONE;
    }
}

static bool is_content(const struct http1_body *b) {
    return b->awaited == AWAIT_CONTENT || b->awaited == AWAIT_CHUNK ||
           b->awaited == AWAIT_EVERYTHING;
}

/* Takes what of the n bytes is content: *used gets how many. */
static enum http1_body_result take_content(struct http1_body *b, const uint8_t *p, size_t n,
                                           struct bytes *out, size_t limit, size_t *used) {
    bool bounded = b->awaited != AWAIT_EVERYTHING;
    size_t take = bounded && b->left < n ? (size_t)b->left : n;
    size_t room = limit - out->len;
    *used = take;
    if (bytes_append(out, p, take < room ? take : room) != TB_OK) {
        return HTTP1_BODY_NOMEM;
    }
    if (take > room) {
        return HTTP1_BODY_FULL;
    }
    if (bounded && (b->left -= take) == 0) {
        b->awaited = b->awaited == AWAIT_CHUNK ? AWAIT_CHUNK_END : AWAIT_NOTHING;
    }
    return HTTP1_BODY_MORE;
}

enum http1_body_result http1_body_feed(struct http1_body *b, const uint8_t *p, size_t n,
                                       struct bytes *out, size_t limit) {
    enum http1_body_result result = HTTP1_BODY_MORE;
    while (result == HTTP1_BODY_MORE && n > 0 && b->awaited != AWAIT_NOTHING) {
        size_t used = 1;
        result = is_content(b) ? take_content(b, p, n, out, limit, &used) : take_byte(b, *p);
        p += used;
        n -= used;
    }
    return result == HTTP1_BODY_MORE && b->awaited == AWAIT_NOTHING ? HTTP1_BODY_DONE : result;
}

bool http1_body_may_end(const struct http1_body *b) {
    return b->awaited == AWAIT_NOTHING || b->awaited == AWAIT_EVERYTHING;
}
