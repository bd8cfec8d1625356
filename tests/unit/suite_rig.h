/* suite_rig.h - the scenarios of a file that stands in a test: read, or refused.
 */
#ifndef TB_TESTS_UNIT_SUITE_RIG_H
#define TB_TESTS_UNIT_SUITE_RIG_H

#include "base/bytes.h"
#include "script/names.h"
#include "script/reader.h"
#include "script/scenario/scenario.h"
#include "script/scope.h"

struct suite_rig {
    struct document *doc;
    struct arena *arena;
    struct names *names;
    struct bytes message;
    struct reader reader;
    const struct suite *suite;
    struct store vars; /* of the file: none */
};

/* Reads text, "test.yaml", with the keys `defaults` and `scenarios`. What the reading functions
 * gave; the message is terminated. To be released in any case. */
int suite_rig_read(struct suite_rig *rig, const char *text);
void suite_rig_release(struct suite_rig *rig);

#endif
