#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "script/matcher_state.h"
#include "script/number.h"
#include "script/path.h"

const char *const phrase_types[] = {"a text", "a binary message", "a ping", "a pong", "a close"};
const char *const phrase_type_is[] = {"text", "binary", "a ping", "a pong", "a close"};

int phrase_wanted(struct bytes *out, const struct matcher *m) {
    char quote = m->kind == MATCHER_TEXT ? '"' : m->kind == MATCHER_REGEX ? '/' : '\'';
    return phrase_quoted(out, quote, m->node->text, m->node->size);
}

static bool is_word(const void *p, size_t n) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == n && memcmp(p, words[i], n) == 0) {
            return true;
        }
    }
    return n > 0 && number_is_text(p, n);
}

int phrase_scalar(struct bytes *out, const void *p, size_t n) {
    return is_word(p, n) ? phrase_cut(out, p, n) : phrase_quoted(out, '"', p, n);
}

static int put_path(struct bytes *out, const struct path *path) {
    struct bytes text = BYTES_INIT;
    int err = path_write(path, &text);
    err = err == TB_OK ? phrase_cut(out, text.data, text.len) : err;
    bytes_release(&text);
    return err;
}

int phrase_place(struct bytes *out, const struct matcher *m) {
    if (m->kind == MATCHER_JSON) {
        return put_path(out, m->of.path);
    }
    if (m->kind == MATCHER_PATH) {
        return bytes_append_str(out, "the path");
    }

    int err = bytes_append_str(out, m->kind == MATCHER_HEADER ? "the header " : "the query's ");
    return err == TB_OK ? phrase_quoted(out, '\'', m->of.name, strlen(m->of.name)) : err;
}

int phrase_size(struct bytes *out, struct size_range range) {
    int err = bytes_appendf(out, "%" PRIu64, range.min);
    return err == TB_OK && range.max != range.min ? bytes_appendf(out, "..%" PRIu64, range.max)
                                                  : err;
}

int phrase_types_or(struct bytes *out, unsigned types, const char *const *names) {
    int err = TB_OK;
    const char *before = "";
    for (unsigned i = 0; err == TB_OK && i <= MESSAGE_CLOSE; i++) {
        if ((types >> i & 1) != 0) {
            err = bytes_append_str(out, before);
            err = err == TB_OK ? bytes_append_str(out, names[i]) : err;
            before = " or ";
        }
    }
    return err;
}
