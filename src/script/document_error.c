#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "script/document_state.h"

enum {
    SHOWN_MAX = 160,   /* bytes of a line that are shown */
    SHOWN_BEFORE = 80, /* of them before the place, if the line is longer */
    WORDS_MAX = 2048,  /* bytes of what is said: a text of the file may be in it */
};

/* ---- the line and the caret ---- */

static bool is_inside_character(const struct document *doc, size_t byte) {
    return byte < doc->text.len && (doc->text.data[byte] & 0xc0) == 0x80;
}

/* Narrows a line to what is shown of it. */
static void cut(const struct document *doc, size_t byte, size_t *begin, size_t *end) {
    if (*end - *begin <= SHOWN_MAX) {
        return;
    }
    if (byte - *begin > SHOWN_BEFORE) {
        *begin = byte - SHOWN_BEFORE;
        for (int i = 0; i < 3 && is_inside_character(doc, *begin); i++) {
            ++*begin;
        }
    }
    if (*end - *begin > SHOWN_MAX) {
        *end = *begin + SHOWN_MAX;
        for (int i = 0; i < 3 && is_inside_character(doc, *end); i++) {
            --*end;
        }
    }
}

static size_t count_characters(const uint8_t *p, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += (p[i] & 0xc0) != 0x80;
    }
    return count;
}

/* Appends "...", text[from..to) in one line and "...", where they stand for something. Gives where
 * text[at] came to stand, in characters. */
static int append_piece(struct bytes *out, const struct document *doc, const size_t line[2],
                        const size_t piece[2], size_t at, size_t *column) {
    const uint8_t *text = doc->text.data;
    size_t before = out->len;
    int err = bytes_append_str(out, piece[0] > line[0] ? "..." : "");
    err = err == TB_OK ? text_escape(out, text + piece[0], at - piece[0], TEXT_ONE_LINE) : err;
    *column = count_characters(out->data + before, out->len - before);
    err = err == TB_OK ? text_escape(out, text + at, piece[1] - at, TEXT_ONE_LINE) : err;
    return err == TB_OK ? bytes_append_str(out, piece[1] < line[1] ? "..." : "") : err;
}

static int append_line(struct bytes *out, const struct document *doc, size_t byte) {
    size_t line[2];
    place_line(doc, byte, &line[0], &line[1]);
    if (line[0] == line[1]) {
        return TB_OK;
    }
    size_t at = byte < line[1] ? byte : line[1];
    size_t piece[2] = {line[0], line[1]};
    size_t column = 0;
    cut(doc, at, &piece[0], &piece[1]);
    int err = bytes_append_str(out, "\n    ");
    err = err == TB_OK ? append_piece(out, doc, line, piece, at, &column) : err;
    return err == TB_OK ? bytes_appendf(out, "\n    %*s^", (int)column, "") : err;
}

int document_line(const struct document *doc, const struct node *at, struct bytes *out) {
    const uint8_t *text = doc->text.data;
    size_t line[2];
    size_t column;
    place_line(doc, at->byte, &line[0], &line[1]);
    while (line[0] < line[1] && (text[line[0]] == ' ' || text[line[0]] == '\t')) {
        line[0]++;
    }
    size_t byte = at->byte < line[0] ? line[0] : at->byte < line[1] ? at->byte : line[1];
    size_t piece[2] = {line[0], line[1]};
    cut(doc, byte, &piece[0], &piece[1]);
    return append_piece(out, doc, line, piece, byte, &column);
}

/* ---- the message ---- */

/* Appends what printf would print, as one line that is safe. */
static int append_words(struct bytes *out, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static int append_words(struct bytes *out, const char *fmt, va_list ap) {
    struct bytes words = BYTES_INIT;
    int err = bytes_appendv(&words, fmt, ap);
    size_t shown = words.len;
    if (shown > WORDS_MAX) {
        shown = WORDS_MAX;
        while ((words.data[shown] & 0xc0) == 0x80 && shown > WORDS_MAX - 4) {
            shown--;
        }
    }
    err = err == TB_OK ? text_escape(out, words.data, shown, TEXT_ONE_LINE) : err;
    err = err == TB_OK && shown < words.len ? bytes_append_str(out, "...") : err;
    bytes_release(&words);
    return err;
}

int document_refuse_bytev(const struct document *doc, size_t byte, struct bytes *message,
                          const char *fmt, va_list ap) {
    struct place place;
    place_init(&place, doc);
    place_to_byte(&place, doc, byte);
    bytes_clear(message);
    int err = text_escape(message, doc->name, strlen(doc->name), TEXT_ONE_LINE);
    if (err == TB_OK) {
        err = bytes_appendf(message, ":%u:%u: error: ", place.line, place.column);
    }
    err = err == TB_OK ? append_words(message, fmt, ap) : err;
    err = err == TB_OK ? append_line(message, doc, place.byte) : err;
    return err == TB_OK ? TB_EINVAL : err;
}

int document_refuse_byte(const struct document *doc, size_t byte, struct bytes *message,
                         const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int err = document_refuse_bytev(doc, byte, message, fmt, ap);
    va_end(ap);
    return err;
}

/* ---- where in the file a byte of a scalar's text stands ---- */

/* How much of p[0..n) stands in the file as it is, from `byte` on. */
static size_t common_size(const struct document *doc, size_t byte, const char *p, size_t n) {
    size_t left = doc->text.len - byte;
    size_t i = 0;
    while (i < n && i < left && (uint8_t)p[i] == doc->text.data[byte + i]) {
        i++;
    }
    return i;
}

/* In a block of the | kind each line of the text is a line of the file, behind its indentation. */
static size_t find_in_block(const struct document *doc, const struct node *node, size_t offset) {
    const char *line = node->text;
    size_t begin, end;
    place_line(doc, node->byte, &begin, &end);
    for (size_t i = 0; i <= offset; i++) {
        if (i == 0 || node->text[i - 1] == '\n') {
            line = node->text + i;
            end += end < doc->text.len && doc->text.data[end] == '\r';
            end += end < doc->text.len && doc->text.data[end] == '\n';
            place_line(doc, end, &begin, &end);
        }
    }
    size_t size = strcspn(line, "\n");
    size_t column = offset - (size_t)(line - node->text);
    if (size > end - begin || common_size(doc, end - size, line, size) < size) {
        return node->byte;
    }
    return end - size + column;
}

static size_t find_in_scalar(const struct document *doc, const struct node *node, size_t offset) {
    if (node->text == NULL || offset == 0 || offset > node->size) {
        return node->byte;
    }
    char first = node->byte < doc->text.len ? (char)doc->text.data[node->byte] : '\0';
    if (first == '|' && node->quoted) {
        return find_in_block(doc, node, offset);
    }
    size_t begin = node->byte + (node->quoted ? 1 : 0);
    size_t common = common_size(doc, begin, node->text, node->size);
    bool exact = offset < common || (offset == common && common == node->size);
    return exact ? begin + offset : node->byte;
}

int document_refusev(const struct document *doc, const struct node *at, size_t offset,
                     struct bytes *message, const char *fmt, va_list ap) {
    return document_refuse_bytev(doc, find_in_scalar(doc, at, offset), message, fmt, ap);
}

int document_refuse(const struct document *doc, const struct node *at, size_t offset,
                    struct bytes *message, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int err = document_refusev(doc, at, offset, message, fmt, ap);
    va_end(ap);
    return err;
}
