#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/pattern.h"
#include "base/text.h"
#include "proto/http1.h"
#include "script/matcher_state.h"
#include "script/names.h"
#include "script/path.h"
#include "script/template.h"

int building_check_said(struct reader *r, const struct node *key, const struct node *value) {
    return reader_is_nothing(value)
               ? reader_refuse(r, key, "%s has no value: '' is the empty text, 'null' is null",
                               reader_shown(r, key))
               : TB_OK;
}

/* ---- text, contains, starts, ends ---- */

int matcher_read_wanted(struct reader *r, const struct node *node, struct matcher *m) {
    int err = template_read(r, node, &m->of.text.template);
    if (err == TB_OK) {
        m->of.text.literal = template_literal(m->of.text.template, &m->of.text.size);
    }
    return err;
}

static int add_wanted(struct reader *r, struct building *b, enum matcher_kind kind,
                      const struct node *value) {
    int err = building_check_said(r, r->key, value);
    err = err == TB_OK ? reader_scalar(r, value, "text") : err;
    if (err != TB_OK) {
        return err;
    }
    struct matcher *m = building_add(r, b, kind, value);
    return m == NULL ? TB_ENOMEM : matcher_read_wanted(r, value, m);
}

int building_text(struct reader *r, const struct node *value, void *into) {
    return add_wanted(r, into, MATCHER_TEXT, value);
}

int building_contains(struct reader *r, const struct node *value, void *into) {
    return add_wanted(r, into, MATCHER_CONTAINS, value);
}

int building_starts(struct reader *r, const struct node *value, void *into) {
    return add_wanted(r, into, MATCHER_STARTS, value);
}

int building_ends(struct reader *r, const struct node *value, void *into) {
    return add_wanted(r, into, MATCHER_ENDS, value);
}

/* ---- regex ---- */

static void free_pattern(void *object) {
    pattern_free(object);
}

static int compile(struct reader *r, const struct node *value, struct matcher *m) {
    struct bytes why = BYTES_INIT;
    int err = pattern_new(value->text, &m->of.regex.pattern, &why);
    if (err == TB_OK) {
        err = arena_clean(r->arena, free_pattern, m->of.regex.pattern);
    } else if (err == TB_EINVAL) {
        err = reader_refuse(r, value, "%.*s", (int)why.len, (const char *)why.data);
    }
    bytes_release(&why);
    return err;
}

static int define_groups(struct reader *r, const struct node *value, struct matcher *m) {
    size_t count = pattern_group_count(m->of.regex.pattern);
    unsigned *slots = arena_alloc(r->arena, count * sizeof(*slots));
    int err = slots == NULL ? TB_ENOMEM : TB_OK;
    for (size_t i = 0; err == TB_OK && i < count; i++) {
        const char *name = pattern_group_name(m->of.regex.pattern, i);
        err = names_define(r, value, name, strlen(name), &slots[i]);
    }
    m->of.regex.slots = slots;
    m->of.regex.group_count = count;
    return err;
}

static int find_required(struct reader *r, const struct node *value, struct matcher *m) {
    struct bytes literal = BYTES_INIT;
    int err = pattern_required(value->text, &literal);
    if (err == TB_OK && literal.len > 0) {
        m->of.regex.required = arena_text(r->arena, literal.data, literal.len);
        m->of.regex.required_size = literal.len;
        err = m->of.regex.required == NULL ? TB_ENOMEM : TB_OK;
    }
    bytes_release(&literal);
    return err;
}

int building_regex(struct reader *r, const struct node *value, void *into) {
    struct building *b = into;
    int err = building_check_said(r, r->key, value);
    err = err == TB_OK ? reader_scalar(r, value, "a regular expression") : err;
    if (err != TB_OK) {
        return err;
    }
    struct matcher *m = building_add(r, b, MATCHER_REGEX, value);
    err = m == NULL ? TB_ENOMEM : compile(r, value, m);
    err = err == TB_OK ? define_groups(r, value, m) : err;
    err = err == TB_OK ? find_required(r, value, m) : err;
    if (err == TB_OK) {
        b->reading->groups += m->of.regex.group_count;
    }
    return err;
}

/* ---- exists ---- */

int building_exists(struct reader *r, const struct node *value, void *into) {
    struct matcher *m = building_add(r, into, MATCHER_EXISTS, value);
    if (m == NULL) {
        return TB_ENOMEM;
    }
    m->has_existence = true;
    return reader_bool(r, value, &m->of.exists);
}

/* ---- binary ---- */

/* Appends the bytes of a piece of the text between two "..", or behind the last one. */
static int take_bytes(struct reader *r, const struct node *value, size_t offset, size_t n,
                      struct bytes *out) {
    size_t wrong = 0;
    int err = hex_decode(out, value->text + offset, n, &wrong);
    if (err == TB_EINVAL) {
        return reader_refuse_at(r, value, offset + wrong,
                                "bytes are two hexadecimal digits each, or '..' for any byte");
    }
    return err;
}

static int take_any(struct bytes *out, struct bytes *any) {
    int err = bytes_reserve(any, out->len + 1 - any->len);
    if (err != TB_OK) {
        return err;
    }
    if (out->len > any->len) {
        memset(any->data + any->len, 0, out->len - any->len);
    }
    any->len = out->len;
    any->data[any->len++] = 1;
    return bytes_append(out, "", 1);
}

/* Reads the bytes, and which of them are any. */
static int take_pattern(struct reader *r, const struct node *value, struct bytes *out,
                        struct bytes *any) {
    size_t offset = 0;
    const char *dots;
    int err = TB_OK;
    while (err == TB_OK && (dots = strstr(value->text + offset, "..")) != NULL) {
        size_t at = (size_t)(dots - value->text);
        err = take_bytes(r, value, offset, at - offset, out);
        err = err == TB_OK ? take_any(out, any) : err;
        offset = at + 2;
    }
    return err == TB_OK ? take_bytes(r, value, offset, value->size - offset, out) : err;
}

static int keep_pattern(struct reader *r, struct matcher *m, const struct bytes *out,
                        const struct bytes *any) {
    bool *is_any = arena_alloc(r->arena, out->len * sizeof(*is_any));
    m->of.binary.bytes = (const uint8_t *)arena_text(r->arena, out->data, out->len);
    m->of.binary.any = is_any;
    m->of.binary.size = out->len;
    if (is_any == NULL || m->of.binary.bytes == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < any->len; i++) {
        is_any[i] = any->data[i] != 0;
    }
    return TB_OK;
}

int building_binary(struct reader *r, const struct node *value, void *into) {
    int err = building_check_said(r, r->key, value);
    err = err == TB_OK ? reader_scalar(r, value, "bytes, such as \"ca fe .. 01\"") : err;
    if (err != TB_OK) {
        return err;
    }
    struct matcher *m = building_add(r, into, MATCHER_BINARY, value);
    struct bytes out = BYTES_INIT;
    struct bytes any = BYTES_INIT;
    err = m == NULL ? TB_ENOMEM : take_pattern(r, value, &out, &any);
    err = err == TB_OK ? keep_pattern(r, m, &out, &any) : err;
    bytes_release(&out);
    bytes_release(&any);
    return err;
}

/* ---- values in JSON and in the handshake ---- */

/* The keys' names, one by one, each with the matcher of its value. */
static int each_value(struct reader *r, struct building *b, enum matcher_kind kind,
                      const struct node *map,
                      int (*name)(struct reader *r, const struct node *key, struct matcher *m)) {
    int err = TB_OK;
    for (const struct node *key = map->first; err == TB_OK && key != NULL; key = key->next) {
        struct matcher *value = NULL;
        struct matcher *m = building_add(r, b, kind, key->value);
        err = m == NULL ? TB_ENOMEM : name(r, key, m);
        err = err == TB_OK ? building_check_said(r, key, key->value) : err;
        err = err == TB_OK ? matcher_read_any(r, b->reading, VOCABULARY_VALUE, key->value, &value)
                           : err;
        if (err == TB_OK) {
            m->first = value;
            m->has_existence = value->has_existence;
        }
    }
    return err;
}

/* Whether it would be a path behind such a beginning. */
static bool is_path_behind(struct reader *r, const struct node *key, const char *begin) {
    struct bytes text = BYTES_INIT;
    const struct path *path;
    size_t offset;
    const char *why;
    bool is =
        bytes_append_str(&text, begin) == TB_OK &&
        bytes_append(&text, key->text, key->size) == TB_OK &&
        path_compile(r->arena, (const char *)text.data, text.len, &path, &offset, &why) == TB_OK;
    bytes_release(&text);
    return is;
}

static int refuse_path(struct reader *r, const struct node *key, size_t offset, const char *why) {
    if (key->size > 0 && key->text[0] != '$') {
        const char *begin = key->text[0] == '.' || key->text[0] == '[' ? "$" : "$.";
        if (is_path_behind(r, key, begin)) {
            return reader_refuse(r, key, "'%s' is not a path: did you mean '%s%s'?", key->text,
                                 begin, key->text);
        }
    }
    return reader_refuse_at(r, key, offset, "'%s' is not a path: %s", key->text, why);
}

static int name_path(struct reader *r, const struct node *key, struct matcher *m) {
    size_t offset = 0;
    const char *why = "";
    int err = path_compile(r->arena, key->text, key->size, &m->of.path, &offset, &why);
    return err == TB_EINVAL ? refuse_path(r, key, offset, why) : err;
}

int building_json(struct reader *r, const struct node *value, void *into) {
    if (value->kind != NODE_MAP) {
        return reader_refuse(r, value,
                             "'json' is a mapping of paths, such as { $.type: hello }, not %s",
                             node_kind_name(value));
    }
    if (value->first == NULL) {
        return building_add(r, into, MATCHER_JSON, value) == NULL ? TB_ENOMEM : TB_OK;
    }
    return each_value(r, into, MATCHER_JSON, value, name_path);
}

static int name_header(struct reader *r, const struct node *key, struct matcher *m) {
    struct http1_str name = {.p = key->text, .n = key->size};
    m->of.name = key->text;
    return http1_str_is_token(name)
               ? TB_OK
               : reader_refuse(r, key, "'%s' cannot be the name of a header", key->text);
}

static int name_query(struct reader *r, const struct node *key, struct matcher *m) {
    (void)r;
    m->of.name = key->text;
    return TB_OK;
}

/* Behind the handshake, the request is there only if somebody has said so; to a client it never is.
 */
static int read_head(struct reader *r, const struct node *value, const struct building *b) {
    if (r->no_handshake) {
        const struct node *key = r->key != NULL ? r->key : value;
        return reader_refuse(r, key,
                             "'%s' never holds here, where there is no handshake to look at: it "
                             "can stand in the 'when' of a server's rules, faults and handshake",
                             key->text);
    }
    r->reads_head = r->reads_head || b->vocabulary == VOCABULARY_MESSAGE;
    return TB_OK;
}

static int check_names(struct reader *r, const struct node *value, const char *key,
                       const char *example) {
    if (value->kind == NODE_MAP && value->first != NULL) {
        return TB_OK;
    }
    return reader_refuse(r, value, "'%s' is a mapping of names, such as { %s }, not %s", key,
                         example, value->kind == NODE_MAP ? "an empty one" : node_kind_name(value));
}

int building_header(struct reader *r, const struct node *value, void *into) {
    int err = read_head(r, value, into);
    err = err == TB_OK ? check_names(r, value, "header", "authorization: Bearer 1") : err;
    return err == TB_OK ? each_value(r, into, MATCHER_HEADER, value, name_header) : err;
}

int building_query(struct reader *r, const struct node *value, void *into) {
    int err = read_head(r, value, into);
    err = err == TB_OK ? check_names(r, value, "query", "room: lobby") : err;
    return err == TB_OK ? each_value(r, into, MATCHER_QUERY, value, name_query) : err;
}

int building_path(struct reader *r, const struct node *value, void *into) {
    struct building *b = into;
    struct matcher *part = NULL;
    int err = building_check_said(r, r->key, value);
    err = err == TB_OK ? read_head(r, value, b) : err;
    struct matcher *m = err == TB_OK ? building_add(r, b, MATCHER_PATH, value) : NULL;
    if (err == TB_OK) {
        err =
            m == NULL ? TB_ENOMEM : matcher_read_any(r, b->reading, VOCABULARY_VALUE, value, &part);
    }
    if (err == TB_OK) {
        m->first = part;
    }
    return err;
}

/* ---- nested values ---- */

static bool is_one_of(const char *word, const char *const *known, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

int building_check_value_keys(struct reader *r, const struct node *map, const char *const *known,
                              size_t count) {
    for (const struct node *key = map->first; key != NULL; key = key->next) {
        if (!is_one_of(key->text, known, count) && text_nearest(key->text, known, count) == NULL) {
            return reader_refuse(r, key,
                                 "unknown key '%s': a value is text, or a mapping of text, "
                                 "contains, starts, ends, regex, not, any, all or exists; what is "
                                 "nested deeper takes a longer path, such as '$.a.%s'",
                                 key->text, key->text);
        }
    }
    return TB_OK;
}
