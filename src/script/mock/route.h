/* script/mock/route.h - which paths a route is for: "/feed/{symbol}", or all below one
 * with ** at the end.
 *
 * A segment in braces takes any one segment, ** at the end takes any rest, also none. Paths are
 * compared after percent-decoding, without their query; a slash at the end counts.
 */
#ifndef TB_SCRIPT_MOCK_ROUTE_H
#define TB_SCRIPT_MOCK_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/http1.h"
#include "script/node.h"
#include "script/scope.h"

struct reader;
struct route;

enum { ROUTE_PARTS_MAX = 16 };

/* Reads a key of `routes`. As reading functions do. */
int route_read(struct reader *r, const struct node *key, const struct route **route);

/* The route for every path. */
int route_read_all(struct reader *r, const struct route **route);

const char *route_text(const struct route *route);

/* Whether they are for the same paths. */
bool route_is_same(const struct route *a, const struct route *b);

/* What the names in braces took: `text` holds the values, which point into it. */
struct route_parts {
    struct path_part items[ROUTE_PARTS_MAX];
    size_t count;
    struct bytes text;
};

/* Whether the route is for the request's target (a path with its query, or a whole URI). The parts,
 * if that is not NULL, are filled in; the caller releases parts->text. A target whose escapes are
 * broken, or spell a NUL, is no route's. *nomem says that memory was out. */
bool route_takes(const struct route *route, struct http1_str target, struct route_parts *parts,
                 bool *nomem);

#endif
