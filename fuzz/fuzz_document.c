/* A tree that is made keeps to its limits, its places and its texts; a text that is refused gets a
 * message that no terminal would obey. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/node.h"

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

/* "FILE:LINE:COLUMN: error: what", and perhaps the line and its caret. */
static void must_be_a_message(const struct bytes *message) {
    size_t lines = 1;
    must(message->len > 5 && memcmp(message->data, "FILE:", 5) == 0);
    for (size_t i = 0; i < message->len; i++) {
        must(message->data[i] == '\n' || message->data[i] >= ' ');
        must(message->data[i] != 0x7f);
        lines += message->data[i] == '\n';
    }
    must(lines == 1 || (lines == 3 && message->data[message->len - 1] == '^'));
}

struct walk {
    const struct document *doc;
    size_t size;
    size_t nodes;
    size_t refusals;
};

static void refuse_at(struct walk *w, const struct node *node, size_t offset) {
    struct bytes message = BYTES_INIT;
    must(document_refuse(w->doc, node, offset, &message, "here") == TB_EINVAL);
    must_be_a_message(&message);
    bytes_release(&message);
}

/* Refusing looks at the file from its beginning: some are enough. */
static void must_have_places(struct walk *w, const struct node *node) {
    must(node->line > 0 && node->column > 0 && node->byte <= w->size);
    if (w->refusals++ < 32) {
        refuse_at(w, node, 0);
        refuse_at(w, node, node->size / 2);
        refuse_at(w, node, node->size);
    }
}

static void visit(struct walk *w, const struct node *node, unsigned depth) {
    must(node != NULL && ++w->nodes <= NODE_COUNT_MAX);
    must_have_places(w, node);
    if (node->kind == NODE_SCALAR) {
        must(strlen(node->text) == node->size);
        return;
    }
    size_t count = 0;
    must(depth < NODE_DEPTH_MAX);
    for (const struct node *item = node->first; item != NULL; item = item->next) {
        must((item->value != NULL) == (node->kind == NODE_MAP));
        visit(w, item, depth + 1);
        if (node->kind == NODE_MAP) {
            must(item->kind == NODE_SCALAR && node_get(node, item->text) == item->value);
            visit(w, item->value, depth + 1);
        }
        count++;
    }
    must(count == node->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct document *doc;
    struct bytes message = BYTES_INIT;
    int err = document_parse("FILE", (const char *)data, size, &doc, &message);
    if (err == TB_OK) {
        struct walk w = {.doc = doc, .size = size};
        must(message.len == 0 && document_root(doc)->kind <= NODE_MAP);
        visit(&w, document_root(doc), 0);
        document_free(doc);
    } else {
        must(err == TB_EINVAL);
        must_be_a_message(&message);
    }
    bytes_release(&message);
    return 0;
}
