#include "app/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

struct only_help {
    bool help;
};

const struct option command_only_help[] = {
    {"help", 'h', OPTION_FLAG, .offset = offsetof(struct only_help, help), .help = "Print this"},
    {.name = NULL},
};

void command_error(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("taburet: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* A place in a file, as document_refuse() names it: editors look for it at the beginning of a line.
 */
static bool is_place(const struct bytes *message) {
    static const char word[] = ": error: ";
    const char *newline = message->len > 0 ? memchr(message->data, '\n', message->len) : NULL;
    return newline != NULL && memmem(message->data, (size_t)(newline - (const char *)message->data),
                                     word, sizeof word - 1) != NULL;
}

void command_tell(int err, const struct bytes *message) {
    if (err == TB_ENOMEM) {
        command_error("out of memory");
    } else if (is_place(message)) {
        fprintf(stderr, "%.*s\n", (int)message->len, (const char *)message->data);
    } else {
        command_error("%.*s", (int)message->len, (const char *)message->data);
    }
}

static void print_examples(const struct command_note *note) {
    puts("\nExamples:");
    for (; note->label != NULL; note++) {
        printf("  %s\n      %s\n", note->label, note->text);
    }
}

static void print_exit_codes(const struct command_note *note) {
    puts("\nExit codes:");
    for (; note->label != NULL; note++) {
        printf("  %-7s %s\n", note->label, note->text);
    }
}

void command_print_help(const struct command *command) {
    printf("Usage: taburet %s [OPTION]...%s%s\n\n%s\n", command->name,
           command->operands[0] == '\0' ? "" : " ", command->operands, command->about);
    options_print_help(command->options, stdout);
    if (command->examples != NULL) {
        print_examples(command->examples);
    }
    if (command->exit_codes != NULL) {
        print_exit_codes(command->exit_codes);
    }
}

const struct command *command_find(const struct command *const *all, const char *name) {
    while (*all != NULL && strcmp((*all)->name, name) != 0) {
        all++;
    }
    return *all;
}

/* The verb that `name` may have meant, or NULL. */
static const char *find_near(const struct command *const *all, const char *name) {
    size_t count = 0;
    while (all[count] != NULL) {
        count++;
    }
    const char **names = calloc(count + 1, sizeof(*names));
    if (names == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = all[i]->name;
    }
    const char *near = text_nearest(name, names, count);
    free(names);
    return near;
}

int command_refuse_verb(const struct command *const *all, const char *name) {
    struct bytes safe = BYTES_INIT;
    text_escape(&safe, name, strlen(name), TEXT_ONE_LINE);
    const char *near = find_near(all, name);
    if (near != NULL) {
        command_error("unknown verb '%.*s' (did you mean '%s'?)", (int)safe.len,
                      (const char *)safe.data, near);
    } else {
        command_error("unknown verb '%.*s' ('taburet help' lists them)", (int)safe.len,
                      (const char *)safe.data);
    }
    bytes_release(&safe);
    return EXIT_USAGE;
}

static int refuse_operand(const struct command *command, const char *operand,
                          struct bytes *message) {
    int err = bytes_append_str(message, "unexpected argument '");
    err = err == TB_OK ? text_escape(message, operand, strlen(operand), TEXT_ONE_LINE) : err;
    err = err == TB_OK
              ? bytes_appendf(message, "' ('taburet %s --help' says what it takes)", command->name)
              : err;
    return err == TB_OK ? TB_EINVAL : err;
}

bool command_read_operand(const struct command *command, int argc, char **argv,
                          const char **operand, int *code) {
    struct only_help settings = {.help = false};
    struct option_list operands = {0};
    struct bytes message = BYTES_INIT;
    int err = options_parse(command->options, argc, argv, &settings, &operands, &message);
    *operand = operands.count > 0 ? operands.items[0] : NULL;
    size_t most = command->operands[0] != '\0' ? 1 : 0;
    if (err == TB_OK && !settings.help && operands.count > most) {
        err = refuse_operand(command, operands.items[most], &message);
    }
    if (err == TB_ENOMEM) {
        command_error("cannot start (out of memory)");
    } else if (err != TB_OK) {
        command_error("%.*s", (int)message.len, (const char *)message.data);
    } else if (settings.help) {
        command_print_help(command);
    }
    *code = err == TB_OK ? EXIT_OK : err == TB_ENOMEM ? EXIT_SYSTEM : EXIT_USAGE;
    option_list_release(&operands);
    bytes_release(&message);
    return err == TB_OK && !settings.help;
}
