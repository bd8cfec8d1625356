/* What the file says about whom to connect to, and what else is read in more than one place. */
#include <string.h>

#include "base/err.h"
#include "proto/http1.h"
#include "script/matcher.h"
#include "script/names.h"
#include "script/path.h"
#include "script/scenario/reading.h"
#include "script/template.h"

bool is_nothing(const struct node *node) {
    return node->kind == NODE_SCALAR && node->size == 0 && !node->quoted;
}

/* ---- url, headers, protocols ---- */

int dial_wish_read_url(struct reader *r, const struct node *value, void *into) {
    struct dial_wish *w = into;
    size_t n = 0;
    int err = reader_scalar(r, value, "a URL");
    err = err == TB_OK ? template_read(r, value, &w->url) : err;
    if (err != TB_OK) {
        return err;
    }
    w->url_node = value;
    return template_literal(w->url, &n) != NULL && n == 0
               ? reader_refuse(r, value, "a URL is missing here")
               : TB_OK;
}

static int take_name(struct reader *r, const struct node *at, size_t n, struct header_line *line) {
    const struct http1_str name = {at->text, n};
    if (!http1_str_is_token(name)) {
        return reader_refuse(r, at, "'%.*s' cannot be the name of a header", (int)n, at->text);
    }
    line->name = arena_text(r->arena, at->text, n);
    return line->name != NULL ? TB_OK : TB_ENOMEM;
}

/* NAME: VALUE of a map. */
static int read_pair(struct reader *r, const struct node *key, struct header_line *line) {
    int err = take_name(r, key, key->size, line);
    err = err == TB_OK ? reader_scalar(r, key->value, "a header's value") : err;
    line->node = key->value;
    return err == TB_OK ? template_read(r, key->value, &line->value) : err;
}

/* "NAME: VALUE" in one scalar. */
static int read_line(struct reader *r, const struct node *item, struct header_line *line) {
    int err = reader_scalar(r, item, "a header (Name: value)");
    if (err != TB_OK) {
        return err;
    }
    const char *colon = strchr(item->text, ':');
    if (colon == NULL) {
        return reader_refuse(r, item, "a header is 'Name: value', and here is no colon");
    }
    size_t at = (size_t)(colon - item->text);
    err = take_name(r, item, at, line);
    at += 1 + strspn(colon + 1, " \t");
    line->node = item;
    return err == TB_OK ? template_read_part(r, item, at, item->size - at, &line->value) : err;
}

int dial_wish_read_headers(struct reader *r, const struct node *value, void *into) {
    struct dial_wish *w = into;
    if (value->kind == NODE_SCALAR && !is_nothing(value)) {
        return reader_refuse(r, value, "headers are a mapping (Name: value), or a list of such");
    }
    struct header_line *lines = arena_alloc(r->arena, value->count * sizeof *lines);
    int err = lines != NULL ? TB_OK : TB_ENOMEM;
    w->says_headers = true;
    w->headers = lines;
    w->header_count = 0;
    for (const struct node *n = value->first; err == TB_OK && n != NULL; n = n->next) {
        struct header_line *line = &lines[w->header_count++];
        err = value->kind == NODE_MAP ? read_pair(r, n, line) : read_line(r, n, line);
    }
    return err;
}

static int check_protocol(struct reader *r, const struct node *item, void *into) {
    const struct http1_str name = {item->text, item->size};
    (void)into;
    int err = reader_scalar(r, item, "a subprotocol's name");
    if (err == TB_OK && !http1_str_is_token(name)) {
        err = reader_refuse(r, item, "'%s' cannot be the name of a subprotocol", item->text);
    }
    return err;
}

int dial_wish_read_protocols(struct reader *r, const struct node *value, void *into) {
    struct dial_wish *w = into;
    int err = reader_each(r, value, check_protocol, NULL);
    w->says_protocols = true;
    return err == TB_OK ? reader_texts(r, value, &w->protocols) : err;
}

/* ---- limits ---- */

int limit_read(struct reader *r, const struct node *value, uint64_t *ms) {
    int err = reader_duration(r, value, ms);
    if (err == TB_OK && *ms == 0) {
        err = reader_refuse(r, value, "a limit of no time at all lets nothing come: at least 1ms");
    }
    return err;
}

/* ---- variables ---- */

int step_values_read(struct reader *r, const struct node *map, struct step_values *values) {
    if (map->kind != NODE_MAP) {
        return reader_refuse(r, map, "variables are a mapping (name: value), and this is %s",
                             node_kind_name(map));
    }
    struct step_value *items = arena_alloc(r->arena, map->count * sizeof *items);
    int err = items != NULL ? TB_OK : TB_ENOMEM;
    values->items = items;
    for (const struct node *key = map->first; err == TB_OK && key != NULL; key = key->next) {
        struct step_value *v = &items[values->count++];
        v->node = key->value;
        err = names_define(r, key, key->text, key->size, &v->slot);
        err = err == TB_OK ? reader_scalar(r, key->value, "a variable's value") : err;
        err = err == TB_OK ? template_read(r, key->value, &v->value) : err;
    }
    return err;
}

static int read_path(struct reader *r, const struct node *value, const struct path **path) {
    size_t offset = 0;
    const char *why = NULL;
    int err = reader_scalar(r, value, "a path ($.name)");
    err =
        err == TB_OK ? path_compile(r->arena, value->text, value->size, path, &offset, &why) : err;
    return err == TB_EINVAL && why != NULL ? reader_refuse_at(r, value, offset, "bad path: %s", why)
                                           : err;
}

int saves_read(struct reader *r, const struct node *map, struct expectation *e) {
    if (map->kind != NODE_MAP || map->count == 0) {
        return reader_refuse(r, map, "'save' is a mapping (name: $.path)");
    }
    struct save *saves = arena_alloc(r->arena, map->count * sizeof *saves);
    int err = saves != NULL ? TB_OK : TB_ENOMEM;
    e->saves = saves;
    for (const struct node *key = map->first; err == TB_OK && key != NULL; key = key->next) {
        struct save *s = &saves[e->save_count++];
        s->node = key->value;
        err = names_define(r, key, key->text, key->size, &s->slot);
        err = err == TB_OK ? read_path(r, key->value, &s->path) : err;
    }
    return err;
}

/* ---- what is expected ---- */

static bool is_ours(const struct node *key, bool timed) {
    return strcmp(key->text, "save") == 0 || (timed && strcmp(key->text, "within") == 0);
}

/* A map without the keys that are no matcher's. What stands behind the others is shared. */
static int matcher_part(struct reader *r, const struct node *map, bool timed,
                        const struct node **part) {
    struct node *rest = arena_alloc(r->arena, sizeof *rest);
    const struct node **end = rest != NULL ? &rest->first : NULL;
    if (rest == NULL) {
        return TB_ENOMEM;
    }
    *rest = *map;
    rest->count = 0;
    for (const struct node *key = map->first; key != NULL; key = key->next) {
        struct node *copy = is_ours(key, timed) ? NULL : arena_alloc(r->arena, sizeof *copy);
        if (copy != NULL) {
            *copy = *key;
            *end = copy;
            end = &copy->next;
            rest->count++;
        } else if (!is_ours(key, timed)) {
            return TB_ENOMEM;
        }
    }
    *end = NULL;
    *part = rest;
    return TB_OK;
}

int expectation_read(struct reader *r, const struct node *node, struct expectation *e,
                     uint64_t *within_ms) {
    const struct node *part = node;
    int err = TB_OK;
    if (node->kind == NODE_MAP) {
        const struct node *within = within_ms != NULL ? node_get(node, "within") : NULL;
        const struct node *save = node_get(node, "save");
        err = within != NULL ? limit_read(r, within, within_ms) : TB_OK;
        err = err == TB_OK && save != NULL ? saves_read(r, save, e) : err;
        err = err == TB_OK ? matcher_part(r, node, within_ms != NULL, &part) : err;
    }
    return err == TB_OK ? matcher_read(r, part, &e->matcher) : err;
}
