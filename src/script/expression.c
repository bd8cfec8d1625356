#include "script/expression.h"

#include "base/err.h"
#include "script/chance.h"
#include "script/variable.h"

static void note_missing(struct scope *s, const char *what) {
    if (s->missing == NULL) {
        s->missing = what;
    }
}

static int number_of(const struct variable *v, struct scope *s, struct bytes *scratch,
                     struct number *x) {
    size_t len = scratch->len;
    struct value value;
    int err = variable_get(v, s, scratch, &value);
    *x = (struct number){0};
    if (err == TB_OK && value.kind == VALUE_NONE) {
        note_missing(s, v->shown);
    }
    if (value.kind == VALUE_PIECE) {
        *x = number_read(value.p, value.size);
    } else if (value.kind == VALUE_BUILT) {
        *x = number_read(scratch->data + len, scratch->len - len);
    }
    scratch->len = len;
    return err;
}

/* ---- chance ---- */

static struct number real_between(struct chance *c, struct number min, struct number max) {
    double from = number_as_real(min);
    double to = number_as_real(max);
    return from <= to ? number_real(chance_real(c, from, to)) : (struct number){0};
}

static struct number whole_between(struct chance *c, int64_t min, int64_t max) {
    return min <= max ? number_whole(chance_between_signed(c, min, max)) : (struct number){0};
}

static struct number draw(enum step_kind kind, struct chance *c, struct number a, struct number b) {
    if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE) {
        return (struct number){0};
    }
    if (kind != STEP_FAKE_FLOAT && a.kind == NUMBER_WHOLE && b.kind == NUMBER_WHOLE) {
        return whole_between(c, a.whole, b.whole);
    }
    return kind != STEP_FAKE_INT ? real_between(c, a, b) : (struct number){0};
}

/* ---- steps ---- */

/* Where the stack's top is the second of two, the step's result takes the first one's place. */
static struct number join(const struct step *step, struct scope *s, struct number a,
                          struct number b) {
    return step->kind == STEP_RECKON ? number_reckon(step->op, a, b)
                                     : draw(step->kind, s->chance, a, b);
}

int expression_run(const struct expression *e, struct scope *s, struct bytes *scratch,
                   struct number *result) {
    struct number stack[EXPRESSION_STACK_MAX] = {0};
    size_t height = 0;
    for (const struct step *step = e->steps; step < e->steps + e->count; step++) {
        int err = TB_OK;
        switch (step->kind) {
        case STEP_NUMBER:
            stack[height++] = step->number;
            break;
        case STEP_VARIABLE:
            err = number_of(step->variable, s, scratch, &stack[height++]);
            break;
        case STEP_NEGATE:
            stack[height - 1] = number_negate(stack[height - 1]);
            break;
        default:
            height--;
            stack[height - 1] = join(step, s, stack[height - 1], stack[height]);
            break;
        }
        if (err != TB_OK) {
            return err;
        }
    }
    *result = stack[0];
    if (result->kind == NUMBER_NONE) {
        note_missing(s, e->shown);
    }
    return TB_OK;
}
