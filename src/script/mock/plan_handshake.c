/* A route's `handshake`: who may come in, and what is agreed with them. */
#include <string.h>

#include "base/err.h"
#include "script/mock/mock_plan.h"

/* ---- headers ---- */

static int check_header(struct reader *r, const struct node *key) {
    static const char *const ours[] = {"connection", "upgrade", "content-length",
                                       "transfer-encoding", NULL};
    struct http1_str name = {.p = key->text, .n = key->size};
    if (!http1_str_is_token(name)) {
        return reader_refuse(r, key, "'%s' is no name of a header", key->text);
    }
    bool is_ours = strncasecmp(key->text, "sec-websocket-", strlen("sec-websocket-")) == 0;
    for (const char *const *our = ours; *our != NULL; our++) {
        is_ours = is_ours || (http1_str_is_nocase(name, *our));
    }
    return is_ours ? reader_refuse(r, key, "the server sets '%s' itself", key->text) : TB_OK;
}

static int put_line(struct reader *r, const struct node *key, const char *value, size_t size,
                    const char **line) {
    char *text = arena_alloc(r->arena, key->size + 2 + size + 1);
    if (text == NULL) {
        return TB_ENOMEM;
    }
    memcpy(text, key->text, key->size);
    memcpy(text + key->size, ": ", 2);
    memcpy(text + key->size + 2, value, size);
    *line = text;
    return TB_OK;
}

/* A header, whose line is whole if nothing is to be filled in. */
static int write_header(struct reader *r, const struct node *key, const char **line,
                        const struct template **value) {
    int err = check_header(r, key);
    err = err == TB_OK ? reader_scalar(r, key->value, "the header's value") : err;
    if (err != TB_OK) {
        return err;
    }
    if (!http1_is_value(key->value->text)) {
        return reader_refuse(r, key->value, "a header's value has no control characters");
    }
    err = template_read(r, key->value, value);
    if (err != TB_OK) {
        return err;
    }
    size_t n = 0;
    const char *literal = template_literal(*value, &n);
    *value = literal == NULL ? *value : NULL;
    return put_line(r, key, literal == NULL ? "" : literal, n, line);
}

static int read_headers(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    if (value->kind != NODE_MAP) {
        return reader_refuse(r, value, "headers are a mapping of names and values, not %s",
                             node_kind_name(value));
    }
    const char **lines = arena_alloc(r->arena, (value->count + 1) * sizeof *lines);
    const struct template **values =
        arena_alloc(r->arena, (value->count + 1) * sizeof(struct template *));
    if (lines == NULL || values == NULL) {
        return TB_ENOMEM;
    }
    e->headers = lines;
    e->values = values;
    int err = TB_OK;
    for (const struct node *key = value->first; key != NULL && err == TB_OK; key = key->next) {
        err = write_header(r, key, lines++, values);
        e->fills_headers = e->fills_headers || *values != NULL;
        values++;
    }
    return err;
}

/* ---- reject ---- */

static int read_delay(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    return reader_span(r, value, &e->delay);
}

static int read_status(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    uint64_t status;
    int err = reader_number(r, value, 200, 599, &status);
    e->status = (unsigned)status;
    return err;
}

static int read_body(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    int err = reader_scalar(r, value, "the body's text");
    return err == TB_OK ? template_read(r, value, &e->body) : err;
}

static int read_reject(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "status", .read = read_status, .required = true},
        {.name = "headers", .read = read_headers},
        {.name = "body", .read = read_body},
        {.name = "delay", .read = read_delay},
        {.name = NULL},
    };
    if (value->kind == NODE_SCALAR) { /* reject: 401 */
        return read_status(r, value, into);
    }
    return reader_map(r, value, fields, "reject", into);
}

/* ---- accept ---- */

static int read_protocols(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    int err = reader_texts(r, value, &e->policy.subprotocols);
    for (size_t i = 0; err == TB_OK && e->policy.subprotocols[i] != NULL; i++) {
        const char *name = e->policy.subprotocols[i];
        if (!http1_str_is_token((struct http1_str){.p = name, .n = strlen(name)})) {
            err = reader_refuse(r, value, "'%s' is no subprotocol: no spaces, commas and the like",
                                name);
        }
        e->policy.subprotocol_count++;
    }
    return err;
}

static int read_deflate(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    e->has_deflate = true;
    return reader_bool(r, value, &e->policy.deflate);
}

static int read_accept(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "protocols", .read = read_protocols},
        {.name = "deflate", .read = read_deflate},
        {.name = "headers", .read = read_headers},
        {.name = "delay", .read = read_delay},
        {.name = NULL},
    };
    struct entrance *e = into;
    bool is_bare = value->kind == NODE_SCALAR;
    bool yes = true;
    int err = !is_bare          ? reader_map(r, value, fields, "accept", e)
              : value->size > 0 ? reader_bool(r, value, &yes)
                                : TB_OK;
    e->status = 101;
    return err == TB_OK && !yes ? reader_refuse(r, value, "'accept: no' is written 'reject: 403'")
                                : err;
}

/* ---- all of it ---- */

static int read_when(struct reader *r, const struct node *value, void *into) {
    struct entrance *e = into;
    return matcher_read_handshake(r, value, &e->when);
}

static int read_entrance(struct reader *r, const struct node *item, void *into) {
    static const struct field fields[] = {
        {.name = "when", .read = read_when},
        {.name = "accept", .read = read_accept},
        {.name = "reject", .read = read_reject},
        {.name = NULL},
    };
    struct plan_route *route = into;
    struct entrance *e = (struct entrance *)route->entrances + route->entrance_count++;
    e->node = item;
    int err = reader_map(r, item, fields, "a handshake rule", e);
    bool both = node_get(item, "accept") != NULL && node_get(item, "reject") != NULL;
    if (err == TB_OK && (e->status == 0 || both)) {
        err = reader_refuse(r, item, "a handshake rule has either 'accept' or 'reject'");
    }
    return err;
}

int plan_read_entrances(struct plan_reader *p, const struct node *list) {
    struct plan_route *route = p->route;
    size_t count = list->kind == NODE_LIST ? list->count : 1;
    route->entrances = arena_alloc(p->r->arena, (count + 1) * sizeof *route->entrances);
    return route->entrances == NULL ? TB_ENOMEM : reader_each(p->r, list, read_entrance, route);
}
