#include "app/connect/recall.h"

#include <string.h>

#include "base/err.h"

#define CONTROL_G 0x07
#define CONTROL_H 0x08
#define CONTROL_R 0x12
#define DELETE 0x7f

void recall_init(struct recall *r, struct history *history, struct line *line) {
    *r = (struct recall){.history = history, .line = line, .at = history_count(history)};
}

void recall_release(struct recall *r) {
    bytes_release(&r->own);
    bytes_release(&r->needle);
}

void recall_reset(struct recall *r) {
    r->at = history_count(r->history);
    bytes_clear(&r->own);
}

/* ---- steps ---- */

static void keep_own(struct recall *r) {
    if (r->at == history_count(r->history)) {
        bytes_clear(&r->own);
        line_get(r->line, &r->own);
    }
}

static void show(struct recall *r, size_t at) {
    r->at = at;
    if (at == history_count(r->history)) {
        line_set(r->line, (const char *)r->own.data, r->own.len);
        return;
    }
    size_t n;
    const char *entry = history_entry(r->history, at, &n);
    line_set(r->line, entry, n);
}

void recall_older(struct recall *r) {
    if (r->at > 0) {
        keep_own(r);
        show(r, r->at - 1);
    }
}

void recall_newer(struct recall *r) {
    if (r->at < history_count(r->history)) {
        show(r, r->at + 1);
    }
}

/* ---- search ---- */

static void show_needle(struct recall *r, bool is_found) {
    struct bytes note = BYTES_INIT;
    if (bytes_append_str(&note, is_found ? "(search) " : "(not found) ") == TB_OK &&
        bytes_append(&note, r->needle.data, r->needle.len) == TB_OK &&
        bytes_append_str(&note, ": ") == TB_OK) {
        line_set_note(r->line, (const char *)note.data, note.len);
    }
    bytes_release(&note);
}

/* Shows the newest entry below `end` that contains the needle. */
static void find(struct recall *r, size_t end) {
    bool is_found = r->needle.len == 0;
    while (!is_found && end > 0) {
        size_t n;
        const char *entry = history_entry(r->history, --end, &n);
        if (memmem(entry, n, r->needle.data, r->needle.len) != NULL) {
            r->at = end;
            is_found = true;
        }
    }
    show_needle(r, is_found);
    show(r, r->at);
}

/* From the entry that is shown on: with more letters it may still be the one. */
static void add_to_needle(struct recall *r, const uint8_t *p, size_t n) {
    bytes_append(&r->needle, p, n);
    size_t count = history_count(r->history);
    find(r, r->at < count ? r->at + 1 : count);
}

/* From the newest on: with fewer letters there may be a newer one. */
static void shorten_needle(struct recall *r) {
    while (r->needle.len > 0 && (r->needle.data[--r->needle.len] & 0xc0) == 0x80) {
    }
    r->at = history_count(r->history);
    find(r, r->at);
}

void recall_search(struct recall *r) {
    keep_own(r);
    r->is_searching = true;
    bytes_clear(&r->needle);
    find(r, r->at);
}

static void end_search(struct recall *r, size_t at) {
    r->is_searching = false;
    line_set_note(r->line, NULL, 0);
    show(r, at);
}

bool recall_takes(struct recall *r, enum key_kind kind, const uint8_t *p, size_t n) {
    if (!r->is_searching) {
        return false;
    }
    uint8_t control = kind == KEY_CONTROL ? p[0] : 0;
    if (kind == KEY_TEXT) {
        add_to_needle(r, p, n);
    } else if (control == CONTROL_R) {
        find(r, r->at);
    } else if (control == CONTROL_H || control == DELETE) {
        shorten_needle(r);
    } else if (control == CONTROL_G) {
        end_search(r, history_count(r->history));
    } else {
        end_search(r, r->at);
        return false;
    }
    return true;
}
