#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "failing_alloc.h"
#include "script/node.h"

static struct document *doc;
static struct bytes message;

static int tear_down(void **state) {
    (void)state;
    document_free(doc);
    doc = NULL;
    bytes_release(&message);
    return 0;
}

static void assert_message(const char *expected) {
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, expected);
    message.len--;
}

static const struct node *parse_bytes(const char *text, size_t n) {
    document_free(doc);
    doc = NULL;
    int err = document_parse("FILE", text, n, &doc, &message);
    if (err != TB_OK) {
        fail_msg("%.*s", (int)message.len, (char *)message.data);
    }
    assert_int_equal(message.len, 0);
    return document_root(doc);
}

static const struct node *parse(const char *text) {
    return parse_bytes(text, strlen(text));
}

/* Refuses it, and its message has these words in it. */
static void refuse_bytes(const char *text, size_t n, const char *words) {
    document_free(doc);
    doc = NULL;
    assert_int_equal(document_parse("FILE", text, n, &doc, &message), TB_EINVAL);
    assert_null(doc);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    if (strstr((char *)message.data, words) == NULL) {
        fail_msg("%s", (char *)message.data);
    }
}

static void assert_scalar(const struct node *node, const char *text, unsigned line,
                          unsigned column) {
    assert_non_null(node);
    assert_int_equal(node->kind, NODE_SCALAR);
    assert_string_equal(node->text, text);
    assert_int_equal(node->size, strlen(text));
    assert_int_equal(node->line, line);
    assert_int_equal(node->column, column);
}

/* ---- the tree ---- */

static void a_tree_remembers_where_everything_stood(void **state) {
    (void)state;
    const struct node *root = parse("# a comment\n"
                                    "server:\n"
                                    "  listen: ws://localhost:4000\n"
                                    "  rules: [one, \"two\"]\n"
                                    "last: \n");
    assert_int_equal(root->kind, NODE_MAP);
    assert_int_equal(root->count, 2);
    assert_scalar(root->first, "server", 2, 1);
    const struct node *server = node_get(root, "server");
    assert_int_equal(server->kind, NODE_MAP);
    assert_int_equal(server->line, 3);
    assert_int_equal(server->column, 3);
    assert_scalar(node_get(server, "listen"), "ws://localhost:4000", 3, 11);
    const struct node *rules = node_get(server, "rules");
    assert_int_equal(rules->kind, NODE_LIST);
    assert_int_equal(rules->count, 2);
    assert_scalar(rules->first, "one", 4, 11);
    assert_scalar(rules->first->next, "two", 4, 16);
    assert_null(rules->first->next->next);
    assert_scalar(node_get(root, "last"), "", 5, 6);
    assert_null(node_get(root, "nosuch"));
    assert_null(node_get(rules, "one"));
    assert_string_equal(document_name(doc), "FILE");
}

static void every_scalar_is_text_and_quotes_are_known(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool quoted;
    } expected[] = {{"yes", false},     {"010", false}, {"yes", true},
                    {"\xc3\xa4", true}, {"~", false},   {"null", false}};
    const struct node *root = parse("[yes, 010, 'yes', \"\\u00e4\", ~, null]");
    const struct node *item = root->first;
    for (size_t i = 0; i < 6; i++, item = item->next) {
        assert_string_equal(item->text, expected[i].text);
        assert_int_equal(item->quoted, expected[i].quoted);
    }
    root = parse("a: |\n  one\n   two\nb: >-\n  one\n  two\n");
    assert_scalar(node_get(root, "a"), "one\n two\n", 1, 4);
    assert_true(node_get(root, "a")->quoted);
    assert_scalar(node_get(root, "b"), "one two", 4, 4);
    assert_true(node_get(root, "b")->quoted);
}

static void nothing_is_an_empty_map(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",         "\n\n",         "# only a comment",       "---\n",
        "---\n...", "\xef\xbb\xbf", "\xef\xbb\xbf# hello\r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct node *root = parse(texts[i]);
        assert_int_equal(root->kind, NODE_MAP);
        assert_int_equal(root->count, 0);
        assert_null(root->first);
        assert_int_equal(document_refuse(doc, root, 0, &message, "needs '%s'", "server"),
                         TB_EINVAL);
        assert_memory_equal(message.data, "FILE:1:1: error: needs 'server'", 31);
        bytes_clear(&message);
    }
}

static void lines_end_as_editors_count_them(void **state) {
    (void)state;
    assert_scalar(node_get(parse("\xef\xbb\xbf\r\na: b\r\nc: d\r\n"), "c"), "d", 3, 4);
    assert_scalar(node_get(parse("\ra: b\rc: d\r"), "c"), "d", 3, 4);
    assert_scalar(node_get(parse("a: \"x\xe2\x80\xa8y\"\nc: d\n"), "c"), "d", 2, 4);
}

/* ---- aliases ---- */

static void an_alias_stands_for_what_it_names(void **state) {
    (void)state;
    const struct node *root = parse("a: &x [1, &y 2]\n"
                                    "b: *x\n"
                                    "c: *y\n"
                                    "*y : key\n"
                                    "d: &y {e: f}\n"
                                    "g: [*y, *y]\n");
    const struct node *b = node_get(root, "b");
    assert_int_equal(b->kind, NODE_LIST);
    assert_int_equal(b->count, 2);
    assert_scalar(b->first, "1", 1, 8);
    assert_scalar(b->first->next, "2", 1, 14);
    assert_scalar(node_get(root, "c"), "2", 1, 14);
    assert_scalar(node_get(root, "2"), "key", 4, 6);
    const struct node *g = node_get(root, "g");
    assert_scalar(node_get(g->first, "e"), "f", 5, 11);
    assert_scalar(node_get(g->first->next, "e"), "f", 5, 11);
    assert_null(g->first->next->next);
}

static void aliases_are_counted_as_often_as_they_are_used(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    assert_int_equal(bytes_append_str(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"), TB_OK);
    for (unsigned i = 1; i < 30; i++) {
        assert_int_equal(bytes_appendf(&text, "a%u: &a%u [", i, i), TB_OK);
        for (unsigned k = 0; k < 9; k++) {
            assert_int_equal(bytes_appendf(&text, "*a%u,", i - 1), TB_OK);
        }
        assert_int_equal(bytes_append_str(&text, "]\n"), TB_OK);
    }
    refuse_bytes((char *)text.data, text.len, "FILE:7:10: error: ");
    refuse_bytes((char *)text.data, text.len, "comes to more than 1000000 values");
    bytes_release(&text);
}

/* ---- limits ---- */

static char *repeat(const char *piece, size_t times, size_t *n) {
    size_t size = strlen(piece);
    char *text = malloc(size * times + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * size, piece, size);
    }
    text[size * times] = '\0';
    *n = size * times;
    return text;
}

static void depth_is_refused_before_it_costs(void **state) {
    (void)state;
    static const char *const pieces[] = {"[", "- ", "[a, ", "{a: "};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        size_t n;
        char *text = repeat(pieces[i], 200000, &n);
        refuse_bytes(text, n, "more than 64 deep");
        free(text);
    }
    size_t n;
    char *text = repeat("{", 100000, &n);
    refuse_bytes(text, n, "a key is a text, not a mapping");
    free(text);
}

static void the_deepest_is_64(void **state) {
    (void)state;
    char text[256] = "";
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    parse(text);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    refuse_bytes(text, 130, "FILE:1:65: error: lists and mappings stand more than 64 deep");
}

static void depth_counts_through_aliases(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    assert_int_equal(bytes_append_str(&text, "a0: &a0 []\n"), TB_OK);
    for (unsigned i = 1; i < 100; i++) {
        assert_int_equal(bytes_appendf(&text, "a%u: &a%u [*a%u]\n", i, i, i - 1), TB_OK);
    }
    refuse_bytes((char *)text.data, text.len, "FILE:64:12: error: lists and mappings stand");
    bytes_release(&text);
}

static void a_map_of_many_keys_is_checked_in_good_time(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(bytes_appendf(&text, "key%u: x\n", i), TB_OK);
    }
    assert_int_equal(parse_bytes((char *)text.data, text.len)->count, 100000);
    assert_int_equal(bytes_append_str(&text, "key777: x\nkey5: x\n"), TB_OK);
    refuse_bytes((char *)text.data, text.len,
                 "FILE:100001:1: error: the key 'key777' stands here twice (first on line 778)");
    bytes_release(&text);
}

static void many_anchors_and_aliases_are_found_in_good_time(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(bytes_appendf(&text, "- &a%u x\n- *a%u\n", i, i / 2), TB_OK);
    }
    assert_int_equal(parse_bytes((char *)text.data, text.len)->count, 200000);
    bytes_release(&text);
}

static void any_number_of_directives_is_one_too_many(void **state) {
    (void)state;
    size_t n;
    char *text = repeat("%TAG !a! b\n", 500000, &n);
    refuse_bytes(text, n, "FILE:1:1: error: directives");
    memcpy(text, "# comment\n\na: 1\n...\n", 20);
    text[20] = text[21] = '\n';
    refuse_bytes(text, n, "FILE:7:1: error: directives");
    free(text);
    assert_scalar(node_get(parse("a: \"b\n%c\"\n"), "a"), "b %c", 1, 4);
}

static void a_text_ends_at_16_mib(void **state) {
    (void)state;
    char *text = malloc(FILE_SIZE_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', FILE_SIZE_MAX + 1);
    parse_bytes(text, FILE_SIZE_MAX);
    refuse_bytes(text, FILE_SIZE_MAX + 1, "FILE:1:1: error: it is larger than 16 MiB");
    free(text);
}

/* ---- places in a text ---- */

/* A byte of the value of key `a` is shown at that line and column. */
static void assert_place(const char *text, size_t offset, unsigned line, unsigned column) {
    const struct node *a = node_get(parse(text), "a");
    char expected[64];
    int n = snprintf(expected, sizeof(expected), "FILE:%u:%u: error: here", line, column);
    assert_int_equal(document_refuse(doc, a, offset, &message, "here"), TB_EINVAL);
    assert_true(message.len >= (size_t)n);
    message.data[n] = '\0';
    assert_string_equal((char *)message.data, expected);
    bytes_clear(&message);
}

static void a_byte_of_a_text_is_found_where_it_stands_as_it_is_read(void **state) {
    (void)state;
    assert_place("a: hello", 0, 1, 4);
    assert_place("a: hello", 2, 1, 6);
    assert_place("a: hello", 5, 1, 9);
    assert_place("a: hello", 6, 1, 4);
    assert_place("a: \xc3\xa4hello", 2, 1, 5);
    assert_place("a: \"hello\"", 2, 1, 7);
    assert_place("a: 'hello'", 5, 1, 10);
    assert_place("a: &x 'hello'", 1, 1, 9);
    assert_place("a: &x   hello", 1, 1, 10);
    assert_place("b: &x hello\na: *x", 2, 1, 9);
}

static void a_byte_behind_an_escape_is_shown_at_the_beginning(void **state) {
    (void)state;
    assert_place("a: \"he\\nllo\"", 1, 1, 6);
    assert_place("a: \"he\\nllo\"", 3, 1, 4);
    assert_place("a: 'it''s'", 4, 1, 4);
    assert_place("a: one\n  two", 2, 1, 6);
    assert_place("a: one\n  two", 5, 1, 4);
    assert_place("a: >\n  one\n  two\n", 5, 1, 4);
}

static void a_byte_of_a_block_is_found_on_its_line(void **state) {
    (void)state;
    static const char block[] = "a: |\n  one\n\n    two\n  three\nb: c\n";
    assert_place(block, 2, 2, 5);
    assert_place(block, 5, 4, 3);
    assert_place(block, 8, 4, 6);
    assert_place(block, 13, 5, 5);
    assert_place(block, 16, 5, 8);
    assert_place("a: |\r\n  one\r\n  two\r\n", 5, 3, 4);
    assert_place("a: &x |-\n  one\n  two", 5, 3, 4);
    assert_place("a: |2\n    one\n  two\n", 3, 2, 6);
}

static void what_is_said_is_made_safe(void **state) {
    (void)state;
    static const char text[] = "a: b";
    assert_int_equal(document_parse("F\x1bILE", text, 4, &doc, &message), TB_OK);
    assert_int_equal(document_refuse(doc, document_root(doc), 0, &message, "%s", "x\n\x1b[2J"),
                     TB_EINVAL);
    assert_message("F\\x1bILE:1:1: error: x\\n\\x1b[2J\n    a: b\n    ^");
}

static void what_is_said_is_never_long(void **state) {
    (void)state;
    size_t n;
    char *text = repeat("\xc3\xa4", 1000000, &n);
    memcpy(text, "- ", 2);
    parse_bytes(text, n);
    const struct node *item = document_root(doc)->first;
    assert_int_equal(document_refuse(doc, item, 0, &message, "x%s", item->text), TB_EINVAL);
    assert_in_range(message.len, 2048, 3000);
    assert_memory_equal(message.data + 17 + 2047, "...\n    ", 8);
    free(text);
}

/* ---- files ---- */

static char folder[32];

static int enter_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/taburet-node-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return chdir(folder);
}

static int leave_folder(void **state) {
    unlink("file");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(folder), 0);
    return tear_down(state);
}

static void load_badly(const char *path, const char *expected) {
    doc = NULL;
    assert_int_equal(document_load(path, &doc, &message), TB_EINVAL);
    assert_null(doc);
    assert_message(expected);
}

static void write_file(const char *text) {
    FILE *file = fopen("file", "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_file_is_loaded_under_its_name(void **state) {
    (void)state;
    write_file("a: b\n");
    assert_int_equal(document_load("file", &doc, &message), TB_OK);
    assert_string_equal(document_name(doc), "file");
    assert_scalar(node_get(document_root(doc), "a"), "b", 1, 4);
    document_free(doc);
    write_file("a: @\n");
    load_badly("file", "file:1:4: error: a text cannot begin with '@': put it in quotes\n"
                       "    a: @\n"
                       "       ^");
}

static void standard_input_is_a_file(void **state) {
    (void)state;
    write_file("a: b\n");
    assert_non_null(freopen("file", "r", stdin));
    assert_int_equal(document_load("-", &doc, &message), TB_OK);
    assert_string_equal(document_name(doc), "standard input");
}

static void what_is_no_file_is_not_waited_for(void **state) {
    (void)state;
    load_badly("nosuch", "cannot read 'nosuch' (No such file or directory)");
    load_badly(".", "cannot read '.' (it is a directory)");
    assert_int_equal(mkfifo("file", 0600), 0);
    load_badly("file", "cannot read 'file' (not a regular file; '-' is standard input)");
}

static void a_huge_file_is_not_read_to_its_end(void **state) {
    (void)state;
    write_file("a: b\n");
    assert_int_equal(truncate("file", (off_t)1 << 30), 0);
    load_badly("file", "cannot read 'file' (it is larger than 16 MiB)");
}

static void memory_that_is_out_is_told(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a: &x [b, {c: d, e: f}]\ng: *x\nh: |\n  i\n",
        "a: &x [b, {c: d, c: f}]\n",
        "a: [b\n",
        "a: \"\\d\"\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        unsigned n = 0;
        int err;
        do {
            bytes_release(&message);
            doc = NULL;
            fail_alloc_at(n);
            err = document_parse("FILE", texts[i], strlen(texts[i]), &doc, &message);
            fail_alloc_off();
            assert_true(err == TB_OK || doc == NULL);
            assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : i == 0 ? TB_OK : TB_EINVAL);
            document_free(doc);
        } while (n++ < alloc_count());
    }
    doc = NULL;
}

/* ---- messages, held against files (tests/format/errors) ---- */

#define ERRORS TABURET_SOURCE_DIR "/tests/format/errors/"

static void read_named(const char *name, size_t size, const char *ending, struct bytes *content) {
    char path[512];
    snprintf(path, sizeof(path), ERRORS "%.*s%s", (int)size, name, ending);
    if (file_read(path, content, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (char *)message.data);
    }
}

/* Whether the message about NAME.yaml is what NAME.txt says. */
static bool is_told_as_written(const char *name, size_t size) {
    struct bytes text = BYTES_INIT, expected = BYTES_INIT;
    read_named(name, size, ".yaml", &text);
    read_named(name, size, ".txt", &expected);
    assert_int_equal(document_parse("FILE", (char *)text.data, text.len, &doc, &message),
                     TB_EINVAL);
    assert_int_equal(bytes_append_str(&message, "\n"), TB_OK);
    bool same =
        message.len == expected.len && memcmp(message.data, expected.data, message.len) == 0;
    if (!same) {
        print_error("%.*s.yaml:\n%.*s", (int)size, name, (int)message.len, (char *)message.data);
    }
    bytes_release(&text);
    bytes_release(&expected);
    return same;
}

static void mistakes_are_told_as_they_are_written_down(void **state) {
    (void)state;
    DIR *files = opendir(ERRORS);
    assert_non_null(files);
    unsigned count = 0, wrong = 0;
    for (const struct dirent *file; (file = readdir(files)) != NULL;) {
        const char *ending = strstr(file->d_name, ".yaml");
        if (ending != NULL) {
            count++;
            wrong += !is_told_as_written(file->d_name, (size_t)(ending - file->d_name));
        }
    }
    closedir(files);
    assert_true(count > 50);
    assert_int_equal(wrong, 0);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)
static void assert_line(const struct node *at, const char *expected) {
    struct bytes line = BYTES_INIT;
    assert_int_equal(document_line(doc, at, &line), TB_OK);
    assert_int_equal(bytes_append(&line, "", 1), TB_OK);
    assert_string_equal((char *)line.data, expected);
    bytes_release(&line);
}

static void the_line_of_a_node_can_be_had(void **state) {
    (void)state;
    const struct node *root = parse("a:\n  - { b: \"\\x1b\", c: \xc2\xa0 } # d\r\n  - e");
    const struct node *list = node_get(root, "a");
    assert_line(root, "a:");
    assert_line(node_get(list->first, "b"), "- { b: \"\\x1b\", c: \xc2\xa0 } # d");
    assert_line(list->first->next, "- e");
    char text[600] = "a: ";
    memset(text + 3, 'x', 400);
    assert_line(parse(text),
                "a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "xxxxxxxxxxxxxxxx...");
}

#define PLAIN(test) cmocka_unit_test_teardown(test, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        PLAIN(a_tree_remembers_where_everything_stood),
        PLAIN(the_line_of_a_node_can_be_had),
        PLAIN(every_scalar_is_text_and_quotes_are_known),
        PLAIN(nothing_is_an_empty_map),
        PLAIN(lines_end_as_editors_count_them),
        PLAIN(an_alias_stands_for_what_it_names),
        PLAIN(aliases_are_counted_as_often_as_they_are_used),
        PLAIN(depth_is_refused_before_it_costs),
        PLAIN(the_deepest_is_64),
        PLAIN(depth_counts_through_aliases),
        PLAIN(a_map_of_many_keys_is_checked_in_good_time),
        PLAIN(many_anchors_and_aliases_are_found_in_good_time),
        PLAIN(any_number_of_directives_is_one_too_many),
        PLAIN(a_text_ends_at_16_mib),
        PLAIN(a_byte_of_a_text_is_found_where_it_stands_as_it_is_read),
        PLAIN(a_byte_behind_an_escape_is_shown_at_the_beginning),
        PLAIN(a_byte_of_a_block_is_found_on_its_line),
        PLAIN(what_is_said_is_made_safe),
        PLAIN(what_is_said_is_never_long),
        IN_A_FOLDER(a_file_is_loaded_under_its_name),
        IN_A_FOLDER(standard_input_is_a_file),
        IN_A_FOLDER(what_is_no_file_is_not_waited_for),
        IN_A_FOLDER(a_huge_file_is_not_read_to_its_end),
        PLAIN(memory_that_is_out_is_told),
        PLAIN(mistakes_are_told_as_they_are_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
