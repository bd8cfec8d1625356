/* Completion in fish: a line for each option. */
#include <string.h>

#include "app/manual/completion_parts.h"
#include "app/manual/manual.h"

static const char intro[] =
    "# Completion of taburet's words in fish; made by 'taburet completion fish'.\n"
    "\n"
    "function __taburet_has_no_verb\n"
    "    test (count (commandline -opc)) -eq 1\n"
    "end\n"
    "\n"
    "function __taburet_verb_is\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
    "end\n"
    "\n"
    "complete -c taburet -f\n";

/* A word in single quotes, in which a backslash escapes. */
static void print_word(const char *p, size_t n, FILE *out) {
    fputc('\'', out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s%c", p[i] == '\'' || p[i] == '\\' ? "\\" : "", p[i]);
    }
    fputc('\'', out);
}

static void print_condition(const char *verb, FILE *out) {
    fprintf(out, "complete -c taburet -n '__taburet_verb_is %s'", verb);
}

static void print_words(const char *words, FILE *out) {
    fputs(" -a '", out);
    completion_print_words(words, out);
    fputc('\'', out);
}

static void print_option(const char *verb, const struct option *o, FILE *out) {
    enum completion what = completion_of_option(o);
    print_condition(verb, out);
    fprintf(out, " -l %s", o->name);
    if (o->letter != '\0') {
        fprintf(out, " -s %c", o->letter);
    }
    if (option_has_argument(o)) {
        fputs((o->flags & OPTION_OPTIONAL) != 0 ? "" : " -r", out);
        fputs(what == COMPLETE_FILES ? " -F" : " -f", out);
    }
    if (what == COMPLETE_WORDS) {
        print_words(o->choices, out);
    }
    fputs(" -d ", out);
    print_word(o->help, completion_summary_size(o->help), out);
    fputc('\n', out);
}

static void print_options(const struct command *command, FILE *out) {
    struct option_walk w;
    option_walk_init(&w, command->options);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (completion_is_offered(o)) {
            print_option(command->name, o, out);
        }
    }
}

static void print_operand(const struct command *const *all, const struct command *command,
                          FILE *out) {
    enum completion what = completion_of_operand(command);
    if (what == COMPLETE_NOTHING) {
        return;
    }
    print_condition(command->name, out);
    if (what == COMPLETE_FILES) {
        fputs(" -F", out);
    } else if (what == COMPLETE_WORDS) {
        print_words(command->operands, out);
    } else {
        fputs(" -a '", out);
        completion_print_verbs(all, out);
        fputc('\'', out);
    }
    fputc('\n', out);
}

void completion_print_fish(const struct command *const *all, FILE *out) {
    fputs(intro, out);
    for (const struct command *const *c = all; *c != NULL; c++) {
        fprintf(out, "complete -c taburet -n __taburet_has_no_verb -a %s -d ", (*c)->name);
        print_word((*c)->summary, strlen((*c)->summary), out);
        fputc('\n', out);
    }
    for (const struct command *const *c = all; *c != NULL; c++) {
        print_options(*c, out);
        print_operand(all, *c, out);
    }
}
