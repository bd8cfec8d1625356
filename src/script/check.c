#include "script/check.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/pattern.h"
#include "script/cursor.h"
#include "script/number.h"
#include "script/reader.h"
#include "script/template.h"
#include "script/template_parts.h"

enum operation { EQUAL, NOT_EQUAL, AT_MOST, LESS, AT_LEAST, GREATER, CONTAINS, MATCHES };

/* An operator that begins another stands behind it. */
static const struct operator{
    const char *text;
    enum operation operation;
    bool word; /* white space stands around it */
}
operators[] = {
    {"==", EQUAL, false},         {"!=", NOT_EQUAL, false},   {"<=", AT_MOST, false},
    {"<", LESS, false},           {">=", AT_LEAST, false},    {">", GREATER, false},
    {"contains", CONTAINS, true}, {"matches", MATCHES, true},
};

struct check {
    enum operation operation;
    const struct template *left;
    const struct template *right; /* NULL: a pattern */
    struct pattern *pattern;
    const char *pattern_text;
    size_t pattern_size;
};

/* ---- reading ---- */

/* The operator that stands next, behind white space or without; the cursor is behind it then. */
static const struct operator* take_operator(struct cursor *c) {
    struct cursor ahead = *c;
    cursor_skip_white(&ahead);
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
        struct cursor behind = ahead;
        if (!cursor_takes(&behind, operators[i].text)) {
            continue;
        }
        if (operators[i].word && (ahead.at == c->at || (behind.at < behind.end &&
                                                        !cursor_is_white(cursor_next(&behind))))) {
            continue;
        }
        *c = behind;
        return &operators[i];
    }
    return NULL;
}

static bool is_at_operator(const struct cursor *c) {
    struct cursor ahead = *c;
    return take_operator(&ahead) != NULL;
}

static bool is_at_double_quote(const struct cursor *c) {
    return cursor_next(c) == '"';
}

static bool is_at_single_quote(const struct cursor *c) {
    return cursor_next(c) == '\'';
}

/* White space that ends the text. */
static bool is_at_end(const struct cursor *c) {
    struct cursor ahead = *c;
    cursor_skip_white(&ahead);
    return ahead.at == ahead.end;
}

static bool is_at_bare_end(const struct cursor *c) {
    return is_at_operator(c) || is_at_end(c);
}

static int read_quoted(struct cursor *c, const struct template **t) {
    size_t start = c->at++;
    bool is_double = c->node->text[start] == '"';
    int err = template_read_until(c, is_double ? is_at_double_quote : is_at_single_quote, t);
    if (err == TB_OK && c->at == c->end) {
        return reader_refuse_at(c->r, c->node, start, "this quote has no other that ends it");
    }
    c->at += err == TB_OK ? 1 : 0;
    return err;
}

static int read_side(struct cursor *c, const struct template **t) {
    cursor_skip_white(c);
    size_t start = c->at;
    char next = cursor_next(c);
    if (next == '"' || next == '\'') {
        return read_quoted(c, t);
    }
    int err = template_read_until(c, is_at_bare_end, t);
    if (err == TB_OK && c->at == start) {
        return reader_refuse_at(c->r, c->node, start,
                                "one side is missing (an empty text is written \"\")");
    }
    return err;
}

/* A pattern with a quote in it needs none around it: only those of one kind that enclose all. */
static void take_quotes(const char **p, size_t *n) {
    bool quoted = *n >= 2 && ((*p)[0] == '"' || (*p)[0] == '\'') && (*p)[*n - 1] == (*p)[0];
    *p += quoted ? 1 : 0;
    *n -= quoted ? 2 : 0;
}

static void clean_pattern(void *pattern) {
    pattern_free(pattern);
}

static int compile_pattern(struct cursor *c, struct check *check, size_t place) {
    struct bytes why = BYTES_INIT;
    struct pattern *pattern = NULL;
    int err = pattern_new(check->pattern_text, &pattern, &why);
    if (err == TB_OK) {
        check->pattern = pattern;
        err = arena_clean(c->r->arena, clean_pattern, pattern);
    } else if (err == TB_EINVAL) {
        err = reader_refuse_at(c->r, c->node, place, "%.*s", (int)why.len, (const char *)why.data);
    }
    bytes_release(&why);
    return err;
}

static int read_pattern(struct cursor *c, struct check *check) {
    cursor_skip_white(c);
    const char *p = c->node->text + c->at;
    size_t n = c->end - c->at;
    while (n > 0 && cursor_is_white(p[n - 1])) {
        n--;
    }
    if (n == 0) {
        return reader_refuse_at(c->r, c->node, c->at, "a regular expression is missing here");
    }
    take_quotes(&p, &n);
    check->pattern_text = arena_text(c->r->arena, p, n);
    check->pattern_size = n;
    return check->pattern_text == NULL ? TB_ENOMEM
                                       : compile_pattern(c, check, (size_t)(p - c->node->text));
}

static int read_right(struct cursor *c, struct check *check) {
    int err = read_side(c, &check->right);
    if (err != TB_OK) {
        return err;
    }
    bool again = is_at_operator(c);
    cursor_skip_white(c);
    if (c->at == c->end) {
        return TB_OK;
    }
    return reader_refuse_at(c->r, c->node, c->at, "%s",
                            again ? "a second operator (a text that has one in it "
                                    "stands in quotes)"
                                  : "nothing may follow a text in quotes");
}

static int read_check(struct cursor *c, struct check *check) {
    int err = read_side(c, &check->left);
    if (err != TB_OK) {
        return err;
    }
    const struct operator* op = take_operator(c);
    if (op == NULL) {
        cursor_skip_white(c);
        return reader_refuse_at(c->r, c->node, c->at,
                                "an operator is missing here: ==, !=, <, <=, >, >=, contains or "
                                "matches");
    }
    check->operation = op->operation;
    return op->operation == MATCHES ? read_pattern(c, check) : read_right(c, check);
}

int check_read(struct reader *r, const struct node *node, const struct check **check) {
    int err = reader_scalar(r, node, "a comparison");
    if (err != TB_OK) {
        return err;
    }
    struct cursor c = {.r = r, .node = node, .end = node->size};
    struct check *made = arena_alloc(r->arena, sizeof(*made));
    err = made == NULL ? TB_ENOMEM : read_check(&c, made);
    if (err == TB_OK) {
        *check = made;
    }
    return err;
}

/* ---- asking ---- */

static int compare_bytes(const struct bytes *a, const struct bytes *b) {
    size_t n = a->len < b->len ? a->len : b->len;
    int difference = n == 0 ? 0 : memcmp(a->data, b->data, n);
    return difference != 0 ? difference : (a->len > b->len) - (a->len < b->len);
}

static int compare(const struct bytes *a, const struct bytes *b) {
    if (number_is_text(a->data, a->len) && number_is_text(b->data, b->len)) {
        return number_compare_texts(a->data, a->len, b->data, b->len);
    }
    return compare_bytes(a, b);
}

static bool is_in(const struct bytes *part, const struct bytes *whole) {
    return part->len == 0 ||
           (whole->len > 0 && memmem(whole->data, whole->len, part->data, part->len) != NULL);
}

static bool relation_holds(enum operation operation, const struct bytes *left,
                           const struct bytes *right) {
    int order = operation == CONTAINS ? 0 : compare(left, right);
    switch (operation) {
    case EQUAL:
        return order == 0;
    case NOT_EQUAL:
        return order != 0;
    case AT_MOST:
        return order <= 0;
    case LESS:
        return order < 0;
    case AT_LEAST:
        return order >= 0;
    case GREATER:
        return order > 0;
    default:
        return is_in(right, left);
    }
}

static int pattern_holds(const struct check *check, const struct bytes *left, struct bytes *right,
                         bool *holds) {
    enum pattern_result result = pattern_search(check->pattern, left->data, left->len);
    *holds = result == PATTERN_FOUND;
    return result == PATTERN_ERROR ? TB_ENOMEM
                                   : bytes_append(right, check->pattern_text, check->pattern_size);
}

int check_holds(const struct check *check, struct scope *s, bool *holds, struct bytes *left,
                struct bytes *right) {
    bytes_clear(left);
    bytes_clear(right);
    *holds = false;
    int err = template_expand(check->left, s, left);
    const char *missing = s->missing;
    if (err == TB_OK && check->right == NULL) {
        err = pattern_holds(check, left, right, holds);
    } else if (err == TB_OK) {
        err = template_expand(check->right, s, right);
        *holds = err == TB_OK && relation_holds(check->operation, left, right);
    }
    s->missing = missing != NULL ? missing : s->missing;
    *holds = *holds && err == TB_OK && s->missing == NULL;
    return err;
}
