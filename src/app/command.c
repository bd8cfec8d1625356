#include "app/command.h"

#include <stdarg.h>
#include <stdio.h>

void command_error(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("taburet: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void command_print_help(const struct command *command) {
    printf("Usage: taburet %s [OPTION]...%s%s\n\n%s\n", command->name,
           command->operands[0] == '\0' ? "" : " ", command->operands, command->about);
    options_print_help(command->options, stdout);
}
