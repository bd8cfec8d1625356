/* Manual pages: man(7) source. */
#include <string.h>

#include "app/manual/manual.h"

/* What roff takes for more than a character, or a terminal shows as another one than was meant. */
static const struct {
    char c;
    const char *escape;
} escapes[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
               {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"}};

static void print_char(char c, FILE *out) {
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        if (c == escapes[i].c) {
            fputs(escapes[i].escape, out);
            return;
        }
    }
    fputc(c, out);
}

/* Prints p[0..n) so that roff shows it as it is, wherever on a line. */
static void print_text(const char *p, size_t n, FILE *out) {
    if (n > 0 && p[0] == '.') {
        fputs("\\&", out);
    }
    for (size_t i = 0; i < n; i++) {
        print_char(p[i], out);
    }
}

static void print_line(const char *text, FILE *out) {
    print_text(text, strlen(text), out);
    fputc('\n', out);
}

static void print_in_font(char font, const char *text, FILE *out) {
    fprintf(out, "\\f%c", font);
    print_text(text, strlen(text), out);
    fputs("\\fR", out);
}

/* page is "TABURET" or "TABURET-VERB", already escaped. */
static void print_title(const char *verb, FILE *out) {
    fputs(".\\\" Made by 'taburet manual'.\n.TH TABURET", out);
    for (const char *p = verb; *p != '\0'; p++) {
        fprintf(out, "%s%c", p == verb ? "\\-" : "", *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    }
    fputs(" 1 \"\" \"Taburet " TABURET_VERSION "\" \"Taburet's manual\"\n.SH NAME\ntaburet", out);
}

/* What a paragraph looks like: words that fill lines, or lines that keep their form. */
static void switch_form(bool keep, FILE *out) {
    fputs(keep ? ".PP\n.nf\n.RS 4\n" : ".RE\n.fi\n.PP\n", out);
}

static void print_about(const char *about, FILE *out) {
    bool kept = false;
    bool gap = false; /* an empty line was seen, and no line since */
    while (*about != '\0') {
        size_t n = strcspn(about, "\n");
        bool keep = n > 0 ? about[0] == ' ' : kept;
        if (keep != kept) {
            switch_form(keep, out);
        } else if (gap && n > 0) {
            fputs(keep ? "\n" : ".PP\n", out);
        }
        if (n > 0) {
            size_t indent = strspn(about, " ");
            print_text(about + indent, n - indent, out);
            fputc('\n', out);
        }
        gap = n == 0;
        kept = keep;
        about += n + (about[n] == '\n');
    }
    fputs(kept ? ".RE\n.fi\n" : "", out);
}

/* ---- options ---- */

static void print_argument(const struct option *o, FILE *out) {
    bool optional = (o->flags & OPTION_OPTIONAL) != 0;
    fputs(optional ? "[=" : " ", out);
    print_in_font('I', option_argument(o), out);
    fputs(optional ? "]" : "", out);
}

static void print_option(const struct option *o, FILE *out) {
    fputs(".TP\n", out);
    if (o->letter != '\0') {
        fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    }
    fputs("\\fB\\-\\-", out);
    print_text(o->name, strlen(o->name), out);
    fputs("\\fR", out);
    if (option_argument(o) != NULL) {
        print_argument(o, out);
    }
    fputc('\n', out);
    print_line(o->help, out);
}

static void print_options(const struct option *table, FILE *out) {
    struct option_walk w;
    option_walk_init(&w, table);
    fputs(".SH OPTIONS\n", out);
    for (const struct option *o; (o = option_walk_next(&w)) != NULL;) {
        if (o->kind == OPTION_GROUP && o->help != NULL) {
            fputs(".SS ", out);
            print_line(o->help, out);
        } else if (o->kind != OPTION_GROUP && (o->flags & OPTION_ALIAS) == 0) {
            print_option(o, out);
        }
    }
}

/* ---- pages ---- */

static void print_notes(const char *title, const struct command_note *note, FILE *out) {
    if (note == NULL) {
        return;
    }
    fprintf(out, ".SH %s\n", title);
    for (; note->label != NULL; note++) {
        fputs(".TP\n", out);
        print_in_font('B', note->label, out);
        fputc('\n', out);
        print_line(note->text, out);
    }
}

void manual_print_verb(const struct command *command, FILE *out) {
    print_title(command->name, out);
    fputs("\\-", out);
    print_text(command->name, strlen(command->name), out);
    fputs(" \\- ", out);
    print_line(command->summary, out);
    fputs(".SH SYNOPSIS\n\\fBtaburet ", out);
    print_text(command->name, strlen(command->name), out);
    fputs("\\fR [\\fIOPTION\\fR]...", out);
    if (command->operands[0] != '\0') {
        fputc(' ', out);
        print_in_font('I', command->operands, out);
    }
    fputs("\n.SH DESCRIPTION\n", out);
    print_about(command->about, out);
    print_options(command->options, out);
    print_notes("EXAMPLES", command->examples, out);
    print_notes("EXIT STATUS", command->exit_codes, out);
    fputs(".SH SEE ALSO\n\\fBtaburet\\fR(1)\n", out);
}

static void print_verbs(const struct command *const *all, FILE *out) {
    fputs(".SH VERBS\n", out);
    for (; *all != NULL; all++) {
        fputs(".TP\n", out);
        print_in_font('B', (*all)->name, out);
        fputc('\n', out);
        print_line((*all)->summary, out);
    }
}

static void print_see_also(const struct command *const *all, FILE *out) {
    fputs(".SH SEE ALSO\n", out);
    for (; *all != NULL; all++) {
        fputs("\\fBtaburet\\-", out);
        print_text((*all)->name, strlen((*all)->name), out);
        fprintf(out, "\\fR(1)%s\n", all[1] != NULL ? "," : "");
    }
}

void manual_print_overview(const struct command *const *all, FILE *out) {
    print_title("", out);
    fputs(" \\- the WebSocket workbench\n"
          ".SH SYNOPSIS\n\\fBtaburet\\fR \\fIVERB\\fR [\\fIOPTION\\fR]...\n"
          ".SH DESCRIPTION\n"
          "One program for whoever tests WebSocket. Each verb has a page of its own, and\n"
          "\\fBtaburet\\fR \\fIVERB\\fR \\fB\\-\\-help\\fR prints its options.\n",
          out);
    print_verbs(all, out);
    print_see_also(all, out);
}
