/* script/from/wording.h - a recorded message in the words of our files: to be sent, to be
 * recognised. Nobody outside of this folder includes this.
 */
#ifndef TB_SCRIPT_FROM_WORDING_H
#define TB_SCRIPT_FROM_WORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "script/from/conversation.h"
#include "script/from/from_yaml.h"

/* False of a text that is not UTF-8: the file has no words for it. */
bool wording_can_send(const struct from_event *message);

/* As a message that is sent: a scalar, or a mapping in braces. */
void wording_payload(struct yaml_out *y, const struct from_event *message);

/* As a matcher, without the braces around: "text: hi", "regex: '^…$'", "binary: \"ca fe\"". */
void wording_fields(struct yaml_out *y, const struct from_event *message);

/* As a matcher. */
void wording_matcher(struct yaml_out *y, const struct from_event *message);

/* A comment for a matcher that is a pattern, saying what it stands for; else nothing. */
void wording_remark(struct yaml_out *y, unsigned indent, const struct from_event *message);

/* "{ code: 4001, reason: done }", or the code alone; a code of 0 is left out. `more` stands behind
 * them: " by: server". */
void wording_close(struct yaml_out *y, const struct from_event *close, const char *more);

/* A time of whole milliseconds: "5s", "5200ms". */
void wording_duration(struct yaml_out *y, int64_t us);

#endif
