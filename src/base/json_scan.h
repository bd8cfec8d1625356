/* base/json_scan.h - JSON text, one token after the other: the project's one reader of its grammar.
 *
 * For what reads JSON or pieces of it (base/json_text.c, base/json_index.c). Allocates
 * nothing and keeps no copy: a token is a piece of the text. RFC 8259 to the letter.
 */
#ifndef TB_BASE_JSON_SCAN_H
#define TB_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_text.h"

enum json_token_kind {
    JSON_TOKEN_KEY,
    JSON_TOKEN_STRING,
    JSON_TOKEN_NUMBER,
    JSON_TOKEN_LITERAL,
    JSON_TOKEN_PUNCTUATION,
    JSON_TOKEN_END
};

struct json_token {
    enum json_token_kind kind;
    const uint8_t *p;
    size_t n; /* 0 for the end */
};

/* What may stand next, white space apart. */
enum json_awaited {
    JSON_AWAIT_VALUE,
    JSON_AWAIT_VALUE_OR_CLOSE, /* behind [ */
    JSON_AWAIT_KEY,
    JSON_AWAIT_KEY_OR_CLOSE, /* behind { */
    JSON_AWAIT_COLON,
    JSON_AWAIT_COMMA_OR_CLOSE,
    JSON_AWAIT_END
};

struct json_scan {
    const uint8_t *p;
    size_t n;
    size_t at; /* behind the last token */
    enum json_awaited awaited;
    unsigned depth; /* of what is open: 1 behind the first bracket */
    bool is_object[JSON_TEXT_DEPTH_MAX];
};

/* p[0..n) must outlive the scan. */
void json_scan_init(struct json_scan *s, const void *p, size_t n);

/* The next token, or JSON_TOKEN_END where the value is whole and nothing follows. Where it does not
 * return JSON_TEXT_COMPLETE, *token says nothing and the scan is over. */
enum json_text_state json_scan_next(struct json_scan *s, struct json_token *token);

/* The escape at the front of p[0..n), which begins with a backslash; *size is set where it is
 * complete. */
enum json_text_state json_scan_escape(const uint8_t *p, size_t n, size_t *size);

/* The code point of the complete escape at the front of p[0..n), from two of them where they are a
 * pair of surrogates; a surrogate without its partner is given as it is. Returns the size of what
 * was read. */
size_t json_scan_unescape(const uint8_t *p, size_t n, uint32_t *point);

#endif
