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

#include "app/connect/history.h"
#include "failing_alloc.h"

static char root[64];
static char path[128];

static int make_root(void **state) {
    (void)state;
    strcpy(root, "/tmp/taburet-history-XXXXXX");
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof(path), "%s/a/b/history", root);
    return 0;
}

static int remove_root(void **state) {
    (void)state;
    char command[160];
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command); // NOLINT(cert-env33-c): a path of our own making
}

static void add(struct history *h, const char *text) {
    history_add(h, text, strlen(text));
}

static void assert_entry(const struct history *h, size_t i, const char *expected) {
    size_t n;
    const char *entry = history_entry(h, i, &n);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(entry, expected, n);
}

static void write_file(const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static mode_t mode_of(const char *name) {
    struct stat status;
    assert_int_equal(stat(name, &status), 0);
    return status.st_mode & 07777;
}

static void entries_survive_in_a_private_file(void **state) {
    (void)state;
    char directory[128];
    struct history *h = history_new(path);
    assert_int_equal(history_count(h), 0);
    add(h, "first");
    add(h, "{\n\t\"a\": \"b\\n\"\n}");
    history_free(h);
    h = history_new(path);
    assert_int_equal(history_count(h), 2);
    assert_entry(h, 0, "first");
    assert_entry(h, 1, "{\n\t\"a\": \"b\\n\"\n}");
    history_free(h);
    assert_int_equal(mode_of(path), 0600);
    snprintf(directory, sizeof(directory), "%s/a/b", root);
    assert_int_equal(mode_of(directory), 0700);
    snprintf(directory, sizeof(directory), "%s/a", root);
    assert_int_equal(mode_of(directory), 0700);
}

static void a_line_typed_again_is_kept_once(void **state) {
    (void)state;
    struct history *h = history_new(path);
    add(h, "a");
    add(h, "a");
    add(h, "");
    add(h, "b");
    add(h, "a");
    assert_int_equal(history_count(h), 3);
    history_free(h);
    h = history_new(path);
    assert_int_equal(history_count(h), 3);
    history_free(h);
}

static void the_oldest_entries_go(void **state) {
    (void)state;
    char text[16];
    struct history *h = history_new(path);
    for (int i = 0; i < HISTORY_MAX + 5; i++) {
        snprintf(text, sizeof(text), "%d", i);
        add(h, text);
    }
    assert_int_equal(history_count(h), HISTORY_MAX);
    assert_entry(h, 0, "5");
    assert_entry(h, HISTORY_MAX - 1, text);
    history_free(h);
    h = history_new(path);
    assert_int_equal(history_count(h), HISTORY_MAX);
    assert_entry(h, 0, "5");
    history_free(h);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 5 * 2 + 90 * 3 + 900 * 4 + 5 * 5);
}

static void instances_keep_each_others_lines(void **state) {
    (void)state;
    struct history *a = history_new(path);
    struct history *b = history_new(path);
    add(a, "a1");
    add(b, "b1");
    add(a, "a2");
    assert_int_equal(history_count(a), 2);
    history_free(a);
    history_free(b);
    a = history_new(path);
    assert_int_equal(history_count(a), 3);
    assert_entry(a, 0, "a1");
    assert_entry(a, 1, "b1");
    assert_entry(a, 2, "a2");
    history_free(a);
}

static void symbolic_links_are_not_followed(void **state) {
    (void)state;
    char other[128];
    history_free(history_new(path));
    snprintf(other, sizeof(other), "%s/other", root);
    assert_int_equal(symlink(other, path), 0);
    struct history *h = history_new(path);
    add(h, "secret");
    history_free(h);
    assert_int_not_equal(access(other, F_OK), 0);
    assert_int_equal(unlink(path), 0);

    char directory[128];
    snprintf(directory, sizeof(directory), "%s/a/b", root);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(symlink(other, directory), 0);
    h = history_new(path);
    add(h, "secret");
    assert_int_equal(history_count(h), 1);
    history_free(h);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void what_is_no_file_is_no_history_and_no_wait(void **state) {
    (void)state;
    history_free(history_new(path));
    assert_int_equal(mkfifo(path, 0600), 0);
    struct history *h = history_new(path);
    add(h, "a");
    assert_int_equal(history_count(h), 1);
    history_free(h);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    h = history_new(path);
    add(h, "a");
    history_free(h);
    static const char *const useless[] = {"/proc/none/history", "history", "", "/history/", "/"};
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        h = history_new(useless[i]);
        assert_int_equal(history_count(h), 0);
        history_free(h);
    }
    h = history_new(NULL);
    add(h, "a");
    assert_int_equal(history_count(h), 1);
    history_free(h);
}

static void half_a_line_and_strange_escapes_do_no_harm(void **state) {
    (void)state;
    history_free(history_new(path));
    write_file("a\\qb\\\n\\\\n\nhalf");
    struct history *h = history_new(path);
    assert_int_equal(history_count(h), 2);
    assert_entry(h, 0, "aqb\\");
    assert_entry(h, 1, "\\n");
    history_free(h);
    assert_int_equal(mode_of(path), 0600);
}

static void of_a_huge_file_the_end_is_read(void **state) {
    (void)state;
    history_free(history_new(path));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 100; i++) {
        assert_true(fprintf(f, "%0*d\n", 60000, i) > 0);
    }
    assert_int_equal(fclose(f), 0);
    struct history *h = history_new(path);
    assert_int_equal(history_count(h), 69);
    history_free(h);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 69 * 60001);
}

static void the_path_follows_the_environment(void **state) {
    (void)state;
    setenv("HOME", "/home/somebody", 1);
    setenv("XDG_STATE_HOME", "/state", 1);
    char *found = history_path();
    assert_string_equal(found, "/state/taburet/history");
    free(found);
    setenv("XDG_STATE_HOME", "relative", 1);
    found = history_path();
    assert_string_equal(found, "/home/somebody/.local/state/taburet/history");
    free(found);
    unsetenv("HOME");
    assert_null(history_path());
}

static void failed_allocations_lose_entries_at_the_most(void **state) {
    (void)state;
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        struct history *h = history_new(path);
        if (h != NULL) {
            add(h, "a");
            add(h, "b");
        }
        history_free(h);
        fail_alloc_off();
    } while (n++ < alloc_count());
    assert_true(n > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(entries_survive_in_a_private_file),
        TEST(a_line_typed_again_is_kept_once),
        TEST(the_oldest_entries_go),
        TEST(instances_keep_each_others_lines),
        TEST(symbolic_links_are_not_followed),
        TEST(what_is_no_file_is_no_history_and_no_wait),
        TEST(half_a_line_and_strange_escapes_do_no_harm),
        TEST(of_a_huge_file_the_end_is_read),
        TEST(the_path_follows_the_environment),
        TEST(failed_allocations_lose_entries_at_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
