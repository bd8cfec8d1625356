/* app/manual/completion_parts.h - what the three shells' completions have in common. */
#ifndef TB_APP_MANUAL_COMPLETION_PARTS_H
#define TB_APP_MANUAL_COMPLETION_PARTS_H

#include <stdbool.h>
#include <stdio.h>

#include "app/command.h"

enum completion {
    COMPLETE_NOTHING, /* whatever is typed there, nobody knows it */
    COMPLETE_FILES,
    COMPLETE_WORDS, /* separated by '|' */
    COMPLETE_VERBS,
};

/* What an option's argument is, or a verb's operand. */
enum completion completion_of_option(const struct option *o);
enum completion completion_of_operand(const struct command *command);

/* Whether the row is an option with a name to offer. */
bool completion_is_offered(const struct option *o);

/* Whether it may be given again. */
bool completion_is_repeatable(const struct option *o);

/* Prints "a|b|c" with spaces between. */
void completion_print_words(const char *words, FILE *out);

/* Prints the verbs' names with spaces between. */
void completion_print_verbs(const struct command *const *all, FILE *out);

/* How much of a help sentence is enough beside an option: up to its first stop or semicolon. */
size_t completion_summary_size(const char *help);

/* The inside of a '...' word in bash and zsh, which ends it to write a quote. */
void completion_print_quoted(const char *p, size_t n, FILE *out);

#endif
