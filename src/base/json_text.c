#include "base/json_text.h"

#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/text.h"

enum kind { KIND_KEY, KIND_STRING, KIND_NUMBER, KIND_LITERAL, KIND_PUNCTUATION, KIND_END };

struct token {
    enum kind kind;
    const uint8_t *p;
    size_t n; /* 0 for the end */
};

/* What may stand next, white space apart. */
enum awaited {
    AWAIT_VALUE,
    AWAIT_VALUE_OR_CLOSE, /* behind [ */
    AWAIT_KEY,
    AWAIT_KEY_OR_CLOSE, /* behind { */
    AWAIT_COLON,
    AWAIT_COMMA_OR_CLOSE,
    AWAIT_END
};

struct reader {
    const uint8_t *p;
    size_t n;
    size_t at;
    enum awaited awaited;
    unsigned depth;
    bool is_object[JSON_TEXT_DEPTH_MAX];
};

static void reader_init(struct reader *r, const void *p, size_t n) {
    r->p = p;
    r->n = n;
    r->at = 0;
    r->awaited = AWAIT_VALUE;
    r->depth = 0;
}

/* ---- single tokens; each sets *size where the token is complete ---- */

/* One character of a string that is neither a quote nor an escape. */
static enum json_text_state read_plain(const uint8_t *p, size_t n, size_t *size) {
    if (*p < 0x20) {
        return JSON_TEXT_BROKEN;
    }
    uint32_t point;
    *size = text_decode(p, n, &point);
    if (*size > 0) {
        return JSON_TEXT_COMPLETE;
    }
    /* A code point that the end of the text cuts may still become whole: four bytes would be. */
    static const uint8_t fill[] = {0x80, 0x90, 0xa0, 0xbf};
    for (size_t i = 0; n < 4 && i < sizeof(fill); i++) {
        uint8_t whole[4] = {fill[i], fill[i], fill[i], fill[i]};
        memcpy(whole, p, n);
        if (text_decode(whole, sizeof(whole), &point) > n) {
            return JSON_TEXT_INCOMPLETE;
        }
    }
    return JSON_TEXT_BROKEN;
}

/* A backslash and what follows it. */
static enum json_text_state read_escape(const uint8_t *p, size_t n, size_t *size) {
    if (n < 2) {
        return JSON_TEXT_INCOMPLETE;
    }
    if (p[1] != 'u') {
        *size = 2;
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? JSON_TEXT_COMPLETE
                                                                  : JSON_TEXT_BROKEN;
    }
    for (*size = 2; *size < 6; (*size)++) {
        if (*size == n) {
            return JSON_TEXT_INCOMPLETE;
        }
        if (!ascii_is_hex((char)p[*size])) {
            return JSON_TEXT_BROKEN;
        }
    }
    return JSON_TEXT_COMPLETE;
}

static enum json_text_state read_string(const uint8_t *p, size_t n, size_t *size) {
    size_t i = 1;
    while (i < n && p[i] != '"') {
        size_t step = 0;
        enum json_text_state state =
            p[i] == '\\' ? read_escape(p + i, n - i, &step) : read_plain(p + i, n - i, &step);
        if (state != JSON_TEXT_COMPLETE) {
            return state;
        }
        i += step;
    }
    *size = i + 1;
    return i < n ? JSON_TEXT_COMPLETE : JSON_TEXT_INCOMPLETE;
}

static enum json_text_state read_literal(const uint8_t *p, size_t n, size_t *size) {
    const char *word = *p == 't' ? "true" : *p == 'f' ? "false" : "null";
    *size = strlen(word);
    if (n >= *size) {
        return memcmp(p, word, *size) == 0 ? JSON_TEXT_COMPLETE : JSON_TEXT_BROKEN;
    }
    return memcmp(p, word, n) == 0 ? JSON_TEXT_INCOMPLETE : JSON_TEXT_BROKEN;
}

/* One digit or more from *i on. */
static enum json_text_state read_digits(const uint8_t *p, size_t n, size_t *i) {
    size_t start = *i;
    while (*i < n && ascii_is_digit((char)p[*i])) {
        (*i)++;
    }
    if (*i > start) {
        return JSON_TEXT_COMPLETE;
    }
    return start == n ? JSON_TEXT_INCOMPLETE : JSON_TEXT_BROKEN;
}

/* [ minus ] int [ frac ] [ exp ] (RFC 8259 s.6) */
static enum json_text_state read_number(const uint8_t *p, size_t n, size_t *size) {
    size_t i = *p == '-' ? 1 : 0;
    enum json_text_state state = JSON_TEXT_COMPLETE;
    if (i < n && p[i] == '0') {
        i++;
    } else {
        state = read_digits(p, n, &i);
    }
    if (state == JSON_TEXT_COMPLETE && i < n && p[i] == '.') {
        i++;
        state = read_digits(p, n, &i);
    }
    if (state == JSON_TEXT_COMPLETE && i < n && (p[i] == 'e' || p[i] == 'E')) {
        i++;
        i += i < n && (p[i] == '+' || p[i] == '-') ? 1 : 0;
        state = read_digits(p, n, &i);
    }
    *size = i;
    return state;
}

/* ---- what a token means for the next one ---- */

static enum awaited after_value(const struct reader *r) {
    return r->depth == 0 ? AWAIT_END : AWAIT_COMMA_OR_CLOSE;
}

static enum json_text_state open_level(struct reader *r, bool is_object) {
    if (r->depth == JSON_TEXT_DEPTH_MAX) {
        return JSON_TEXT_BROKEN;
    }
    r->is_object[r->depth++] = is_object;
    r->awaited = is_object ? AWAIT_KEY_OR_CLOSE : AWAIT_VALUE_OR_CLOSE;
    return JSON_TEXT_COMPLETE;
}

static enum json_text_state read_value(struct reader *r, struct token *token) {
    const uint8_t *p = token->p;
    size_t n = r->n - r->at;
    if (*p == '{' || *p == '[') {
        token->kind = KIND_PUNCTUATION;
        token->n = 1;
        return open_level(r, *p == '{');
    }
    r->awaited = after_value(r);
    if (*p == '"') {
        token->kind = KIND_STRING;
        return read_string(p, n, &token->n);
    }
    if (*p == '-' || ascii_is_digit((char)*p)) {
        token->kind = KIND_NUMBER;
        return read_number(p, n, &token->n);
    }
    if (*p == 't' || *p == 'f' || *p == 'n') {
        token->kind = KIND_LITERAL;
        return read_literal(p, n, &token->n);
    }
    return JSON_TEXT_BROKEN;
}

static enum json_text_state read_key(struct reader *r, struct token *token) {
    if (*token->p != '"') {
        return JSON_TEXT_BROKEN;
    }
    r->awaited = AWAIT_COLON;
    token->kind = KIND_KEY;
    return read_string(token->p, r->n - r->at, &token->n);
}

/* A colon, a comma or a bracket. */
static enum json_text_state read_punctuation(struct reader *r, struct token *token) {
    bool in_object = r->depth > 0 && r->is_object[r->depth - 1];
    token->kind = KIND_PUNCTUATION;
    token->n = 1;
    if (r->awaited == AWAIT_COLON) {
        r->awaited = AWAIT_VALUE;
        return *token->p == ':' ? JSON_TEXT_COMPLETE : JSON_TEXT_BROKEN;
    }
    if (r->awaited == AWAIT_COMMA_OR_CLOSE && *token->p == ',') {
        r->awaited = in_object ? AWAIT_KEY : AWAIT_VALUE;
        return JSON_TEXT_COMPLETE;
    }
    if (*token->p == (in_object ? '}' : ']')) {
        r->depth--;
        r->awaited = after_value(r);
        return JSON_TEXT_COMPLETE;
    }
    return JSON_TEXT_BROKEN;
}

static enum json_text_state read_awaited(struct reader *r, struct token *token) {
    bool is_close = *token->p == '}' || *token->p == ']';
    switch (r->awaited) {
    case AWAIT_VALUE:
        return read_value(r, token);
    case AWAIT_VALUE_OR_CLOSE:
        return is_close ? read_punctuation(r, token) : read_value(r, token);
    case AWAIT_KEY:
        return read_key(r, token);
    case AWAIT_KEY_OR_CLOSE:
        return is_close ? read_punctuation(r, token) : read_key(r, token);
    case AWAIT_COLON:
    case AWAIT_COMMA_OR_CLOSE:
        return read_punctuation(r, token);
    case AWAIT_END:
        break;
    }
    return JSON_TEXT_BROKEN;
}

static bool is_white(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next token, or KIND_END where the value is whole and nothing follows. */
static enum json_text_state next_token(struct reader *r, struct token *token) {
    while (r->at < r->n && is_white(r->p[r->at])) {
        r->at++;
    }
    token->n = 0;
    if (r->at == r->n) {
        token->kind = KIND_END;
        return r->awaited == AWAIT_END ? JSON_TEXT_COMPLETE : JSON_TEXT_INCOMPLETE;
    }
    token->p = r->p + r->at;
    enum json_text_state state = read_awaited(r, token);
    r->at += token->n;
    return state;
}

enum json_text_state json_text_look(const void *p, size_t n) {
    struct reader r;
    struct token token;
    enum json_text_state state;
    reader_init(&r, p, n);
    do {
        state = next_token(&r, &token);
    } while (state == JSON_TEXT_COMPLETE && token.kind != KIND_END);
    return state;
}

bool json_text_is_valid(const void *p, size_t n) {
    return json_text_look(p, n) == JSON_TEXT_COMPLETE;
}

/* ---- finding ---- */

static bool is_key(const struct token *token, const char *key) {
    size_t n = strlen(key);
    return token->kind == KIND_KEY && token->n == n + 2 && memcmp(token->p + 1, key, n) == 0;
}

/* Reads the value behind a key of the outermost object, noting where it begins and ends. */
static bool measure_value(struct reader *r, const uint8_t **begin, const uint8_t **end) {
    struct token token;
    for (int i = 0; i < 2; i++) { /* the colon, and what is behind it */
        if (next_token(r, &token) != JSON_TEXT_COMPLETE) {
            return false;
        }
    }
    *begin = token.p;
    while (r->depth > 1) {
        if (next_token(r, &token) != JSON_TEXT_COMPLETE) {
            return false;
        }
    }
    *end = r->p + r->at;
    return true;
}

bool json_text_member(const char *p, size_t n, const char *key, const char **value, size_t *size) {
    struct reader r;
    struct token token;
    const uint8_t *begin;
    const uint8_t *end;
    if (!json_text_is_valid(p, n)) {
        return false;
    }
    reader_init(&r, p, n);
    while (next_token(&r, &token) == JSON_TEXT_COMPLETE && token.kind != KIND_END) {
        if (r.depth == 1 && is_key(&token, key) && measure_value(&r, &begin, &end)) {
            *value = (const char *)begin;
            *size = (size_t)(end - begin);
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

struct writer {
    struct bytes *out;
    const struct json_text_style *style;
    size_t len_before;
    unsigned depth;
    bool is_empty; /* the last token opened a level */
};

static const char *colour_of(const struct json_text_colours *colours, enum kind kind) {
    if (colours == NULL) {
        return NULL;
    }
    const char *const by_kind[] = {
        [KIND_KEY] = colours->key,
        [KIND_STRING] = colours->string,
        [KIND_NUMBER] = colours->number,
        [KIND_LITERAL] = colours->literal,
        [KIND_PUNCTUATION] = colours->punctuation,
        [KIND_END] = NULL,
    };
    return by_kind[kind];
}

static int put_token(const struct writer *w, const struct token *token) {
    const char *colour = colour_of(w->style->colours, token->kind);
    int err = colour == NULL ? TB_OK : bytes_append_str(w->out, colour);
    if (err == TB_OK) {
        err = w->style->raw ? bytes_append(w->out, token->p, token->n)
                            : text_escape(w->out, token->p, token->n, TEXT_ONE_LINE);
    }
    if (err == TB_OK && colour != NULL) {
        err = bytes_append_str(w->out, w->style->colours->off);
    }
    return err;
}

static int put_new_line(const struct writer *w) {
    size_t n = (size_t)w->depth * w->style->indent;
    int err = bytes_reserve(w->out, n + 1);
    if (err == TB_OK) {
        w->out->data[w->out->len] = '\n';
        memset(w->out->data + w->out->len + 1, ' ', n);
        w->out->len += n + 1;
    }
    return err;
}

static int put_close(struct writer *w, const struct token *token) {
    w->depth--;
    int err = w->is_empty ? TB_OK : put_new_line(w);
    w->is_empty = false;
    return err == TB_OK ? put_token(w, token) : err;
}

static int put_laid_out(struct writer *w, const struct token *token) {
    uint8_t c = token->kind == KIND_PUNCTUATION ? *token->p : 0;
    if (c == '}' || c == ']') {
        return put_close(w, token);
    }
    int err = w->is_empty ? put_new_line(w) : TB_OK;
    w->is_empty = c == '{' || c == '[';
    w->depth += w->is_empty ? 1 : 0;
    if (err == TB_OK) {
        err = put_token(w, token);
    }
    if (err == TB_OK && c == ':') {
        err = bytes_append(w->out, " ", 1);
    }
    return err == TB_OK && c == ',' ? put_new_line(w) : err;
}

static bool is_too_large(const struct writer *w) {
    size_t max = w->style->size_max;
    return max > 0 && w->out->len - w->len_before > max;
}

static int put_all(struct writer *w, const void *p, size_t n,
                   int (*put)(struct writer *w, const struct token *token)) {
    struct reader r;
    reader_init(&r, p, n);
    for (;;) {
        struct token token;
        if (next_token(&r, &token) != JSON_TEXT_COMPLETE) {
            return TB_EINVAL;
        }
        if (token.kind == KIND_END) {
            return TB_OK;
        }
        int err = put(w, &token);
        if (err != TB_OK || is_too_large(w)) {
            return err != TB_OK ? err : TB_ERANGE;
        }
    }
}

int json_text_pretty(struct bytes *out, const void *p, size_t n,
                     const struct json_text_style *style) {
    /* Most of what is not JSON shows it at once, but not all: it should not cost the writing. */
    if (!json_text_is_valid(p, n)) {
        return TB_EINVAL;
    }
    struct writer w = {.out = out, .style = style, .len_before = out->len};
    int err = put_all(&w, p, n, put_laid_out);
    if (err != TB_OK) {
        out->len = w.len_before;
    }
    return err;
}

static int put_as_it_is(struct writer *w, const struct token *token) {
    return bytes_append(w->out, token->p, token->n);
}

int json_text_compact(struct bytes *out, const void *p, size_t n) {
    static const struct json_text_style plain = {.raw = true};
    struct writer w = {.out = out, .style = &plain, .len_before = out->len};
    int err = put_all(&w, p, n, put_as_it_is);
    if (err != TB_OK) {
        out->len = w.len_before;
    }
    return err;
}
