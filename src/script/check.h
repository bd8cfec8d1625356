/* script/check.h - what a `check` step asks: two templates and what must hold between them.
 *
 * `${alice.k} == ${bob.k}`, with one of == != < <= > >= contains matches, outside of ${…} and of
 * quotes; the words have white space around them. A side may stand in quotes, "…" or '…', and must
 * where an operator stands in it; white space around a side that does not is no part of it. == and
 * its kin compare as numbers where both sides are numbers (as JSON writes them; exactly, whatever
 * their size), else as text, byte by byte. `matches` takes a regular expression that is no
 * template; all that follows it is the expression, quotes around it left out.
 */
#ifndef TB_SCRIPT_CHECK_H
#define TB_SCRIPT_CHECK_H

#include <stdbool.h>

#include "base/bytes.h"
#include "script/node.h"
#include "script/scope.h"

struct check;
struct reader;

/* As reading functions do. */
int check_read(struct reader *r, const struct node *node, const struct check **check);

/* TB_OK, and *holds says whether it does; left and right get what was compared (of a regular
 * expression, its text). Where something has no value nothing holds, and s->missing names it; so it
 * is where a regular expression was given up for its cost. Or TB_ENOMEM, or TB_ERANGE
 * (template_expand()). */
int check_holds(const struct check *check, struct scope *s, bool *holds, struct bytes *left,
                struct bytes *right);

#endif
