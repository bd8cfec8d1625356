/* proto/subprotocol.h - the client's list in Sec-WebSocket-Protocol (RFC 6455 s.4.2.1 no. 8). */
#ifndef TB_PROTO_SUBPROTOCOL_H
#define TB_PROTO_SUBPROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/http1.h"

/* Says in *good whether the list holds distinct tokens, at least one if there is a header. In
 * O(n log n): the list is the peer's. TB_OK or TB_ENOMEM. */
int ws_subprotocol_check(const struct http1 *request, bool *good);

/* The first of the client's list that is among known[0..count), or, with known_order, the first of
 * known[0..count) that is in the client's list; or NULL. */
const char *ws_subprotocol_choose(const struct http1 *request, const char *const *known,
                                  size_t count, bool known_order);

#endif
