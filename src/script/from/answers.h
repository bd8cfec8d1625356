/* script/from/answers.h - what the clients of one path said and what came of it, as a mock's
 * rules. Nobody outside of this folder includes this.
 */
#ifndef TB_SCRIPT_FROM_ANSWERS_H
#define TB_SCRIPT_FROM_ANSWERS_H

#include <stddef.h>

#include "script/from/conversation.h"
#include "script/from/from_yaml.h"

/* Writes the `rules` of a route. The conversations are those that were not refused,
 * in their order. */
void answers_write(struct yaml_out *y, const struct conversation *const *c, size_t count);

#endif
