/* script/path.h - where a value stands in JSON: a subset of JSONPath (RFC 9535).
 *
 * Names (.name, ['name'], ["name"]), indexes ([0], [-1]) and [*] or .* (every element or member),
 * behind $ for the whole. Filters, slices, unions and .. are refused in words. A path is compiled
 * once and may then be followed by several threads; that allocates nothing, and takes time in
 * proportion to the text and the path.
 */
#ifndef TB_SCRIPT_PATH_H
#define TB_SCRIPT_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/json_index.h"

struct path;

enum { PATH_STEPS_MAX = 64 };

/* Compiles text[0..n) into the arena. TB_OK, TB_ENOMEM or TB_EINVAL: *offset is where it stopped
 * being understood, and *why says so: plain words that live for ever. */
int path_compile(struct arena *arena, const char *text, size_t n, const struct path **path,
                 size_t *offset, const char **why);

/* The same of a path without its $: what stands behind `json` in a template, as in
 * ".items[0].name". */
int path_compile_tail(struct arena *arena, const char *text, size_t n, const struct path **path,
                      size_t *offset, const char **why);

/* Calls each() for the values that the path leads to, in the order of the text, until one returns
 * true. Returns whether one did. A name leads to the last of the members that have it; [*] to each
 * of them. None, if x is empty. */
bool path_each(const struct path *path, const struct json_index *x,
               bool (*each)(void *ctx, size_t at), void *ctx);

/* The first of them; JSON_NONE if there is none. */
ptrdiff_t path_first(const struct path *path, const struct json_index *x);

/* Appends it as a person writes it, so that it compiles to the same: "$.items[0].name". Not yet
 * safe for a terminal. TB_OK or TB_ENOMEM (out is unchanged then). */
int path_write(const struct path *path, struct bytes *out);

#endif
