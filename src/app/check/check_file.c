#include "app/check/check_file.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "script/mock/mock.h"
#include "script/scenario/scenario.h"
#include "script/script.h"

struct settings {
    struct option_list vars;
    bool quiet;
    bool help;
};

static const struct option options[] = {
    {"var", 0, OPTION_LIST, .offset = offsetof(struct settings, vars), .arg = "NAME=VALUE",
     .help = "Set a variable of the file; may be repeated"},
    {"quiet", 'q', OPTION_FLAG, .offset = offsetof(struct settings, quiet),
     .help = "Say nothing of what is right"},
    {"help", 'h', OPTION_FLAG, .offset = offsetof(struct settings, help), .help = "Print this"},
    {.name = NULL},
};

static void print_count(size_t n, const char *what, const char **separator) {
    if (n > 0) {
        printf("%s%zu %s%s", *separator, n, what, n == 1 ? "" : "s");
        *separator = ", ";
    }
}

static void print_right(const char *path, const struct script *script) {
    struct bytes name = BYTES_INIT;
    const char *separator = ": ";
    text_escape(&name, path, strlen(path), TEXT_ONE_LINE);
    printf("%.*s is right", (int)name.len, (const char *)name.data);
    if (script->server != NULL) {
        const struct mock_size size = mock_plan_size(script->server);
        print_count(size.routes, "route", &separator);
        print_count(size.rules, "rule", &separator);
        print_count(size.faults, "fault", &separator);
    }
    print_count(script->suite->count, "scenario", &separator);
    putchar('\n');
    bytes_release(&name);
}

static int check_file(const struct settings *s, const char *path) {
    struct script *script = NULL;
    struct bytes message = BYTES_INIT;
    int err = script_load(path, &script, &message);
    for (size_t i = 0; err == TB_OK && i < s->vars.count; i++) {
        err = script_set(script, s->vars.items[i], &message);
    }
    if (err == TB_OK && !s->quiet) {
        print_right(path, script);
    } else if (err != TB_OK) {
        command_tell(err, &message);
    }
    script_unref(script);
    bytes_release(&message);
    return err == TB_OK ? EXIT_OK : err == TB_ENOMEM ? EXIT_SYSTEM : EXIT_USAGE;
}

static int check_files(const struct settings *s, const struct option_list *files) {
    int code = EXIT_OK;
    if (files->count == 0) {
        command_error("which file? ('taburet check FILE...')");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < files->count; i++) {
        int failed = check_file(s, files->items[i]);
        code = failed != EXIT_OK ? failed : code;
    }
    return code;
}

static int run(int argc, char **argv) {
    struct settings s = {.quiet = false};
    struct option_list files = {0};
    struct bytes message = BYTES_INIT;
    int err = options_parse(options, argc, argv, &s, &files, &message);
    int code = err == TB_ENOMEM ? EXIT_SYSTEM : EXIT_USAGE;
    if (err != TB_OK) {
        command_tell(err, &message);
    } else if (s.help) {
        command_print_help(&check_command);
        code = EXIT_OK;
    } else {
        code = check_files(&s, &files);
    }
    options_release(options, &s);
    option_list_release(&files);
    bytes_release(&message);
    return code;
}

static const struct command_note examples[] = {
    {"taburet check chat.yaml", "Say whether it is right, or what is wrong and where"},
    {.label = NULL},
};

static const struct command_note exit_codes[] = {
    {"0", "all files are right"},
    {"1", "memory is out"},
    {"2", "a bad option, or a file is wrong"},
    {"23", "the output cannot be written"},
    {.label = NULL},
};

const struct command check_command = {
    .name = "check",
    .operands = "FILE...",
    .summary = "Check a file of mocks and scenarios",
    .about = "Reads files for 'serve' and 'test' as those do, and does nothing else. What is wrong "
             "is told\nwith line and column.\n",
    .options = options,
    .examples = examples,
    .exit_codes = exit_codes,
    .run = run,
};
