#include "base/options.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/units.h"

struct parser {
    const struct option *table;
    int argc;
    char *const *argv;
    int next; /* the argument to be read next */
    void *settings;
    struct option_list *operands;
    struct bytes *message;
    const char *dashes; /* what stands before a name in a message */
};

/* Says what was wrong. The whole line is escaped at once, so what the user typed needs no care
 * where it is put in. Returns TB_EINVAL, or TB_ENOMEM. */
static int __attribute__((format(printf, 2, 3))) refuse(struct parser *p, const char *fmt, ...) {
    struct bytes raw = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    int err = bytes_appendv(&raw, fmt, ap);
    va_end(ap);
    if (err == TB_OK) {
        err = text_escape(p->message, raw.data, raw.len, TEXT_ONE_LINE);
    }
    bytes_release(&raw);
    return err == TB_OK ? TB_EINVAL : err;
}

/* The room doubles whenever the count is a power of two, so it needs no field of its own. */
static int list_add(struct option_list *list, const char *item) {
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count > 0 ? list->count * 2 : 1;
        const char **items = realloc(list->items, room * sizeof(*items));
        if (items == NULL) {
            return TB_ENOMEM;
        }
        list->items = items;
    }
    list->items[list->count++] = item;
    return TB_OK;
}

/* A unit in which a limit can be written without a fraction. */
struct limit_unit {
    uint64_t factor;
    const char *suffix;
};

struct limit_text {
    char text[32];
};

static const struct limit_unit plain_units[] = {{1, ""}};
static const struct limit_unit size_units[] = {
    {1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}, {1, ""}};
static const struct limit_unit duration_units[] = {
    {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};

/* The last unit of a table divides everything. */
static struct limit_text limit_print(uint64_t value, const struct limit_unit *units) {
    struct limit_text limit;
    while (value % units->factor != 0) {
        units++;
    }
    const char *suffix = value > 0 ? units->suffix : "";
    snprintf(limit.text, sizeof(limit.text), "%ju%s", (uintmax_t)(value / units->factor), suffix);
    return limit;
}

/* What the three kinds of quantity have of their own. */
struct quantity {
    const char *limited;   /* what is needed, before the limits, which show a size's notation */
    const char *unlimited; /* … and where there are none */
    const struct limit_unit *units;
    int (*read)(const char *s, uint64_t *value);
};

static int read_number(const char *s, uint64_t *value) {
    return units_count(s, 0, UINT64_MAX, value);
}

#define DURATIONS "a duration such as 20ms, 5s or 2m"
static const struct quantity number = {"a number", "a number such as 10", plain_units, read_number};
static const struct quantity size = {"a size", "a size such as 64K", size_units, units_size};
static const struct quantity duration = {DURATIONS, DURATIONS, duration_units, units_duration};

static int refuse_quantity(struct parser *p, const struct option *o, const struct quantity *q,
                           int err, const char *value) {
    const char *also = (o->flags & OPTION_FOREVER) != 0 ? ", or -1 (for ever)" : "";
    if (o->min != 0 || o->max != 0) {
        struct limit_text min = limit_print(o->min, q->units);
        struct limit_text max = limit_print(o->max, q->units);
        return refuse(p, "option '%s%s' needs %s from %s to %s%s, not '%s'", p->dashes, o->name,
                      q->limited, min.text, max.text, also, value);
    }
    if (err == TB_ERANGE) {
        return refuse(p, "option '%s%s' cannot be as large as '%s'", p->dashes, o->name, value);
    }
    return refuse(p, "option '%s%s' needs %s%s, not '%s'", p->dashes, o->name, q->unlimited, also,
                  value);
}

static int set_quantity(struct parser *p, const struct option *o, void *slot, const char *value,
                        const struct quantity *q) {
    bool limited = o->min != 0 || o->max != 0;
    uint64_t result;
    int err = q->read(value, &result);
    if (err == TB_OK && limited && (result < o->min || result > o->max)) {
        err = TB_ERANGE;
    }
    if (err != TB_OK) {
        return refuse_quantity(p, o, q, err, value);
    }
    *(uint64_t *)slot = result;
    return TB_OK;
}

static int set_number(struct parser *p, const struct option *o, void *slot, const char *value) {
    return set_quantity(p, o, slot, value, &number);
}

static int set_size(struct parser *p, const struct option *o, void *slot, const char *value) {
    return set_quantity(p, o, slot, value, &size);
}

static int set_duration(struct parser *p, const struct option *o, void *slot, const char *value) {
    if ((o->flags & OPTION_FOREVER) != 0 && strcmp(value, "-1") == 0) {
        *(uint64_t *)slot = OPTION_FOREVER_MS;
        return TB_OK;
    }
    return set_quantity(p, o, slot, value, &duration);
}

static int set_flag(struct parser *p, const struct option *o, void *slot, const char *value) {
    (void)p, (void)o, (void)value;
    *(bool *)slot = true;
    return TB_OK;
}

static int set_count(struct parser *p, const struct option *o, void *slot, const char *value) {
    (void)p, (void)o, (void)value;
    ++*(unsigned *)slot;
    return TB_OK;
}

static int set_value(struct parser *p, const struct option *o, void *slot, const char *value) {
    (void)p, (void)value;
    *(int *)slot = o->value;
    return TB_OK;
}

static int set_string(struct parser *p, const struct option *o, void *slot, const char *value) {
    (void)p, (void)o;
    *(const char **)slot = value;
    return TB_OK;
}

static int set_list(struct parser *p, const struct option *o, void *slot, const char *value) {
    (void)p, (void)o;
    return list_add(slot, value);
}

static int set_call(struct parser *p, const struct option *o, void *slot, const char *value) {
    return o->call(p->table, p->settings, slot, value, p->message);
}

/* "close|drop|wait" becomes "close, drop or wait". */
static int append_choices(struct bytes *out, const char *choices) {
    int err = TB_OK;
    while (err == TB_OK && *choices != '\0') {
        size_t len = strcspn(choices, "|");
        err = bytes_append(out, choices, len);
        choices += len;
        if (err == TB_OK && *choices == '|') {
            choices++;
            err = bytes_append_str(out, strchr(choices, '|') != NULL ? ", " : " or ");
        }
    }
    return err;
}

static int refuse_choice(struct parser *p, const struct option *o, const char *value) {
    struct bytes allowed = BYTES_INIT;
    int err = append_choices(&allowed, o->choices);
    if (err == TB_OK) {
        err = refuse(p, "option '%s%s' takes %.*s, not '%s'", p->dashes, o->name, (int)allowed.len,
                     (const char *)allowed.data, value);
    }
    bytes_release(&allowed);
    return err;
}

static int set_choice(struct parser *p, const struct option *o, void *slot, const char *value) {
    const char *word = o->choices;
    for (int i = 0;; i++) {
        size_t len = strcspn(word, "|");
        if (strlen(value) == len && memcmp(word, value, len) == 0) {
            *(int *)slot = i;
            return TB_OK;
        }
        if (word[len] == '\0') {
            return refuse_choice(p, o, value);
        }
        word += len + 1;
    }
}

/* What parsing has to know of each kind. */
static const struct {
    bool has_argument;
    int (*set)(struct parser *p, const struct option *o, void *slot, const char *value);
} kinds[] = {
    [OPTION_FLAG] = {false, set_flag},    [OPTION_COUNT] = {false, set_count},
    [OPTION_SET] = {false, set_value},    [OPTION_STRING] = {true, set_string},
    [OPTION_LIST] = {true, set_list},     [OPTION_NUMBER] = {true, set_number},
    [OPTION_SIZE] = {true, set_size},     [OPTION_DURATION] = {true, set_duration},
    [OPTION_CHOICE] = {true, set_choice}, [OPTION_CALL] = {true, set_call},
    [OPTION_GROUP] = {false, NULL},
};

bool option_has_argument(const struct option *o) {
    return kinds[o->kind].has_argument;
}

const char *option_argument(const struct option *o) {
    return o->arg != NULL ? o->arg : o->choices;
}

void option_walk_init(struct option_walk *w, const struct option *table) {
    *w = (struct option_walk){.levels = {{.next = table}}};
}

static bool is_end(const struct option *o) {
    return o->name == NULL && o->kind != OPTION_GROUP;
}

const struct option *option_walk_next(struct option_walk *w) {
    while (is_end(w->levels[w->depth].next)) {
        if (w->depth == 0) {
            return NULL;
        }
        w->depth--;
    }
    const struct option *o = w->levels[w->depth].next++;
    w->offset = w->levels[w->depth].offset + o->offset;
    if (o->kind == OPTION_GROUP && o->group != NULL && w->depth + 1 < OPTION_DEPTH) {
        w->depth++;
        w->levels[w->depth].next = o->group;
        w->levels[w->depth].offset = w->offset;
    }
    return o;
}

static bool has_name(const struct option *o, const char *name, size_t len) {
    return o->name != NULL && strlen(o->name) == len && memcmp(o->name, name, len) == 0;
}

/* *slot is where the value of the row that was found belongs. */
static const struct option *find_name(const struct parser *p, const char *name, size_t len,
                                      void **slot) {
    struct option_walk w;
    const struct option *o;
    option_walk_init(&w, p->table);
    do {
        o = option_walk_next(&w);
    } while (o != NULL && !has_name(o, name, len));
    *slot = (char *)p->settings + w.offset;
    return o;
}

static const struct option *find_letter(const struct parser *p, char letter, void **slot) {
    struct option_walk w;
    const struct option *o;
    option_walk_init(&w, p->table);
    do {
        o = option_walk_next(&w);
    } while (o != NULL && o->letter != letter);
    *slot = (char *)p->settings + w.offset;
    return o;
}

/* Gives the names of the rows, at most as many as there are rows. With names NULL it counts. */
static size_t list_names(const struct option *table, const char **names) {
    struct option_walk w;
    size_t count = 0;
    option_walk_init(&w, table);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (o->name != NULL && names != NULL) {
            names[count] = o->name;
        }
        count += o->name != NULL;
    }
    return count;
}

/* *nearest becomes the known name that name[0..len) may have meant, or NULL. */
static int find_nearest(const struct option *table, const char *name, size_t len,
                        const char **nearest) {
    int err = TB_ENOMEM;
    struct bytes word = BYTES_INIT;
    size_t count = list_names(table, NULL);
    const char **names = malloc((count + 1) * sizeof(*names));
    if (names == NULL || bytes_append(&word, name, len) != TB_OK ||
        bytes_append(&word, "", 1) != TB_OK) {
        goto out;
    }
    list_names(table, names);
    *nearest = text_nearest((const char *)word.data, names, count);
    err = TB_OK;
out:
    bytes_release(&word);
    free(names);
    return err;
}

/* typed[0..len) is the name with its dashes, skip of them. */
static int refuse_unknown(struct parser *p, const char *typed, size_t len, size_t skip) {
    const char *nearest;
    int err = find_nearest(p->table, typed + skip, len - skip, &nearest);
    if (err != TB_OK) {
        return err;
    }
    if (nearest == NULL) {
        return refuse(p, "unknown option '%.*s'", (int)len, typed);
    }
    return refuse(p, "unknown option '%.*s' (did you mean '%s%s'?)", (int)len, typed, p->dashes,
                  nearest);
}

/* The optional argument was left out. */
static int set_without(struct parser *p, const struct option *o, void *slot) {
    return o->kind == OPTION_CHOICE ? set_value(p, o, slot, NULL)
                                    : kinds[o->kind].set(p, o, slot, "");
}

/* value is NULL if there is none. */
static int set(struct parser *p, const struct option *o, void *slot, const char *value) {
    if (value != NULL && !option_has_argument(o)) {
        return refuse(p, "option '%s%s' takes no argument", p->dashes, o->name);
    }
    if (value == NULL && (o->flags & OPTION_OPTIONAL) != 0) {
        return set_without(p, o, slot);
    }
    if (value == NULL && option_has_argument(o)) {
        return refuse(p, "option '%s%s' needs an argument", p->dashes, o->name);
    }
    return kinds[o->kind].set(p, o, slot, value);
}

/* Whether the option's argument may be the next one of the command line. */
static bool wants_next(const struct option *o) {
    return option_has_argument(o) && (o->flags & OPTION_OPTIONAL) == 0;
}

/* value is what came with the option, or NULL: then the next argument may be the value. */
static int set_from_line(struct parser *p, const struct option *o, void *slot, const char *value) {
    if (value == NULL && wants_next(o) && p->next < p->argc) {
        value = p->argv[p->next++];
    }
    return set(p, o, slot, value);
}

static int parse_long(struct parser *p, const char *arg) {
    size_t len = strcspn(arg, "=");
    void *slot;
    const struct option *o = find_name(p, arg + 2, len - 2, &slot);
    if (o == NULL) {
        return refuse_unknown(p, arg, len, 2);
    }
    return set_from_line(p, o, slot, arg[len] == '=' ? arg + len + 1 : NULL);
}

/* An unknown letter is named with all that follows, for it may be a long name with one dash. */
static int refuse_letter(struct parser *p, const char *letters) {
    struct bytes typed = BYTES_INIT;
    int err = bytes_appendf(&typed, "-%.*s", (int)strcspn(letters, "="), letters);
    if (err == TB_OK) {
        err = refuse_unknown(p, (const char *)typed.data, typed.len, 1);
    }
    bytes_release(&typed);
    return err;
}

/* letters is what stands behind one dash: flags, and at most one option with an argument. */
static int parse_letters(struct parser *p, const char *letters) {
    int err = TB_OK;
    for (; err == TB_OK && *letters != '\0'; letters++) {
        void *slot;
        const struct option *o = find_letter(p, *letters, &slot);
        if (o == NULL) {
            return refuse_letter(p, letters);
        }
        if (wants_next(o)) {
            return set_from_line(p, o, slot, letters[1] != '\0' ? letters + 1 : NULL);
        }
        err = set(p, o, slot, NULL);
    }
    return err;
}

static int take_operands(struct parser *p) {
    int err = TB_OK;
    while (err == TB_OK && p->next < p->argc) {
        err = list_add(p->operands, p->argv[p->next++]);
    }
    return err;
}

static int parse_next(struct parser *p) {
    const char *arg = p->argv[p->next++];
    if (arg[0] != '-' || arg[1] == '\0') {
        return list_add(p->operands, arg); /* "-" alone is a file: standard input */
    }
    if (arg[1] != '-') {
        return parse_letters(p, arg + 1);
    }
    if (arg[2] != '\0') {
        return parse_long(p, arg);
    }
    return take_operands(p);
}

int options_parse(const struct option *table, int argc, char *const *argv, void *settings,
                  struct option_list *operands, struct bytes *message) {
    struct parser p = {.table = table,
                       .argc = argc,
                       .argv = argv,
                       .settings = settings,
                       .operands = operands,
                       .message = message,
                       .dashes = "--"};
    int err = TB_OK;
    while (err == TB_OK && p.next < p.argc) {
        err = parse_next(&p);
    }
    return err;
}

/* A letter stands behind one dash, a name behind two or none. */
static const struct option *find_typed(const struct parser *p, const char *name, size_t len,
                                       size_t dashes, void **slot) {
    if (dashes == 1) {
        return len == 2 ? find_letter(p, name[1], slot) : NULL;
    }
    return find_name(p, name + dashes, len - dashes, slot);
}

int options_set(const struct option *table, void *settings, const char *name, size_t len,
                const char *value, struct bytes *message) {
    struct parser p = {.table = table, .settings = settings, .message = message, .dashes = ""};
    size_t dashes = 0;
    while (dashes < 2 && dashes < len && name[dashes] == '-') {
        dashes++;
    }
    void *slot;
    const struct option *o = find_typed(&p, name, len, dashes, &slot);
    return o != NULL ? set(&p, o, slot, value) : refuse_unknown(&p, name, len, dashes);
}

void option_list_release(struct option_list *list) {
    free(list->items);
    *list = (struct option_list){NULL, 0};
}

void options_release(const struct option *table, void *settings) {
    struct option_walk w;
    option_walk_init(&w, table);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (o->kind == OPTION_LIST) {
            option_list_release((struct option_list *)(void *)((char *)settings + w.offset));
        }
    }
}
