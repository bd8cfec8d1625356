/* base/options.h - the command line as a table, which also prints the help.
 *
 * A verb describes its options once: this table parses them, checks them, names the nearest
 * known one where a name is wrong, and prints `--help`. Options may stand before, after and
 * between the operands; `--` ends them; `--name=value`, `--name value`, `-nvalue` and `-n value`
 * mean the same. Long names are not abbreviated.
 */
#ifndef TB_BASE_OPTIONS_H
#define TB_BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

enum option_kind {
    OPTION_FLAG,     /* bool: given or not */
    OPTION_COUNT,    /* unsigned: how often it was given (-v, -vv) */
    OPTION_STRING,   /* const char *: points into argv */
    OPTION_LIST,     /* struct option_list: repeatable */
    OPTION_NUMBER,   /* uint64_t between min and max */
    OPTION_SIZE,     /* uint64_t bytes between min and max */
    OPTION_DURATION, /* uint64_t milliseconds between min and max */
    OPTION_CHOICE,   /* int: the index of the word in `choices` */
};

/* The values of a repeatable option, in the order given. They point into argv. */
struct option_list {
    const char **items;
    size_t count;
};

struct option {
    const char *name; /* long name without dashes; NULL ends the table */
    char letter;      /* short name, or 0 */
    enum option_kind kind;
    size_t offset;       /* where in the settings the value stands */
    const char *arg;     /* the argument's name in the help (PORT); NULL for flags and counts */
    const char *help;    /* one sentence; the default stands in it */
    const char *choices; /* OPTION_CHOICE: words separated by '|' */
    uint64_t min, max;   /* OPTION_NUMBER, _SIZE, _DURATION; both 0: no limits */
};

/* Parses argv[0..argc) (without the program's and the verb's name) into *settings, which holds
 * the defaults beforehand. *operands gets what is not an option. On an error returns TB_EINVAL
 * and *message is one line for a person, without the "taburet: " in front and without a
 * newline, already safe for a terminal; or TB_ENOMEM. The lists' items and operands->items are
 * the caller's to free (option_list_release), also after an error. */
int options_parse(const struct option *table, int argc, char *const *argv, void *settings,
                  struct option_list *operands, struct bytes *message);

/* Frees the array (the strings belong to argv). The list is empty afterwards. */
void option_list_release(struct option_list *list);

/* Frees every OPTION_LIST of the settings. */
void options_release(const struct option *table, void *settings);

/* Prints one aligned line an option (wrapped at 80 columns): letter, name, argument, help. */
void options_print_help(const struct option *table, FILE *out);

#endif
