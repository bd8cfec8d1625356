#include "proto/extension.h"

static const char header_name[] = "Sec-WebSocket-Extensions";

static bool at_char(const struct http1_str *s, char c) {
    return s->n > 0 && s->p[0] == c;
}

static void skip(struct http1_str *s, size_t n) {
    s->p += n;
    s->n -= n;
}

/* White space may stand between any two words (RFC 2616 s.2.1, "implied *LWS"). */
static void skip_space(struct http1_str *s) {
    while (at_char(s, ' ') || at_char(s, '\t')) {
        skip(s, 1);
    }
}

/* Cuts a token and the white space behind it off s; it has no bytes if there is no token. */
static struct http1_str cut_token(struct http1_str *s) {
    struct http1_str token = {s->p, 0};
    while (s->n > 0 && http1_is_token_char((unsigned char)s->p[0])) {
        skip(s, 1);
        token.n++;
    }
    skip_space(s);
    return token;
}

/* Cuts a quoted string whose content, without backslashes, is a token (s.9.1). The value stays
 * empty if it is anything else. */
static struct http1_str cut_quoted(struct http1_str *s) {
    const struct http1_str none = {s->p, 0};
    skip(s, 1);
    struct http1_str value = {s->p, 0};
    while (s->n > 0 && s->p[0] != '"') {
        size_t escape = s->p[0] == '\\' ? 1 : 0;
        if (s->n <= escape || !http1_is_token_char((unsigned char)s->p[escape])) {
            return none;
        }
        skip(s, escape + 1);
        value.n += escape + 1;
    }
    if (s->n == 0) {
        return none;
    }
    skip(s, 1);
    skip_space(s);
    return value;
}

/* A part ends where the next parameter begins, or with the extension. */
static bool part_ended(const struct http1_str *s) {
    return s->n == 0 || at_char(s, ';');
}

static enum ws_extension_kind read_name(struct ws_extension_reader *r,
                                        struct ws_extension_part *part) {
    part->name = cut_token(&r->rest);
    bool good = part->name.n > 0 && part_ended(&r->rest);
    return good ? WS_EXTENSION_NAME : WS_EXTENSION_BAD;
}

static enum ws_extension_kind read_param(struct ws_extension_reader *r,
                                         struct ws_extension_part *part) {
    struct http1_str *s = &r->rest;
    skip(s, 1);
    skip_space(s);
    part->name = cut_token(s);
    if (part->name.n == 0) {
        return WS_EXTENSION_BAD;
    }
    if (at_char(s, '=')) {
        skip(s, 1);
        skip_space(s);
        part->has_value = true;
        part->value = at_char(s, '"') ? cut_quoted(s) : cut_token(s);
    }
    bool good = part->value.n > 0 || !part->has_value;
    return good && part_ended(s) ? WS_EXTENSION_PARAM : WS_EXTENSION_BAD;
}

void ws_extension_reader_init(struct ws_extension_reader *r, const struct http1 *head) {
    *r = (struct ws_extension_reader){.empty = true};
    http1_list_init(&r->list, head, header_name);
}

enum ws_extension_kind ws_extension_next(struct ws_extension_reader *r,
                                         struct ws_extension_part *part) {
    *part = (struct ws_extension_part){.has_value = false};
    if (r->rest.n > 0) {
        return read_param(r, part);
    }
    /* A comma within quotes cuts the string in two, and both halves are then refused: rightly,
     * for no token has a comma. */
    if (http1_list_next(&r->list, &r->rest)) {
        r->empty = false;
        return read_name(r, part);
    }
    size_t headers;
    http1_header(r->list.head, header_name, &headers);
    return r->empty && headers > 0 ? WS_EXTENSION_BAD : WS_EXTENSION_END;
}

size_t ws_extension_value(const struct ws_extension_part *part, char *dst, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < part->value.n; i++) {
        if (part->value.p[i] == '\\') {
            continue;
        }
        if (n < cap) {
            dst[n] = part->value.p[i];
        }
        n++;
    }
    return n;
}
