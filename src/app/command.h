/* app/command.h - a verb of the program.
 *
 * A verb is this descriptor and the function behind it, in a file or folder of its own. main.c
 * holds the table of them, from which help, manual pages and completions are made.
 */
#ifndef TB_APP_COMMAND_H
#define TB_APP_COMMAND_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/options.h"

/* Exit codes that verbs share (curl's numbers where it has one). */
enum {
    EXIT_OK = 0,
    EXIT_SYSTEM = 1,       /* the system refused */
    EXIT_USAGE = 2,        /* a bad option or file */
    EXIT_URL = 3,          /* a bad URL */
    EXIT_PROXY_NAME = 5,   /* the proxy's name is not known */
    EXIT_HOST_NAME = 6,    /* the host's name is not known */
    EXIT_CONNECT = 7,      /* nobody listens there */
    EXIT_REFUSED = 22,     /* the server refused the upgrade */
    EXIT_OUTPUT = 23,      /* the output cannot be written */
    EXIT_TIME = 28,        /* a time limit passed */
    EXIT_TLS = 35,         /* the TLS handshake failed */
    EXIT_SEND = 55,        /* sending failed */
    EXIT_RECEIVE = 56,     /* receiving failed */
    EXIT_TRUST = 60,       /* the certificate is not trusted */
    EXIT_CLOSED = 101,     /* closed with a code other than 1000 and 1001, or lost without one */
    EXIT_BROKE_RULE = 102, /* the peer broke the protocol */
    EXIT_EXPECTED = 103,   /* an expectation was not met */
    EXIT_DOUBT = 104,      /* the result is inconclusive */
    EXIT_INTERRUPTED = 130,
};

/* An entry of a list for the help: an exit code and what it says, a command line and what it does.
 * One without a label ends the list. */
struct command_note {
    const char *label;
    const char *text;
};

struct command {
    const char *name;
    /* What may follow the options in the usage line; "" if nothing. FILE, VERB and words with '|'
     * between are completed. */
    const char *operands;
    const char *summary; /* one line for the list of verbs */
    const char *about;   /* paragraphs for the verb's own help, with a final newline; a line that
                          * begins with a space keeps its form */
    const struct option *options;
    const struct command_note *examples;   /* NULL: none */
    const struct command_note *exit_codes; /* NULL: none */
    /* argv begins behind the verb. Returns the exit code. */
    int (*run)(int argc, char **argv);
    /* Instead of run, for a verb that speaks of the others: all is the table, a NULL ends it. */
    int (*run_on)(const struct command *const *all, int argc, char **argv);
};

/* Prints "taburet: " and one line to stderr. */
void command_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Tells the message of a function that returned err, behind "taburet: ", or as it stands where it
 * names a place in a file (document_refuse()); out of memory, where err is that. */
void command_tell(int err, const struct bytes *message);

/* Prints the verb's usage, options and notes. */
void command_print_help(const struct command *command);

/* The verb of that name, or NULL. */
const struct command *command_find(const struct command *const *all, const char *name);

/* Says that there is no such verb, and which one is near. Returns EXIT_USAGE. */
int command_refuse_verb(const struct command *const *all, const char *name);

/* The options of a verb that has none but --help. */
extern const struct option command_only_help[];

/* Reads the command line of such a verb, which takes one operand at most: *operand, or NULL. True
 * to go on; false where all is done, for the help was printed or a mistake told, and *code is the
 * exit code. */
bool command_read_operand(const struct command *command, int argc, char **argv,
                          const char **operand, int *code);

#endif
