#include "script/path.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/json_scan.h"
#include "base/text.h"

enum step_kind { STEP_NAME, STEP_INDEX, STEP_ALL };

struct step {
    enum step_kind kind;
    const char *name;
    size_t size; /* of the name */
    ptrdiff_t index;
};

struct path {
    size_t count;
    const struct step *steps;
};

/* ---- compiling ---- */

enum { DIGITS_MAX = 9 }; /* of an index; no text within the limits has more elements */

struct parser {
    struct arena *arena;
    const uint8_t *p;
    size_t n;
    size_t at;
    const char *why; /* at is then where */
    size_t count;
    struct step steps[PATH_STEPS_MAX];
};

static int refuse(struct parser *r, size_t at, const char *why) {
    r->at = at;
    r->why = why;
    return TB_EINVAL;
}

static bool is_next(const struct parser *r, uint8_t c) {
    return r->at < r->n && r->p[r->at] == c;
}

static bool take(struct parser *r, uint8_t c) {
    bool is = is_next(r, c);
    r->at += is ? 1 : 0;
    return is;
}

static void skip_space(struct parser *r) {
    while (take(r, ' ') || take(r, '\t') || take(r, '\n') || take(r, '\r')) {
    }
}

/* How many bytes the character at the front of p[0..n) has if a name without quotes may have it, or
 * begin with it; else 0 (RFC 9535 s.2.5.1.1). */
static size_t bare_size(const uint8_t *p, size_t n, bool is_first) {
    uint32_t point;
    char c = (char)*p;
    if (*p >= 0x80) {
        return text_decode(p, n, &point);
    }
    return ascii_is_alpha(c) || c == '_' || (ascii_is_digit(c) && !is_first) ? 1 : 0;
}

static size_t bare_run(const uint8_t *p, size_t n) {
    size_t i = 0;
    size_t size = 1;
    while (i < n && size > 0) {
        size = bare_size(p + i, n - i, i == 0);
        i += size;
    }
    return i;
}

static int add_name(struct parser *r, const void *p, size_t n) {
    char *name = arena_text(r->arena, p, n);
    if (name == NULL) {
        return TB_ENOMEM;
    }
    r->steps[r->count++] = (struct step){.kind = STEP_NAME, .name = name, .size = n};
    return TB_OK;
}

static int add_all(struct parser *r) {
    r->steps[r->count++] = (struct step){.kind = STEP_ALL};
    return TB_OK;
}

/* What stands behind a dot. */
static int read_dotted(struct parser *r) {
    if (is_next(r, '.')) {
        return refuse(r, r->at - 1, "'..' (at any depth) is not supported: name each step");
    }
    if (take(r, '*')) {
        return add_all(r);
    }
    size_t start = r->at;
    if (start < r->n && ascii_is_digit((char)r->p[start])) {
        return refuse(r, start,
                      "a name behind '.' begins with no digit; an index stands in "
                      "brackets: [0]");
    }
    size_t size = bare_run(r->p + start, r->n - start);
    if (size == 0) {
        return refuse(r, start,
                      "a name is missing behind '.'; one of other characters stands in "
                      "brackets and quotes: ['a name']");
    }
    r->at += size;
    return add_name(r, r->p + start, size);
}

/* An escape in a quoted name: as in JSON, but of the two quotes only the one that is around. */
static int unescape(struct parser *r, uint8_t quote, struct bytes *name) {
    const uint8_t *p = r->p + r->at;
    size_t n = r->n - r->at;
    size_t size = 0;
    uint32_t point;
    if (n >= 2 && (p[1] == '\'' || p[1] == '"')) {
        r->at += 2;
        return p[1] == quote ? bytes_append(name, p + 1, 1)
                             : refuse(r, r->at - 2, "only the quote around a name is escaped");
    }
    if (json_scan_escape(p, n, &size) != JSON_TEXT_COMPLETE) {
        return refuse(r, r->at, "no such escape; there are those of JSON");
    }
    size = json_scan_unescape(p, n, &point);
    if (point >= 0xd800 && point <= 0xdfff) {
        return refuse(r, r->at, "half of a surrogate pair is no character");
    }
    uint8_t utf8[4];
    r->at += size;
    return bytes_append(name, utf8, text_encode(point, utf8));
}

static int read_character(struct parser *r, uint8_t quote, struct bytes *name) {
    const uint8_t *p = r->p + r->at;
    uint32_t point;
    if (*p == '\\') {
        return unescape(r, quote, name);
    }
    size_t size = text_decode(p, r->n - r->at, &point);
    if (size == 0) {
        return refuse(r, r->at, "this is not valid UTF-8");
    }
    if (point < 0x20) {
        return refuse(r, r->at, "a control character in a name is written as an escape");
    }
    r->at += size;
    return bytes_append(name, p, size);
}

static int read_quoted(struct parser *r, uint8_t quote) {
    struct bytes name = BYTES_INIT;
    size_t start = r->at;
    int err = TB_OK;
    while (err == TB_OK && !take(r, quote)) {
        err = r->at == r->n ? refuse(r, start - 1, "the quote is not closed")
                            : read_character(r, quote, &name);
    }
    if (err == TB_OK) {
        err = add_name(r, name.data, name.len);
    }
    bytes_release(&name);
    return err;
}

static int read_index(struct parser *r) {
    size_t start = r->at;
    bool is_negative = take(r, '-');
    size_t digits = r->at;
    ptrdiff_t index = 0;
    while (r->at < r->n && ascii_is_digit((char)r->p[r->at])) {
        if (r->at - digits == DIGITS_MAX) {
            return refuse(r, start, "an index has at most 9 digits");
        }
        index = index * 10 + (r->p[r->at++] - '0');
    }
    if (r->at == digits) {
        return refuse(r, r->at, "a digit is missing behind '-'");
    }
    if (r->p[digits] == '0' && (is_negative || r->at > digits + 1)) {
        return refuse(r, start, "an index is written without leading zeros, and zero without '-'");
    }
    r->steps[r->count++] = (struct step){.kind = STEP_INDEX, .index = is_negative ? -index : index};
    return TB_OK;
}

static int read_selector(struct parser *r) {
    uint8_t c = r->at < r->n ? r->p[r->at] : 0;
    if (c == '-' || ascii_is_digit((char)c)) {
        return read_index(r);
    }
    if (c == '?') {
        return refuse(r, r->at, "filters ([?...]) are not supported");
    }
    if (c == ':') {
        return refuse(r, r->at, "slices ([1:3]) are not supported: use [0] or [*]");
    }
    if (c != '\'' && c != '"' && c != '*') {
        return refuse(r, r->at, "a name in quotes, an index or * is missing behind '['");
    }
    r->at++;
    return c == '*' ? add_all(r) : read_quoted(r, c);
}

/* What stands behind an opening bracket. */
static int read_bracketed(struct parser *r) {
    skip_space(r);
    int err = read_selector(r);
    if (err != TB_OK) {
        return err;
    }
    skip_space(r);
    if (is_next(r, ',')) {
        return refuse(r, r->at, "unions ([0,1]) are not supported: one name or index in brackets");
    }
    if (is_next(r, ':')) {
        return refuse(r, r->at, "slices ([1:3]) are not supported: use [0] or [*]");
    }
    return take(r, ']') ? TB_OK : refuse(r, r->at, "']' is missing");
}

static int read_step(struct parser *r) {
    if (r->count == PATH_STEPS_MAX) {
        return refuse(r, r->at, "a path has at most 64 steps");
    }
    if (take(r, '.')) {
        return read_dotted(r);
    }
    if (take(r, '[')) {
        return read_bracketed(r);
    }
    return refuse(r, r->at,
                  "'.' or '[' is expected here; a name of other characters than letters, "
                  "digits and _ stands in brackets and quotes: ['a name']");
}

static int read_steps(struct parser *r) {
    int err = TB_OK;
    while (err == TB_OK && r->at < r->n) {
        err = read_step(r);
    }
    return err;
}

static int build(const struct parser *r, const struct path **path) {
    struct path *built = arena_alloc(r->arena, sizeof(*built));
    struct step *steps = arena_alloc(r->arena, r->count * sizeof(*steps));
    if (built == NULL || steps == NULL) {
        return TB_ENOMEM;
    }
    if (r->count > 0) {
        memcpy(steps, r->steps, r->count * sizeof(*steps));
    }
    *built = (struct path){.count = r->count, .steps = steps};
    *path = built;
    return TB_OK;
}

static int compile(struct parser *r, bool is_tail, const struct path **path) {
    if (!is_tail && !take(r, '$')) {
        return refuse(r, 0, "a path begins with $");
    }
    int err = read_steps(r);
    return err == TB_OK ? build(r, path) : err;
}

static int parse(struct parser *r, bool is_tail, const struct path **path, size_t *offset,
                 const char **why) {
    int err = compile(r, is_tail, path);
    if (err == TB_EINVAL) {
        *offset = r->at;
        *why = r->why;
    }
    return err;
}

int path_compile(struct arena *arena, const char *text, size_t n, const struct path **path,
                 size_t *offset, const char **why) {
    struct parser r = {.arena = arena, .p = (const uint8_t *)text, .n = n};
    return parse(&r, false, path, offset, why);
}

int path_compile_tail(struct arena *arena, const char *text, size_t n, const struct path **path,
                      size_t *offset, const char **why) {
    struct parser r = {.arena = arena, .p = (const uint8_t *)text, .n = n};
    return parse(&r, true, path, offset, why);
}

/* ---- walking ---- */

struct walk {
    const struct path *path;
    const struct json_index *x;
    bool (*each)(void *ctx, size_t at);
    void *ctx;
};

static ptrdiff_t follow(const struct json_index *x, const struct step *step, ptrdiff_t at) {
    return step->kind == STEP_NAME ? json_index_member(x, (size_t)at, step->name, step->size)
                                   : json_index_element(x, (size_t)at, step->index);
}

static bool walk_from(const struct walk *w, size_t step, ptrdiff_t at);

/* Goes on behind [*] from every element or member. As deep as the path has steps of that kind. */
static bool walk_all(const struct walk *w, size_t step, ptrdiff_t at) {
    const struct json_value *values = w->x->values;
    const struct json_value *holder = &values[at];
    bool has_keys = holder->kind == JSON_KIND_OBJECT;
    for (size_t i = (size_t)at + 1; i < holder->next; i = values[i].next) {
        i += has_keys ? 1 : 0;
        if (walk_from(w, step, (ptrdiff_t)i)) {
            return true;
        }
    }
    return false;
}

static bool walk_from(const struct walk *w, size_t step, ptrdiff_t at) {
    const struct path *path = w->path;
    for (; step < path->count && path->steps[step].kind != STEP_ALL; step++) {
        at = follow(w->x, &path->steps[step], at);
        if (at == JSON_NONE) {
            return false;
        }
    }
    return step == path->count ? w->each(w->ctx, (size_t)at) : walk_all(w, step + 1, at);
}

bool path_each(const struct path *path, const struct json_index *x,
               bool (*each)(void *ctx, size_t at), void *ctx) {
    const struct walk w = {.path = path, .x = x, .each = each, .ctx = ctx};
    return x->count > 0 && walk_from(&w, 0, 0);
}

static bool note_first(void *ctx, size_t at) {
    *(ptrdiff_t *)ctx = (ptrdiff_t)at;
    return true;
}

ptrdiff_t path_first(const struct path *path, const struct json_index *x) {
    ptrdiff_t first = JSON_NONE;
    path_each(path, x, note_first, &first);
    return first;
}

/* ---- writing ---- */

static int write_character(struct bytes *out, uint8_t c) {
    if (c < 0x20) {
        return bytes_appendf(out, "\\u%04x", c);
    }
    int err = c == '\'' || c == '\\' ? bytes_append(out, "\\", 1) : TB_OK;
    return err == TB_OK ? bytes_append(out, &c, 1) : err;
}

static int write_quoted(struct bytes *out, const struct step *step) {
    int err = bytes_append_str(out, "['");
    for (size_t i = 0; err == TB_OK && i < step->size; i++) {
        err = write_character(out, (uint8_t)step->name[i]);
    }
    return err == TB_OK ? bytes_append_str(out, "']") : err;
}

static int write_step(struct bytes *out, const struct step *step) {
    if (step->kind == STEP_ALL) {
        return bytes_append_str(out, "[*]");
    }
    if (step->kind == STEP_INDEX) {
        return bytes_appendf(out, "[%td]", step->index);
    }
    if (step->size > 0 && bare_run((const uint8_t *)step->name, step->size) == step->size) {
        int err = bytes_append(out, ".", 1);
        return err == TB_OK ? bytes_append(out, step->name, step->size) : err;
    }
    return write_quoted(out, step);
}

int path_write(const struct path *path, struct bytes *out) {
    size_t len_before = out->len;
    int err = bytes_append(out, "$", 1);
    for (size_t i = 0; err == TB_OK && i < path->count; i++) {
        err = write_step(out, &path->steps[i]);
    }
    if (err != TB_OK) {
        out->len = len_before;
    }
    return err;
}
