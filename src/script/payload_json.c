#include <string.h>

#include "base/err.h"
#include "base/json_write.h"
#include "script/number.h"
#include "script/payload_state.h"
#include "script/template.h"

static int put_template(struct reader *r, struct pieces *pieces, enum piece_kind kind,
                        const struct node *node, const struct template *t) {
    struct piece *piece = pieces_add(r, pieces, kind);
    if (piece == NULL) {
        return TB_ENOMEM;
    }
    piece->template = t;
    piece->node = node;
    pieces->payload->has_templates = true;
    return TB_OK;
}

/* What YAML writes without quotes and JSON means by itself. */
static bool is_json_word(const struct node *node) {
    return strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0 ||
           strcmp(node->text, "null") == 0 || number_is_text(node->text, node->size);
}

static bool is_null(const struct node *node) {
    return node->size == 0 || strcmp(node->text, "~") == 0;
}

/* A text, which may be a key; plain ones that are one variable and no more are what that is. */
static int put_text(struct reader *r, struct pieces *pieces, const struct node *node, bool plain) {
    const struct template *t = NULL;
    int err = template_read(r, node, &t);
    if (err != TB_OK) {
        return err;
    }
    size_t n;
    const char *literal = template_literal(t, &n);
    if (literal != NULL) {
        return json_write_string(&pieces->literal, literal, n);
    }
    enum piece_kind kind = plain && template_is_single(t) ? PIECE_JSON : PIECE_STRING;
    return put_template(r, pieces, kind, node, t);
}

static int put_scalar(struct reader *r, struct pieces *pieces, const struct node *node) {
    if (!node->quoted && is_null(node)) {
        return bytes_append_str(&pieces->literal, "null");
    }
    if (!node->quoted && is_json_word(node)) {
        return bytes_append(&pieces->literal, node->text, node->size);
    }
    return put_text(r, pieces, node, !node->quoted);
}

static int put_list(struct reader *r, struct pieces *pieces, const struct node *list) {
    int err = bytes_append_str(&pieces->literal, "[");
    for (const struct node *item = list->first; err == TB_OK && item != NULL; item = item->next) {
        err = item == list->first ? TB_OK : bytes_append_str(&pieces->literal, ",");
        err = err == TB_OK ? payload_json(r, item, pieces) : err;
    }
    return err == TB_OK ? bytes_append_str(&pieces->literal, "]") : err;
}

static int check_said(struct reader *r, const struct node *key) {
    return key->value->unsaid
               ? reader_refuse(r, key, "'%s' has no value: write null, or put the text in quotes",
                               reader_shown(r, key))
               : TB_OK;
}

static int put_map(struct reader *r, struct pieces *pieces, const struct node *map) {
    int err = bytes_append_str(&pieces->literal, "{");
    for (const struct node *key = map->first; err == TB_OK && key != NULL; key = key->next) {
        err = key == map->first ? TB_OK : bytes_append_str(&pieces->literal, ",");
        err = err == TB_OK ? check_said(r, key) : err;
        err = err == TB_OK ? put_text(r, pieces, key, false) : err;
        err = err == TB_OK ? bytes_append_str(&pieces->literal, ":") : err;
        err = err == TB_OK ? payload_json(r, key->value, pieces) : err;
    }
    return err == TB_OK ? bytes_append_str(&pieces->literal, "}") : err;
}

int payload_json(struct reader *r, const struct node *node, struct pieces *pieces) {
    switch (node->kind) {
    case NODE_LIST:
        return put_list(r, pieces, node);
    case NODE_MAP:
        return put_map(r, pieces, node);
    case NODE_SCALAR:
        break;
    }
    return put_scalar(r, pieces, node);
}
