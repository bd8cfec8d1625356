/* script/sole_matcher.h - a matcher that stands alone, on a command line or in a request, with all
 * that it needs: in YAML's flow style, and so in JSON.
 *
 * There is nobody whose variables it could use, so it has none but those that its own named groups
 * catch.
 */
#ifndef TB_SCRIPT_SOLE_MATCHER_H
#define TB_SCRIPT_SOLE_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "script/message.h"

struct sole_matcher;

/* Reads text[0..n); `name` stands for a file's in messages. TB_OK; TB_EINVAL, and *message says
 * what is wrong (document_refuse()); or TB_ENOMEM. */
int sole_matcher_new(const char *name, const char *text, size_t n, struct sole_matcher **m,
                     struct bytes *message);

/* NULL is allowed. */
void sole_matcher_free(struct sole_matcher *m);

/* Whether the message matches; *gave_up (may be NULL) is set if a regex was given up on it. */
bool sole_matcher_matches(struct sole_matcher *m, struct message *message, bool *gave_up);

/* Appends what it wants, in words; and why the message does not match. TB_OK or TB_ENOMEM. */
int sole_matcher_describe(const struct sole_matcher *m, struct bytes *out);
int sole_matcher_why_not(struct sole_matcher *m, struct message *message, struct bytes *out);

#endif
