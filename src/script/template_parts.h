/* script/template_parts.h - what a template is made of; for script/template.h's own files and for
 * whoever reads templates with something else around them.
 */
#ifndef TB_SCRIPT_TEMPLATE_PARTS_H
#define TB_SCRIPT_TEMPLATE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "script/cursor.h"

struct expression;
struct template;

/* A piece of literal text, or ${…}. */
struct part {
    const char *text; /* terminated */
    size_t size;
    const struct expression *expression; /* NULL: the text is it */
    const struct template *otherwise;    /* its default; NULL: none */
};

/* No two literal parts stand side by side, and none is empty. */
struct template {
    const struct part *parts;
    size_t count;
};

/* Reads a template from the cursor on, up to a place outside of ${…} where stops() is true, or to
 * the cursor's end. As reading functions do. */
int template_read_until(struct cursor *c, bool (*stops)(const struct cursor *c),
                        const struct template **t);

#endif
