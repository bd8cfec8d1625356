/* The help that a table of options prints. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"

#define HELP_COLUMNS 80
#define HELP_LABEL_MAX 30 /* a longer label gets a line of its own */

static bool is_shown(const struct option *o) {
    return o->kind != OPTION_GROUP && (o->flags & OPTION_ALIAS) == 0;
}

/* What stands around an argument: " PORT" or "[=PORT]". */
struct around {
    const char *before;
    const char *after;
};

static struct around around_argument(const struct option *o) {
    bool optional = (o->flags & OPTION_OPTIONAL) != 0;
    return optional ? (struct around){"[=", "]"} : (struct around){" ", ""};
}

static int label_width(const struct option *o) {
    const char *arg = option_argument(o);
    size_t width = strlen("  -x, --") + strlen(o->name);
    if (arg != NULL) {
        struct around around = around_argument(o);
        width += strlen(around.before) + strlen(arg) + strlen(around.after);
    }
    return (int)width;
}

/* The column at which the help begins: two behind the longest label that has it beside. */
static int help_column(const struct option *table) {
    int widest = 0;
    struct option_walk w;
    option_walk_init(&w, table);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        int width = is_shown(o) ? label_width(o) : 0;
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
    const char *arg = option_argument(o);
    if (arg != NULL) {
        struct around around = around_argument(o);
        fprintf(out, "%s%s%s", around.before, arg, around.after);
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

static void print_option(const struct option *o, int column, FILE *out) {
    int width = label_width(o);
    print_label(o, out);
    if (width > HELP_LABEL_MAX) {
        fputc('\n', out);
        width = 0;
    }
    print_wrapped(o->help, width, column, out);
}

void options_print_help(const struct option *table, FILE *out) {
    int column = help_column(table);
    struct option_walk w;
    option_walk_init(&w, table);
    const char *gap = "";
    for (const struct option *o; (o = option_walk_next(&w)) != NULL; gap = "\n") {
        if (is_shown(o)) {
            print_option(o, column, out);
        } else if (o->kind == OPTION_GROUP && o->help != NULL) {
            fprintf(out, "%s%s:\n", gap, o->help);
        }
    }
}
