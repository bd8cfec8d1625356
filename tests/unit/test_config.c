#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/err.h"
#include "failing_alloc.h"

struct settings {
    struct option_list headers;
    const char *user;
    const char *reconnect;
    uint64_t retry;
    bool echo;
    struct config config;
};

#define AT(field) .offset = offsetof(struct settings, field)

static const struct option table[] = {
    {"header", 'H', OPTION_LIST, AT(headers), .arg = "LINE"},
    {"user", 'u', OPTION_STRING, AT(user), .arg = "USER:PASSWORD"},
    {"reconnect", 0, OPTION_STRING, AT(reconnect), .arg = "N", .flags = OPTION_OPTIONAL},
    {"retry", 0, OPTION_NUMBER, AT(retry), .arg = "N", .max = 10},
    {"echo", 'e', OPTION_FLAG, AT(echo)},
    {"config", 'K', OPTION_CALL, AT(config), .arg = "FILE", .call = config_read},
    {.name = NULL},
};

/* A folder for the files of one test, and what came of them. The folder is the working one, so the
 * messages name a file as the tests do. */
struct fixture {
    char folder[32];
    struct settings settings;
    struct option_list operands;
    struct bytes message;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    strcpy(f->folder, "/tmp/taburet-config-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(chdir(f->folder), 0);
    *state = f;
    return 0;
}

static void clear(struct fixture *f) {
    options_release(table, &f->settings);
    config_release(&f->settings.config);
    option_list_release(&f->operands);
    bytes_release(&f->message);
    f->settings = (struct settings){.retry = 1};
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    clear(f);
    unlink("a");
    unlink("b");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void write_file(const char *name, const void *text, size_t size) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int parse(struct fixture *f, int argc, char *const *argv) {
    clear(f);
    int err = options_parse(table, argc, argv, &f->settings, &f->operands, &f->message);
    bool said = f->message.len > 0;
    assert_true(err == TB_EINVAL ? said : !said || err == TB_ENOMEM);
    return err;
}

#define PARSE(f, ...)                                                                              \
    parse(f, (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

/* Reads a file of these lines. */
static void accept(struct fixture *f, const char *text) {
    write_file("a", text, strlen(text));
    if (PARSE(f, "-K", "a") != TB_OK) {
        fail_msg("%.*s", (int)f->message.len, (const char *)f->message.data);
    }
}

static void assert_message(struct fixture *f, const char *expected) {
    assert_int_equal(bytes_append(&f->message, "", 1), TB_OK);
    assert_string_equal((const char *)f->message.data, expected);
}

static void refuse(struct fixture *f, const char *text, const char *expected) {
    write_file("a", text, strlen(text));
    assert_int_equal(PARSE(f, "--config=a"), TB_EINVAL);
    assert_message(f, expected);
}

static void all_spellings_of_a_line_mean_the_same(void **state) {
    struct fixture *f = *state;
    static const char *const lines[] = {
        "user bob",
        "user = bob",
        "user: bob",
        "user=bob",
        "user:bob",
        "user\tbob",
        "  user  =  bob ",
        "--user bob",
        "--user=bob",
        "-u bob",
        "-u=bob",
        "user=\"bob\"",
        "user \"bob\"",
        "user bob # Bob",
        "user = \"bob\" # Bob",
        "user bob\r",
        "user=\"bob\"\r",
        "user=bob\n",
        "\n\n user=bob\n",
        "#user=x\nuser=bob\r\n#",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        accept(f, lines[i]);
        assert_non_null(f->settings.user);
        assert_string_equal(f->settings.user, "bob");
    }
}

static void a_quoted_value_has_spaces_and_escapes(void **state) {
    struct fixture *f = *state;
    accept(f, "header: \"X-A: b c # = : 'd'\"\n"
              "header = \"a\\\"b\\\\c\\nd\\te\\rf\\vg\"\n"
              "header \"\"\n");
    assert_int_equal(f->settings.headers.count, 3);
    assert_string_equal(f->settings.headers.items[0], "X-A: b c # = : 'd'");
    assert_string_equal(f->settings.headers.items[1], "a\"b\\c\nd\te\rf\vg");
    assert_string_equal(f->settings.headers.items[2], "");
}

static void a_plain_value_keeps_what_is_no_space(void **state) {
    struct fixture *f = *state;
    accept(f, "header a=b:c#d\"e\\f\nheader = \xd1\x97\xff\n");
    assert_string_equal(f->settings.headers.items[0], "a=b:c#d\"e\\f");
    assert_string_equal(f->settings.headers.items[1], "\xd1\x97\xff");
}

static void an_option_without_argument_stands_alone(void **state) {
    struct fixture *f = *state;
    accept(f, "echo\nreconnect\n");
    assert_true(f->settings.echo);
    assert_string_equal(f->settings.reconnect, "");
    accept(f, " -e # say it again\nreconnect = 5\n");
    assert_true(f->settings.echo);
    assert_string_equal(f->settings.reconnect, "5");
}

static void a_file_may_be_empty_or_begin_with_a_mark(void **state) {
    struct fixture *f = *state;
    accept(f, "");
    accept(f, "\n\r\n \n#\n");
    assert_null(f->settings.user);
    accept(f, "\xef\xbb\xbfuser bob");
    assert_string_equal(f->settings.user, "bob");
}

static void what_comes_later_counts(void **state) {
    struct fixture *f = *state;
    write_file("a", "retry 2\nuser a\nheader a\n", 24);
    write_file("b", "retry 3\nheader b\n", 17);
    assert_int_equal(PARSE(f, "--retry=4", "-H1", "-Ka", "-H2", "--config", "b", "-H3"), TB_OK);
    assert_int_equal(f->settings.retry, 3);
    assert_string_equal(f->settings.user, "a");
    assert_int_equal(f->settings.headers.count, 5);
    static const char *const order[] = {"1", "a", "2", "b", "3"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(f->settings.headers.items[i], order[i]);
    }
    assert_int_equal(PARSE(f, "-Ka", "--retry=4"), TB_OK);
    assert_int_equal(f->settings.retry, 4);
}

static void an_error_has_its_place_the_line_and_a_caret(void **state) {
    struct fixture *f = *state;
    refuse(f, "echo\n\n  hedaer: \"X: secret\"\n",
           "a:3:3: unknown option 'hedaer' (did you mean 'header'?)\n"
           "    hedaer...\n"
           "    ^");
    refuse(f, "retry = 70",
           "a:1:1: option 'retry' needs a number from 0 to 10, not '70'\n"
           "  retry...\n"
           "  ^");
    refuse(f, "\r\nuser\r\n",
           "a:2:1: option 'user' needs an argument\n"
           "  user\n"
           "  ^");
    refuse(f, "--echo=yes",
           "a:1:1: option 'echo' takes no argument\n"
           "  --echo...\n"
           "  ^");
    refuse(f, "user = \"bob:secret",
           "a:1:8: this quote has no end on its line\n"
           "  user = ...\n"
           "         ^");
    refuse(f, "user = \"bob\nsecret\"",
           "a:1:8: this quote has no end on its line\n"
           "  user = ...\n"
           "         ^");
}

static void a_value_that_is_not_clear_is_refused(void **state) {
    struct fixture *f = *state;
    refuse(f, "user bob secret",
           "a:1:10: a value with a space in it needs quotes around it\n"
           "  user ...\n"
           "       ^");
    refuse(f, "\tuser = bob:s3cret word",
           "a:1:20: a value with a space in it needs quotes around it\n"
           "  \\tuser = ...\n"
           "           ^");
    refuse(f, "user = \"bob\"secret",
           "a:1:13: something stands behind the quoted value\n"
           "  user = ...\n"
           "         ^");
    refuse(f, "user \"\xd1\x97\\x\"",
           "a:1:8: an unknown escape (known are \\\" \\\\ \\n \\t \\r \\v)\n"
           "  user ...\n"
           "       ^");
    refuse(f, "user \"b\\",
           "a:1:8: an unknown escape (known are \\\" \\\\ \\n \\t \\r \\v)\n"
           "  user ...\n"
           "       ^");
    refuse(f, "= x",
           "a:1:1: unknown option ''\n"
           "  ...\n"
           "  ^");
}

static void a_message_is_safe_for_a_terminal(void **state) {
    struct fixture *f = *state;
    refuse(f, "\t\x1b[2J x",
           "a:1:2: unknown option '\\x1b[2J'\n"
           "  \\t\\x1b[2J...\n"
           "    ^");
    assert_int_equal(PARSE(f, "-K", "\x1b[2J\n"), TB_EINVAL);
    assert_message(f, "cannot read '\\x1b[2J\\n' (No such file or directory)");
}

static void a_nul_byte_is_refused(void **state) {
    struct fixture *f = *state;
    write_file("a", "echo\nuser=b\0b\n", 14);
    assert_int_equal(PARSE(f, "-Ka"), TB_EINVAL);
    assert_message(f, "a:2:7: a NUL byte\n"
                      "  user=...\n"
                      "       ^");
}

static void a_file_cannot_name_another_one(void **state) {
    struct fixture *f = *state;
    const char *expected = "a:1:1: a configuration file cannot name another one\n"
                           "  -K...\n"
                           "  ^";
    refuse(f, "-K a", expected);
    refuse(f, "-K b", expected);
    refuse(f, "-K -", expected);
    accept(f, "echo"); /* reading is over, and the next one can be read */
}

static void what_is_no_regular_file_is_refused(void **state) {
    struct fixture *f = *state;
    assert_int_equal(PARSE(f, "-K", "."), TB_EINVAL);
    assert_message(f, "cannot read '.' (it is a directory)");
    assert_int_equal(PARSE(f, "-K", ""), TB_EINVAL);
    assert_message(f, "cannot read '' (No such file or directory)");
    assert_int_equal(mkfifo("b", 0600), 0);
    assert_int_equal(PARSE(f, "-K", "b"), TB_EINVAL);
    assert_message(f, "cannot read 'b' (not a regular file; '-' is standard input)");
    assert_int_equal(PARSE(f, "-K", "/dev/zero"), TB_EINVAL);
    assert_message(f, "cannot read '/dev/zero' (not a regular file; '-' is standard input)");
}

static void a_file_has_at_most_one_mebibyte(void **state) {
    struct fixture *f = *state;
    size_t size = 1024 * 1024;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, '#', size + 1);
    memcpy(text, "echo\n", 5);
    write_file("a", text, size);
    assert_int_equal(PARSE(f, "-Ka"), TB_OK);
    assert_true(f->settings.echo);
    write_file("a", text, size + 1);
    assert_int_equal(PARSE(f, "-Ka"), TB_EINVAL);
    assert_message(f, "cannot read 'a' (it is larger than 1 MiB)");
    free(text);
}

/* Runs the command line with these bytes in a pipe as standard input. */
static int parse_stdin(struct fixture *f, const char *text) {
    int ends[2];
    int kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(ends[0]), 0);
    int err = PARSE(f, "--config", "-");
    if (kept >= 0) {
        assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(close(kept), 0);
    } else {
        assert_int_equal(close(STDIN_FILENO), 0);
    }
    return err;
}

static void a_dash_is_standard_input(void **state) {
    struct fixture *f = *state;
    assert_int_equal(parse_stdin(f, "user bob\necho"), TB_OK);
    assert_string_equal(f->settings.user, "bob");
    assert_true(f->settings.echo);
    assert_int_equal(parse_stdin(f, "usr bob\n"), TB_EINVAL);
    assert_message(f, "standard input:1:1: unknown option 'usr' (did you mean 'user'?)\n"
                      "  usr...\n"
                      "  ^");
}

static void fail_each_allocation(struct fixture *f, const char *text, int expected) {
    write_file("a", text, strlen(text));
    unsigned n = 0;
    do {
        clear(f);
        char *argv[] = {"-Ka"};
        fail_alloc_at(n);
        int err = options_parse(table, 1, argv, &f->settings, &f->operands, &f->message);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : expected);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

static void each_failed_allocation_is_reported(void **state) {
    fail_each_allocation(*state, "header a\nuser b\nheader c\n", TB_OK);
    fail_each_allocation(*state, "header a\nusr b\n", TB_EINVAL);
    fail_each_allocation(*state, "user b c\n", TB_EINVAL);
    fail_each_allocation(*state, "-K b\n", TB_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_spellings_of_a_line_mean_the_same),
        TEST(a_quoted_value_has_spaces_and_escapes),
        TEST(a_plain_value_keeps_what_is_no_space),
        TEST(an_option_without_argument_stands_alone),
        TEST(a_file_may_be_empty_or_begin_with_a_mark),
        TEST(what_comes_later_counts),
        TEST(an_error_has_its_place_the_line_and_a_caret),
        TEST(a_value_that_is_not_clear_is_refused),
        TEST(a_message_is_safe_for_a_terminal),
        TEST(a_nul_byte_is_refused),
        TEST(a_file_cannot_name_another_one),
        TEST(what_is_no_regular_file_is_refused),
        TEST(a_file_has_at_most_one_mebibyte),
        TEST(a_dash_is_standard_input),
        TEST(each_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
