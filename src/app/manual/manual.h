/* app/manual/manual.h - `taburet manual` and `taburet completion`: what is made of the table of
 * verbs and their options for man, and for the shells. Knows no verb by its name.
 */
#ifndef TB_APP_MANUAL_MANUAL_H
#define TB_APP_MANUAL_MANUAL_H

#include <stdio.h>

#include "app/command.h"

extern const struct command manual_command;
extern const struct command completion_command;

/* Prints the source of a manual page (man(7)): taburet(1), or taburet-VERB(1). all is the table of
 * verbs, a NULL ends it. */
void manual_print_overview(const struct command *const *all, FILE *out);
void manual_print_verb(const struct command *command, FILE *out);

/* Prints a script that completes verbs, options of either length, choices, and files where an
 * argument or operand is a FILE or PATH. */
void completion_print_bash(const struct command *const *all, FILE *out);
void completion_print_zsh(const struct command *const *all, FILE *out);
void completion_print_fish(const struct command *const *all, FILE *out);

#endif
