/* Standard input, cut into records, however it is cut by whoever writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/connect/input.h"
#include "base/err.h"

/* What was told: each record in brackets, and at the end its error in angles. */
static struct bytes told;
static uv_loop_t loop;
static struct input input;
static int fds[2];
static unsigned stop_after; /* so many records are wanted; 0: all */
static bool again;          /* and then more, within the same call */
static unsigned close_at;   /* the record that ends it all; 0: none */

static void on_record(void *ctx, const char *p, size_t n) {
    (void)ctx;
    assert_int_equal(bytes_append_str(&told, "["), TB_OK);
    assert_int_equal(bytes_append(&told, p, n), TB_OK);
    assert_int_equal(bytes_append_str(&told, "]"), TB_OK);
    if (close_at > 0 && --close_at == 0) {
        input_close(&input);
        input.events = NULL;                                /* as its owner does */
        assert_int_equal(bytes_append(&told, p, n), TB_OK); /* still there */
    }
    if (stop_after > 0 && --stop_after == 0) {
        input_want(&input, false);
        if (again) {
            input_want(&input, true);
        }
    }
}

static void on_end(void *ctx, int error) {
    (void)ctx;
    assert_int_equal(bytes_appendf(&told, "<%d>", error), TB_OK);
}

static const struct input_events events = {.on_record = on_record, .on_end = on_end};

static int set_up(void **state) {
    (void)state;
    told = (struct bytes)BYTES_INIT;
    stop_after = 0;
    again = false;
    close_at = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pipe(fds), 0);
    input_init(&input, &loop, fds[0], &events, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    input_close(&input);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(fds[0]);
    if (fds[1] >= 0) {
        close(fds[1]);
    }
    bytes_release(&told);
    return 0;
}

static void turn(void) {
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void feed(const void *p, size_t n) {
    assert_int_equal(write(fds[1], p, n), n);
    turn();
}

static void end_of_input(void) {
    close(fds[1]);
    fds[1] = -1;
    turn();
    turn();
}

static void assert_told(const void *p, size_t n) {
    assert_int_equal(told.len, n);
    if (n > 0) {
        assert_memory_equal(told.data, p, n);
    }
}

#define TOLD(text) assert_told(text, sizeof(text) - 1)
#define FEED(text) feed(text, sizeof(text) - 1)

static void lines_are_records(void **state) {
    (void)state;
    input_want(&input, true);
    FEED("one\ntw");
    TOLD("[one]");
    FEED("o\n\nthree\r\nla\rst");
    TOLD("[one][two][][three]");
    end_of_input();
    TOLD("[one][two][][three][la\rst]<0>");
    assert_int_equal(input.records, 5);
}

static void a_carriage_return_stays_where_bytes_are_wanted_as_they_are(void **state) {
    (void)state;
    input.drops_cr = false;
    input_want(&input, true);
    FEED("a\r\nb");
    end_of_input();
    TOLD("[a\r][b]<0>");
}

static void an_input_that_ends_with_a_newline_has_no_record_behind_it(void **state) {
    (void)state;
    input_want(&input, true);
    FEED("a\n");
    end_of_input();
    TOLD("[a]<0>");
}

static void a_nul_is_a_separator_that_keeps_newlines(void **state) {
    (void)state;
    input.separator = "";
    input.separator_size = 1;
    input_want(&input, true);
    FEED("a\r\n\0\0b\r");
    end_of_input();
    TOLD("[a\r\n][][b\r]<0>");
}

static void a_separator_may_be_cut_anywhere(void **state) {
    (void)state;
    static const char text[] = "a<E<END>b<EN<END><END>";
    input.separator = "<END>";
    input.separator_size = 5;
    input_want(&input, true);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        feed(text + i, 1);
    }
    TOLD("[a<E][b<EN][]");
}

static void without_a_separator_a_read_is_a_record(void **state) {
    (void)state;
    input.separator = NULL;
    input.separator_size = 0;
    input_want(&input, true);
    FEED("a\n\0b");
    FEED("c");
    end_of_input();
    TOLD("[a\n\0b][c]<0>");
}

static void nothing_is_read_before_it_is_wanted(void **state) {
    (void)state;
    char c;
    FEED("a\n");
    turn();
    TOLD("");
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(c, 'a');
}

static void records_wait_while_they_are_not_wanted(void **state) {
    (void)state;
    stop_after = 1;
    input_want(&input, true);
    FEED("a\nb\nc");
    TOLD("[a]");
    end_of_input();
    TOLD("[a]");
    input_want(&input, true);
    TOLD("[a][b]");
    turn();
    TOLD("[a][b][c]<0>");
}

static void who_wants_more_while_it_is_told_gets_each_record_once(void **state) {
    (void)state;
    stop_after = 1;
    again = true;
    input_want(&input, true);
    FEED("a\nb\nc\n");
    end_of_input();
    TOLD("[a][b][c]<0>");
}

static void nothing_is_told_after_the_last_record_closed_it(void **state) {
    (void)state;
    close_at = 2;
    input_want(&input, true);
    FEED("a\nb");
    end_of_input();
    TOLD("[a][b]b");
}

static void nothing_is_told_after_a_record_closed_it(void **state) {
    (void)state;
    close_at = 1;
    input_want(&input, true);
    FEED("a\nb\nc");
    end_of_input();
    input_want(&input, true);
    TOLD("[a]a");
}

static void a_record_beyond_the_limit_is_an_error(void **state) {
    (void)state;
    input.limit = 4;
    input_want(&input, true);
    FEED("abcd\nabcde");
    TOLD("[abcd]<7>");
    assert_int_equal(E2BIG, 7);
}

static void the_descriptor_keeps_its_mode(void **state) {
    (void)state;
    int before = fcntl(fds[0], F_GETFL);
    input_want(&input, true);
    turn();
    assert_int_equal(fcntl(fds[0], F_GETFL), before);
}

static void read_all_of(const char *path) {
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    input.fd = fd;
    input_want(&input, true);
    for (int i = 0; i < 10; i++) {
        turn();
    }
    close(fd);
}

static void a_file_is_read_to_its_end(void **state) {
    (void)state;
    char path[] = "/tmp/taburet-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a\nb", 3), 3);
    close(fd);
    read_all_of(path);
    unlink(path);
    TOLD("[a][b]<0>");
}

static void no_input_is_an_end_at_once(void **state) {
    (void)state;
    read_all_of("/dev/null");
    TOLD("<0>");
}

static void what_cannot_be_read_is_an_error(void **state) {
    (void)state;
    read_all_of("/");
    TOLD("<21>");
    assert_int_equal(EISDIR, 21);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_are_records),
        TEST(a_carriage_return_stays_where_bytes_are_wanted_as_they_are),
        TEST(an_input_that_ends_with_a_newline_has_no_record_behind_it),
        TEST(a_nul_is_a_separator_that_keeps_newlines),
        TEST(a_separator_may_be_cut_anywhere),
        TEST(without_a_separator_a_read_is_a_record),
        TEST(nothing_is_read_before_it_is_wanted),
        TEST(records_wait_while_they_are_not_wanted),
        TEST(who_wants_more_while_it_is_told_gets_each_record_once),
        TEST(nothing_is_told_after_the_last_record_closed_it),
        TEST(nothing_is_told_after_a_record_closed_it),
        TEST(a_record_beyond_the_limit_is_an_error),
        TEST(the_descriptor_keeps_its_mode),
        TEST(a_file_is_read_to_its_end),
        TEST(no_input_is_an_end_at_once),
        TEST(what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
