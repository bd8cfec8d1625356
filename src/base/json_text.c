#include "base/json_text.h"

#include <string.h>

#include "base/err.h"
#include "base/json_scan.h"
#include "base/text.h"

enum json_text_state json_text_look(const void *p, size_t n) {
    struct json_scan s;
    struct json_token token;
    enum json_text_state state;
    json_scan_init(&s, p, n);
    do {
        state = json_scan_next(&s, &token);
    } while (state == JSON_TEXT_COMPLETE && token.kind != JSON_TOKEN_END);
    return state;
}

bool json_text_is_valid(const void *p, size_t n) {
    return json_text_look(p, n) == JSON_TEXT_COMPLETE;
}

/* ---- finding ---- */

static bool is_key(const struct json_token *token, const char *key) {
    size_t n = strlen(key);
    return token->kind == JSON_TOKEN_KEY && token->n == n + 2 && memcmp(token->p + 1, key, n) == 0;
}

/* Reads the value behind a key of the outermost object, noting where it begins and ends. */
static bool measure_value(struct json_scan *s, const uint8_t **begin, const uint8_t **end) {
    struct json_token token;
    for (int i = 0; i < 2; i++) { /* the colon, and what is behind it */
        if (json_scan_next(s, &token) != JSON_TEXT_COMPLETE) {
            return false;
        }
    }
    *begin = token.p;
    while (s->depth > 1) {
        if (json_scan_next(s, &token) != JSON_TEXT_COMPLETE) {
            return false;
        }
    }
    *end = s->p + s->at;
    return true;
}

bool json_text_member(const char *p, size_t n, const char *key, const char **value, size_t *size) {
    struct json_scan s;
    struct json_token token;
    const uint8_t *begin;
    const uint8_t *end;
    if (!json_text_is_valid(p, n)) {
        return false;
    }
    json_scan_init(&s, p, n);
    while (json_scan_next(&s, &token) == JSON_TEXT_COMPLETE && token.kind != JSON_TOKEN_END) {
        if (s.depth == 1 && is_key(&token, key) && measure_value(&s, &begin, &end)) {
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

static const char *colour_of(const struct json_text_colours *colours, enum json_token_kind kind) {
    if (colours == NULL) {
        return NULL;
    }
    const char *const by_kind[] = {
        [JSON_TOKEN_KEY] = colours->key,
        [JSON_TOKEN_STRING] = colours->string,
        [JSON_TOKEN_NUMBER] = colours->number,
        [JSON_TOKEN_LITERAL] = colours->literal,
        [JSON_TOKEN_PUNCTUATION] = colours->punctuation,
        [JSON_TOKEN_END] = NULL,
    };
    return by_kind[kind];
}

static int put_token(const struct writer *w, const struct json_token *token) {
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

static int put_close(struct writer *w, const struct json_token *token) {
    w->depth--;
    int err = w->is_empty ? TB_OK : put_new_line(w);
    w->is_empty = false;
    return err == TB_OK ? put_token(w, token) : err;
}

static int put_laid_out(struct writer *w, const struct json_token *token) {
    uint8_t c = token->kind == JSON_TOKEN_PUNCTUATION ? *token->p : 0;
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
                   int (*put)(struct writer *w, const struct json_token *token)) {
    struct json_scan s;
    json_scan_init(&s, p, n);
    for (;;) {
        struct json_token token;
        if (json_scan_next(&s, &token) != JSON_TEXT_COMPLETE) {
            return TB_EINVAL;
        }
        if (token.kind == JSON_TOKEN_END) {
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

static int put_as_it_is(struct writer *w, const struct json_token *token) {
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
