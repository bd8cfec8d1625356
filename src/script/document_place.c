#include "base/text.h"
#include "script/document_state.h"

void place_init(struct place *p, const struct document *doc) {
    *p = (struct place){.byte = doc->start, .line = 1, .column = 1};
}

static bool is_line_end(const struct document *doc, size_t byte) {
    const uint8_t *p = doc->text.data;
    bool before_lf = byte + 1 < doc->text.len && p[byte + 1] == '\n';
    return p[byte] == '\n' || (p[byte] == '\r' && !before_lf);
}

/* The size of the character that stands at the place; a byte that is none counts as one. */
static size_t size_at(const struct place *p, const struct document *doc) {
    uint32_t point;
    size_t size = text_decode(doc->text.data + p->byte, doc->text.len - p->byte, &point);
    return size > 0 ? size : 1;
}

static void step(struct place *p, const struct document *doc, size_t size) {
    if (is_line_end(doc, p->byte)) {
        p->line++;
        p->column = 1;
    } else {
        p->column++;
    }
    p->character++;
    p->byte += size;
}

void place_to_character(struct place *p, const struct document *doc, size_t character) {
    if (character < p->character) {
        place_init(p, doc);
    }
    while (p->character < character && p->byte < doc->text.len) {
        step(p, doc, size_at(p, doc));
    }
}

void place_to_byte(struct place *p, const struct document *doc, size_t byte) {
    if (byte < p->byte) {
        place_init(p, doc);
    }
    while (p->byte < byte && p->byte < doc->text.len) {
        size_t size = size_at(p, doc);
        if (size > byte - p->byte) {
            return;
        }
        step(p, doc, size);
    }
}

static bool is_break(uint8_t byte) {
    return byte == '\n' || byte == '\r';
}

void place_line(const struct document *doc, size_t byte, size_t *begin, size_t *end) {
    const uint8_t *p = doc->text.data;
    *begin = byte;
    while (*begin > doc->start && !is_break(p[*begin - 1])) {
        --*begin;
    }
    *end = *begin;
    while (*end < doc->text.len && !is_break(p[*end])) {
        ++*end;
    }
}
