#include "app/connect/expect.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"

enum { LAST_MAX = 200 }; /* bytes of a message that is told */

int expect_init(struct expect *e, const struct option_list *texts, struct bytes *message) {
    *e = (struct expect){.texts = texts};
    if (texts->count == 0) {
        return TB_OK;
    }
    e->patterns = calloc(texts->count, sizeof *e->patterns);
    if (e->patterns == NULL) {
        return TB_ENOMEM;
    }
    int err = TB_OK;
    for (size_t i = 0; i < texts->count && err == TB_OK; i++) {
        err = pattern_new(texts->items[i], &e->patterns[i], message);
    }
    return err;
}

void expect_release(struct expect *e) {
    for (size_t i = 0; e->patterns != NULL && i < e->texts->count; i++) {
        pattern_free(e->patterns[i]);
    }
    free(e->patterns);
    e->patterns = NULL;
    bytes_release(&e->last);
}

bool expect_is_pending(const struct expect *e) {
    return e->met < e->texts->count;
}

static void keep(struct expect *e, const uint8_t *p, size_t n) {
    size_t shown = n < LAST_MAX ? n : LAST_MAX;
    while (shown < n && shown > 0 && (p[shown] & 0xC0) == 0x80) {
        shown--; /* not in the middle of a code point */
    }
    e->seen++;
    bytes_clear(&e->last);
    if (bytes_append(&e->last, p, shown) == TB_OK && shown < n) {
        (void)bytes_append_str(&e->last, "\u2026");
    }
}

void expect_see(struct expect *e, const uint8_t *p, size_t n) {
    if (!expect_is_pending(e)) {
        return;
    }
    enum pattern_result result = pattern_search(e->patterns[e->met], p, n);
    if (result == PATTERN_FOUND) {
        e->met++;
        e->seen = 0;
        return;
    }
    e->gave_up = e->gave_up || result != PATTERN_NOT_FOUND;
    keep(e, p, n);
}

void expect_explain(const struct expect *e, struct bytes *out) {
    bytes_appendf(out, "no message came that matches '%s'", e->texts->items[e->met]);
    if (e->texts->count > 1) {
        bytes_appendf(out, " (expectation %zu of %zu)", e->met + 1, e->texts->count);
    }
    if (e->seen == 0) {
        bytes_append_str(out, e->met == 0 ? ": none came at all"
                                          : ": none came after the one before it");
        return;
    }
    bytes_appendf(out, ": %" PRIu64 " came, the last one '%.*s'", e->seen, (int)e->last.len,
                  (const char *)e->last.data);
    if (e->gave_up) {
        bytes_append_str(out, "; the search in one of them took too long and was given up");
    }
}
