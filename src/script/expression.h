/* script/expression.h - what stands in ${…}: a variable, or arithmetic.
 *
 * Arithmetic is compiled into steps for a small stack, whose height is known beforehand: running it
 * parses nothing, and the depth of a file's brackets is bounded while it is read.
 */
#ifndef TB_SCRIPT_EXPRESSION_H
#define TB_SCRIPT_EXPRESSION_H

#include <stddef.h>

#include "base/bytes.h"
#include "script/cursor.h"
#include "script/number.h"
#include "script/scope.h"
#include "script/template.h"

struct variable;

enum step_kind {
    STEP_NUMBER,
    STEP_VARIABLE,
    STEP_NEGATE,
    STEP_RECKON,
    STEP_RANDOM,
    STEP_FAKE_INT,
    STEP_FAKE_FLOAT
};

struct step {
    enum step_kind kind;
    char op;                         /* of RECKON */
    struct number number;            /* of NUMBER */
    const struct variable *variable; /* of VARIABLE */
};

/* Three wait at each depth of brackets: on the left of + and of *, and a first argument. */
enum { EXPRESSION_STACK_MAX = 3 * (TEMPLATE_DEPTH_MAX + 1) + 1 };

struct expression {
    const struct variable *variable; /* it is that alone; NULL: the steps are it */
    const struct step *steps;
    size_t count;
    const char *shown; /* as it stands in the file */
};

/* Reads as much as is an expression. As reading functions do. */
int expression_read(struct cursor *c, const struct expression **e);

/* Reckons one of steps. What a variable has to be built for is built behind the end of `scratch`
 * and taken away again. NUMBER_NONE where something in it has no value: s->missing then says what,
 * if it said nothing before. TB_OK or TB_ENOMEM. */
int expression_run(const struct expression *e, struct scope *s, struct bytes *scratch,
                   struct number *result);

#endif
