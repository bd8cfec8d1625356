#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "script/expression.h"
#include "script/reader.h"
#include "script/template.h"
#include "script/variable.h"

/* What is compiled: the steps so far, and how high the stack is behind them. */
struct compiler {
    struct cursor *c;
    struct bytes steps;
    size_t height;
};

static size_t step_count(const struct compiler *k) {
    return k->steps.len / sizeof(struct step);
}

static const struct step *steps_of(const struct compiler *k) {
    return (const struct step *)(const void *)k->steps.data;
}

static int refuse(const struct compiler *k, const char *what) {
    return reader_refuse_at(k->c->r, k->c->node, k->c->at, "%s", what);
}

static int emit(struct compiler *k, const struct step *step) {
    if (step->kind == STEP_NUMBER || step->kind == STEP_VARIABLE) {
        k->height++;
    } else if (step->kind != STEP_NEGATE) {
        k->height--;
    }
    if (k->height > EXPRESSION_STACK_MAX) {
        return refuse(k, "too much stands in one ${...}");
    }
    return bytes_append(&k->steps, step, sizeof(*step));
}

static int read_sum(struct compiler *k);

/* ---- numbers and brackets ---- */

static int read_number(struct compiler *k) {
    const char *text = k->c->node->text;
    size_t start = k->c->at;
    size_t at = start;
    while (at < k->c->end && (cursor_is_word(text[at]) || text[at] == '.')) {
        bool exponent = ascii_lower(text[at]) == 'e';
        at++;
        if (exponent && at < k->c->end && (text[at] == '+' || text[at] == '-')) {
            at++;
        }
    }
    struct step step = {.kind = STEP_NUMBER, .number = number_read(text + start, at - start)};
    if (step.number.kind == NUMBER_NONE) {
        return reader_refuse_at(k->c->r, k->c->node, start, "'%.*s' is not a number",
                                at - start < 40 ? (int)(at - start) : 40, text + start);
    }
    k->c->at = at;
    return emit(k, &step);
}

static int descend(struct compiler *k) {
    if (k->c->depth == TEMPLATE_DEPTH_MAX) {
        return refuse(k, "too many brackets in each other");
    }
    k->c->depth++;
    int err = read_sum(k);
    k->c->depth--;
    return err;
}

static int expect(struct compiler *k, const char *what) {
    cursor_skip_white(k->c);
    if (cursor_takes(k->c, what)) {
        return TB_OK;
    }
    return reader_refuse_at(k->c->r, k->c->node, k->c->at, "a '%s' is missing here", what);
}

static int read_brackets(struct compiler *k) {
    int err = descend(k);
    return err == TB_OK ? expect(k, ")") : err;
}

/* ---- functions ---- */

static const struct function {
    const char *name;
    enum step_kind kind;
} functions[] = {
    {"random", STEP_RANDOM}, {"fake.int", STEP_FAKE_INT}, {"fake.float", STEP_FAKE_FLOAT}};

/* The value of steps that nothing can change; NUMBER_NONE: something can. */
static struct number constant(const struct compiler *k, size_t from, size_t end) {
    struct expression e = {.steps = steps_of(k) + from, .count = end - from};
    struct scope nothing = {0};
    struct number x = {0};
    for (size_t i = 0; i < e.count; i++) {
        enum step_kind kind = e.steps[i].kind;
        if (kind != STEP_NUMBER && kind != STEP_NEGATE && kind != STEP_RECKON) {
            return x;
        }
    }
    return expression_run(&e, &nothing, NULL, &x) == TB_OK ? x : (struct number){0};
}

static int check_range(const struct compiler *k, const struct function *f, size_t place,
                       struct number a, struct number b) {
    struct cursor *c = k->c;
    c->r->takes_chance = true;
    if (f->kind == STEP_FAKE_INT && (a.kind == NUMBER_REAL || b.kind == NUMBER_REAL)) {
        return reader_refuse_at(c->r, c->node, place, "%s(a,b) is for whole numbers", f->name);
    }
    if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE) {
        return TB_OK;
    }
    bool whole = a.kind == NUMBER_WHOLE && b.kind == NUMBER_WHOLE;
    if (whole ? a.whole > b.whole : number_as_real(a) > number_as_real(b)) {
        return reader_refuse_at(c->r, c->node, place,
                                "the first number of %s(a,b) is larger than the second", f->name);
    }
    return TB_OK;
}

/* Behind its name and the bracket. */
static int read_arguments(struct compiler *k, const struct function *f, size_t place) {
    size_t first = step_count(k);
    int err = descend(k);
    size_t second = step_count(k);
    err = err == TB_OK ? expect(k, ",") : err;
    err = err == TB_OK ? descend(k) : err;
    err = err == TB_OK ? expect(k, ")") : err;
    if (err == TB_OK) {
        err = check_range(k, f, place, constant(k, first, second),
                          constant(k, second, step_count(k)));
    }
    const struct step step = {.kind = f->kind};
    return err == TB_OK ? emit(k, &step) : err;
}

/* The function whose name and bracket stand next; the cursor is behind them then. */
static const struct function *take_function(struct cursor *c) {
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        struct cursor ahead = *c;
        if (cursor_takes(&ahead, functions[i].name)) {
            cursor_skip_white(&ahead);
            if (cursor_takes(&ahead, "(")) {
                *c = ahead;
                return &functions[i];
            }
        }
    }
    return NULL;
}

/* ---- operands ---- */

static int read_variable(struct compiler *k) {
    struct variable *v = arena_alloc(k->c->r->arena, sizeof(*v));
    if (v == NULL) {
        return TB_ENOMEM;
    }
    int err = variable_read(k->c, v);
    const struct step step = {.kind = STEP_VARIABLE, .variable = v};
    return err == TB_OK ? emit(k, &step) : err;
}

static int read_operand(struct compiler *k) {
    size_t place = k->c->at;
    const struct function *f = take_function(k->c);
    if (f != NULL) {
        return read_arguments(k, f, place);
    }
    if (cursor_takes(k->c, "(")) {
        return read_brackets(k);
    }
    char next = cursor_next(k->c);
    if (ascii_is_digit(next)) {
        return read_number(k);
    }
    if (cursor_is_word(next) || (unsigned char)next >= 0x80) {
        return read_variable(k);
    }
    return refuse(k, "a variable or a number is missing here");
}

static int read_signed(struct compiler *k) {
    size_t negations = 0;
    for (cursor_skip_white(k->c); cursor_takes(k->c, "-"); cursor_skip_white(k->c)) {
        negations++;
    }
    int err = read_operand(k);
    const struct step step = {.kind = STEP_NEGATE};
    for (; negations > 0 && err == TB_OK; negations--) {
        err = emit(k, &step);
    }
    return err;
}

/* ---- operators ---- */

/* Reads operands with one of the operators between them, from the left to the right. */
static int read_chain(struct compiler *k, const char *ops, int (*operand)(struct compiler *k)) {
    int err = operand(k);
    while (err == TB_OK) {
        cursor_skip_white(k->c);
        char op = cursor_next(k->c);
        if (op == '\0' || strchr(ops, op) == NULL) {
            break;
        }
        k->c->at++;
        err = operand(k);
        const struct step step = {.kind = STEP_RECKON, .op = op};
        err = err == TB_OK ? emit(k, &step) : err;
    }
    return err;
}

static int read_product(struct compiler *k) {
    return read_chain(k, "*/%", read_signed);
}

static int read_sum(struct compiler *k) {
    return read_chain(k, "+-", read_product);
}

/* ---- the whole ---- */

static int finish(struct compiler *k, size_t start, struct expression *e) {
    struct arena *arena = k->c->r->arena;
    size_t end = k->c->at;
    while (end > start && cursor_is_white(k->c->node->text[end - 1])) {
        end--;
    }
    struct step *steps = arena_alloc(arena, k->steps.len);
    e->shown = arena_text(arena, k->c->node->text + start, end - start);
    if (steps == NULL || e->shown == NULL) {
        return TB_ENOMEM;
    }
    if (k->steps.len > 0) {
        memcpy(steps, k->steps.data, k->steps.len);
    }
    e->steps = steps;
    e->count = step_count(k);
    if (e->count == 1 && steps[0].kind == STEP_VARIABLE) {
        e->variable = steps[0].variable;
    }
    return TB_OK;
}

int expression_read(struct cursor *c, const struct expression **e) {
    struct compiler k = {.c = c};
    struct expression *made = arena_alloc(c->r->arena, sizeof(*made));
    cursor_skip_white(c);
    size_t start = c->at;
    int err = made == NULL ? TB_ENOMEM : read_sum(&k);
    if (err == TB_OK) {
        err = finish(&k, start, made);
        *e = made;
    }
    bytes_release(&k.steps);
    return err;
}
