#include "app/connect/expect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/frame.h"

enum { LAST_MAX = 200 }; /* bytes of a message that is told */

static int read_one(struct expectation *item, const char *text, struct bytes *message) {
    if (text[0] == '{') {
        return sole_matcher_new("--expect", text, strlen(text), &item->matcher, message);
    }
    struct bytes why = BYTES_INIT;
    int err = pattern_new(text, &item->pattern, &why);
    if (err == TB_EINVAL) {
        bytes_appendf(message, "option '--expect': %.*s", (int)why.len, (const char *)why.data);
    }
    bytes_release(&why);
    return err;
}

int expect_init(struct expect *e, const struct option_list *texts, struct bytes *message) {
    *e = (struct expect){.texts = texts};
    if (texts->count == 0) {
        return TB_OK;
    }
    e->items = calloc(texts->count, sizeof *e->items);
    int err = e->items == NULL ? TB_ENOMEM : TB_OK;
    for (size_t i = 0; i < texts->count && err == TB_OK; i++) {
        err = read_one(&e->items[i], texts->items[i], message);
    }
    return err;
}

void expect_release(struct expect *e) {
    for (size_t i = 0; e->items != NULL && i < e->texts->count; i++) {
        pattern_free(e->items[i].pattern);
        sole_matcher_free(e->items[i].matcher);
    }
    free(e->items);
    e->items = NULL;
    bytes_release(&e->last);
    bytes_release(&e->why);
    message_release(&e->message);
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

static bool is_found(struct expect *e, const uint8_t *p, size_t n) {
    enum pattern_result result = pattern_search(e->items[e->met].pattern, p, n);
    e->gave_up = e->gave_up || (result != PATTERN_FOUND && result != PATTERN_NOT_FOUND);
    return result == PATTERN_FOUND;
}

static bool is_matched(struct expect *e, uint8_t opcode, const uint8_t *p, size_t n) {
    struct sole_matcher *matcher = e->items[e->met].matcher;
    enum message_type type = opcode == WS_OP_BINARY ? MESSAGE_BINARY : MESSAGE_TEXT;
    message_set(&e->message, type, false, p, n);
    bytes_clear(&e->why);
    if (sole_matcher_matches(matcher, &e->message, &e->gave_up)) {
        return true;
    }
    (void)sole_matcher_why_not(matcher, &e->message, &e->why);
    return false;
}

void expect_see(struct expect *e, uint8_t opcode, const uint8_t *p, size_t n) {
    if (!expect_is_pending(e)) {
        return;
    }
    if (e->items[e->met].matcher != NULL ? is_matched(e, opcode, p, n) : is_found(e, p, n)) {
        e->met++;
        e->seen = 0;
        bytes_clear(&e->why);
    } else {
        keep(e, p, n);
    }
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
    if (e->why.len > 0) {
        bytes_appendf(out, ": %.*s", (int)e->why.len, (const char *)e->why.data);
    }
    if (e->gave_up) {
        bytes_append_str(out, "; the search in one of them took too long and was given up");
    }
}
