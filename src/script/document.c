#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "script/document_state.h"

/* ---- what no text may have in it ---- */

/* What YAML takes for a character (YAML 1.1 s.5.1). */
static bool is_printable(uint32_t point) {
    return point >= 0xa0   ? point != 0xfffe && point != 0xffff
           : point >= 0x20 ? point < 0x7f
                           : point == '\t' || point == '\n' || point == '\r';
}

static int refuse_byte(const struct document *doc, size_t at, struct bytes *message) {
    uint8_t byte = doc->text.data[at];
    bool utf16 = at == 0 && (byte == 0xff || byte == 0xfe);
    return document_refuse_byte(doc, at, message, "the byte \\x%02x is not UTF-8%s", byte,
                                utf16 ? " (is the file UTF-16? save it as UTF-8)" : "");
}

static int refuse_point(const struct document *doc, size_t at, uint32_t point,
                        struct bytes *message) {
    if (point == 0) {
        return document_refuse_byte(doc, at, message, "a NUL byte, and this is no text");
    }
    return document_refuse_byte(doc, at, message,
                                "a control character; in double quotes it is written \"\\u%04x\"",
                                (unsigned)point);
}

static int check_text(const struct document *doc, struct bytes *message) {
    const uint8_t *p = doc->text.data;
    size_t size;
    for (size_t i = doc->start; i < doc->text.len; i += size) {
        uint32_t point;
        size = text_decode(p + i, doc->text.len - i, &point);
        if (size == 0) {
            return refuse_byte(doc, i, message);
        }
        if (!is_printable(point)) {
            return refuse_point(doc, i, point, message);
        }
    }
    return TB_OK;
}

/* ---- making one ---- */

static struct document *new_document(const char *name) {
    struct document *doc = calloc(1, sizeof(*doc));
    if (doc == NULL) {
        return NULL;
    }
    doc->arena = arena_new();
    doc->name = doc->arena != NULL ? arena_text(doc->arena, name, strlen(name)) : NULL;
    if (doc->name == NULL) {
        document_free(doc);
        return NULL;
    }
    return doc;
}

/* From the text to the tree. */
static int read_text(struct document *doc, struct bytes *message) {
    static const char mark[] = "\xef\xbb\xbf";
    bool marked = doc->text.len >= 3 && memcmp(doc->text.data, mark, 3) == 0;
    doc->start = marked ? 3 : 0;
    int err = check_text(doc, message);
    return err == TB_OK ? document_build(doc, message) : err;
}

/* Gives the document away, or frees it. */
static int finish(struct document *made, int err, struct document **doc) {
    if (err != TB_OK) {
        document_free(made);
        return err;
    }
    *doc = made;
    return TB_OK;
}

int document_load(const char *path, struct document **doc, struct bytes *message) {
    struct document *made = new_document(file_shown_name(path));
    if (made == NULL) {
        return TB_ENOMEM;
    }
    bytes_clear(message);
    int err = file_read_limited(path, FILE_SIZE_MAX, &made->text, message);
    return finish(made, err == TB_OK ? read_text(made, message) : err, doc);
}

static int refuse_size(const char *name, struct bytes *message) {
    bytes_clear(message);
    int err = text_escape(message, name, strlen(name), TEXT_ONE_LINE);
    if (err == TB_OK) {
        err = bytes_appendf(message, ":1:1: error: it is larger than %d MiB",
                            FILE_SIZE_MAX / (1024 * 1024));
    }
    return err == TB_OK ? TB_EINVAL : err;
}

int document_parse(const char *name, const char *text, size_t n, struct document **doc,
                   struct bytes *message) {
    if (n > FILE_SIZE_MAX) {
        return refuse_size(name, message);
    }
    struct document *made = new_document(name);
    if (made == NULL) {
        return TB_ENOMEM;
    }
    bytes_clear(message);
    int err = bytes_append(&made->text, text, n);
    return finish(made, err == TB_OK ? read_text(made, message) : err, doc);
}

void document_free(struct document *doc) {
    if (doc != NULL) {
        arena_free(doc->arena);
        bytes_release(&doc->text);
        free(doc);
    }
}

/* ---- looking at one ---- */

const struct node *document_root(const struct document *doc) {
    return doc->root;
}

const char *document_name(const struct document *doc) {
    return doc->name;
}

const struct node *node_get(const struct node *map, const char *key) {
    if (map->kind != NODE_MAP) {
        return NULL;
    }
    const struct node *found = map->first;
    while (found != NULL && strcmp(found->text, key) != 0) {
        found = found->next;
    }
    return found != NULL ? found->value : NULL;
}

const char *node_kind_name(const struct node *node) {
    static const char *const names[] = {
        [NODE_SCALAR] = "text", [NODE_LIST] = "a list", [NODE_MAP] = "a mapping"};
    return names[node->kind];
}
