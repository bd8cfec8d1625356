/* Completion in zsh, by its _arguments. */
#include <string.h>

#include "app/manual/completion_parts.h"
#include "app/manual/manual.h"

static const char intro[] = "#compdef taburet\n"
                            "# Completion of taburet's words in zsh; made by 'taburet completion "
                            "zsh'.\n"
                            "\n"
                            "_taburet_verbs() {\n"
                            "    local -a verbs=(\n";

static const char verbs[] = "    )\n"
                            "    _describe -t commands verb verbs\n"
                            "}\n"
                            "\n"
                            "_taburet() {\n"
                            "    local curcontext=$curcontext state state_descr line\n"
                            "    local -A opt_args\n"
                            "    _arguments -C '1: :_taburet_verbs' '*:: :->rest'\n"
                            "    [[ $state == rest ]] || return\n"
                            "    curcontext=${curcontext%:*:*}:taburet-$line[1]:\n"
                            "    case $line[1] in\n";

/* A file of $fpath is run to complete; whoever sources it wants the function. */
static const char outro[] = "    esac\n"
                            "}\n"
                            "\n"
                            "if [[ $funcstack[1] == _taburet ]]; then\n"
                            "    _taburet \"$@\"\n"
                            "else\n"
                            "    compdef _taburet taburet\n"
                            "fi\n";

/* Prints what stands in a quoted specification, where some characters end a part of it. */
static void print_escaped(const char *p, size_t n, const char *special, FILE *out) {
    for (size_t i = 0; i < n; i++) {
        if (strchr(special, p[i]) != NULL) {
            fputc('\\', out);
        }
        completion_print_quoted(p + i, 1, out);
    }
}

static void print_verb(const struct command *command, FILE *out) {
    fprintf(out, "        '%s:", command->name);
    completion_print_quoted(command->summary, strlen(command->summary), out);
    fputs("'\n", out);
}

/* The part of a specification that tells of an argument: ":PORT:", ":WHEN:(a b)". */
static void print_message(const char *arg, enum completion what, const char *words, FILE *out) {
    fputc(':', out);
    print_escaped(arg, strlen(arg), "\\:", out);
    fputc(':', out);
    if (what == COMPLETE_FILES) {
        fputs("_files", out);
    } else if (what == COMPLETE_VERBS) {
        fputs("_taburet_verbs", out);
    } else if (what == COMPLETE_WORDS) {
        fputc('(', out);
        completion_print_words(words, out);
        fputc(')', out);
    }
}

/* Either of an option's names excludes the other, unless it may be given again. */
static void print_exclusion(const struct option *o, FILE *out) {
    if (completion_is_repeatable(o)) {
        fputc('*', out);
    } else if (o->letter != '\0') {
        fprintf(out, "(-%c --%s)", o->letter, o->name);
    }
}

/* suffix says where the argument may stand: '+' here or next, '=' the same behind a '=', "=-" only
 * behind that. NULL: this spelling takes none. */
static void print_rest(const struct option *o, const char *suffix, FILE *out) {
    bool optional = (o->flags & OPTION_OPTIONAL) != 0;
    const char *arg = suffix != NULL ? option_argument(o) : NULL;
    fprintf(out, "%s[", arg != NULL ? suffix : "");
    print_escaped(o->help, completion_summary_size(o->help), "\\[]", out);
    fputc(']', out);
    if (arg != NULL) {
        fputs(optional ? ":" : "", out);
        print_message(arg, completion_of_option(o), o->choices, out);
    }
    fputs("' \\\n", out);
}

static void print_option(const struct option *o, FILE *out) {
    bool optional = (o->flags & OPTION_OPTIONAL) != 0;
    fputs("            '", out);
    print_exclusion(o, out);
    fprintf(out, "--%s", o->name);
    print_rest(o, optional ? "=-" : "=", out);
    if (o->letter != '\0') {
        fputs("            '", out);
        print_exclusion(o, out);
        fprintf(out, "-%c", o->letter);
        print_rest(o, optional ? NULL : "+", out);
    }
}

static void print_command(const struct command *command, FILE *out) {
    struct option_walk w;
    option_walk_init(&w, command->options);
    fprintf(out, "    %s)\n        _arguments -s -S \\\n", command->name);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (completion_is_offered(o)) {
            print_option(o, out);
        }
    }
    if (command->operands[0] != '\0') {
        fputs("            '*", out);
        print_message(command->operands, completion_of_operand(command), command->operands, out);
        fputs("' \\\n", out);
    }
    fputs("        ;;\n", out);
}

void completion_print_zsh(const struct command *const *all, FILE *out) {
    fputs(intro, out);
    for (const struct command *const *c = all; *c != NULL; c++) {
        print_verb(*c, out);
    }
    fputs(verbs, out);
    for (const struct command *const *c = all; *c != NULL; c++) {
        print_command(*c, out);
    }
    fputs(outro, out);
}
