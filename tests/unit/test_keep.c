#include "report_rig.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/command.h"
#include "app/test/keep.h"
#include "base/err.h"

static char folder[64];
static struct keep keep;
static struct bytes message;
static FILE *source;
static struct scenario copy; /* the rig's, with another name */

static int set_up(void **state) {
    snprintf(folder, sizeof folder, "/tmp/taburet-keep-XXXXXX");
    source = tmpfile();
    if (mkdtemp(folder) == NULL || source == NULL || rig_set_up(state) != 0) {
        return -1;
    }
    fputs("line\n", source);
    fflush(source);
    return keep_open(&keep, folder, &message) == EXIT_OK ? 0 : -1;
}

static int tear_down(void **state) {
    glob_t found;
    char pattern[96];
    snprintf(pattern, sizeof pattern, "%s/*", folder);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            unlink(found.gl_pathv[i]);
        }
        globfree(&found);
    }
    rmdir(folder);
    fclose(source);
    keep_release(&keep);
    bytes_release(&message);
    return rig_tear_down(state);
}

static void assert_kept(const char *file, const char *scenario, const char *name) {
    char expected[256];
    char *path = NULL;
    struct stat st;
    copy = *rig.c.scenario;
    copy.name = scenario;
    rig.file.path = file;
    rig.c.scenario = &copy;
    assert_int_equal(keep_file(&keep, rig.finding, TARGET_MOCK, fileno(source), &path, &message),
                     TB_OK);
    snprintf(expected, sizeof expected, "%s/%s.jsonl", folder, name);
    assert_string_equal(path, expected);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
}

static void names_are_safe_and_no_two_are_the_same(void **state) {
    (void)state;
    assert_kept("x/chat.yaml", "a scenario", "chat-a-scenario");
    assert_kept("chat.yaml", "a  scenario!", "chat-a-scenario-2");
    assert_kept("CHAT.yaml", "A scenario", "CHAT-A-scenario-3");
    assert_kept("-", "../../etc/passwd", "standard-input-etc-passwd");
    assert_kept(".yaml", "\x1b[31m\xff\n", "yaml-31m");
    assert_kept("...", "???", "_-_");
    rig.finding->outcomes[TARGET_MOCK].ran = rig.finding->outcomes[TARGET_SERVER].ran = true;
    assert_kept("chat.yaml", "both", "chat-both-mock");
}

/* The number of a name is not sought from the beginning. */
static void many_of_a_name_take_no_longer_each(void **state) {
    (void)state;
    enum { MANY = 1200 };
    char name[64];
    clock_t began = clock();
    assert_kept("a", "b-3", "a-b-3");
    assert_kept("a", "b", "a-b");
    assert_kept("a", "b", "a-b-2");
    for (int i = 4; i < MANY; i++) {
        snprintf(name, sizeof name, "a-b-%d", i);
        assert_kept("a", "b", name);
    }
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 2);
}

static void nothing_but_a_regular_file_is_written(void **state) {
    (void)state;
    char path[128];
    char *kept = NULL;
    snprintf(path, sizeof path, "%s/a-a-b-31m.jsonl", folder);
    rig.file.path = "a";
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keep_file(&keep, rig.finding, TARGET_MOCK, fileno(source), &kept, &message),
                     TB_ESYS);
    assert_null(kept);
    bytes_clear(&message);
    snprintf(path, sizeof path, "%s/a-a-b-31m-2.jsonl", folder);
    assert_int_equal(symlink("/tmp/nowhere", path), 0);
    assert_int_equal(keep_file(&keep, rig.finding, TARGET_MOCK, fileno(source), &kept, &message),
                     TB_ESYS);
    assert_non_null(memmem(message.data, message.len, "symbolic link", 13));
}

static void a_folder_that_cannot_be_is_refused(void **state) {
    (void)state;
    struct keep other;
    assert_int_equal(keep_open(&other, "/dev/null", &message), EXIT_USAGE);
    assert_int_equal(keep_open(&other, "/nowhere/at/all", &message), EXIT_USAGE);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(names_are_safe_and_no_two_are_the_same),
        TEST(many_of_a_name_take_no_longer_each),
        TEST(nothing_but_a_regular_file_is_written),
        TEST(a_folder_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
