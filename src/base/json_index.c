#include "base/json_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_scan.h"
#include "base/json_text.h"
#include "base/text.h"

/* Offsets fit, and so do sums of them: 1 GiB. */
static const size_t size_max = (size_t)1 << 30;

static const uint32_t replacement = 0xfffd;

enum { CAPACITY_MIN = 32 };

void json_index_release(struct json_index *x) {
    free(x->values);
    *x = (struct json_index)JSON_INDEX_INIT;
}

/* ---- reading ---- */

/* Which values are open, by their index, the outermost first. */
struct builder {
    struct json_index *x;
    struct json_scan scan;
    uint32_t open[JSON_TEXT_DEPTH_MAX];
};

static int grow(struct json_index *x) {
    size_t capacity = x->capacity > 0 ? x->capacity * 2 : CAPACITY_MIN;
    if (capacity > SIZE_MAX / sizeof(*x->values)) {
        return TB_ENOMEM;
    }
    struct json_value *values = realloc(x->values, capacity * sizeof(*values));
    if (values == NULL) {
        return TB_ENOMEM;
    }
    x->values = values;
    x->capacity = capacity;
    return TB_OK;
}

static enum json_kind kind_of(uint8_t first) {
    switch (first) {
    case '{':
        return JSON_KIND_OBJECT;
    case '[':
        return JSON_KIND_ARRAY;
    case '"':
        return JSON_KIND_STRING;
    case 't':
        return JSON_KIND_TRUE;
    case 'f':
        return JSON_KIND_FALSE;
    case 'n':
        return JSON_KIND_NULL;
    default:
        return JSON_KIND_NUMBER;
    }
}

static int add(struct builder *b, const struct json_token *token) {
    struct json_index *x = b->x;
    if (x->count == x->capacity && grow(x) != TB_OK) {
        return TB_ENOMEM;
    }
    struct json_value *value = &x->values[x->count++];
    value->kind = kind_of(*token->p);
    value->offset = (uint32_t)(token->p - b->scan.p);
    value->size = (uint32_t)token->n;
    value->next = (uint32_t)x->count;
    return TB_OK;
}

static int add_open(struct builder *b, const struct json_token *token) {
    b->open[b->scan.depth - 1] = (uint32_t)b->x->count;
    return add(b, token);
}

static void close_last(struct builder *b) {
    struct json_value *value = &b->x->values[b->open[b->scan.depth]];
    value->size = (uint32_t)b->scan.at - value->offset;
    value->next = (uint32_t)b->x->count;
}

static int take(struct builder *b, const struct json_token *token) {
    if (token->kind != JSON_TOKEN_PUNCTUATION) {
        return add(b, token);
    }
    if (*token->p == '{' || *token->p == '[') {
        return add_open(b, token);
    }
    if (*token->p == '}' || *token->p == ']') {
        close_last(b);
    }
    return TB_OK;
}

static int build(struct builder *b) {
    for (;;) {
        struct json_token token;
        if (json_scan_next(&b->scan, &token) != JSON_TEXT_COMPLETE) {
            return TB_EINVAL;
        }
        if (token.kind == JSON_TOKEN_END) {
            return TB_OK;
        }
        int err = take(b, &token);
        if (err != TB_OK) {
            return err;
        }
    }
}

int json_index_read(struct json_index *x, const void *p, size_t n) {
    struct builder b;
    b.x = x;
    x->text = p;
    x->count = 0;
    if (n > size_max) {
        return TB_EINVAL;
    }
    json_scan_init(&b.scan, p, n);
    int err = build(&b);
    if (err != TB_OK) {
        x->count = 0;
    }
    return err;
}

/* ---- what a value holds ---- */

static bool holds_others(const struct json_value *value) {
    return value->kind == JSON_KIND_OBJECT || value->kind == JSON_KIND_ARRAY;
}

size_t json_index_count(const struct json_index *x, size_t at) {
    size_t count = 0;
    if (!holds_others(&x->values[at])) {
        return 0;
    }
    for (size_t i = at + 1; i < x->values[at].next; i = x->values[i].next) {
        count++;
    }
    return x->values[at].kind == JSON_KIND_OBJECT ? count / 2 : count;
}

ptrdiff_t json_index_member(const struct json_index *x, size_t object, const char *key, size_t n) {
    ptrdiff_t found = JSON_NONE;
    if (x->values[object].kind != JSON_KIND_OBJECT) {
        return JSON_NONE;
    }
    for (size_t i = object + 1; i < x->values[object].next; i = x->values[i + 1].next) {
        if (json_index_string_is(x, i, key, n)) {
            found = (ptrdiff_t)i + 1;
        }
    }
    return found;
}

ptrdiff_t json_index_element(const struct json_index *x, size_t array, ptrdiff_t i) {
    if (x->values[array].kind != JSON_KIND_ARRAY) {
        return JSON_NONE;
    }
    if (i < 0) {
        i += (ptrdiff_t)json_index_count(x, array);
    }
    size_t at = array + 1;
    for (ptrdiff_t left = i; left > 0 && at < x->values[array].next; left--) {
        at = x->values[at].next;
    }
    return i >= 0 && at < x->values[array].next ? (ptrdiff_t)at : JSON_NONE;
}

/* ---- strings ---- */

/* What is left of the text between a string's quotes. */
struct rest {
    const uint8_t *p;
    size_t n;
};

static struct rest inside(const struct json_index *x, const struct json_value *string) {
    return (struct rest){(const uint8_t *)x->text + string->offset + 1, string->size - 2};
}

/* The next characters, either as they stand in the text or, those of an escape, in `to`. Some, if
 * something is left. */
static struct rest next_piece(struct rest *rest, uint8_t to[4]) {
    const uint8_t *escape = memchr(rest->p, '\\', rest->n);
    struct rest piece = {rest->p, escape == NULL ? rest->n : (size_t)(escape - rest->p)};
    size_t taken = piece.n;
    if (taken == 0) {
        uint32_t point;
        taken = json_scan_unescape(rest->p, rest->n, &point);
        bool is_half = point >= 0xd800 && point <= 0xdfff;
        piece = (struct rest){to, text_encode(is_half ? replacement : point, to)};
    }
    rest->p += taken;
    rest->n -= taken;
    return piece;
}

bool json_index_string_is(const struct json_index *x, size_t at, const void *p, size_t n) {
    const struct json_value *value = &x->values[at];
    /* An escape is never shorter than what it stands for. */
    if (value->kind != JSON_KIND_STRING || value->size - 2 < n) {
        return false;
    }
    const uint8_t *wanted = p;
    struct rest rest = inside(x, value);
    while (rest.n > 0) {
        uint8_t character[4];
        struct rest piece = next_piece(&rest, character);
        if (piece.n > n || memcmp(piece.p, wanted, piece.n) != 0) {
            return false;
        }
        wanted += piece.n;
        n -= piece.n;
    }
    return n == 0;
}

static int append_string(struct bytes *out, struct rest rest) {
    if (bytes_reserve(out, rest.n) != TB_OK) {
        return TB_ENOMEM;
    }
    while (rest.n > 0) {
        uint8_t character[4];
        struct rest piece = next_piece(&rest, character);
        memcpy(out->data + out->len, piece.p, piece.n);
        out->len += piece.n;
    }
    return TB_OK;
}

int json_index_append(const struct json_index *x, size_t at, struct bytes *out) {
    const struct json_value *value = &x->values[at];
    if (value->kind == JSON_KIND_STRING) {
        return append_string(out, inside(x, value));
    }
    return bytes_append(out, x->text + value->offset, value->size);
}
