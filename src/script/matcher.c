#include "script/matcher.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "script/matcher_state.h"

/* ---- conditions of a message, and what counts ---- */

struct matcher *building_add(struct reader *r, struct building *b, enum matcher_kind kind,
                             const struct node *node) {
    struct matcher *m = arena_alloc(r->arena, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->kind = kind;
    m->node = node;
    if (b->last == NULL) {
        b->made->first = m;
    } else {
        b->last->next = m;
    }
    b->last = m;
    return m;
}

static int read_type(struct reader *r, const struct node *item, void *into) {
    unsigned *types = into;
    unsigned type = 0;
    int err = reader_choice(r, item, message_type_names, &type);
    if (err == TB_OK) {
        *types |= 1U << type;
    }
    return err;
}

static int building_type(struct reader *r, const struct node *value, void *into) {
    struct building *b = into;
    struct matcher *m = building_add(r, b, MATCHER_TYPE, value);
    b->reading->typed = true;
    int err = m == NULL ? TB_ENOMEM : reader_each(r, value, read_type, &m->of.types);
    if (err == TB_OK && m->of.types == 0) {
        return reader_refuse(r, value, "'type' names none: text, binary, ping, pong or close");
    }
    return err;
}

static int building_size(struct reader *r, const struct node *value, void *into) {
    struct matcher *m = building_add(r, into, MATCHER_SIZE, value);
    return m == NULL ? TB_ENOMEM : reader_size_range(r, value, &m->of.size);
}

static int building_from(struct reader *r, const struct node *value, void *into) {
    static const char *const words[] = {"client", "server", NULL};
    struct matcher *m = building_add(r, into, MATCHER_FROM, value);
    unsigned index = 0;
    int err = m == NULL ? TB_ENOMEM : reader_choice(r, value, words, &index);
    if (err == TB_OK) {
        m->of.from_client = index == 0;
    }
    return err;
}

static int building_chance(struct reader *r, const struct node *value, void *into) {
    struct matcher *m = building_add(r, into, MATCHER_CHANCE, value);
    if (m == NULL) {
        return TB_ENOMEM;
    }
    m->counts = true;
    return reader_percent(r, value, &m->of.millionths);
}

static int building_times(struct reader *r, const struct node *value, void *into) {
    struct matcher *m = building_add(r, into, MATCHER_TIMES, value);
    uint64_t limit = 0;
    int err = m == NULL ? TB_ENOMEM : reader_number(r, value, 1, INT32_MAX, &limit);
    if (err == TB_OK) {
        m->counts = true;
        m->of.times.number = r->counters++;
        m->of.times.limit = (unsigned)limit;
    }
    return err;
}

/* ---- what combines matchers ---- */

static void append(struct building *b, struct matcher *m) {
    m->next = NULL;
    if (b->last == NULL) {
        b->made->first = m;
    } else {
        b->last->next = m;
    }
    b->last = m;
}

/* What counts is asked when all else holds: chance, and then times. */
static unsigned turn_of(const struct matcher *m) {
    switch (m->kind) {
    case MATCHER_TIMES:
        return 3;
    case MATCHER_CHANCE:
        return 2;
    default:
        return m->counts ? 1 : 0;
    }
}

/* Puts the conditions, which were written in any order, into the order in which they are asked. */
static void put_in_order(struct building *b) {
    enum { TURNS = 4 };
    struct matcher *written = b->made->first;
    b->made->first = NULL;
    b->last = NULL;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct matcher *next = NULL;
        struct matcher **left = &written;
        for (struct matcher *m = written; m != NULL; m = next) {
            next = m->next;
            if (turn_of(m) == turn) {
                *left = next;
                append(b, m);
            } else {
                left = &m->next;
            }
        }
    }
}

/* What a combination has of what it combines. */
static void inherit(struct matcher *m) {
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        m->counts = m->counts || part->counts;
        m->has_existence = m->has_existence || part->has_existence;
    }
}

static int building_not(struct reader *r, const struct node *value, void *into) {
    struct building *b = into;
    struct matcher *part = NULL;
    struct matcher *m = building_add(r, b, MATCHER_NOT, value);
    int err = m == NULL ? TB_ENOMEM : building_check_said(r, r->key, value);
    err = err != TB_OK ? err : matcher_read_any(r, b->reading, b->vocabulary, value, &part);
    if (err == TB_OK) {
        m->first = part;
        inherit(m);
    }
    return err;
}

static int read_list(struct reader *r, struct building *b, enum matcher_kind kind,
                     const struct node *value) {
    struct building list = {.reading = b->reading, .vocabulary = b->vocabulary};
    list.made = building_add(r, b, kind, value);
    int err = list.made == NULL ? TB_ENOMEM : reader_list(r, value, "a list of matchers");
    const struct node *item = err == TB_OK ? value->first : NULL;
    for (; err == TB_OK && item != NULL; item = item->next) {
        struct matcher *part = NULL;
        err = matcher_read_any(r, b->reading, b->vocabulary, item, &part);
        if (err == TB_OK) {
            append(&list, part);
        }
    }
    if (err == TB_OK) {
        inherit(list.made);
    }
    if (err == TB_OK && kind == MATCHER_ALL) {
        put_in_order(&list);
    }
    return err;
}

static int building_any(struct reader *r, const struct node *value, void *into) {
    return read_list(r, into, MATCHER_ANY, value);
}

static int building_all(struct reader *r, const struct node *value, void *into) {
    return read_list(r, into, MATCHER_ALL, value);
}

/* ---- mappings and scalars ---- */

#define COMBINING                                                                                  \
    {.name = "not", .read = building_not}, {.name = "any", .read = building_any}, {                \
        .name = "all", .read = building_all                                                        \
    }
#define OF_BYTES                                                                                   \
    {.name = "text", .read = building_text}, {.name = "contains", .read = building_contains},      \
        {.name = "starts", .read = building_starts}, {.name = "ends", .read = building_ends}, {    \
        .name = "regex", .read = building_regex                                                    \
    }
#define OF_HANDSHAKE                                                                               \
    {.name = "header", .read = building_header}, {.name = "query", .read = building_query}, {      \
        .name = "path", .read = building_path                                                      \
    }
#define COUNTING                                                                                   \
    {.name = "chance", .read = building_chance}, {                                                 \
        .name = "times", .read = building_times                                                    \
    }

static const struct field message_fields[] = {
    OF_BYTES,
    {.name = "json", .read = building_json},
    {.name = "binary", .read = building_binary},
    {.name = "type", .read = building_type},
    {.name = "size", .read = building_size},
    {.name = "from", .read = building_from},
    OF_HANDSHAKE,
    COUNTING,
    COMBINING,
    {.name = NULL},
};

static const struct field handshake_fields[] = {OF_HANDSHAKE, COUNTING, COMBINING, {.name = NULL}};

static const struct field value_fields[] = {
    OF_BYTES, {.name = "exists", .read = building_exists}, COMBINING, {.name = NULL}};

static const char *example_of(struct reader *r, const struct node *value) {
    return value->kind == NODE_SCALAR && value->size > 0 ? reader_shown(r, value) : "...";
}

/* A key in quotes that no path would need quotes for, and that is none of ours, nor nearly. */
static bool is_json_key(const struct node *key) {
    enum { KNOWN = sizeof(message_fields) / sizeof(*message_fields) - 1 };
    const char *known[KNOWN];
    for (size_t i = 0; i < KNOWN; i++) {
        known[i] = message_fields[i].name;
    }
    size_t plain = strspn(key->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    return key->quoted && key->size > 0 && plain == key->size &&
           text_nearest(key->text, known, KNOWN) == NULL;
}

/* JSON is a mapping of YAML, too, and easily taken for what a message is to be. */
static int read_message_map(struct reader *r, const struct node *map, struct building *b) {
    const struct node *key = map->first;
    if (key != NULL && is_json_key(key)) {
        return reader_refuse(r, key,
                             "unknown key '%s' in a matcher (for JSON: { json: { $.%s: %s } })",
                             reader_shown(r, key), reader_shown(r, key), example_of(r, key->value));
    }
    return reader_map(r, map, message_fields, "a matcher", b);
}

/* A value's mapping may have a key too many because a nested value was meant. */
static int read_value_map(struct reader *r, const struct node *map, struct building *b) {
    enum { KNOWN = sizeof(value_fields) / sizeof(*value_fields) };
    const char *known[KNOWN];
    for (size_t i = 0; i < KNOWN; i++) {
        known[i] = value_fields[i].name;
    }
    int err = building_check_value_keys(r, map, known, KNOWN - 1);
    return err == TB_OK ? reader_map(r, map, value_fields, "a value's matcher", b) : err;
}

/* A `type` in the same mapping is what says which types are looked at. */
static void let_type_speak(struct matcher *mapping) {
    bool typed = false;
    for (const struct matcher *m = mapping->first; m != NULL; m = m->next) {
        typed = typed || m->kind == MATCHER_TYPE;
    }
    for (struct matcher *m = mapping->first; m != NULL; m = m->next) {
        m->any_type = typed;
    }
}

static int read_map(struct reader *r, const struct node *node, struct building *b) {
    int err;
    b->made->kind = MATCHER_ALL;
    if (b->vocabulary == VOCABULARY_VALUE) {
        err = read_value_map(r, node, b);
    } else if (b->vocabulary == VOCABULARY_HANDSHAKE) {
        err = reader_map(r, node, handshake_fields, "a handshake's matcher", b);
    } else {
        err = read_message_map(r, node, b);
    }
    if (err == TB_OK) {
        let_type_speak(b->made);
        inherit(b->made);
        put_in_order(b);
    }
    return err;
}

int matcher_read_any(struct reader *r, struct reading *reading, enum vocabulary vocabulary,
                     const struct node *node, struct matcher **m) {
    struct building b = {.reading = reading, .vocabulary = vocabulary};
    b.made = arena_alloc(r->arena, sizeof(*b.made));
    if (b.made == NULL) {
        return TB_ENOMEM;
    }
    b.made->node = node;
    *m = b.made;
    if (node->kind == NODE_MAP) {
        return read_map(r, node, &b);
    }
    if (node->kind == NODE_LIST) {
        return reader_refuse(r, node,
                             "a matcher is no list: 'any' or 'all' says what its items "
                             "are for");
    }
    if (vocabulary == VOCABULARY_HANDSHAKE) {
        return reader_refuse(r, node,
                             "a handshake has no text: it is known by 'header', 'query' "
                             "or 'path'");
    }
    b.made->kind = MATCHER_TEXT;
    return matcher_read_wanted(r, node, b.made);
}

/* ---- the whole ---- */

/* Without `type`, only text and binary messages are meant; a bare text says that by itself. */
static int add_type(struct reader *r, struct matcher *m) {
    struct matcher *type = arena_alloc(r->arena, sizeof(*type));
    if (type == NULL) {
        return TB_ENOMEM;
    }
    type->kind = MATCHER_TYPE;
    type->implicit = true;
    type->node = m->node;
    type->of.types = 1U << MESSAGE_TEXT | 1U << MESSAGE_BINARY;
    type->next = m->first;
    m->first = type;
    return TB_OK;
}

static int read_whole(struct reader *r, const struct node *node, enum vocabulary vocabulary,
                      const struct matcher **m) {
    struct reading reading = {.typed = false};
    struct matcher *made = NULL;
    int err = matcher_read_any(r, &reading, vocabulary, node, &made);
    if (err == TB_OK && reading.groups > CAPTURES_MAX) {
        return reader_refuse(r, node, "a matcher has %d named groups at most, and this one has %zu",
                             CAPTURES_MAX, reading.groups);
    }
    if (err == TB_OK && vocabulary == VOCABULARY_MESSAGE && made->kind == MATCHER_ALL &&
        !reading.typed) {
        err = add_type(r, made);
    }
    if (err == TB_OK) {
        *m = made;
    }
    return err;
}

int matcher_read(struct reader *r, const struct node *node, const struct matcher **m) {
    return read_whole(r, node, VOCABULARY_MESSAGE, m);
}

int matcher_read_handshake(struct reader *r, const struct node *node, const struct matcher **m) {
    return read_whole(r, node, VOCABULARY_HANDSHAKE, m);
}

const struct node *matcher_node(const struct matcher *m) {
    return m->node;
}
