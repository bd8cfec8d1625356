/* script/from/place.h - the route of a mock that a recorded path is served by. Nobody outside of
 * this folder includes this.
 */
#ifndef TB_SCRIPT_FROM_PLACE_H
#define TB_SCRIPT_FROM_PLACE_H

#include "base/bytes.h"

/* From the one that takes the least to the one that takes most. */
enum place_kind {
    PLACE_EXACT, /* this path alone */
    PLACE_PARTS, /* segments that a route cannot spell stand in it as {part1}, {part2}, … */
    PLACE_ALL    /* all paths: this one cannot be spelt */
};

/* Appends the route's text for the path of a target, whose query does not count. TB_OK or
 * TB_ENOMEM. */
int place_of(const char *target, struct bytes *route, enum place_kind *kind);

#endif
