#include "base/arena.h"
#include "base/err.h"
#include "script/expression.h"
#include "script/reader.h"
#include "script/template.h"
#include "script/template_parts.h"

/* A template that is being read: its finished parts, and the literal text behind them. */
struct builder {
    struct cursor *c;
    struct bytes parts;
    struct bytes literal;
};

static int add_literal(struct builder *b) {
    struct part part = {.size = b->literal.len};
    if (b->literal.len == 0) {
        return TB_OK;
    }
    part.text = arena_text(b->c->r->arena, b->literal.data, b->literal.len);
    bytes_clear(&b->literal);
    return part.text == NULL ? TB_ENOMEM : bytes_append(&b->parts, &part, sizeof(part));
}

/* ---- ${…} ---- */

static bool ends_default(const struct cursor *c) {
    return cursor_next(c) == '}';
}

static int read_default(struct cursor *c, const struct template **t) {
    if (c->depth == TEMPLATE_DEPTH_MAX) {
        return reader_refuse_at(c->r, c->node, c->at, "too many ${...} in each other");
    }
    c->depth++;
    int err = template_read_until(c, ends_default, t);
    c->depth--;
    return err;
}

/* Behind the expression, and the default if there is one. */
static int read_end(struct cursor *c, size_t start) {
    if (cursor_takes(c, "}")) {
        return TB_OK;
    }
    if (c->at == c->end) {
        return reader_refuse_at(c->r, c->node, start, "this ${ has no } that ends it");
    }
    return reader_refuse_at(c->r, c->node, c->at,
                            "not understood: behind a value stands an operator (+ - * / %%), :- "
                            "and a default, or }");
}

/* The cursor stands at ${. */
static int read_expression(struct cursor *c, struct part *part) {
    size_t start = c->at;
    c->at += strlen("${");
    cursor_skip_white(c);
    if (c->at == c->end) {
        return read_end(c, start);
    }
    if (cursor_next(c) == '}') {
        return reader_refuse_at(c->r, c->node, start, "nothing stands in ${}");
    }
    int err = expression_read(c, &part->expression);
    if (err == TB_OK && cursor_takes(c, ":-")) {
        err = read_default(c, &part->otherwise);
    }
    return err == TB_OK ? read_end(c, start) : err;
}

static int add_expression(struct builder *b) {
    struct part part = {0};
    int err = add_literal(b);
    if (err == TB_OK) {
        err = read_expression(b->c, &part);
    }
    return err == TB_OK ? bytes_append(&b->parts, &part, sizeof(part)) : err;
}

/* ---- the whole ---- */

static int add_one(struct builder *b) {
    if (cursor_takes(b->c, "$${")) {
        return bytes_append_str(&b->literal, "${");
    }
    if (cursor_sees(b->c, "${")) {
        return add_expression(b);
    }
    return bytes_append(&b->literal, &b->c->node->text[b->c->at++], 1);
}

static int finish(struct builder *b, const struct template **t) {
    struct template *made = arena_alloc(b->c->r->arena, sizeof(*made));
    struct part *parts = arena_alloc(b->c->r->arena, b->parts.len);
    if (made == NULL || parts == NULL) {
        return TB_ENOMEM;
    }
    if (b->parts.len > 0) {
        memcpy(parts, b->parts.data, b->parts.len);
    }
    made->parts = parts;
    made->count = b->parts.len / sizeof(*parts);
    *t = made;
    return TB_OK;
}

int template_read_until(struct cursor *c, bool (*stops)(const struct cursor *c),
                        const struct template **t) {
    struct builder b = {.c = c};
    int err = TB_OK;
    while (err == TB_OK && c->at < c->end && !stops(c)) {
        err = add_one(&b);
    }
    err = err == TB_OK ? add_literal(&b) : err;
    err = err == TB_OK ? finish(&b, t) : err;
    bytes_release(&b.parts);
    bytes_release(&b.literal);
    return err;
}

static bool stops_nowhere(const struct cursor *c) {
    (void)c;
    return false;
}

int template_read_part(struct reader *r, const struct node *node, size_t offset, size_t n,
                       const struct template **t) {
    struct cursor c = {.r = r, .node = node, .at = offset, .end = offset + n};
    return template_read_until(&c, stops_nowhere, t);
}

int template_read(struct reader *r, const struct node *node, const struct template **t) {
    int err = reader_scalar(r, node, "text");
    return err == TB_OK ? template_read_part(r, node, 0, node->size, t) : err;
}
