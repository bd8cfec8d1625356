#include "base/options.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/units.h"

#define HELP_COLUMNS 80
#define HELP_LABEL_MAX 30 /* a longer label gets a line of its own */

struct parser {
    const struct option *table;
    int argc;
    char *const *argv;
    int next; /* the argument to be read next */
    void *settings;
    struct option_list *operands;
    struct bytes *message;
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

static void *slot(const struct option *o, void *settings) {
    return (char *)settings + o->offset;
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
    if (o->min != 0 || o->max != 0) {
        struct limit_text min = limit_print(o->min, q->units);
        struct limit_text max = limit_print(o->max, q->units);
        return refuse(p, "option '--%s' needs %s from %s to %s, not '%s'", o->name, q->limited,
                      min.text, max.text, value);
    }
    if (err == TB_ERANGE) {
        return refuse(p, "option '--%s' cannot be as large as '%s'", o->name, value);
    }
    return refuse(p, "option '--%s' needs %s, not '%s'", o->name, q->unlimited, value);
}

static int set_quantity(struct parser *p, const struct option *o, const struct quantity *q,
                        const char *value) {
    bool limited = o->min != 0 || o->max != 0;
    uint64_t result;
    int err = q->read(value, &result);
    if (err == TB_OK && limited && (result < o->min || result > o->max)) {
        err = TB_ERANGE;
    }
    if (err != TB_OK) {
        return refuse_quantity(p, o, q, err, value);
    }
    *(uint64_t *)slot(o, p->settings) = result;
    return TB_OK;
}

static int set_number(struct parser *p, const struct option *o, const char *value) {
    return set_quantity(p, o, &number, value);
}

static int set_size(struct parser *p, const struct option *o, const char *value) {
    return set_quantity(p, o, &size, value);
}

static int set_duration(struct parser *p, const struct option *o, const char *value) {
    return set_quantity(p, o, &duration, value);
}

static int set_flag(struct parser *p, const struct option *o, const char *value) {
    (void)value;
    *(bool *)slot(o, p->settings) = true;
    return TB_OK;
}

static int set_count(struct parser *p, const struct option *o, const char *value) {
    (void)value;
    ++*(unsigned *)slot(o, p->settings);
    return TB_OK;
}

static int set_string(struct parser *p, const struct option *o, const char *value) {
    *(const char **)slot(o, p->settings) = value;
    return TB_OK;
}

static int set_list(struct parser *p, const struct option *o, const char *value) {
    return list_add(slot(o, p->settings), value);
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
        err = refuse(p, "option '--%s' takes %.*s, not '%s'", o->name, (int)allowed.len,
                     (const char *)allowed.data, value);
    }
    bytes_release(&allowed);
    return err;
}

static int set_choice(struct parser *p, const struct option *o, const char *value) {
    const char *word = o->choices;
    for (int i = 0;; i++) {
        size_t len = strcspn(word, "|");
        if (strlen(value) == len && memcmp(word, value, len) == 0) {
            *(int *)slot(o, p->settings) = i;
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
    int (*set)(struct parser *p, const struct option *o, const char *value);
} kinds[] = {
    [OPTION_FLAG] = {false, set_flag},        [OPTION_COUNT] = {false, set_count},
    [OPTION_STRING] = {true, set_string},     [OPTION_LIST] = {true, set_list},
    [OPTION_NUMBER] = {true, set_number},     [OPTION_SIZE] = {true, set_size},
    [OPTION_DURATION] = {true, set_duration}, [OPTION_CHOICE] = {true, set_choice},
};

static const struct option *find_name(const struct option *table, const char *name, size_t len) {
    for (const struct option *o = table; o->name != NULL; o++) {
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
            return o;
        }
    }
    return NULL;
}

static const struct option *find_letter(const struct option *table, char letter) {
    for (const struct option *o = table; o->name != NULL; o++) {
        if (o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

static size_t table_count(const struct option *table) {
    size_t n = 0;
    while (table[n].name != NULL) {
        n++;
    }
    return n;
}

/* *nearest becomes the known name that name[0..len) may have meant, or NULL. */
static int find_nearest(const struct option *table, const char *name, size_t len,
                        const char **nearest) {
    int err = TB_ENOMEM;
    struct bytes word = BYTES_INIT;
    size_t count = table_count(table);
    const char **names = malloc((count + 1) * sizeof(*names));
    if (names == NULL || bytes_append(&word, name, len) != TB_OK ||
        bytes_append(&word, "", 1) != TB_OK) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = table[i].name;
    }
    *nearest = text_nearest((const char *)word.data, names, count);
    err = TB_OK;
out:
    bytes_release(&word);
    free(names);
    return err;
}

static int refuse_unknown(struct parser *p, const char *dashes, const char *name, size_t len) {
    const char *nearest;
    int err = find_nearest(p->table, name, len, &nearest);
    if (err != TB_OK) {
        return err;
    }
    if (nearest == NULL) {
        return refuse(p, "unknown option '%s%.*s'", dashes, (int)len, name);
    }
    return refuse(p, "unknown option '%s%.*s' (did you mean '--%s'?)", dashes, (int)len, name,
                  nearest);
}

/* value is what came with the option, or NULL: then the next argument is the value. */
static int set_with_argument(struct parser *p, const struct option *o, const char *value) {
    if (value == NULL) {
        if (p->next == p->argc) {
            return refuse(p, "option '--%s' needs an argument", o->name);
        }
        value = p->argv[p->next++];
    }
    return kinds[o->kind].set(p, o, value);
}

/* name is what stands behind the two dashes. */
static int parse_long(struct parser *p, const char *name) {
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct option *o = find_name(p->table, name, len);
    if (o == NULL) {
        return refuse_unknown(p, "--", name, len);
    }
    if (kinds[o->kind].has_argument) {
        return set_with_argument(p, o, value);
    }
    if (value != NULL) {
        return refuse(p, "option '--%s' takes no argument", o->name);
    }
    return kinds[o->kind].set(p, o, NULL);
}

/* letters is what stands behind one dash: flags, and at most one option with an argument. An
 * unknown letter is named with all that follows, for it may be a long name with one dash. */
static int parse_letters(struct parser *p, const char *letters) {
    int err = TB_OK;
    for (; err == TB_OK && *letters != '\0'; letters++) {
        const struct option *o = find_letter(p->table, *letters);
        if (o == NULL) {
            return refuse_unknown(p, "-", letters, strcspn(letters, "="));
        }
        if (kinds[o->kind].has_argument) {
            return set_with_argument(p, o, letters[1] != '\0' ? letters + 1 : NULL);
        }
        err = kinds[o->kind].set(p, o, NULL);
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
        return parse_long(p, arg + 2);
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
                       .message = message};
    int err = TB_OK;
    while (err == TB_OK && p.next < p.argc) {
        err = parse_next(&p);
    }
    return err;
}

void option_list_release(struct option_list *list) {
    free(list->items);
    *list = (struct option_list){NULL, 0};
}

void options_release(const struct option *table, void *settings) {
    for (const struct option *o = table; o->name != NULL; o++) {
        if (o->kind == OPTION_LIST) {
            option_list_release(slot(o, settings));
        }
    }
}

/* The name of the argument in the help, or NULL. */
static const char *argument_name(const struct option *o) {
    return o->arg != NULL ? o->arg : o->choices;
}

static int label_width(const struct option *o) {
    const char *arg = argument_name(o);
    return (int)(strlen("  -x, --") + strlen(o->name) + (arg != NULL ? 1 + strlen(arg) : 0));
}

/* The column at which the help begins: two behind the longest label that has it beside. */
static int help_column(const struct option *table) {
    int widest = 0;
    for (const struct option *o = table; o->name != NULL; o++) {
        int width = label_width(o);
        if (width > widest && width <= HELP_LABEL_MAX) {
            widest = width;
        }
    }
    return widest + 2;
}

static void print_label(const struct option *o, FILE *out) {
    if (o->letter != '\0') {
        fprintf(out, "  -%c, --%s", o->letter, o->name);
    } else {
        fprintf(out, "      --%s", o->name);
    }
    if (argument_name(o) != NULL) {
        fprintf(out, " %s", argument_name(o));
    }
}

/* Prints words from column `at` on, each line of them beginning at column `from`. */
static void print_wrapped(const char *text, int at, int from, FILE *out) {
    bool first = true;
    while (*text != '\0') {
        int len = (int)strcspn(text, " ");
        if (!first && at + 1 + len > HELP_COLUMNS) {
            fputc('\n', out);
            at = 0;
            first = true;
        }
        int gap = first ? from - at : 1;
        fprintf(out, "%*s%.*s", gap, "", len, text);
        at += gap + len;
        text += len;
        text += strspn(text, " ");
        first = false;
    }
    fputc('\n', out);
}

void options_print_help(const struct option *table, FILE *out) {
    int column = help_column(table);
    for (const struct option *o = table; o->name != NULL; o++) {
        int width = label_width(o);
        print_label(o, out);
        if (width > HELP_LABEL_MAX) {
            fputc('\n', out);
            width = 0;
        }
        print_wrapped(o->help, width, column, out);
    }
}
