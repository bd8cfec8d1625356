/* taburet: the WebSocket workbench. The table of verbs, help and version. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/serve/serve.h"
#include "base/text.h"

static const struct command *const commands[] = {&serve_command};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct command *find(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static void print_overview(FILE *out) {
    fputs("Taburet, the WebSocket workbench.\n\nUsage: taburet VERB [OPTION]...\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs("  help       Print this, or with a verb: its options\n"
          "  version    Print the version\n"
          "\n'taburet VERB --help' prints the options of a verb.\n",
          out);
}

static int report_unknown(const char *name) {
    const char *names[COMMAND_COUNT + 2] = {"help", "version"};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i + 2] = commands[i]->name;
    }
    struct bytes safe = BYTES_INIT;
    text_escape(&safe, name, strlen(name), TEXT_ONE_LINE);
    const char *near = text_nearest(name, names, COMMAND_COUNT + 2);
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

static int help(int argc, char **argv) {
    if (argc == 0) {
        print_overview(stdout);
        return EXIT_OK;
    }
    const struct command *command = find(argv[0]);
    if (command == NULL) {
        return report_unknown(argv[0]);
    }
    command_print_help(command);
    return EXIT_OK;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* Where standard input, output or errors are closed, the next file to be opened would get their
 * number, and what is printed would stand in it. The lowest free number is what open() gives. */
static bool fill_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    if (!fill_standard_descriptors()) {
        return EXIT_SYSTEM;
    }
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (is_one_of(argv[1], "help", "--help", "-h")) {
        return help(argc - 2, argv + 2);
    }
    if (is_one_of(argv[1], "version", "--version", "-V")) {
        puts("taburet " TABURET_VERSION);
        return EXIT_OK;
    }
    const struct command *command = find(argv[1]);
    return command == NULL ? report_unknown(argv[1]) : command->run(argc - 2, argv + 2);
}
