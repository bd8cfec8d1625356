#include "app/manual/completion_parts.h"

#include <string.h>

static bool is_file(const char *arg) {
    return arg != NULL && (strstr(arg, "FILE") != NULL || strstr(arg, "PATH") != NULL);
}

enum completion completion_of_option(const struct option *o) {
    if (o->choices != NULL) {
        return COMPLETE_WORDS;
    }
    return is_file(o->arg) ? COMPLETE_FILES : COMPLETE_NOTHING;
}

enum completion completion_of_operand(const struct command *command) {
    const char *operands = command->operands;
    if (strstr(operands, "VERB") != NULL) {
        return COMPLETE_VERBS;
    }
    if (strchr(operands, '|') != NULL) {
        return COMPLETE_WORDS;
    }
    return is_file(operands) ? COMPLETE_FILES : COMPLETE_NOTHING;
}

bool completion_is_offered(const struct option *o) {
    return o->kind != OPTION_GROUP && (o->flags & OPTION_ALIAS) == 0;
}

bool completion_is_repeatable(const struct option *o) {
    return o->kind == OPTION_LIST || o->kind == OPTION_COUNT || o->kind == OPTION_CALL;
}

void completion_print_words(const char *words, FILE *out) {
    for (; *words != '\0'; words++) {
        fputc(*words == '|' ? ' ' : *words, out);
    }
}

void completion_print_verbs(const struct command *const *all, FILE *out) {
    for (const char *gap = ""; *all != NULL; all++, gap = " ") {
        fprintf(out, "%s%s", gap, (*all)->name);
    }
}

size_t completion_summary_size(const char *help) {
    size_t n = 0;
    while (help[n] != '\0' && help[n] != ';' && (help[n] != '.' || help[n + 1] != ' ')) {
        n++;
    }
    return n;
}

void completion_print_quoted(const char *p, size_t n, FILE *out) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(p[i], out);
        }
    }
}
