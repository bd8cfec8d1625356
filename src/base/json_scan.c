#include "base/json_scan.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"

void json_scan_init(struct json_scan *s, const void *p, size_t n) {
    s->p = p;
    s->n = n;
    s->at = 0;
    s->awaited = JSON_AWAIT_VALUE;
    s->depth = 0;
}

/* ---- single tokens; each sets *size where the token is complete ---- */

/* How many bytes from the front are plain ASCII: nearly all of nearly every string. */
static size_t plain_run(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' && p[i] != '\\') {
        i++;
    }
    return i;
}

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

enum json_text_state json_scan_escape(const uint8_t *p, size_t n, size_t *size) {
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

/* What \uXXXX stands for; 0 if no such escape is at the front of p[0..n). */
static uint32_t read_unit(const uint8_t *p, size_t n) {
    uint32_t unit = 0;
    if (n < 6 || p[0] != '\\' || p[1] != 'u') {
        return 0;
    }
    for (size_t i = 2; i < 6; i++) {
        unit = unit << 4 | ascii_hex_value((char)p[i]);
    }
    return unit;
}

size_t json_scan_unescape(const uint8_t *p, size_t n, uint32_t *point) {
    static const char letters[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    if (p[1] != 'u') {
        const char *letter = strchr(letters, p[1]);
        *point = letter != NULL ? (uint8_t)meant[letter - letters] : p[1];
        return 2;
    }
    *point = read_unit(p, n);
    if (*point < 0xd800 || *point > 0xdbff) {
        return 6;
    }
    uint32_t low = read_unit(p + 6, n - 6);
    if (low < 0xdc00 || low > 0xdfff) {
        return 6;
    }
    *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

static enum json_text_state read_string(const uint8_t *p, size_t n, size_t *size) {
    size_t i = 1 + plain_run(p + 1, n - 1);
    while (i < n && p[i] != '"') {
        size_t step = 0;
        enum json_text_state state =
            p[i] == '\\' ? json_scan_escape(p + i, n - i, &step) : read_plain(p + i, n - i, &step);
        if (state != JSON_TEXT_COMPLETE) {
            return state;
        }
        i += step;
        i += plain_run(p + i, n - i);
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

static enum json_awaited after_value(const struct json_scan *s) {
    return s->depth == 0 ? JSON_AWAIT_END : JSON_AWAIT_COMMA_OR_CLOSE;
}

static enum json_text_state open_level(struct json_scan *s, bool is_object) {
    if (s->depth == JSON_TEXT_DEPTH_MAX) {
        return JSON_TEXT_BROKEN;
    }
    s->is_object[s->depth++] = is_object;
    s->awaited = is_object ? JSON_AWAIT_KEY_OR_CLOSE : JSON_AWAIT_VALUE_OR_CLOSE;
    return JSON_TEXT_COMPLETE;
}

static enum json_text_state read_value(struct json_scan *s, struct json_token *token) {
    const uint8_t *p = token->p;
    size_t n = s->n - s->at;
    if (*p == '{' || *p == '[') {
        token->kind = JSON_TOKEN_PUNCTUATION;
        token->n = 1;
        return open_level(s, *p == '{');
    }
    s->awaited = after_value(s);
    if (*p == '"') {
        token->kind = JSON_TOKEN_STRING;
        return read_string(p, n, &token->n);
    }
    if (*p == '-' || ascii_is_digit((char)*p)) {
        token->kind = JSON_TOKEN_NUMBER;
        return read_number(p, n, &token->n);
    }
    if (*p == 't' || *p == 'f' || *p == 'n') {
        token->kind = JSON_TOKEN_LITERAL;
        return read_literal(p, n, &token->n);
    }
    return JSON_TEXT_BROKEN;
}

static enum json_text_state read_key(struct json_scan *s, struct json_token *token) {
    if (*token->p != '"') {
        return JSON_TEXT_BROKEN;
    }
    s->awaited = JSON_AWAIT_COLON;
    token->kind = JSON_TOKEN_KEY;
    return read_string(token->p, s->n - s->at, &token->n);
}

/* A colon, a comma or a bracket. */
static enum json_text_state read_punctuation(struct json_scan *s, struct json_token *token) {
    bool in_object = s->depth > 0 && s->is_object[s->depth - 1];
    token->kind = JSON_TOKEN_PUNCTUATION;
    token->n = 1;
    if (s->awaited == JSON_AWAIT_COLON) {
        s->awaited = JSON_AWAIT_VALUE;
        return *token->p == ':' ? JSON_TEXT_COMPLETE : JSON_TEXT_BROKEN;
    }
    if (s->awaited == JSON_AWAIT_COMMA_OR_CLOSE && *token->p == ',') {
        s->awaited = in_object ? JSON_AWAIT_KEY : JSON_AWAIT_VALUE;
        return JSON_TEXT_COMPLETE;
    }
    if (*token->p == (in_object ? '}' : ']')) {
        s->depth--;
        s->awaited = after_value(s);
        return JSON_TEXT_COMPLETE;
    }
    return JSON_TEXT_BROKEN;
}

static enum json_text_state read_awaited(struct json_scan *s, struct json_token *token) {
    bool is_close = *token->p == '}' || *token->p == ']';
    switch (s->awaited) {
    case JSON_AWAIT_VALUE:
        return read_value(s, token);
    case JSON_AWAIT_VALUE_OR_CLOSE:
        return is_close ? read_punctuation(s, token) : read_value(s, token);
    case JSON_AWAIT_KEY:
        return read_key(s, token);
    case JSON_AWAIT_KEY_OR_CLOSE:
        return is_close ? read_punctuation(s, token) : read_key(s, token);
    case JSON_AWAIT_COLON:
    case JSON_AWAIT_COMMA_OR_CLOSE:
        return read_punctuation(s, token);
    case JSON_AWAIT_END:
        break;
    }
    return JSON_TEXT_BROKEN;
}

static bool is_white(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum json_text_state json_scan_next(struct json_scan *s, struct json_token *token) {
    while (s->at < s->n && is_white(s->p[s->at])) {
        s->at++;
    }
    token->n = 0;
    if (s->at == s->n) {
        token->kind = JSON_TOKEN_END;
        return s->awaited == JSON_AWAIT_END ? JSON_TEXT_COMPLETE : JSON_TEXT_INCOMPLETE;
    }
    token->p = s->p + s->at;
    enum json_text_state state = read_awaited(s, token);
    s->at += token->n;
    return state;
}
