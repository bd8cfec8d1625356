/* proto/http1.h - the head of an HTTP/1.1 request or response, strictly (RFC 9112).
 *
 * Incremental: bytes come in any pieces and are looked at once. Limits are enforced while
 * reading. Strict: lines end with CR LF, names are tokens, nothing is folded, no white space
 * stands before a colon, values have no control characters but tab. A target has the characters
 * of a URI (RFC 3986 s.2) and \ ^ ` { | }, which browsers send as they are typed; no space, no
 * control character, nothing beyond ASCII, none of " < >, and no #, for a fragment is not sent
 * (RFC 6455 s.3). One empty line before a request is ignored (RFC 9112 s.2.2). Bodies are not read
 * here. Sans-I/O. Owns a copy of the head's bytes.
 */
#ifndef TB_PROTO_HTTP1_H
#define TB_PROTO_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proto/violation.h"

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

/* A piece of the head; not terminated. */
struct http1_str {
    const char *p;
    size_t n;
};

struct http1_limits {
    size_t line;    /* bytes of the first line, and of each header line, without CR LF */
    size_t headers; /* bytes of all header lines together */
    size_t count;   /* header lines */
};

/* 8 KiB, 16 KiB, 100. Limits above 1 GiB (or as many lines) count as that. */
extern const struct http1_limits http1_default_limits;

enum http1_result {
    HTTP1_MORE, /* everything was taken, the head is not finished */
    HTTP1_DONE, /* the empty line was read; *used says how many bytes were the head's */
    HTTP1_BAD,  /* a rule is broken: http1_violation() */
    HTTP1_NOMEM
};

struct http1;

/* A parser for one head. `limits` is copied. NULL if memory is out. */
struct http1 *http1_new(enum http1_kind kind, const struct http1_limits *limits);
void http1_free(struct http1 *h);

/* Takes bytes; *used gets how many. Not to be called again after anything but HTTP1_MORE. */
enum http1_result http1_feed(struct http1 *h, const uint8_t *p, size_t n, size_t *used);

/* WS_V_NONE, or the rule that the head breaks. */
enum ws_violation http1_violation(const struct http1 *h);

/* What was read. Before HTTP1_DONE the answers are empty or incomplete. */
struct http1_str http1_method(const struct http1 *h); /* "GET" */
struct http1_str http1_target(const struct http1 *h); /* as it came: "/chat?room=1" */
struct http1_str http1_reason(const struct http1 *h); /* "Switching Protocols" */
unsigned http1_status(const struct http1 *h);         /* 100-999 */
unsigned http1_minor_version(const struct http1 *h);  /* 0, or 1 for HTTP/1.1 and above */

/* Header lines in the order of arrival; values without surrounding white space. */
size_t http1_header_count(const struct http1 *h);
struct http1_str http1_header_name(const struct http1 *h, size_t i);
struct http1_str http1_header_value(const struct http1 *h, size_t i);

/* The value of the only header of that name (case-insensitive); p is NULL if there is none or
 * more than one; *count (may be NULL) says how many there are. */
struct http1_str http1_header(const struct http1 *h, const char *name, size_t *count);

/* A walk over the comma-separated elements of all headers of one name (RFC 9110 s.5.6.1), in
 * order. The elements come without surrounding white space; empty ones are left out. Quoted
 * strings are not known here: a comma in one splits it. */
struct http1_list {
    const struct http1 *head;
    const char *name;
    size_t next;           /* the header to look at after `rest` */
    struct http1_str rest; /* what is left of the current header's value */
};

void http1_list_init(struct http1_list *l, const struct http1 *h, const char *name);

/* Gives the next element; false after the last one. */
bool http1_list_next(struct http1_list *l, struct http1_str *element);

/* Whether some header of that name holds the token in its comma-separated list, without regard
 * to case (Connection: keep-alive, Upgrade). */
bool http1_has_token(const struct http1 *h, const char *name, const char *token);

/* Whether a body is announced, or its length is ambiguous (RFC 9112 s.6.3). */
bool http1_has_body(const struct http1 *h);

bool http1_str_is(struct http1_str s, const char *text);        /* the same bytes */
bool http1_str_is_nocase(struct http1_str s, const char *text); /* but for ASCII case */

/* Is c a token character, s a token of at least one (RFC 9110 s.5.6.2)? */
bool http1_is_token_char(unsigned char c);
bool http1_str_is_token(struct http1_str s);

/* Whether a string can stand in a header's value as it is: it has no control character but tab.
 * What could end a line early is one. */
bool http1_is_value(const char *s);

/* Whether a string can stand as a whole header line, "Name: value"; *name gets its name then. */
bool http1_is_line(const char *line, struct http1_str *name);

#endif
