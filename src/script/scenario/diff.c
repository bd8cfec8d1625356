#include "script/scenario/diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_text.h"
#include "base/text.h"

enum {
    AROUND_BYTES = 24,       /* of a line, before the first difference */
    LINE_BYTES_MAX = 160,    /* of a line */
    AROUND_LINES = 2,        /* that are the same */
    COMPARED_MAX = 256,      /* lines on either side that are compared one with another */
    SHOWN_MAX = 40,          /* lines */
    PRETTY_MAX = 1024 * 1024 /* bytes */
};

struct piece {
    const char *p;
    size_t n;
};

static bool same(struct piece a, struct piece b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static size_t common_start(struct piece a, struct piece b) {
    size_t n = a.n < b.n ? a.n : b.n;
    size_t i = 0;
    while (i < n && a.p[i] == b.p[i]) {
        i++;
    }
    return i;
}

/* The border of a code point at or before byte i. */
static size_t border(struct piece a, size_t i) {
    while (i > 0 && i < a.n && ((uint8_t)a.p[i] & 0xc0) == 0x80) {
        i--;
    }
    return i;
}

/* ---- one line ---- */

/* From byte `from` on, as much of it as is shown. */
static int put_line(struct bytes *out, const char *sign, struct piece line, size_t from) {
    size_t n = line.n - from;
    bool cut = n > LINE_BYTES_MAX;
    n = cut ? border((struct piece){line.p + from, line.n - from}, LINE_BYTES_MAX) : n;
    int err = bytes_appendf(out, "%s%s", sign, from > 0 ? "…" : "");
    err = err == TB_OK ? text_escape(out, line.p + from, n, TEXT_ONE_LINE) : err;
    return err == TB_OK ? bytes_append_str(out, cut ? "…\n" : "\n") : err;
}

/* How many columns the bytes take, as far as is known here: a code point one each. */
static size_t columns(const struct bytes *shown) {
    size_t n = 0;
    for (size_t i = 0; i < shown->len; i++) {
        n += (shown->data[i] & 0xc0) != 0x80;
    }
    return n;
}

static int put_caret(struct bytes *out, struct piece line, size_t from, size_t at) {
    struct bytes before = BYTES_INIT;
    int err = text_escape(&before, line.p + from, at - from, TEXT_ONE_LINE);
    size_t n = columns(&before) + (from > 0 ? 1 : 0);
    bytes_release(&before);
    return err == TB_OK ? bytes_appendf(out, "  %*s^\n", (int)n, "") : err;
}

static int put_pair(struct bytes *out, struct piece wanted, struct piece came) {
    size_t at = border(wanted, common_start(wanted, came));
    size_t from = at > AROUND_BYTES ? border(wanted, at - AROUND_BYTES) : 0;
    int err = put_line(out, "- ", wanted, from);
    err = err == TB_OK ? put_line(out, "+ ", came, from) : err;
    return err == TB_OK ? put_caret(out, wanted, from, at) : err;
}

/* ---- several lines ---- */

struct lines {
    struct piece *items;
    size_t count;
};

static bool split(struct piece text, struct lines *lines) {
    size_t count = 1;
    for (size_t i = 0; i < text.n; i++) {
        count += text.p[i] == '\n';
    }
    lines->items = calloc(count, sizeof *lines->items);
    lines->count = 0;
    const char *p = text.p;
    for (size_t left = text.n; lines->items != NULL && lines->count < count;) {
        const char *end = left > 0 ? memchr(p, '\n', left) : NULL;
        size_t n = end != NULL ? (size_t)(end - p) : left;
        lines->items[lines->count++] = (struct piece){p, n};
        p = end != NULL ? end + 1 : p;
        left = end != NULL ? left - n - 1 : 0;
    }
    return lines->items != NULL;
}

/* What is being told of two lists of lines. */
struct telling {
    struct bytes *out;
    size_t shown;
    size_t hidden;
    int err;
};

static void tell(struct telling *t, const char *sign, struct piece line) {
    if (t->shown == SHOWN_MAX) {
        t->hidden++;
    } else if (t->err == TB_OK) {
        t->err = put_line(t->out, sign, line, 0);
        t->shown++;
    }
}

/* The longest common sequence: how long it is from line i of a and line j of b on. */
static uint16_t *measure(const struct lines *a, const struct lines *b) {
    size_t width = b->count + 1;
    uint16_t *best = calloc((a->count + 1) * width, sizeof *best);
    for (size_t i = a->count; best != NULL && i-- > 0;) {
        for (size_t j = b->count; j-- > 0;) {
            uint16_t down = best[(i + 1) * width + j];
            uint16_t right = best[i * width + j + 1];
            best[i * width + j] = same(a->items[i], b->items[j])
                                      ? (uint16_t)(best[(i + 1) * width + j + 1] + 1)
                                  : down >= right ? down
                                                  : right;
        }
    }
    return best;
}

static void tell_aligned(struct telling *t, const struct lines *a, const struct lines *b,
                         const uint16_t *best) {
    size_t width = b->count + 1;
    size_t i = 0;
    size_t j = 0;
    while (i < a->count || j < b->count) {
        if (i < a->count && j < b->count && same(a->items[i], b->items[j])) {
            tell(t, "  ", a->items[i]);
            i++;
            j++;
        } else if (j == b->count ||
                   (i < a->count && best[(i + 1) * width + j] >= best[i * width + j + 1])) {
            tell(t, "- ", a->items[i++]);
        } else {
            tell(t, "+ ", b->items[j++]);
        }
    }
}

/* What differs, between what is the same before and behind it. */
static void tell_middle(struct telling *t, const struct lines *a, const struct lines *b) {
    bool small = a->count <= COMPARED_MAX && b->count <= COMPARED_MAX;
    uint16_t *best = small ? measure(a, b) : NULL;
    if (best != NULL) {
        tell_aligned(t, a, b, best);
    } else {
        for (size_t i = 0; i < a->count; i++) {
            tell(t, "- ", a->items[i]);
        }
        for (size_t i = 0; i < b->count; i++) {
            tell(t, "+ ", b->items[i]);
        }
    }
    free(best);
}

static size_t same_end(const struct lines *a, const struct lines *b, size_t start) {
    size_t n = 0;
    while (n < a->count - start && n < b->count - start &&
           same(a->items[a->count - 1 - n], b->items[b->count - 1 - n])) {
        n++;
    }
    return n;
}

static int put_lines(struct bytes *out, const struct lines *a, const struct lines *b) {
    struct telling t = {.out = out};
    size_t start = 0;
    while (start < a->count && start < b->count && same(a->items[start], b->items[start])) {
        start++;
    }
    size_t end = same_end(a, b, start);
    for (size_t i = start > AROUND_LINES ? start - AROUND_LINES : 0; i < start; i++) {
        tell(&t, "  ", a->items[i]);
    }
    const struct lines wanted = {a->items + start, a->count - start - end};
    const struct lines came = {b->items + start, b->count - start - end};
    tell_middle(&t, &wanted, &came);
    for (size_t i = 0; i < end && i < AROUND_LINES; i++) {
        tell(&t, "  ", a->items[a->count - end + i]);
    }
    if (t.err == TB_OK && t.hidden > 0) {
        t.err = bytes_appendf(out, "  … (%zu more lines)\n", t.hidden);
    }
    return t.err;
}

static int put_texts(struct bytes *out, struct piece wanted, struct piece came) {
    struct lines a = {NULL, 0};
    struct lines b = {NULL, 0};
    int err = split(wanted, &a) && split(came, &b) ? TB_OK : TB_ENOMEM;
    if (err == TB_OK) {
        err = a.count == 1 && b.count == 1 ? put_pair(out, wanted, came) : put_lines(out, &a, &b);
    }
    free(a.items);
    free(b.items);
    return err;
}

/* ---- JSON ---- */

static bool is_structure(struct piece text) {
    size_t i = 0;
    while (i < text.n && strchr(" \t\r\n", text.p[i]) != NULL && text.p[i] != '\0') {
        i++;
    }
    return i < text.n && (text.p[i] == '{' || text.p[i] == '[');
}

static int pretty(struct bytes *out, struct piece text) {
    static const struct json_text_style style = {.indent = 2, .raw = true, .size_max = PRETTY_MAX};
    return is_structure(text) ? json_text_pretty(out, text.p, text.n, &style) : TB_EINVAL;
}

static struct piece piece_of(const struct bytes *b) {
    return (struct piece){(const char *)b->data, b->len};
}

int diff_write(const void *wanted, size_t wanted_size, const void *came, size_t came_size,
               struct bytes *out) {
    struct piece a = {wanted, wanted_size};
    struct piece b = {came, came_size};
    struct bytes a_pretty = BYTES_INIT;
    struct bytes b_pretty = BYTES_INIT;
    size_t before = out->len;
    if (same(a, b)) {
        return TB_OK;
    }
    int err = pretty(&a_pretty, a);
    err = err == TB_OK ? pretty(&b_pretty, b) : err;
    bool json = err == TB_OK && !same(piece_of(&a_pretty), piece_of(&b_pretty));
    if (err != TB_ENOMEM) {
        err =
            json ? put_texts(out, piece_of(&a_pretty), piece_of(&b_pretty)) : put_texts(out, a, b);
    }
    bytes_release(&a_pretty);
    bytes_release(&b_pretty);
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}
