#include "proto/violation.h"

#include <stddef.h>

/* A section of RFC 6455 stands in the table without its RFC, and is shorter than any "RFC N". */
#define SECTION(s) (sizeof(s) > sizeof("RFC ") + 1 ? (s) : "RFC 6455 " s)

static const struct ws_violation_row rows[WS_V_COUNT] = {
    [WS_V_NONE] = {"none", "none", "none", 0, 0},
#define X(NAME, SECT, CLOSE_CODE, STATUS, TEXT)                                                    \
    [WS_V_##NAME] = {#NAME, SECTION(SECT), TEXT, CLOSE_CODE, STATUS},
#include "proto/violation.def"
#undef X
};

const struct ws_violation_row *ws_violation_row(enum ws_violation v) {
    size_t i = (size_t)v;
    return &rows[i < WS_V_COUNT ? i : WS_V_NONE];
}
