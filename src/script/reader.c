#include "script/reader.h"

#include <stdarg.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/text.h"

enum {
    FIELDS_MAX = 64,    /* keys of one table among which the nearest is looked for */
    NAMED_MAX = 12,     /* so many are few, and are all named in a message */
    SHOWN_TEXT_MAX = 60 /* bytes of a text that are repeated in a message */
};

/* ---- refusals ---- */

int reader_refuse(struct reader *r, const struct node *at, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int err = document_refusev(r->doc, at, 0, r->message, fmt, ap);
    va_end(ap);
    return err;
}

int reader_refuse_at(struct reader *r, const struct node *at, size_t offset, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int err = document_refusev(r->doc, at, offset, r->message, fmt, ap);
    va_end(ap);
    return err;
}

const char *reader_shown(struct reader *r, const struct node *node) {
    if (node->text == NULL) {
        return node_kind_name(node);
    }
    if (node->size <= SHOWN_TEXT_MAX) {
        return node->text;
    }
    size_t size = SHOWN_TEXT_MAX;
    while (((uint8_t)node->text[size] & 0xc0) == 0x80) {
        size--;
    }
    char *shown = arena_alloc(r->arena, size + sizeof("..."));
    if (shown == NULL) {
        return "...";
    }
    memcpy(shown, node->text, size);
    memcpy(shown + size, "...", sizeof("..."));
    return shown;
}

bool reader_is_nothing(const struct node *node) {
    return node->kind == NODE_SCALAR && node->size == 0 && !node->quoted;
}

int reader_refuse_kind(struct reader *r, const struct node *node, const char *what) {
    if (reader_is_nothing(node)) {
        return reader_refuse(r, node, "expected %s, and nothing stands here", what);
    }
    bool scalar = node->kind == NODE_SCALAR;
    return reader_refuse(r, node, scalar ? "expected %s, not '%s'" : "expected %s, not %s", what,
                         reader_shown(r, node));
}

/* Appends " (did you mean 'NEAREST'?)", or " (KNOWN: a, b, c)" where they are few. */
static int append_names(struct bytes *out, const char *text, const char *known,
                        const char *const *names, size_t count) {
    const char *nearest = text_nearest(text, names, count);
    if (nearest != NULL) {
        return bytes_appendf(out, " (did you mean '%s'?)", nearest);
    }
    if (count == 0 || count > NAMED_MAX) {
        return TB_OK;
    }
    int err = bytes_appendf(out, " (%s", known);
    for (size_t i = 0; err == TB_OK && i < count; i++) {
        err = bytes_appendf(out, "%s %s", i > 0 ? "," : ":", names[i]);
    }
    return err == TB_OK ? bytes_append_str(out, ")") : err;
}

static int refuse_with_names(struct reader *r, const struct node *at, const struct bytes *words) {
    return reader_refuse(r, at, "%.*s", (int)words->len, (const char *)words->data);
}

int reader_refuse_unknown(struct reader *r, const struct node *at, const char *what,
                          const char *known, const char *const *names, size_t count) {
    struct bytes words = BYTES_INIT;
    int err = bytes_appendf(&words, "unknown %s '%s'", what, reader_shown(r, at));
    err = err == TB_OK ? append_names(&words, at->text, known, names, count) : err;
    err = err == TB_OK ? refuse_with_names(r, at, &words) : err;
    bytes_release(&words);
    return err;
}

/* ---- kinds ---- */

int reader_scalar(struct reader *r, const struct node *node, const char *what) {
    return node->kind == NODE_SCALAR ? TB_OK : reader_refuse_kind(r, node, what);
}

int reader_list(struct reader *r, const struct node *node, const char *what) {
    return node->kind == NODE_LIST ? TB_OK : reader_refuse_kind(r, node, what);
}

int reader_mapping(struct reader *r, const struct node *node, const char *what) {
    return node->kind == NODE_MAP ? TB_OK : reader_refuse_kind(r, node, what);
}

/* ---- a map by its table ---- */

static const struct field *find_field(const struct field *fields, const char *name) {
    while (fields->name != NULL && strcmp(fields->name, name) != 0) {
        fields++;
    }
    return fields->name != NULL ? fields : NULL;
}

static int refuse_key(struct reader *r, const struct node *key, const struct field *fields,
                      const char *what) {
    const char *names[FIELDS_MAX];
    size_t count = 0;
    while (count < FIELDS_MAX && fields[count].name != NULL) {
        names[count] = fields[count].name;
        count++;
    }
    struct bytes words = BYTES_INIT;
    int err = bytes_appendf(&words, "unknown key '%s' in %s", reader_shown(r, key), what);
    err = err == TB_OK ? append_names(&words, key->text, "known keys", names, count) : err;
    err = err == TB_OK ? refuse_with_names(r, key, &words) : err;
    bytes_release(&words);
    return err;
}

static int check_required(struct reader *r, const struct node *map, const struct field *fields,
                          const char *what) {
    for (; fields->name != NULL; fields++) {
        if (fields->required && node_get(map, fields->name) == NULL) {
            return reader_refuse(r, map, "%s needs '%s'", what, fields->name);
        }
    }
    return TB_OK;
}

int reader_map(struct reader *r, const struct node *map, const struct field *fields,
               const char *what, void *into) {
    int err = reader_mapping(r, map, what);
    for (const struct node *key = map->first; err == TB_OK && key != NULL; key = key->next) {
        const struct field *field = find_field(fields, key->text);
        if (field == NULL) {
            return refuse_key(r, key, fields, what);
        }
        r->key = key;
        err = field->read(r, key->value, into);
    }
    return err == TB_OK ? check_required(r, map, fields, what) : err;
}

/* ---- lists and words ---- */

int reader_each(struct reader *r, const struct node *list,
                int (*read)(struct reader *r, const struct node *item, void *into), void *into) {
    if (list->kind != NODE_LIST) {
        return read(r, list, into);
    }
    int err = TB_OK;
    for (const struct node *item = list->first; err == TB_OK && item != NULL; item = item->next) {
        err = read(r, item, into);
    }
    return err;
}

static int take_text(struct reader *r, const struct node *node, void *into) {
    const char ***next = into;
    int err = reader_scalar(r, node, "a text");
    if (err != TB_OK) {
        return err;
    }
    const char *text = arena_text(r->arena, node->text, node->size);
    *(*next)++ = text;
    return text != NULL ? TB_OK : TB_ENOMEM;
}

int reader_texts(struct reader *r, const struct node *node, const char *const **texts) {
    size_t count = node->kind == NODE_LIST ? node->count : 1;
    const char **made = arena_alloc(r->arena, (count + 1) * sizeof(*made));
    const char **next = made;
    if (made == NULL) {
        return TB_ENOMEM;
    }
    int err = reader_each(r, node, take_text, &next);
    if (err == TB_OK) {
        *texts = made;
    }
    return err;
}

static bool is_word(const char *text, const char *word) {
    while (*text != '\0' && ascii_lower(*text) == *word) {
        text++;
        word++;
    }
    return *text == '\0' && *word == '\0';
}

bool reader_is_no(const struct node *node) {
    return node->kind == NODE_SCALAR && !node->quoted &&
           (is_word(node->text, "no") || is_word(node->text, "false") ||
            is_word(node->text, "off"));
}

int reader_bool(struct reader *r, const struct node *node, bool *value) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    int err = reader_scalar(r, node, "yes or no");
    for (size_t i = 0; err == TB_OK && i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_word(node->text, words[i])) {
            *value = i % 2 == 1;
            return TB_OK;
        }
    }
    return err == TB_OK ? reader_refuse_kind(r, node, "yes or no") : err;
}

int reader_choice(struct reader *r, const struct node *node, const char *const *words,
                  unsigned *index) {
    int err = reader_scalar(r, node, "a word");
    if (err != TB_OK) {
        return err;
    }
    unsigned count = 0;
    while (words[count] != NULL) {
        if (strcmp(words[count], node->text) == 0) {
            *index = count;
            return TB_OK;
        }
        count++;
    }
    return reader_refuse_unknown(r, node, "word", "known words", words, count);
}

int reader_path(struct reader *r, const struct node *node, const char **path) {
    int err = reader_scalar(r, node, "the name of a file");
    if (err == TB_OK && node->size == 0) {
        err = reader_refuse(r, node, "the name of a file is not empty");
    }
    if (err != TB_OK) {
        return err;
    }
    const char *name = document_name(r->doc);
    const char *slash = strrchr(name, '/');
    size_t folder = slash == NULL || node->text[0] == '/' ? 0 : (size_t)(slash - name) + 1;
    char *made = arena_alloc(r->arena, folder + node->size + 1);
    if (made == NULL) {
        return TB_ENOMEM;
    }
    memcpy(made, name, folder);
    memcpy(made + folder, node->text, node->size);
    *path = made;
    return TB_OK;
}
