#include "script/from/from.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "script/from/conversation.h"

/* ---- lines ---- */

struct lines {
    const char *text;
    size_t size;
    size_t at;       /* of the line that comes next */
    unsigned number; /* of the one that came last */
};

static bool is_blank(const char *p, size_t n) {
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r')) {
        i++;
    }
    return i == n;
}

/* The next line that is not blank. */
static bool next_line(struct lines *l, const char **line, size_t *n) {
    while (l->at < l->size) {
        const char *p = l->text + l->at;
        const char *end = memchr(p, '\n', l->size - l->at);
        *line = p;
        *n = end != NULL ? (size_t)(end - p) : l->size - l->at;
        l->at += *n + (end != NULL);
        l->number++;
        if (!is_blank(p, *n)) {
            return true;
        }
    }
    return false;
}

/* Whether a line that could not be read was torn: nothing is behind it, not even its end, or a new
 * recording begins there. */
static int see_torn(struct from_reading *r, struct lines l, bool *torn) {
    const char *line;
    size_t n;
    if (!next_line(&l, &line, &n)) {
        *torn = l.text[l.size - 1] != '\n';
        return TB_OK;
    }
    int err = json_index_read(&r->line, line, n);
    *torn = err == TB_OK && from_line_begins(&r->line);
    return err == TB_EINVAL ? TB_OK : err;
}

static int say(struct bytes *message, const struct from *f, unsigned line, const char *what) {
    bytes_clear(message);
    int err = bytes_appendf(message, "%s:", f->name);
    err = err == TB_OK && line > 0 ? bytes_appendf(message, "%u:", line) : err;
    return err == TB_OK ? bytes_appendf(message, " %s", what) : err;
}

static int take(struct from_reading *r, const struct lines *l, const char *line, size_t n,
                struct bytes *message) {
    bool torn = false;
    int err = json_index_read(&r->line, line, n);
    if (err == TB_OK) {
        err = from_take_line(r);
        int said = err == TB_EINVAL ? say(message, r->from, l->number, r->wrong) : TB_OK;
        return said == TB_OK ? err : said;
    }
    err = err == TB_EINVAL ? see_torn(r, *l, &torn) : err;
    if (err != TB_OK) {
        return err;
    }
    err =
        say(message, r->from, l->number, torn ? "the line was torn, and is left out" : "not JSON");
    return err == TB_OK && !torn ? TB_EINVAL : err;
}

static int take_all(struct from_reading *r, const void *text, size_t size, struct bytes *message) {
    struct lines l = {.text = text, .size = size};
    const char *line;
    size_t n;
    int err = TB_OK;
    while (err == TB_OK && next_line(&l, &line, &n)) {
        err = take(r, &l, line, n, message);
    }
    if (err == TB_OK && r->from->first == NULL) {
        err = say(message, r->from, 0, "no connection is recorded here");
        err = err == TB_OK ? TB_EINVAL : err;
    }
    return err;
}

/* ---- the whole ---- */

static struct from *make(const char *name) {
    struct arena *arena = arena_new();
    struct from *f = arena != NULL ? arena_alloc(arena, sizeof *f) : NULL;
    struct bytes safe = BYTES_INIT;
    if (f != NULL && text_escape(&safe, name, strlen(name), TEXT_ONE_LINE) == TB_OK) {
        f->arena = arena;
        f->name = arena_text(arena, safe.data, safe.len);
    }
    bytes_release(&safe);
    if (f == NULL || f->name == NULL) {
        arena_free(arena);
        return NULL;
    }
    return f;
}

void from_free(struct from *f) {
    if (f != NULL) {
        arena_free(f->arena);
    }
}

int from_parse(const char *name, const void *text, size_t n, struct from **recording,
               struct bytes *message) {
    struct from *f = make(name);
    if (f == NULL) {
        return TB_ENOMEM;
    }
    struct from_reading r = {.from = f, .line = JSON_INDEX_INIT, .scratch = BYTES_INIT};
    int err = take_all(&r, text, n, message);
    from_forget(&r);
    json_index_release(&r.line);
    bytes_release(&r.scratch);
    if (err != TB_OK) {
        from_free(f);
        return err;
    }
    *recording = f;
    return TB_OK;
}

int from_read(const char *path, struct from **recording, struct bytes *message) {
    struct bytes text = BYTES_INIT;
    int err = file_read_limited(path, FROM_FILE_MAX, &text, message);
    err = err == TB_OK ? from_parse(file_shown_name(path), text.data, text.len, recording, message)
                       : err;
    bytes_release(&text);
    return err;
}
