/* Completion in bash: two functions that know the table, and one that asks them. It needs nothing
 * of the package bash-completion. */
#include "app/manual/completion_parts.h"
#include "app/manual/manual.h"

static const char intro[] =
    "# Completion of taburet's words in bash; made by 'taburet completion bash'.\n"
    "\n"
    "# The options of the verb $1.\n"
    "_taburet_options() {\n"
    "    case $1 in\n";

static const char arguments[] =
    "    esac\n"
    "}\n"
    "\n"
    "# What stands behind the option $2 of the verb $1: words, <file>, or <any>. With a '=' at "
    "its\n"
    "# end the option asks for what stands behind that. Nothing: it takes no argument.\n"
    "_taburet_argument() {\n"
    "    case $1:$2 in\n";

static const char operands[] = "    esac\n"
                               "}\n"
                               "\n"
                               "# The same for what is no option of the verb $1.\n"
                               "_taburet_operand() {\n"
                               "    case $1 in\n";

static const char outro[] =
    "    esac\n"
    "}\n"
    "\n"
    "_taburet() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb=${COMP_WORDS[1]} before= what\n"
    "    # As a rule bash takes --name=value apart, but not where '=' breaks no words.\n"
    "    if [[ $cur == --*=* ]]; then\n"
    "        prev=${cur%%=*}= before=$prev cur=${cur#*=}\n"
    "    elif [[ $cur == '=' ]]; then\n"
    "        prev+='=' cur=''\n"
    "    elif [[ $prev == '=' ]] && ((COMP_CWORD > 2)); then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}=\n"
    "    fi\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        what=$(_taburet_operand '')\n"
    "    else\n"
    "        what=$(_taburet_argument \"$verb\" \"$prev\")\n"
    "        if [[ -z $what && $cur == -* ]]; then\n"
    "            what=$(_taburet_options \"$verb\")\n"
    "        elif [[ -z $what ]]; then\n"
    "            what=$(_taburet_operand \"$verb\")\n"
    "        fi\n"
    "    fi\n"
    "    case $what in\n"
    "    '<any>') COMPREPLY=() ;;\n"
    "    '<file>')\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"$before\" -f -- \"$cur\")\n"
    "        compopt -o filenames\n"
    "        ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$what\" -- \"$cur\") ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "complete -F _taburet taburet\n";

static void print_options(const struct command *command, FILE *out) {
    struct option_walk w;
    option_walk_init(&w, command->options);
    fprintf(out, "    %s) echo '", command->name);
    const char *gap = "";
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (!completion_is_offered(o)) {
            continue;
        }
        fprintf(out, "%s--%s", gap, o->name);
        gap = " ";
        if (o->letter != '\0') {
            fprintf(out, " -%c", o->letter);
        }
    }
    fputs("' ;;\n", out);
}

static void print_what(enum completion what, const char *words, FILE *out) {
    if (what == COMPLETE_WORDS) {
        completion_print_words(words, out);
    } else {
        fputs(what == COMPLETE_FILES ? "<file>" : "<any>", out);
    }
}

static void print_argument(const char *verb, const struct option *o, FILE *out) {
    fprintf(out, "    %s:--%s=", verb, o->name);
    if ((o->flags & OPTION_OPTIONAL) == 0) {
        fprintf(out, " | %s:--%s", verb, o->name);
        if (o->letter != '\0') {
            fprintf(out, " | %s:-%c", verb, o->letter);
        }
    }
    fputs(") echo '", out);
    print_what(completion_of_option(o), o->choices, out);
    fputs("' ;;\n", out);
}

static void print_arguments(const struct command *command, FILE *out) {
    struct option_walk w;
    option_walk_init(&w, command->options);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (completion_is_offered(o) && option_has_argument(o)) {
            print_argument(command->name, o, out);
        }
    }
}

static void print_operand(const struct command *const *all, const struct command *command,
                          FILE *out) {
    enum completion what = completion_of_operand(command);
    fprintf(out, "    %s) echo '", command->name);
    if (what == COMPLETE_VERBS) {
        completion_print_verbs(all, out);
    } else {
        print_what(what, command->operands, out);
    }
    fputs("' ;;\n", out);
}

void completion_print_bash(const struct command *const *all, FILE *out) {
    fputs(intro, out);
    for (const struct command *const *c = all; *c != NULL; c++) {
        print_options(*c, out);
    }
    fputs(arguments, out);
    for (const struct command *const *c = all; *c != NULL; c++) {
        print_arguments(*c, out);
    }
    fputs(operands, out);
    for (const struct command *const *c = all; *c != NULL; c++) {
        print_operand(all, *c, out);
    }
    fputs("    '') echo '", out);
    completion_print_verbs(all, out);
    fputs("' ;;\n", out);
    fputs(outro, out);
}
