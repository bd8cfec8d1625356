/* reading.h - a file with one value in it, and a reader for it.
 *
 * For tests of what is compiled from scalars: the file is "t: VALUE", so that byte 0 of the value
 * stands in column 4 of line 1; but what YAML would take for something else is in quotes.
 */
#ifndef TB_TESTS_UNIT_READING_H
#define TB_TESTS_UNIT_READING_H

#include <stdbool.h>

#include "base/bytes.h"
#include "script/names.h"
#include "script/node.h"
#include "script/reader.h"

struct reading {
    struct document *doc;
    struct reader r;
    const struct node *node; /* the value */
    struct bytes message;    /* terminated by reading_says() alone */
};

/* False if memory is out: it is to be released then, too. Fails the test if the value is not YAML.
 */
bool reading_init(struct reading *x, const char *value);
void reading_release(struct reading *x);

/* Whether the message is "test.yaml:1:COLUMN: error: TEXT", and then the line and the caret. */
void reading_says(struct reading *x, unsigned column, const char *text);

#endif
