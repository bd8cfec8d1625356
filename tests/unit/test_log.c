#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "failing_alloc.h"

#define THREADS 4
#define LINES 3000
#define LONG_LINE 300000

/* A file without a name. */
static int open_file(void) {
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void read_file(int fd, struct bytes *content) {
    char part[4096];
    ssize_t n;
    while ((n = pread(fd, part, sizeof(part), (off_t)content->len)) > 0) {
        assert_int_equal(bytes_append(content, part, (size_t)n), TB_OK);
    }
    assert_int_equal(n, 0);
}

static void assert_file(int fd, const char *expected) {
    struct bytes content = BYTES_INIT;
    read_file(fd, &content);
    assert_int_equal(bytes_append(&content, "", 1), TB_OK);
    assert_string_equal((const char *)content.data, expected);
    bytes_release(&content);
}

struct fixture {
    int fd;
    struct log *log;
};

static struct fixture set_up(enum log_format format, enum log_level level) {
    struct fixture f = {.fd = open_file()};
    f.log = log_new(f.fd, format, level);
    assert_non_null(f.log);
    return f;
}

static void tear_down(struct fixture *f) {
    log_free(f->log);
    close(f->fd);
}

static void lines_wait_for_a_flush(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    log_textf(f.log, LOG_NORMAL, "%s connected", "127.0.0.1:5000");
    log_line(f.log, LOG_NORMAL, "second", 6);
    assert_file(f.fd, "");
    log_flush(f.log);
    assert_file(f.fd, "127.0.0.1:5000 connected\nsecond\n");
    log_flush(f.log);
    assert_file(f.fd, "127.0.0.1:5000 connected\nsecond\n");
    assert_int_equal(log_failed(f.log), 0);
    tear_down(&f);
}

static void bytes_stand_as_they_are_between_lines(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    log_bytes(f.log, LOG_NORMAL, "a\033[1m", 5);
    log_bytes(f.log, LOG_NORMAL, "", 0);
    log_bytes(f.log, LOG_VERBOSE, "hidden", 6);
    log_line(f.log, LOG_NORMAL, "b", 1);
    log_bytes(f.log, LOG_ALWAYS, "c", 1);
    assert_file(f.fd, "");
    log_flush(f.log);
    assert_file(f.fd, "a\033[1mb\nc");
    tear_down(&f);
}

static void what_waits_is_counted(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    assert_int_equal(log_waiting(f.log), 0);
    log_line(f.log, LOG_NORMAL, "12345", 5);
    log_bytes(f.log, LOG_NORMAL, "678", 3);
    assert_int_equal(log_waiting(f.log), 9);
    log_flush(f.log);
    assert_int_equal(log_waiting(f.log), 0);
    tear_down(&f);
}

static void bytes_that_fill_the_buffer_flush_it(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    static char large[64 * 1024];
    memset(large, 'x', sizeof large);
    log_bytes(f.log, LOG_NORMAL, large, sizeof large - 1);
    assert_int_equal(lseek(f.fd, 0, SEEK_END), 0);
    log_bytes(f.log, LOG_NORMAL, "x", 1);
    assert_int_equal(lseek(f.fd, 0, SEEK_END), sizeof large);
    tear_down(&f);
}

static void bytes_without_memory_are_missing_whole(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    fail_alloc_at(0);
    log_bytes(f.log, LOG_NORMAL, "lost", 4);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 1);
    log_bytes(f.log, LOG_NORMAL, "kept", 4);
    log_flush(f.log);
    assert_file(f.fd, "kept");
    tear_down(&f);
}

static void freeing_flushes(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    log_textf(f.log, LOG_ALWAYS, "last words");
    log_free(f.log);
    assert_file(f.fd, "last words\n");
    close(f.fd);
    log_free(NULL);
}

static void a_full_buffer_flushes_itself(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    char line[1023];
    memset(line, '.', sizeof(line));
    for (int i = 0; i < 63; i++) {
        log_line(f.log, LOG_NORMAL, line, sizeof(line));
    }
    assert_int_equal(lseek(f.fd, 0, SEEK_END), 0);
    log_line(f.log, LOG_NORMAL, line, sizeof(line));
    assert_int_equal(lseek(f.fd, 0, SEEK_END), 64 * 1024);
    tear_down(&f);
}

static void a_line_longer_than_the_buffer_is_whole(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    char *line = malloc(LONG_LINE + 1);
    assert_non_null(line);
    memset(line, 'x', LONG_LINE);
    line[LONG_LINE] = '\0';
    log_line(f.log, LOG_NORMAL, "before", 6);
    log_line(f.log, LOG_NORMAL, line, LONG_LINE);
    log_textf(f.log, LOG_NORMAL, "%s", line);
    log_line(f.log, LOG_NORMAL, "after", 5);
    log_flush(f.log);

    struct bytes expected = BYTES_INIT;
    assert_int_equal(bytes_appendf(&expected, "before\n%s\n%s\nafter\n", line, line), TB_OK);
    struct bytes content = BYTES_INIT;
    read_file(f.fd, &content);
    assert_int_equal(content.len, expected.len);
    assert_true(memcmp(content.data, expected.data, expected.len) == 0);
    bytes_release(&content);
    bytes_release(&expected);
    free(line);
    tear_down(&f);
}

static void each_level_shows_what_is_worth_it(void **state) {
    (void)state;
    for (int level = LOG_ALWAYS; level <= LOG_DEBUG; level++) {
        struct fixture f = set_up(LOG_TEXT, (enum log_level)level);
        char expected[32] = "";
        for (int worth = LOG_ALWAYS; worth <= LOG_DEBUG; worth++) {
            assert_int_equal(log_shows(f.log, (enum log_level)worth), worth <= level);
            log_textf(f.log, (enum log_level)worth, "t");
            log_line(f.log, (enum log_level)worth, "l", 1);
            strcat(expected, worth <= level ? "t\nl\n" : "");
        }
        log_flush(f.log);
        assert_file(f.fd, expected);
        tear_down(&f);
    }
}

static void text_stays_out_of_a_json_log(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_JSON, LOG_DEBUG);
    assert_int_equal(log_get_format(f.log), LOG_JSON);
    log_textf(f.log, LOG_ALWAYS, "for a person");
    log_line(f.log, LOG_NORMAL, "{\"ev\":\"open\"}", 13);
    log_flush(f.log);
    assert_file(f.fd, "{\"ev\":\"open\"}\n");
    tear_down(&f);
}

static void a_text_line_is_one_line_and_safe(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    assert_int_equal(log_get_format(f.log), LOG_TEXT);
    log_textf(f.log, LOG_NORMAL, "close reason: %s", "a\nb\x1b[2J\xff\xd1\x97");
    log_textf(f.log, LOG_NORMAL, "%s", "");
    log_flush(f.log);
    assert_file(f.fd, "close reason: a\\nb\\x1b[2J\\xff\xd1\x97\n\n");
    tear_down(&f);
}

struct writer {
    struct log *log;
    int number;
};

static void *write_lines(void *arg) {
    const struct writer *w = arg;
    char filling[200];
    memset(filling, 'a' + w->number, sizeof(filling));
    for (int i = 0; i < LINES; i++) {
        int len = i % (int)sizeof(filling);
        if (i % 2 == 0) {
            log_textf(w->log, LOG_NORMAL, "%d %d %.*s;", w->number, i, len, filling);
        } else {
            char line[256];
            int n = snprintf(line, sizeof(line), "%d %d %.*s;", w->number, i, len, filling);
            log_line(w->log, LOG_NORMAL, line, (size_t)n);
        }
        if (i % 64 == 0) {
            log_flush(w->log);
        }
    }
    return NULL;
}

/* Each line is whole, and each writer's lines are in their order and all there. */
static void assert_lines_of_all_writers(char *content) {
    int next[THREADS] = {0};
    char *rest = NULL;
    for (char *line = strtok_r(content, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int number = line[0] - '0';
        assert_in_range(number, 0, THREADS - 1);
        char head[32];
        int n = snprintf(head, sizeof(head), "%d %d ", number, next[number]);
        assert_memory_equal(line, head, (size_t)n);
        size_t filling = strspn(line + n, (const char[]){(char)('a' + number), '\0'});
        assert_int_equal(filling, next[number] % 200);
        assert_string_equal(line + n + filling, ";");
        next[number]++;
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(next[i], LINES);
    }
}

static void lines_of_many_threads_do_not_mix(void **state) {
    (void)state;
    struct fixture f = set_up(LOG_TEXT, LOG_NORMAL);
    pthread_t threads[THREADS];
    struct writer writers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.log = f.log, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    log_flush(f.log);
    struct bytes content = BYTES_INIT;
    read_file(f.fd, &content);
    assert_int_equal(bytes_append(&content, "", 1), TB_OK);
    assert_lines_of_all_writers((char *)content.data);
    bytes_release(&content);
    tear_down(&f);
}

static void assert_silenced(struct log *log, int err) {
    log_textf(log, LOG_ALWAYS, "unheard");
    assert_int_equal(log_failed(log), 0);
    log_flush(log);
    assert_int_equal(log_failed(log), err);
    assert_false(log_shows(log, LOG_ALWAYS));
    fail_alloc_at(0);
    log_textf(log, LOG_ALWAYS, "unheard");
    log_line(log, LOG_ALWAYS, "unheard", 7);
    log_flush(log);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    assert_int_equal(log_failed(log), err);
}

static void a_reader_that_has_gone_silences_the_log(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    struct log *log = log_new(fds[1], LOG_TEXT, LOG_NORMAL);
    assert_non_null(log);
    assert_silenced(log, EPIPE);
    log_free(log);
    close(fds[1]);
}

static void a_full_disk_silences_the_log(void **state) {
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    struct log *log = log_new(fd, LOG_JSON, LOG_NORMAL);
    assert_non_null(log);
    log_line(log, LOG_NORMAL, "{}", 2);
    assert_int_equal(log_failed(log), 0);
    log_flush(log);
    assert_int_equal(log_failed(log), ENOSPC);
    log_free(log);
    close(fd);
}

/* Writes two pieces, of which the second may not fit into memory. */
static void keep_two_pieces(struct fixture *f, unsigned n) {
    static const char large[100000] = "";
    *f = set_up(LOG_TEXT, LOG_NORMAL);
    log_keep_all(f->log);
    log_bytes(f->log, LOG_ALWAYS, "first", 5);
    fail_alloc_at(n);
    log_bytes(f->log, LOG_ALWAYS, large, sizeof large);
    fail_alloc_off();
}

static void a_log_that_keeps_all_tells_when_memory_is_out(void **state) {
    (void)state;
    struct fixture f;
    struct bytes content = BYTES_INIT;
    keep_two_pieces(&f, 0);
    assert_int_equal(log_failed(f.log), ENOMEM);
    log_bytes(f.log, LOG_ALWAYS, "third", 5);
    log_flush(f.log);
    read_file(f.fd, &content);
    assert_int_equal(content.len, 5); /* what stood before is there, nothing behind the gap */
    assert_memory_equal(content.data, "first", 5);
    assert_int_equal(log_flush_all(f.log), ENOMEM);
    bytes_release(&content);
    tear_down(&f);
}

static void whoever_could_not_build_a_piece_silences_the_log(void **state) {
    (void)state;
    struct fixture f;
    struct bytes content = BYTES_INIT;
    keep_two_pieces(&f, 1000);
    assert_int_equal(log_failed(f.log), 0);
    log_bytes(f.log, LOG_ALWAYS, "third", 5);
    log_fail(f.log, ENOMEM);
    log_fail(f.log, EPIPE);
    assert_int_equal(log_failed(f.log), ENOMEM);
    log_bytes(f.log, LOG_ALWAYS, "fourth", 6);
    log_flush(f.log);
    read_file(f.fd, &content);
    assert_int_equal(content.len, 100010);
    bytes_release(&content);
    tear_down(&f);
}

/* Returns whether there was a log at all. */
static bool log_three_lines(int fd) {
    struct log *log = log_new(fd, LOG_TEXT, LOG_NORMAL);
    if (log == NULL) {
        return false;
    }
    log_textf(log, LOG_NORMAL, "first %070d %s", 1, "\x1b\x1b\x1b");
    log_line(log, LOG_NORMAL, "second", 6);
    log_textf(log, LOG_NORMAL, "third %0500d", 3);
    log_free(log);
    return true;
}

static void failed_allocation_costs_whole_lines_only(void **state) {
    (void)state;
    char first[128];
    char third[600];
    snprintf(first, sizeof(first), "first %070d \\x1b\\x1b\\x1b\n", 1);
    snprintf(third, sizeof(third), "third %0500d\n", 3);
    unsigned n = 0;
    do {
        int fd = open_file();
        fail_alloc_at(n);
        bool made = log_three_lines(fd);
        fail_alloc_off();
        assert_int_equal(made, n > 0);
        struct bytes content = BYTES_INIT;
        read_file(fd, &content);
        assert_int_equal(bytes_append(&content, "", 1), TB_OK);
        const char *rest = (const char *)content.data;
        const char *lines[] = {first, "second\n", third};
        size_t found = 0;
        for (size_t i = 0; i < 3; i++) {
            if (strncmp(rest, lines[i], strlen(lines[i])) == 0) {
                rest += strlen(lines[i]);
                found++;
            }
        }
        assert_string_equal(rest, "");
        assert_int_equal(found, n == 0 ? 0 : n < alloc_count() ? 2 : 3);
        bytes_release(&content);
        close(fd);
    } while (n++ < alloc_count());
    assert_true(n > 4);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_wait_for_a_flush),
        cmocka_unit_test(bytes_stand_as_they_are_between_lines),
        cmocka_unit_test(what_waits_is_counted),
        cmocka_unit_test(bytes_that_fill_the_buffer_flush_it),
        cmocka_unit_test(bytes_without_memory_are_missing_whole),
        cmocka_unit_test(freeing_flushes),
        cmocka_unit_test(a_full_buffer_flushes_itself),
        cmocka_unit_test(a_line_longer_than_the_buffer_is_whole),
        cmocka_unit_test(each_level_shows_what_is_worth_it),
        cmocka_unit_test(text_stays_out_of_a_json_log),
        cmocka_unit_test(a_text_line_is_one_line_and_safe),
        cmocka_unit_test(lines_of_many_threads_do_not_mix),
        cmocka_unit_test(a_reader_that_has_gone_silences_the_log),
        cmocka_unit_test(a_full_disk_silences_the_log),
        cmocka_unit_test(a_log_that_keeps_all_tells_when_memory_is_out),
        cmocka_unit_test(whoever_could_not_build_a_piece_silences_the_log),
        cmocka_unit_test(failed_allocation_costs_whole_lines_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
