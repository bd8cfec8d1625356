/* script/scenario/diff.h - how what came differs from what was awaited, for a person. */
#ifndef TB_SCRIPT_SCENARIO_DIFF_H
#define TB_SCRIPT_SCENARIO_DIFF_H

#include <stddef.h>

#include "base/bytes.h"

/* Appends lines, each with its \n and safe for a terminal: "- " before what was awaited, "+ "
 * before what came, "  " before what is the same around it. Two JSON objects or arrays are compared
 * as they are pretty-printed, texts of several lines line by line; of a single line the piece
 * around the first difference is shown, with a caret below it. Nothing is appended where the texts
 * are the same. What is long is cut. TB_OK or TB_ENOMEM (out is unchanged then). */
int diff_write(const void *wanted, size_t wanted_size, const void *came, size_t came_size,
               struct bytes *out);

#endif
