#include "script/from/wording.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "proto/close.h"
#include "proto/utf8.h"
#include "script/from/volatile.h"

enum {
    HEX_MAX = 64,            /* longer bytes are base64 where that is possible */
    PATTERN_TEXT_MAX = 8192, /* of a text that becomes a pattern: PCRE2 has limits */
    PATTERN_WORDS_MAX = 32,
    REMARK_WORDS_MAX = 4
};

/* ---- what a message is ---- */

static bool is_writable(const struct from_event *e) {
    return e->size == 0 ||
           (memchr(e->data, '\0', e->size) == NULL && utf8_is_valid(e->data, e->size));
}

static bool find_word(const struct from_event *e, size_t from, struct volatile_word *word) {
    return e->is_text && is_writable(e) &&
           volatile_find((const char *)e->data, e->size, from, word);
}

bool wording_can_send(const struct from_event *e) {
    return !e->is_text || utf8_is_valid(e->data, e->size);
}

/* ---- to be sent ---- */

void wording_payload(struct yaml_out *y, const struct from_event *e) {
    const char *end = e->is_text ? ", binary: no }" : " }";
    if (e->is_text && is_writable(e)) {
        yaml_template(y, e->data, e->size);
    } else if (e->size <= HEX_MAX) {
        yaml_put(y, "{ hex: ");
        yaml_hex(y, e->data, e->size);
        yaml_put(y, "%s", end);
    } else {
        yaml_put(y, "{ base64: ");
        yaml_base64(y, e->data, e->size);
        yaml_put(y, "%s", end);
    }
}

/* ---- to be recognised ---- */

static bool fits_a_pattern(const struct from_event *e) {
    struct volatile_word word = {.at = 0};
    size_t count = 0;
    while (count <= PATTERN_WORDS_MAX && find_word(e, word.at + word.size, &word)) {
        count++;
    }
    return e->size <= PATTERN_TEXT_MAX && count <= PATTERN_WORDS_MAX;
}

static void put_pattern(struct yaml_out *y, const struct from_event *e) {
    struct bytes regex = BYTES_INIT;
    if (y->err == TB_OK) {
        y->err = volatile_pattern((const char *)e->data, e->size, &regex);
    }
    if (y->err == TB_OK) {
        yaml_put(y, "regex: ");
        yaml_text(y, regex.data, regex.len);
    }
    bytes_release(&regex);
}

/* What stands in front of the first word that changes, and behind the last one. */
static void put_ends(struct yaml_out *y, const struct from_event *e, struct volatile_word first) {
    struct volatile_word last = first;
    while (find_word(e, last.at + last.size, &last)) {
    }
    size_t behind = last.at + last.size;
    yaml_put(y, "type: text");
    if (first.at > 0) {
        yaml_put(y, ", starts: ");
        yaml_template(y, e->data, first.at);
    }
    if (behind < e->size) {
        yaml_put(y, ", ends: ");
        yaml_template(y, e->data + behind, e->size - behind);
    }
}

void wording_fields(struct yaml_out *y, const struct from_event *e) {
    struct volatile_word word = {.at = 0};
    if (!e->is_text || !is_writable(e)) {
        yaml_put(y, e->is_text ? "type: text, binary: " : "binary: ");
        yaml_hex(y, e->data, e->size);
    } else if (!find_word(e, 0, &word)) {
        yaml_put(y, "text: ");
        yaml_template(y, e->data, e->size);
    } else if (fits_a_pattern(e)) {
        put_pattern(y, e);
    } else {
        put_ends(y, e, word);
    }
}

void wording_matcher(struct yaml_out *y, const struct from_event *e) {
    struct volatile_word word;
    if (e->is_text && is_writable(e) && !find_word(e, 0, &word)) {
        yaml_template(y, e->data, e->size);
        return;
    }
    yaml_put(y, "{ ");
    wording_fields(y, e);
    yaml_put(y, " }");
}

void wording_remark(struct yaml_out *y, unsigned indent, const struct from_event *e) {
    struct bytes words = BYTES_INIT;
    struct yaml_out w = {.out = &words, .err = y->err};
    struct volatile_word word = {.at = 0};
    size_t count = 0;
    while (find_word(e, word.at + word.size, &word) && count++ < REMARK_WORDS_MAX) {
        yaml_put(&w, "%s%s (%.*s)", count > 1 ? ", " : "", volatile_names[word.kind],
                 (int)word.size, (const char *)e->data + word.at);
    }
    y->err = w.err;
    if (count > 0) {
        yaml_comment(y, indent, "held %.*s%s", (int)words.len, (const char *)words.data,
                     count > REMARK_WORDS_MAX ? ", …" : "");
    }
    bytes_release(&words);
}

/* ---- the rest ---- */

void wording_close(struct yaml_out *y, const struct from_event *e, const char *more) {
    bool has_reason = e->size > 0 && e->size <= WS_CLOSE_REASON_MAX && is_writable(e);
    if (!has_reason && *more == '\0' && e->code != 0) {
        yaml_put(y, "%u", e->code);
        return;
    }
    const char *comma = "";
    yaml_put(y, "{");
    if (e->code != 0) {
        yaml_put(y, " code: %u", e->code);
        comma = ",";
    }
    if (has_reason) {
        yaml_put(y, "%s reason: ", comma);
        yaml_template(y, e->data, e->size);
        comma = ",";
    }
    yaml_put(y, "%s%s }", *more != '\0' ? comma : "", more);
}

void wording_duration(struct yaml_out *y, int64_t us) {
    int64_t ms = us / 1000;
    if (ms % 1000 == 0) {
        yaml_put(y, "%" PRId64 "s", ms / 1000);
    } else {
        yaml_put(y, "%" PRId64 "ms", ms);
    }
}
