/* proto/handshake.h - the opening handshake, both sides (RFC 6455 s.4, RFC 7692 s.5 and s.7.1).
 *
 * Sans-I/O: reads parsed heads, appends bytes. It decides keys, versions, subprotocols,
 * extensions and Origin; who may connect beyond that is the caller's business.
 */
#ifndef TB_PROTO_HANDSHAKE_H
#define TB_PROTO_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "proto/deflate.h"
#include "proto/http1.h"
#include "proto/violation.h"

enum { WS_KEY_SIZE = 24, WS_ACCEPT_SIZE = 28 }; /* base64 characters, without terminator */

/* Sec-WebSocket-Accept for a key of WS_KEY_SIZE characters (s.4.2.2 no. 5.4). TB_OK or
 * TB_ECRYPTO. */
int ws_accept_key(const char *key, char accept[WS_ACCEPT_SIZE]);

/* ---- server ---- */

struct ws_server_policy {
    const char *const *origins; /* allowed Origins, compared as they stand; none: any Origin */
    size_t origin_count;
    const char *const *subprotocols; /* those that we speak; the client's order decides */
    size_t subprotocol_count;
    bool server_order;        /* ours decides: s.4.2.2 leaves the choice to the server */
    bool deflate;             /* accept permessage-deflate */
    bool no_context_takeover; /* ask both sides for it: no memory between messages, and a
                                 broadcast can be compressed once for all */
};

/* What the server answers to a request. */
struct ws_answer {
    enum ws_violation violation; /* WS_V_NONE: 101 */
    unsigned status;             /* 101, or that of the violation */
    char accept[WS_ACCEPT_SIZE];
    const char *subprotocol; /* one of the policy's, or NULL */
    struct ws_deflate deflate;
    bool names_server_bits; /* the offer named server_max_window_bits, so the answer must, even
                               the default (RFC 7692 s.7.1.2.1) */
};

/* Judges a whole request head. Its target is a path or an http or https URI. A plain request
 * without an upgrade gives REQUEST_NO_UPGRADE (426). An Origin that is absent is not judged (only
 * browsers send one). An unknown extension is left out of the answer; an offer of
 * permessage-deflate with bad parameters is declined and the next offer tried (RFC 7692 s.5.1).
 * TB_OK, TB_ENOMEM or TB_ECRYPTO. */
int ws_handshake_judge(const struct http1 *request, const struct ws_server_policy *policy,
                       struct ws_answer *answer);

/* An answer may have further header lines, "Name: value" each, NULL behind the last; `headers`
 * NULL: none. They are none of those that the answer has from elsewhere: Connection, Upgrade, the
 * Sec-WebSocket- ones, and those of a body. One that cannot stand as a header line (nor a
 * content type that cannot) is TB_EINVAL, so that what somebody else said cannot end the head. */

/* Appends the 101 response for an answer without violation. TB_OK, TB_EINVAL or TB_ENOMEM. */
int ws_handshake_accept(const struct ws_answer *answer, const char *const *headers,
                        struct bytes *out);

/* A refusal. */
struct ws_refusal {
    unsigned status;
    const char *content_type; /* NULL: no such line */
    const char *body;
    size_t body_size;
    const char *const *headers;
    bool head_only; /* the request was HEAD: all but the body */
};

/* Appends a refusal: status line, Connection: close, the headers that the status needs (426:
 * Upgrade and Sec-WebSocket-Version: 13, and `upgrade` in Connection; 405: Allow; 503: Retry-After:
 * 1; the last two unless `headers` have it), `headers`, Content-Type, Content-Length, then the
 * body. A status that has no body (1xx, 204, 304) is without the last three (RFC 9110 s.6.4.1,
 * s.8.6). TB_OK, TB_EINVAL or TB_ENOMEM. */
int ws_handshake_refuse(const struct ws_refusal *r, struct bytes *out);

/* The phrase of an HTTP status: "Upgrade Required". Never NULL. */
const char *http_status_phrase(unsigned status);

/* ---- client ---- */

/* What the client asks for. Strings are the caller's. A string with CR, LF or NUL, a target that
 * does not begin with '/', a subprotocol that is no token or comes twice, a further line that the
 * request has from elsewhere (Host, Upgrade, Connection, the Sec-WebSocket- ones) or that announces
 * a body: TB_EINVAL. */
struct ws_request {
    const char *host;   /* Host header: "localhost:4000" */
    const char *target; /* path and query: "/" */
    const char *origin; /* or NULL */
    const char *const *subprotocols;
    size_t subprotocol_count;
    const char *const *headers; /* further lines, "Name: value" */
    size_t header_count;
    struct ws_deflate deflate; /* what is offered; client_max_window_bits is always offered as a
                                  hint, the other three where they differ from the default */
    char key[WS_KEY_SIZE];     /* filled by ws_request_key() */
};

/* Makes a fresh key of 16 random bytes (s.4.1 no. 7). TB_OK or TB_ESYS. */
int ws_request_key(struct ws_request *r);

/* Appends the request's head. TB_OK, TB_EINVAL or TB_ENOMEM. */
int ws_request_write(const struct ws_request *r, struct bytes *out);

/* What came of it. */
struct ws_agreement {
    enum ws_violation violation; /* WS_V_NONE, or the rule that the response breaks */
    const char *subprotocol;     /* one of the request's, or NULL */
    struct ws_deflate deflate;
};

/* Judges a whole response head. TB_OK, or TB_ECRYPTO: our own failure, and nothing was judged. */
int ws_response_judge(const struct http1 *response, const struct ws_request *r,
                      struct ws_agreement *agreed);

#endif
