/* proto/violation.h - what a peer did wrong, as data.
 *
 * Owns the one table of rules (violation.def): the server, the client, the recordings and every
 * later verb name a broken rule from it. A violation is never an error of ours.
 */
#ifndef TB_PROTO_VIOLATION_H
#define TB_PROTO_VIOLATION_H

#include <stdint.h>

enum ws_violation {
    WS_V_NONE = 0,
#define X(name, section, close_code, status, text) WS_V_##name,
#include "proto/violation.def"
#undef X
    WS_V_COUNT
};

struct ws_violation_row {
    const char *name;    /* "FRAME_RSV" */
    const char *section; /* "RFC 6455 5.2" */
    const char *text;    /* one sentence for a person, without a full stop */
    uint16_t close_code; /* 0: not about an open connection */
    uint16_t status;     /* the HTTP status of the refusal; 0: not about a request */
};

/* The row of a violation; WS_V_NONE and what is no violation give a row that says "none". */
const struct ws_violation_row *ws_violation_row(enum ws_violation v);

#endif
