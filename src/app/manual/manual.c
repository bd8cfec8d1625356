#include "app/manual/manual.h"

#include <errno.h>
#include <string.h>

/* What was printed may go to a file, and a page that was cut short must not pass for whole. */
static int finish(void) {
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        command_error("cannot write to standard output (%s)", strerror(errno));
        return EXIT_SYSTEM;
    }
    return EXIT_OK;
}

/* ---- taburet manual ---- */

static int run_manual(const struct command *const *all, int argc, char **argv) {
    const char *verb;
    int code;
    if (!command_read_operand(&manual_command, argc, argv, &verb, &code)) {
        return code;
    }
    if (verb == NULL) {
        manual_print_overview(all, stdout);
        return finish();
    }
    const struct command *command = command_find(all, verb);
    if (command == NULL) {
        return command_refuse_verb(all, verb);
    }
    manual_print_verb(command, stdout);
    return finish();
}

static const struct command_note manual_examples[] = {
    {"taburet manual serve | man -l -", "Read the page of a verb"},
    {.label = NULL},
};

const struct command manual_command = {
    .name = "manual",
    .operands = "[VERB]",
    .summary = "Print a manual page for man",
    .about = "Prints the source of the program's manual page, or of a verb's.\n",
    .options = command_only_help,
    .examples = manual_examples,
    .run_on = run_manual,
};

/* ---- taburet completion ---- */

static const struct {
    const char *name;
    void (*print)(const struct command *const *all, FILE *out);
} shells[] = {
    {"bash", completion_print_bash},
    {"zsh", completion_print_zsh},
    {"fish", completion_print_fish},
};

static int run_completion(const struct command *const *all, int argc, char **argv) {
    const char *shell;
    int code;
    if (!command_read_operand(&completion_command, argc, argv, &shell, &code)) {
        return code;
    }
    for (size_t i = 0; shell != NULL && i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print(all, stdout);
            return finish();
        }
    }
    command_error("'taburet completion' takes the name of a shell: bash, zsh or fish");
    return EXIT_USAGE;
}

static const struct command_note completion_examples[] = {
    {"source <(taburet completion bash)", "Complete in this shell; likewise for zsh"},
    {"taburet completion fish | source", "The same in fish"},
    {.label = NULL},
};

const struct command completion_command = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .summary = "Print what completes taburet's words in a shell",
    .about = "Prints a script for a shell that completes verbs, options and their arguments.\n",
    .options = command_only_help,
    .examples = completion_examples,
    .run_on = run_completion,
};
