#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/document_state.h"

/* What an anchor (&name) names, and what a use of it costs. */
struct anchor {
    const char *name;
    const struct node *node;
    size_t nodes;    /* all that is inside, and itself */
    unsigned height; /* 0: a scalar; else 1 more than the highest thing inside */
    bool done;       /* its end was seen */
};

/* A list or a map that is not at its end yet. */
struct frame {
    struct node *node;
    const struct node **tail; /* where the next item or key is hung */
    struct node *key;         /* of a map: the one whose value comes next, or NULL */
    size_t key_end;           /* its last byte is in front of this one */
    struct anchor *anchor;    /* or NULL */
    size_t nodes_before;
    unsigned height;
};

struct builder {
    struct document *doc;
    struct bytes *message;
    yaml_parser_t parser;
    struct place place; /* of the event that came last */
    struct frame frames[NODE_DEPTH_MAX];
    unsigned depth;
    size_t nodes;      /* so far; aliases as often as they are used */
    void *anchors;     /* a tree of struct anchor by name: the latest of each */
    struct bytes keys; /* of the map that is at its end, as pointers */
    bool begun;        /* a document */
};

#define REFUSE(b, ...) document_refuse_byte((b)->doc, (b)->place.byte, (b)->message, __VA_ARGS__)

/* ---- anchors ---- */

static int compare_anchors(const void *a, const void *b) {
    const struct anchor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* *anchor becomes NULL if there is no name. */
static int define_anchor(struct builder *b, const yaml_char_t *name, const struct node *node,
                         struct anchor **anchor) {
    *anchor = NULL;
    if (name == NULL) {
        return TB_OK;
    }
    struct anchor *made = arena_alloc(b->doc->arena, sizeof(*made));
    const char *copy = arena_text(b->doc->arena, name, strlen((const char *)name));
    if (made == NULL || copy == NULL) {
        return TB_ENOMEM;
    }
    *made = (struct anchor){.name = copy, .node = node};
    struct anchor **slot = tsearch(made, &b->anchors, compare_anchors);
    if (slot == NULL) {
        return TB_ENOMEM;
    }
    *slot = made;
    *anchor = made;
    return TB_OK;
}

static void end_anchor(struct anchor *anchor, size_t nodes, unsigned height) {
    if (anchor != NULL) {
        anchor->nodes = nodes;
        anchor->height = height;
        anchor->done = true;
    }
}

static const struct anchor *find_anchor(struct builder *b, const char *name) {
    struct anchor wanted = {.name = name};
    struct anchor **slot = tfind(&wanted, &b->anchors, compare_anchors);
    return slot != NULL ? *slot : NULL;
}

static void forget_anchors(struct builder *b) {
    while (b->anchors != NULL) {
        const struct anchor *any = *(struct anchor **)b->anchors;
        tdelete(any, &b->anchors, compare_anchors);
    }
}

/* ---- nodes ---- */

/* Counts what is to come before it is made. */
static int count_nodes(struct builder *b, size_t more) {
    if (more > NODE_COUNT_MAX - b->nodes) {
        return REFUSE(b,
                      "the file is too large: it comes to more than %d values, aliases "
                      "counted as often as they are used",
                      NODE_COUNT_MAX);
    }
    b->nodes += more;
    return TB_OK;
}

/* An anchor stands in front of what it names: the place is that of what is named, if that stands on
 * the same line. */
static void skip_anchor(struct builder *b) {
    const struct bytes *text = &b->doc->text;
    size_t i = b->place.byte;
    if (i == text->len || text->data[i] != '&') {
        return;
    }
    while (i < text->len && strchr(" \t\r\n", text->data[i]) == NULL) {
        i++;
    }
    while (i < text->len && strchr(" \t", text->data[i]) != NULL) {
        i++;
    }
    if (i < text->len && strchr("\r\n#", text->data[i]) == NULL) {
        place_to_byte(&b->place, b->doc, i);
    }
}

/* *node stays as it is where there is an error. */
static int make_node(struct builder *b, enum node_kind kind, const yaml_char_t *tag,
                     const yaml_char_t *anchor, struct node **node) {
    if (tag != NULL) {
        return REFUSE(b, "tags are not understood here (a text that begins with ! needs quotes)");
    }
    int err = count_nodes(b, 1);
    if (err != TB_OK) {
        return err;
    }
    if (anchor != NULL) {
        skip_anchor(b);
    }
    struct node *made = arena_alloc(b->doc->arena, sizeof(*made));
    if (made == NULL) {
        return TB_ENOMEM;
    }
    *made = (struct node){
        .kind = kind, .line = b->place.line, .column = b->place.column, .byte = b->place.byte};
    *node = made;
    return TB_OK;
}

static int take_key(struct builder *b, struct frame *top, struct node *key) {
    if (key->kind != NODE_SCALAR) {
        return REFUSE(b, "a key is a text, not %s (a text with { or [ in front needs quotes)",
                      node_kind_name(key));
    }
    if (!key->quoted && strcmp(key->text, "<<") == 0) {
        return REFUSE(b, "merge keys (<<) are not understood here: write the keys out");
    }
    top->key = key;
    return TB_OK;
}

/* Puts a node where it belongs. */
static int hang(struct builder *b, struct node *node, unsigned height) {
    if (b->depth == 0) {
        b->doc->root = node;
        return TB_OK;
    }
    struct frame *top = &b->frames[b->depth - 1];
    top->height = height > top->height ? height : top->height;
    if (top->key != NULL) {
        top->key->value = node;
        top->key = NULL;
        return TB_OK;
    }
    *top->tail = node;
    top->tail = &node->next;
    top->node->count++;
    return top->node->kind == NODE_MAP ? take_key(b, top, node) : TB_OK;
}

static int check_depth(struct builder *b, unsigned height) {
    return b->depth + height > NODE_DEPTH_MAX
               ? REFUSE(b, "lists and mappings stand more than %d deep in each other",
                        NODE_DEPTH_MAX)
               : TB_OK;
}

/* ---- keys that come twice ---- */

static int compare_keys(const void *a, const void *b) {
    const struct node *x = *(const struct node *const *)a;
    const struct node *y = *(const struct node *const *)b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : x->byte < y->byte ? -1 : x->byte > y->byte;
}

static int collect_keys(struct builder *b, const struct node *map) {
    bytes_clear(&b->keys);
    int err = bytes_reserve(&b->keys, map->count * sizeof(map));
    for (const struct node *key = map->first; err == TB_OK && key != NULL; key = key->next) {
        err = bytes_append(&b->keys, &key, sizeof(key));
    }
    return err;
}

/* Sorted, a key that comes again is behind its first: the first in the file that does so. */
static int check_keys(struct builder *b, const struct node *map) {
    int err = map->count > 1 ? collect_keys(b, map) : TB_OK;
    if (map->count < 2 || err != TB_OK) {
        return err;
    }
    const struct node **keys = (const struct node **)(void *)b->keys.data;
    const struct node *first = NULL, *again = NULL;
    qsort(keys, map->count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < map->count; i++) {
        bool twice = strcmp(keys[i - 1]->text, keys[i]->text) == 0;
        if (twice && (again == NULL || keys[i]->byte < again->byte)) {
            first = keys[i - 1];
            again = keys[i];
        }
    }
    return again == NULL ? TB_OK
                         : document_refuse(b->doc, again, 0, b->message,
                                           "the key '%s' stands here twice (first on line %u)",
                                           again->text, first->line);
}

/* ---- events ---- */

/* In { a: 1, b } nothing says that b is a key: it may be the end of a text with a comma in it. */
static bool is_unsaid(const struct builder *b, const struct node *value) {
    const struct frame *top = b->depth > 0 ? &b->frames[b->depth - 1] : NULL;
    if (top == NULL || top->key == NULL || value->quoted || value->size > 0) {
        return false;
    }
    size_t i = top->key_end;
    while (i < value->byte && strchr(" \t\r\n", b->doc->text.data[i]) != NULL) {
        i++;
    }
    return i >= value->byte || b->doc->text.data[i] != ':';
}

/* Remembers where a key ends, if that was one. */
static void end_key(struct builder *b, const yaml_event_t *e) {
    if (b->depth > 0 && b->frames[b->depth - 1].key != NULL) {
        place_to_character(&b->place, b->doc, e->end_mark.index);
        b->frames[b->depth - 1].key_end = b->place.byte;
    }
}

static int on_scalar(struct builder *b, const yaml_event_t *e) {
    struct node *node = NULL;
    struct anchor *anchor = NULL;
    const char *text = (const char *)e->data.scalar.value;
    size_t size = e->data.scalar.length;
    int err = make_node(b, NODE_SCALAR, e->data.scalar.tag, e->data.scalar.anchor, &node);
    if (node == NULL) {
        return err;
    }
    if (memchr(text, '\0', size) != NULL) {
        return REFUSE(b, "a text cannot have a NUL character (\\0) in it");
    }
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->size = size;
    node->unsaid = is_unsaid(b, node);
    node->text = arena_text(b->doc->arena, text, size);
    err = node->text == NULL ? TB_ENOMEM : define_anchor(b, e->data.scalar.anchor, node, &anchor);
    if (err != TB_OK) {
        return err;
    }
    end_anchor(anchor, 1, 0);
    err = hang(b, node, 0);
    end_key(b, e);
    return err;
}

/* A use stands at the place of what it names; only what hangs on it is its own. */
static int on_alias(struct builder *b, const yaml_event_t *e) {
    const char *name = (const char *)e->data.alias.anchor;
    const struct anchor *anchor = find_anchor(b, name);
    if (anchor == NULL) {
        return REFUSE(b, "there is no &%s before this *%s (a text that begins with * needs quotes)",
                      name, name);
    }
    if (!anchor->done) {
        return REFUSE(b, "*%s stands inside of what it names, and would never end", name);
    }
    int err = count_nodes(b, anchor->nodes);
    err = err == TB_OK ? check_depth(b, anchor->height) : err;
    struct node *node = err == TB_OK ? arena_alloc(b->doc->arena, sizeof(*node)) : NULL;
    if (node == NULL) {
        return err == TB_OK ? TB_ENOMEM : err;
    }
    *node = *anchor->node;
    node->next = NULL;
    node->value = NULL;
    err = hang(b, node, anchor->height);
    end_key(b, e);
    return err;
}

static int on_begin(struct builder *b, enum node_kind kind, const yaml_char_t *tag,
                    const yaml_char_t *name) {
    struct node *node = NULL;
    struct anchor *anchor = NULL;
    int err = check_depth(b, 1);
    err = err == TB_OK ? make_node(b, kind, tag, name, &node) : err;
    err = err == TB_OK ? define_anchor(b, name, node, &anchor) : err;
    err = err == TB_OK ? hang(b, node, 0) : err;
    if (err == TB_OK) {
        b->frames[b->depth++] = (struct frame){
            .node = node, .tail = &node->first, .anchor = anchor, .nodes_before = b->nodes - 1};
    }
    return err;
}

static int on_end(struct builder *b) {
    const struct frame *ended = &b->frames[--b->depth];
    unsigned height = ended->height + 1;
    end_anchor(ended->anchor, b->nodes - ended->nodes_before, height);
    if (b->depth > 0) {
        struct frame *top = &b->frames[b->depth - 1];
        top->height = height > top->height ? height : top->height;
    }
    return ended->node->kind == NODE_MAP ? check_keys(b, ended->node) : TB_OK;
}

/* "...", alone on its line but for a comment. */
static bool is_document_end(const struct document *doc, size_t at, size_t end) {
    const char *p = (const char *)doc->text.data + at;
    return end - at >= 3 && memcmp(p, "...", 3) == 0 &&
           (end - at == 3 || strchr(" \t", p[3]) != NULL);
}

/* Refuses a directive (%YAML, %TAG) ahead of a document. libyaml must not get to see any number of
 * them: it compares each with all. What stands there is a directive only behind nothing but empty
 * lines, comments and document ends. */
static int refuse_directive(struct builder *b, size_t from) {
    const struct bytes *text = &b->doc->text;
    size_t begin, end;
    for (size_t at = from; at < text->len; at = end + 1) {
        place_line(b->doc, at, &begin, &end);
        size_t i = at;
        while (i < end && strchr(" \t", text->data[i]) != NULL) {
            i++;
        }
        if (i == begin && i < end && text->data[i] == '%') {
            place_to_byte(&b->place, b->doc, i);
            return REFUSE(b, "directives (%%YAML, %%TAG) are not understood here: leave the line "
                             "out (a text that begins with %% needs quotes)");
        }
        if (i < end && text->data[i] != '#' && !is_document_end(b->doc, at, end)) {
            break;
        }
    }
    return TB_OK;
}

static int on_document(struct builder *b) {
    if (b->begun) {
        return REFUSE(b, "a second document begins here, and a file is one");
    }
    b->begun = true;
    return TB_OK;
}

static int on_event(struct builder *b, const yaml_event_t *e) {
    place_to_character(&b->place, b->doc, e->start_mark.index);
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(b);
    case YAML_DOCUMENT_END_EVENT:
        place_to_character(&b->place, b->doc, e->end_mark.index);
        return refuse_directive(b, b->place.byte);
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e);
    case YAML_ALIAS_EVENT:
        return on_alias(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_begin(b, NODE_LIST, e->data.sequence_start.tag, e->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_begin(b, NODE_MAP, e->data.mapping_start.tag, e->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(b);
    default:
        return TB_OK;
    }
}

/* ---- the whole ---- */

static int take_events(struct builder *b) {
    yaml_event_type_t type = YAML_NO_EVENT;
    int err = refuse_directive(b, b->doc->start);
    while (err == TB_OK && type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        if (yaml_parser_parse(&b->parser, &event) == 0) {
            return document_refuse_yaml(b->doc, &b->parser, b->message);
        }
        type = event.type;
        err = on_event(b, &event);
        yaml_event_delete(&event);
    }
    return err;
}

/* A file without anything in it says no more than one with an empty map. */
static int fill_root(struct builder *b) {
    const struct node *root = b->doc->root;
    if (root != NULL && (root->kind != NODE_SCALAR || root->quoted || root->size > 0)) {
        return TB_OK;
    }
    struct node *empty = NULL;
    place_init(&b->place, b->doc);
    b->nodes = 0;
    int err = make_node(b, NODE_MAP, NULL, NULL, &empty);
    b->doc->root = empty;
    return err;
}

int document_build(struct document *doc, struct bytes *message) {
    struct builder b = {.doc = doc, .message = message};
    static const uint8_t nothing[1];
    const uint8_t *text = doc->text.len > 0 ? doc->text.data + doc->start : nothing;
    if (yaml_parser_initialize(&b.parser) == 0) {
        return TB_ENOMEM;
    }
    place_init(&b.place, doc);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, text, doc->text.len - doc->start);
    int err = take_events(&b);
    err = err == TB_OK ? fill_root(&b) : err;
    yaml_parser_delete(&b.parser);
    forget_anchors(&b);
    bytes_release(&b.keys);
    return err;
}
