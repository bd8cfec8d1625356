/* base/options.h - the command line as a table, which also prints the help.
 *
 * A verb describes its options once: this table parses them, checks them, names the nearest
 * known one where a name is wrong, and prints `--help`. Options may stand before, after and
 * between the operands; `--` ends them; `--name=value`, `--name value`, `-nvalue` and `-n value`
 * mean the same. Long names are not abbreviated. Tables that several verbs share stand in theirs
 * as groups.
 */
#ifndef TB_BASE_OPTIONS_H
#define TB_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

enum option_kind {
    OPTION_FLAG,     /* bool: given or not */
    OPTION_COUNT,    /* unsigned: how often it was given (-v, -vv) */
    OPTION_SET,      /* int: becomes `value`; several rows may set one int (-4, -6) */
    OPTION_STRING,   /* const char *: points into argv */
    OPTION_LIST,     /* struct option_list: repeatable */
    OPTION_NUMBER,   /* uint64_t between min and max */
    OPTION_SIZE,     /* uint64_t bytes between min and max */
    OPTION_DURATION, /* uint64_t milliseconds between min and max */
    OPTION_CHOICE,   /* int: the index of the word in `choices` */
    OPTION_CALL,     /* whatever `call` makes of the argument */
    OPTION_GROUP,    /* no option: the rows of `group`, below a heading */
};

enum option_flags {
    /* The argument may be left out and is given only with '=': --name[=VALUE]. Without it an
     * OPTION_STRING is "" (not given at all: NULL), and an OPTION_CHOICE becomes `value`. */
    OPTION_OPTIONAL = 1,
    OPTION_FOREVER = 2, /* OPTION_DURATION: -1 is for ever, OPTION_FOREVER_MS */
    OPTION_ALIAS = 4,   /* another name of a row with the same offset: not shown in the help */
};

#define OPTION_FOREVER_MS UINT64_MAX

/* The values of a repeatable option, in the order given. They point into argv. */
struct option_list {
    const char **items;
    size_t count;
};

struct option;

/* Takes the argument of an OPTION_CALL row, in the order of the command line: table and settings
 * are the whole, slot is the row's own place in them. TB_OK; or TB_EINVAL, and *message says
 * why, safe for a terminal; or TB_ENOMEM. */
typedef int (*option_call)(const struct option *table, void *settings, void *slot,
                           const char *argument, struct bytes *message);

/* A row without a name ends the table, unless it is an OPTION_GROUP. */
struct option {
    const char *name; /* long name without dashes */
    char letter;      /* short name, a letter or a digit, or 0 */
    enum option_kind kind;
    size_t offset;       /* where in the settings the value stands, or the group's settings */
    const char *arg;     /* the argument's name in the help (PORT); NULL for flags and the like */
    const char *help;    /* one sentence; the default stands in it. OPTION_GROUP: the heading */
    const char *choices; /* OPTION_CHOICE: words separated by '|' */
    uint64_t min, max;   /* OPTION_NUMBER, _SIZE, _DURATION; both 0: no limits */
    unsigned flags;      /* of enum option_flags */
    int value;           /* OPTION_SET, and OPTION_CHOICE without its optional argument */
    option_call call;    /* OPTION_CALL */
    /* OPTION_GROUP: another table, whose offsets count from this row's own; or NULL, and the rows
     * that follow here stand below the heading. A group without a heading is only inserted. */
    const struct option *group;
};

/* A walk over a table's rows in the order of the help. An OPTION_GROUP comes ahead of its rows. */
enum { OPTION_DEPTH = 4 }; /* groups in groups; deeper ones are not looked into */

struct option_walk {
    struct {
        const struct option *next;
        size_t offset;
    } levels[OPTION_DEPTH];
    int depth;
    size_t offset; /* of the row that was given last, in the settings of the whole */
};

void option_walk_init(struct option_walk *w, const struct option *table);

/* The next row, or NULL after the last. */
const struct option *option_walk_next(struct option_walk *w);

/* Whether an argument stands behind the name, perhaps an optional one. */
bool option_has_argument(const struct option *o);

/* The argument's name in the help, or NULL if there is none. */
const char *option_argument(const struct option *o);

/* Parses argv[0..argc) (without the program's and the verb's name) into *settings, which holds
 * the defaults beforehand. *operands gets what is not an option. On an error returns TB_EINVAL
 * and *message is one line for a person, without the "taburet: " in front and without a
 * newline, already safe for a terminal; or TB_ENOMEM. The lists' items and operands->items are
 * the caller's to free (option_list_release), also after an error. */
int options_parse(const struct option *table, int argc, char *const *argv, void *settings,
                  struct option_list *operands, struct bytes *message);

/* Gives one option its value, as a line of a file does that is no command line (base/config.h).
 * name[0..len) may have its dashes ("header", "--header", "-H"); value is NULL where there is
 * none, and must live as long as the settings. Errors as those of options_parse, but the options
 * are named without dashes. */
int options_set(const struct option *table, void *settings, const char *name, size_t len,
                const char *value, struct bytes *message);

/* Frees the array (the strings belong to argv). The list is empty afterwards. */
void option_list_release(struct option_list *list);

/* Frees every OPTION_LIST of the settings, those of groups included. */
void options_release(const struct option *table, void *settings);

/* Prints one aligned line an option (wrapped at 80 columns): letter, name, argument, help. A
 * heading stands on a line of its own, with an empty one above. */
void options_print_help(const struct option *table, FILE *out);

#endif
