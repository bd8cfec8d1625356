/* taburet: the WebSocket workbench. The table of verbs, help and version. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/check/check_file.h"
#include "app/command.h"
#include "app/connect/connect.h"
#include "app/manual/manual.h"
#include "app/serve/serve.h"
#include "app/test/test.h"

static int help(const struct command *const *all, int argc, char **argv);
static int print_version(int argc, char **argv);

static const struct command help_command = {
    .name = "help",
    .operands = "[VERB]",
    .summary = "Print this, or with a verb: its options",
    .about = "Prints the verbs, or what a verb does and its options.\n",
    .options = command_only_help,
    .run_on = help,
};

static const struct command version_command = {
    .name = "version",
    .operands = "",
    .summary = "Print the version",
    .about = "Prints the program's name and version.\n",
    .options = command_only_help,
    .run = print_version,
};

static const struct command *const commands[] = {
    &serve_command,      &test_command,    &check_command,
    &connect_command,    &help_command,    &manual_command,
    &completion_command, &version_command, NULL,
};

static void print_overview(FILE *out) {
    fputs("Taburet, the WebSocket workbench.\n\nUsage: taburet VERB [OPTION]...\n\n", out);
    for (const struct command *const *c = commands; *c != NULL; c++) {
        fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
    }
    fputs("\n'taburet VERB --help' prints the options of a verb.\n", out);
}

static int help(const struct command *const *all, int argc, char **argv) {
    const char *verb;
    int code;
    if (!command_read_operand(&help_command, argc, argv, &verb, &code)) {
        return code;
    }
    if (verb == NULL) {
        print_overview(stdout);
        return EXIT_OK;
    }
    const struct command *command = command_find(all, verb);
    if (command == NULL) {
        return command_refuse_verb(all, verb);
    }
    command_print_help(command);
    return EXIT_OK;
}

static int print_version(int argc, char **argv) {
    const char *operand;
    int code;
    if (command_read_operand(&version_command, argc, argv, &operand, &code)) {
        puts("taburet " TABURET_VERSION);
    }
    return code;
}

/* What other programs have as options instead of verbs. */
static const char *verb_of(const char *word) {
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return "help";
    }
    return strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 ? "version" : word;
}

/* Where standard input, output or errors are closed, the next file to be opened would get their
 * number, and what is printed would stand in it. The lowest free number is what open() gives. */
static bool fill_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

/* What the verb has printed must have arrived, even what it left to the end. Whoever reads no more
 * (EPIPE) has seen enough. */
static int finish_output(int code) {
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (!failed || code != EXIT_OK || errno == EPIPE) {
        return code;
    }
    if (errno != 0) {
        command_error("cannot write the output (%s)", strerror(errno));
    } else {
        command_error("cannot write the output");
    }
    return EXIT_OUTPUT;
}

int main(int argc, char **argv) {
    if (!fill_standard_descriptors()) {
        return EXIT_SYSTEM;
    }
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    const struct command *command = command_find(commands, verb_of(argv[1]));
    if (command == NULL) {
        return command_refuse_verb(commands, argv[1]);
    }
    return finish_output(command->run_on != NULL ? command->run_on(commands, argc - 2, argv + 2)
                                                 : command->run(argc - 2, argv + 2));
}
