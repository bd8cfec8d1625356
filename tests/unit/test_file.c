#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "failing_alloc.h"

static char folder[32];
static struct bytes content, message;

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/taburet-file-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bytes_release(&content);
    bytes_release(&message);
    unlink("file");
    assert_int_equal(chdir("/"), 0);
    return rmdir(folder);
}

static void write_file(const void *p, size_t n) {
    FILE *f = fopen("file", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void assert_refused(const char *path, const char *expected) {
    bytes_clear(&content);
    bytes_clear(&message);
    assert_int_equal(file_read(path, &content, &message), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, expected);
}

static void the_bytes_come_as_they_are(void **state) {
    (void)state;
    static const char text[] = "a\0b\r\n\xff";
    write_file(text, sizeof text);
    assert_int_equal(bytes_append_str(&content, "before"), TB_OK);
    assert_int_equal(file_read("file", &content, &message), TB_OK);
    assert_int_equal(content.len, 6 + sizeof text);
    assert_memory_equal(content.data + 6, text, sizeof text);
    assert_int_equal(message.len, 0);
}

static void an_empty_file_is_no_error(void **state) {
    (void)state;
    write_file("", 0);
    assert_int_equal(file_read("file", &content, &message), TB_OK);
    assert_int_equal(content.len, 0);
}

static void what_cannot_be_read_is_named(void **state) {
    (void)state;
    assert_refused("nosuch", "cannot read 'nosuch' (No such file or directory)");
    assert_refused("no\nsuch\x1b", "cannot read 'no\\nsuch\\x1b' (No such file or directory)");
    assert_refused(".", "cannot read '.' (it is a directory)");
}

static void a_pipe_is_not_waited_for(void **state) {
    (void)state;
    assert_int_equal(mkfifo("file", 0600), 0);
    assert_refused("file", "cannot read 'file' (not a regular file; '-' is standard input)");
}

static void a_mebibyte_is_the_limit(void **state) {
    (void)state;
    size_t size = 1024 * 1024;
    char *text = calloc(size + 1, 1);
    assert_non_null(text);
    write_file(text, size);
    assert_int_equal(file_read("file", &content, &message), TB_OK);
    assert_int_equal(content.len, size);
    write_file(text, size + 1);
    assert_refused("file", "cannot read 'file' (it is larger than 1 MiB)");
    free(text);
}

static void another_limit_is_named_as_it_is(void **state) {
    (void)state;
    size_t limit = 3 * 1024 * 1024;
    char *text = calloc(limit + 1, 1);
    assert_non_null(text);
    write_file(text, limit);
    bytes_clear(&content);
    bytes_clear(&message);
    assert_int_equal(file_read_limited("file", limit, &content, &message), TB_OK);
    assert_int_equal(content.len, limit);
    write_file(text, limit + 1);
    free(text);
    assert_int_equal(file_read_limited("file", limit, &content, &message), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, "cannot read 'file' (it is larger than 3 MiB)");
}

static void a_dash_is_standard_input(void **state) {
    (void)state;
    write_file("typed", 5);
    assert_non_null(freopen("file", "r", stdin));
    assert_int_equal(file_read("-", &content, &message), TB_OK);
    assert_int_equal(content.len, 5);
    assert_string_equal(file_shown_name("-"), "standard input");
    assert_string_equal(file_shown_name("-x"), "-x");
}

static void assert_not_now(const char *path, const char *expected) {
    bytes_clear(&message);
    assert_int_equal(file_read_now(path, &content, &message), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, expected);
}

static void what_must_not_wait_takes_regular_files_of_any_size_alone(void **state) {
    (void)state;
    size_t size = 1024 * 1024 + 1;
    char *text = calloc(size, 1);
    assert_non_null(text);
    write_file(text, size);
    free(text);
    assert_int_equal(file_read_now("file", &content, &message), TB_OK);
    assert_int_equal(content.len, size);
    unlink("file");
    assert_int_equal(mkfifo("file", 0600), 0);
    assert_not_now("file", "cannot read 'file' (not a regular file)");
    assert_not_now("-", "cannot read 'standard input' (not a regular file)");
    assert_not_now("/dev/zero", "cannot read '/dev/zero' (not a regular file)");
    assert_not_now(".", "cannot read '.' (it is a directory)");
}

static void memory_may_run_out(void **state) {
    (void)state;
    write_file("text", 4);
    unsigned n = 0;
    int err = TB_OK;
    do {
        bytes_release(&content);
        fail_alloc_at(n);
        err = file_read("file", &content, &message);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_bytes_come_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_no_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mebibyte_is_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_limit_is_named_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dash_is_standard_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_must_not_wait_takes_regular_files_of_any_size_alone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_run_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
