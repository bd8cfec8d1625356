#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/manual/manual.h"

/* A table with what serve's does not have, and with words that a page or a script could obey. */
static const struct option inner[] = {
    {"key", 0, OPTION_STRING, .arg = "FILE", .help = "-Z it's a \\key\\; 'quoted'"},
    {.name = NULL},
};

static const struct option options[] = {
    {"data", 'd', OPTION_LIST, .arg = "A:B", .help = ".starts with [a dot]. Then more"},
    {"execute", 0, OPTION_LIST, .arg = "A:B", .flags = OPTION_ALIAS},
    {"stamps", 0, OPTION_CHOICE, .choices = "relative|absolute", .help = "when",
     .flags = OPTION_OPTIONAL},
    {"again", 'r', OPTION_STRING, .arg = "N", .help = "come back", .flags = OPTION_OPTIONAL},
    {"ipv4", '4', OPTION_SET, .help = "IPv4"},
    {.kind = OPTION_GROUP, .group = inner, .help = "A-group"},
    {.name = NULL},
};

static const struct command_note codes[] = {{"0", "well"}, {.label = NULL}};
static const struct command_note examples[] = {{"taburet probe -1", "Probes"}, {.label = NULL}};

static const struct command probe = {
    .name = "probe",
    .operands = "FILE...",
    .summary = "It's a \"probe\"",
    .about = "First\nparagraph.\n\n  .kept   form\n\n  kept\n\nLast one.\n",
    .options = options,
    .examples = examples,
    .exit_codes = codes,
};

static const struct command *const all[] = {&probe, NULL};

static char *print_all(void (*print)(const struct command *const *table, FILE *out)) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(all, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void print_probe(const struct command *const *table, FILE *out) {
    manual_print_verb(table[0], out);
}

static void assert_has(const char *text, const char *expected) {
    if (strstr(text, expected) == NULL) {
        fail_msg("not there: %s\nin:\n%s", expected, text);
    }
}

static void assert_has_not(const char *text, const char *unwanted) {
    if (strstr(text, unwanted) != NULL) {
        fail_msg("there: %s\nin:\n%s", unwanted, text);
    }
}

static void a_page_shows_text_as_it_is(void **state) {
    (void)state;
    char *page = print_all(print_probe);
    assert_has(page, ".SH NAME\ntaburet\\-probe \\- It\\(aqs a \\(dqprobe\\(dq\n");
    assert_has(page, "\\fBtaburet probe\\fR [\\fIOPTION\\fR]... \\fIFILE...\\fR\n");
    assert_has(page, ".SH DESCRIPTION\nFirst\nparagraph.\n.PP\n.nf\n.RS 4\n"
                     "\\&.kept   form\n\nkept\n.RE\n.fi\n.PP\nLast one.\n.SH OPTIONS\n");
    assert_has(page, ".TP\n\\fB\\-d\\fR, \\fB\\-\\-data\\fR \\fIA:B\\fR\n"
                     "\\&.starts with [a dot]. Then more\n");
    assert_has(page, "\\-Z it\\(aqs a \\ekey\\e; \\(aqquoted\\(aq\n");
    free(page);
}

static void a_page_has_groups_and_notes_and_no_aliases(void **state) {
    (void)state;
    char *page = print_all(print_probe);
    assert_has(page, "\\fB\\-\\-stamps\\fR[=\\fIrelative|absolute\\fR]\n");
    assert_has(page, ".SS A\\-group\n.TP\n\\fB\\-\\-key\\fR \\fIFILE\\fR\n");
    assert_has(page, ".SH EXAMPLES\n.TP\n\\fBtaburet probe \\-1\\fR\nProbes\n");
    assert_has(page, ".SH EXIT STATUS\n.TP\n\\fB0\\fR\nwell\n");
    assert_has_not(page, "execute");
    free(page);
}

static void bash_knows_what_may_follow(void **state) {
    (void)state;
    char *script = print_all(completion_print_bash);
    assert_has(script, "    probe) echo '--data -d --stamps --again -r --ipv4 -4 --key' ;;\n");
    assert_has(script, "    probe:--data= | probe:--data | probe:-d) echo '<any>' ;;\n");
    assert_has(script, "    probe:--stamps=) echo 'relative absolute' ;;\n");
    assert_has(script, "    probe:--again=) echo '<any>' ;;\n");
    assert_has(script, "    probe:--key= | probe:--key) echo '<file>' ;;\n");
    assert_has(script, "    probe) echo '<file>' ;;\n");
    assert_has_not(script, "probe:--ipv4");
    free(script);
}

static void zsh_is_told_each_argument(void **state) {
    (void)state;
    char *script = print_all(completion_print_zsh);
    assert_has(script, "'probe:It'\\''s a \"probe\"'\n");
    assert_has(script, " '*--data=[.starts with \\[a dot\\]]:A\\:B:' \\\n");
    assert_has(script, " '*-d+[.starts with \\[a dot\\]]:A\\:B:' \\\n");
    assert_has(script, " '--stamps=-[when]::relative|absolute:(relative absolute)' \\\n");
    assert_has(script, " '(-r --again)--again=-[come back]::N:' \\\n");
    assert_has(script, " '(-r --again)-r[come back]' \\\n");
    assert_has(script, " '--key=[-Z it'\\''s a \\\\key\\\\]:FILE:_files' \\\n");
    assert_has(script, " '*:FILE...:_files' \\\n");
    assert_has_not(script, "execute");
    free(script);
}

static void fish_is_told_each_option(void **state) {
    (void)state;
    const char *condition = "complete -c taburet -n '__taburet_verb_is probe'";
    char expected[256];
    char *script = print_all(completion_print_fish);
    assert_has(script, "-a probe -d 'It\\'s a \"probe\"'\n");
    static const char *const lines[] = {
        "-l data -s d -r -f -d '.starts with [a dot]'",
        "-l stamps -f -a 'relative absolute' -d 'when'",
        "-l ipv4 -s 4 -d 'IPv4'",
        "-l key -r -F -d '-Z it\\'s a \\\\key\\\\'",
        "-F",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(expected, sizeof(expected), "%s %s\n", condition, lines[i]);
        assert_has(script, expected);
    }
    assert_has_not(script, "execute");
    free(script);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_shows_text_as_it_is),
        cmocka_unit_test(a_page_has_groups_and_notes_and_no_aliases),
        cmocka_unit_test(bash_knows_what_may_follow),
        cmocka_unit_test(zsh_is_told_each_argument),
        cmocka_unit_test(fish_is_told_each_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
