/* app/command.h - a verb of the program.
 *
 * A verb is this descriptor and the function behind it, in a file or folder of its own. main.c
 * holds the table of them.
 */
#ifndef TB_APP_COMMAND_H
#define TB_APP_COMMAND_H

#include "base/options.h"

/* Exit codes that verbs share (curl's numbers where it has one). */
enum {
    EXIT_OK = 0,
    EXIT_SYSTEM = 1, /* the system refused */
    EXIT_USAGE = 2,  /* a bad option or file */
    EXIT_INTERRUPTED = 130,
};

struct command {
    const char *name;
    const char *operands; /* what may follow the options in the usage line; "" if nothing */
    const char *summary;  /* one line for the list of verbs */
    const char *about;    /* a paragraph for the verb's own help, with a final newline */
    const struct option *options;
    /* argv begins behind the verb. Returns the exit code. */
    int (*run)(int argc, char **argv);
};

/* Prints "taburet: " and one line to stderr. */
void command_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the verb's usage, options and notes. */
void command_print_help(const struct command *command);

#endif
