#include "script/template.h"

#include <string.h>

#include "base/err.h"
#include "base/json_write.h"
#include "script/expression.h"
#include "script/template_parts.h"
#include "script/variable.h"

const char *template_literal(const struct template *t, size_t *n) {
    if (t->count == 0) {
        *n = 0;
        return "";
    }
    if (t->count > 1 || t->parts[0].expression != NULL) {
        return NULL;
    }
    *n = t->parts[0].size;
    return t->parts[0].text;
}

bool template_is_single(const struct template *t) {
    return t->count == 1 && t->parts[0].expression != NULL;
}

bool template_is_text(const struct template *t) {
    const struct variable *v = template_is_single(t) ? t->parts[0].expression->variable : NULL;
    return v != NULL && v->kind == VARIABLE_TEXT && t->parts[0].otherwise == NULL;
}

/* As deep as defaults stand in each other. */
bool template_uses_text(const struct template *t) {
    for (const struct part *part = t->parts; part < t->parts + t->count; part++) {
        const struct variable *v = part->expression != NULL ? part->expression->variable : NULL;
        if ((v != NULL && v->kind == VARIABLE_TEXT) ||
            (part->otherwise != NULL && template_uses_text(part->otherwise))) {
            return true;
        }
    }
    return false;
}

/* ---- text ---- */

struct expansion {
    struct scope *scope;
    struct bytes *out;
    size_t start; /* where its text begins */
};

static int put(struct expansion *x, const void *p, size_t n) {
    if (n > TEMPLATE_SIZE_MAX - (x->out->len - x->start)) {
        return TB_ERANGE;
    }
    return bytes_append(x->out, p, n);
}

static int put_variable(struct expansion *x, const struct variable *v, bool *found) {
    struct value value;
    int err = variable_get(v, x->scope, x->out, &value);
    *found = value.kind != VALUE_NONE;
    if (err != TB_OK) {
        return err;
    }
    if (value.kind == VALUE_PIECE) {
        return put(x, value.p, value.size);
    }
    return x->out->len - x->start > TEMPLATE_SIZE_MAX ? TB_ERANGE : TB_OK;
}

static int put_number(struct expansion *x, const struct expression *e, bool *found) {
    char text[NUMBER_TEXT_MAX];
    struct number number;
    int err = expression_run(e, x->scope, x->out, &number);
    if (err != TB_OK) {
        return err;
    }
    *found = number.kind != NUMBER_NONE;
    return put(x, text, number_write(number, text));
}

static int put_parts(struct expansion *x, const struct template *t);

static int put_part(struct expansion *x, const struct part *part) {
    if (part->expression == NULL) {
        return put(x, part->text, part->size);
    }
    const struct expression *e = part->expression;
    const char *missing = x->scope->missing;
    bool found = false;
    int err = e->variable != NULL ? put_variable(x, e->variable, &found) : put_number(x, e, &found);
    if (err != TB_OK || found) {
        return err;
    }
    if (part->otherwise != NULL) {
        x->scope->missing = missing;
        return put_parts(x, part->otherwise);
    }
    if (x->scope->missing == NULL) {
        x->scope->missing = e->shown;
    }
    return TB_OK;
}

/* As deep as defaults stand in each other, which is TEMPLATE_DEPTH_MAX at the most. */
static int put_parts(struct expansion *x, const struct template *t) {
    int err = TB_OK;
    for (const struct part *part = t->parts; part < t->parts + t->count && err == TB_OK; part++) {
        err = put_part(x, part);
    }
    return err;
}

int template_expand(const struct template *t, struct scope *s, struct bytes *out) {
    struct expansion x = {.scope = s, .out = out, .start = out->len};
    s->missing = NULL;
    int err = put_parts(&x, t);
    if (err != TB_OK) {
        out->len = x.start;
    }
    return err;
}

/* ---- JSON ---- */

/* Whether JSON has it without quotes. */
static bool is_bare(const char *p, size_t n) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strlen(words[i]) == n && memcmp(words[i], p, n) == 0) {
            return true;
        }
    }
    return number_is_text(p, n);
}

/* Turns what was expanded behind `start` into a string. */
static int quote(struct bytes *out, size_t start) {
    struct bytes text = BYTES_INIT;
    size_t n = out->len - start;
    int err = bytes_append(&text, n > 0 ? out->data + start : NULL, n);
    if (err == TB_OK) {
        out->len = start;
        err = json_write_string(out, text.data, text.len);
    }
    bytes_release(&text);
    return err;
}

static int expand_json_variable(const struct template *t, struct scope *s, struct bytes *out,
                                bool *found) {
    struct value value;
    s->missing = NULL;
    int err = variable_get_json(t->parts[0].expression->variable, s, &value);
    *found = value.kind == VALUE_PIECE;
    if (!*found || err != TB_OK) {
        return err;
    }
    return value.size > TEMPLATE_SIZE_MAX ? TB_ERANGE : bytes_append(out, value.p, value.size);
}

static bool is_json_variable(const struct template *t) {
    return template_is_single(t) && t->parts[0].expression->variable != NULL &&
           t->parts[0].expression->variable->kind == VARIABLE_JSON;
}

static int expand_to_json(const struct template *t, struct scope *s, struct bytes *out) {
    size_t start = out->len;
    bool single = template_is_single(t);
    int err = template_expand(t, s, out);
    if (err != TB_OK) {
        return err;
    }
    if (single && s->missing != NULL && out->len == start) {
        return bytes_append_str(out, "null");
    }
    if (single && out->len > start && is_bare((const char *)out->data + start, out->len - start)) {
        return TB_OK;
    }
    return quote(out, start);
}

int template_expand_json(const struct template *t, struct scope *s, struct bytes *out) {
    size_t start = out->len;
    bool found = false;
    int err = is_json_variable(t) ? expand_json_variable(t, s, out, &found) : TB_OK;
    if (err == TB_OK && !found) {
        err = expand_to_json(t, s, out);
    }
    if (err == TB_OK && out->len - start > TEMPLATE_SIZE_MAX) {
        err = TB_ERANGE;
    }
    if (err != TB_OK) {
        out->len = start;
    }
    return err;
}
