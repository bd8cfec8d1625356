/* A path that compiles is written so that it compiles to the same; one that does not stops within
 * its text and says why. Where it leads in a text lies within that, and its first value is the
 * first that it leads to. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/path.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static const struct path *compile(struct arena *arena, const void *p, size_t n) {
    const struct path *path = NULL;
    size_t offset = SIZE_MAX;
    const char *why = NULL;
    int err = path_compile(arena, p, n, &path, &offset, &why);
    require(err == TB_OK || err == TB_EINVAL);
    require((err == TB_OK) == (path != NULL));
    require((err == TB_EINVAL) == (why != NULL && offset <= n));
    return path;
}

struct seen {
    const struct json_index *x;
    ptrdiff_t first;
    size_t count;
};

static bool note(void *ctx, size_t at) {
    struct seen *seen = ctx;
    require(at < seen->x->count);
    if (seen->count++ == 0) {
        seen->first = (ptrdiff_t)at;
    }
    return false;
}

static struct seen walk(const struct path *path, const struct json_index *x) {
    struct seen seen = {.x = x, .first = JSON_NONE};
    require(!path_each(path, x, note, &seen));
    require(path_first(path, x) == seen.first);
    return seen;
}

static void check(struct arena *arena, const struct path *path, const struct json_index *x) {
    struct bytes written = BYTES_INIT, again = BYTES_INIT;
    require(path_write(path, &written) == TB_OK);
    const struct path *same = compile(arena, written.data, written.len);
    require(same != NULL && path_write(same, &again) == TB_OK);
    require(written.len == again.len && memcmp(written.data, again.data, again.len) == 0);
    struct seen one = walk(path, x);
    struct seen other = walk(same, x);
    require(one.first == other.first && one.count == other.count);
    bytes_release(&written);
    bytes_release(&again);
}

/* A tail is the path that stands behind $. */
static void check_tail(struct arena *arena, const char *p, size_t n, bool is_path) {
    const struct path *path = NULL;
    size_t offset;
    const char *why;
    if (n > 0 && p[0] == '$') {
        int err = path_compile_tail(arena, p + 1, n - 1, &path, &offset, &why);
        require((err == TB_OK) == is_path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is a path and a text, with a line's end between. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json_index x;
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t n = end == NULL ? size : (size_t)(end - data);
    struct arena *arena = arena_new();
    require(arena != NULL);
    if (end == NULL || json_index_read(&x, end + 1, size - n - 1) != TB_OK) {
        require(json_index_read(&x, "{\"a\":[{\"b\":1}]}", 15) == TB_OK);
    }
    const struct path *path = compile(arena, data, n);
    if (path != NULL) {
        check(arena, path, &x);
    }
    check_tail(arena, (const char *)data, n, path != NULL);
    arena_free(arena);
    return 0;
}
