/* A log whose reader is slow, or has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"

#define PIPE_SIZE 4096

static volatile sig_atomic_t signals;

static void on_signal(int number) {
    (void)number;
    signals = signals + 1;
}

/* The other end of a small pipe: takes a little whenever the pipe is full. */
struct slow_reader {
    int fd;
    int write_fd;
    pthread_t writer;
    int signal; /* to be sent to the writer each time before something is taken, or 0 */
    size_t expected;
    struct bytes content;
};

static void wait_until_full(const struct slow_reader *r) {
    struct pollfd p = {.fd = r->write_fd, .events = POLLOUT};
    while (poll(&p, 1, 0) > 0) {
        sched_yield();
    }
}

static void *read_slowly(void *arg) {
    struct slow_reader *r = arg;
    char part[PIPE_SIZE + 1];
    while (r->content.len < r->expected) {
        if (r->content.len + PIPE_SIZE < r->expected) {
            wait_until_full(r);
        }
        if (r->signal != 0) {
            pthread_kill(r->writer, r->signal);
        }
        ssize_t n = read(r->fd, part, sizeof(part));
        if (n <= 0 || bytes_append(&r->content, part, (size_t)n) != TB_OK) {
            break;
        }
    }
    return NULL;
}

static void assert_slow_reader_gets_all(int pipe_flags, int signal_number) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE), PIPE_SIZE);
    assert_int_equal(fcntl(fds[1], F_SETFL, pipe_flags), 0);
    struct log *log = log_new(fds[1], LOG_TEXT, LOG_NORMAL);
    assert_non_null(log);
    struct slow_reader reader = {.fd = fds[0],
                                 .write_fd = fds[1],
                                 .writer = pthread_self(),
                                 .signal = signal_number,
                                 .expected = 1000 * 1000,
                                 .content = BYTES_INIT};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    char line[1000];
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "%0998d", i);
        log_line(log, LOG_NORMAL, line, sizeof(line) - 1);
    }
    assert_int_equal(log_failed(log), 0);
    log_free(log);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reader.content.len, reader.expected);
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "%0998d", i);
        const uint8_t *got = reader.content.data + i * 1000;
        assert_memory_equal(got, line, 998);
        assert_int_equal(got[999], '\n');
    }
    bytes_release(&reader.content);
    close(fds[0]);
    close(fds[1]);
}

static void a_slow_reader_gets_everything_up_to_the_limit(void **state) {
    (void)state;
    assert_slow_reader_gets_all(O_NONBLOCK, 0);
}

/* A script that reads the first line only must not stop the server. */
static void nobody_reads_and_nobody_waits(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_TEXT, LOG_NORMAL);
    assert_non_null(log);
    char line[1000];
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof(line), "%0998d", i);
        log_line(log, LOG_NORMAL, line, sizeof(line) - 1);
        log_flush(log);
    }
    struct bytes content = BYTES_INIT;
    char part[65536];
    size_t lines = 0;
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    for (;;) {
        ssize_t n = read(fds[0], part, sizeof(part));
        if (n <= 0) {
            break;
        }
        assert_int_equal(bytes_append(&content, part, (size_t)n), TB_OK);
        log_flush(log);
    }
    for (size_t i = 0; i < content.len; i++) {
        lines += content.data[i] == '\n';
    }
    assert_int_equal(bytes_append(&content, "", 1), TB_OK);
    char *last = (char *)content.data + (lines - 1) * 1000;
    assert_int_equal((size_t)atoi(last) + lines - 1, 5000);
    assert_non_null(strstr(last, "lines are missing here"));
    bytes_release(&content);
    log_free(log);
    close(fds[0]);
    close(fds[1]);
}

/* A pipe that nobody has read, and a log that has lost lines because of it. */
struct unread {
    int fds[2];
    struct log *log;
    int written; /* lines; each is its number, in 999 digits */
};

static void write_number(struct unread *u) {
    char line[1000];
    snprintf(line, sizeof(line), "%0999d", u->written++);
    log_line(u->log, LOG_NORMAL, line, sizeof(line) - 1);
}

static struct unread lose_lines(void) {
    struct unread u = {.written = 0};
    assert_int_equal(pipe(u.fds), 0);
    assert_int_equal(fcntl(u.fds[0], F_SETFL, O_NONBLOCK), 0);
    u.log = log_new(u.fds[1], LOG_TEXT, LOG_NORMAL);
    assert_non_null(u.log);
    while (u.written < 3000) {
        write_number(&u);
    }
    assert_true(log_flush(u.log));
    return u;
}

static size_t read_some(const struct unread *u, struct bytes *content, size_t n) {
    assert_int_equal(bytes_reserve(content, n), TB_OK);
    ssize_t got = read(u->fds[0], content->data + content->len, n);
    content->len += got > 0 ? (size_t)got : 0;
    return got > 0 ? (size_t)got : 0;
}

/* There is room again, but not yet for the line that says what is missing. */
static void no_line_overtakes_the_one_that_says_what_is_missing(void **state) {
    (void)state;
    struct unread u = lose_lines();
    struct bytes content = BYTES_INIT;
    while (content.len < 256 * 1024) {
        assert_true(read_some(&u, &content, 4096) > 0);
        assert_true(log_flush(u.log));
    }
    write_number(&u);
    bool waits = true;
    while (read_some(&u, &content, 4096) > 0 || waits) {
        waits = log_flush(u.log);
    }
    size_t shown = 0;
    const char *p = (const char *)content.data;
    while (atoi(p + shown * 1000) == (int)shown && p[shown * 1000 + 999] == '\n') {
        shown++;
    }
    char expected[128];
    snprintf(expected, sizeof(expected),
             "%zu lines are missing here: nobody read this log in time\n",
             (size_t)u.written - shown);
    assert_int_equal(content.len, shown * 1000 + strlen(expected));
    assert_memory_equal(p + shown * 1000, expected, strlen(expected));
    bytes_release(&content);
    log_free(u.log);
    close(u.fds[0]);
    close(u.fds[1]);
}

static void a_flush_says_whether_lines_wait(void **state) {
    (void)state;
    struct unread u = lose_lines();
    struct bytes content = BYTES_INIT;
    while (log_flush(u.log)) {
        assert_true(read_some(&u, &content, 65536) > 0);
    }
    assert_false(log_flush(u.log));
    write_number(&u);
    assert_false(log_flush(u.log));
    bytes_release(&content);
    log_free(u.log);
    close(u.fds[0]);
    close(u.fds[1]);
}

/* Even if somebody reads again: what is in between would be missing without a word. */
static void a_silenced_log_stays_silent(void **state) {
    (void)state;
    struct unread u = lose_lines();
    close(u.fds[0]);
    assert_false(log_flush(u.log));
    assert_int_equal(log_failed(u.log), EPIPE);
    int file = memfd_create("log", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(dup2(file, u.fds[1]), u.fds[1]);
    assert_false(log_flush(u.log));
    assert_int_equal(log_failed(u.log), EPIPE);
    log_free(u.log);
    assert_int_equal(lseek(file, 0, SEEK_END), 0);
    close(u.fds[1]);
    close(file);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct dripper {
    int fd;
    atomic_bool done;
};

/* Takes a page five times a second: never idle, and a quarter of an hour short. */
static void *drip(void *arg) {
    struct dripper *d = arg;
    char part[4096];
    struct pollfd never = {.fd = -1};
    while (!atomic_load(&d->done)) {
        poll(&never, 1, 200);
        if (read(d->fd, part, sizeof(part)) < 0 && errno != EAGAIN) {
            break;
        }
    }
    return NULL;
}

static void a_dripping_reader_does_not_keep_the_log_for_ever(void **state) {
    (void)state;
    struct unread u = lose_lines();
    struct dripper dripper = {.fd = u.fds[0]};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, drip, &dripper), 0);
    int64_t start = now_ms();
    log_free(u.log);
    int64_t took = now_ms() - start;
    atomic_store(&dripper.done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(took, 1500, 10000);
    close(u.fds[0]);
    close(u.fds[1]);
}

/* ---- a log that keeps everything ---- */

enum { KEPT_LINES = 4000 };

static struct unread keep_all(void) {
    struct unread u = {.written = 0};
    assert_int_equal(pipe(u.fds), 0);
    u.log = log_new(u.fds[1], LOG_TEXT, LOG_NORMAL);
    assert_non_null(u.log);
    log_keep_all(u.log);
    while (u.written < KEPT_LINES) {
        write_number(&u);
    }
    return u;
}

static void assert_all_numbers(const struct bytes *content) {
    assert_int_equal(content->len, KEPT_LINES * 1000);
    for (int i = 0; i < KEPT_LINES; i++) {
        char line[1001];
        snprintf(line, sizeof(line), "%0999d\n", i);
        assert_memory_equal(content->data + (size_t)i * 1000, line, 1000);
    }
}

static void nothing_that_is_to_be_kept_is_left_out(void **state) {
    (void)state;
    struct unread u = keep_all();
    struct bytes content = BYTES_INIT;
    assert_true(log_waiting(u.log) > 3 * 1024 * 1024);
    while (log_flush(u.log)) {
        size_t before = log_waiting(u.log);
        assert_true(read_some(&u, &content, 65536) > 0);
        assert_true(log_flush(u.log) || log_waiting(u.log) == 0);
        assert_in_range(log_waiting(u.log), 0, before - 1);
    }
    assert_int_equal(log_waiting(u.log), 0);
    log_free(u.log);
    close(u.fds[1]);
    while (read_some(&u, &content, 65536) > 0) {
    }
    assert_all_numbers(&content);
    bytes_release(&content);
    close(u.fds[0]);
}

/* Takes nothing for longer than any other log would wait, then everything. */
static void *read_late(void *arg) {
    const struct unread *u = arg;
    struct bytes *content = calloc(1, sizeof *content);
    struct pollfd never = {.fd = -1};
    poll(&never, 1, 2500);
    while (content->len < (size_t)KEPT_LINES * 1000 && read_some(u, content, 65536) > 0) {
    }
    return content;
}

static void flushing_all_waits_until_what_is_to_be_kept_is_read(void **state) {
    (void)state;
    struct unread u = keep_all();
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, read_late, &u), 0);
    int64_t start = now_ms();
    assert_int_equal(log_flush_all(u.log), 0);
    assert_in_range(now_ms() - start, 2400, 60000);
    log_free(u.log);
    assert_int_equal(pthread_join(thread, &result), 0);
    struct bytes *content = result;
    assert_all_numbers(content);
    bytes_release(content);
    free(content);
    close(u.fds[0]);
    close(u.fds[1]);
}

static void nobody_waits_for_a_reader_that_has_gone(void **state) {
    (void)state;
    struct unread u = keep_all();
    close(u.fds[0]);
    assert_false(log_flush(u.log));
    assert_int_equal(log_failed(u.log), EPIPE);
    assert_int_equal(log_waiting(u.log), 0);
    write_number(&u);
    assert_int_equal(log_waiting(u.log), 0);
    log_free(u.log);
    close(u.fds[1]);
}

static void signals_change_nothing(void **state) {
    (void)state;
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    struct sigaction before;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    signals = 0;
    assert_slow_reader_gets_all(0, SIGUSR1);
    assert_true(signals > 0);
    signals = 0;
    assert_slow_reader_gets_all(O_NONBLOCK, SIGUSR1);
    assert_true(signals > 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_reader_gets_everything_up_to_the_limit),
        cmocka_unit_test(nobody_reads_and_nobody_waits),
        cmocka_unit_test(no_line_overtakes_the_one_that_says_what_is_missing),
        cmocka_unit_test(a_flush_says_whether_lines_wait),
        cmocka_unit_test(a_silenced_log_stays_silent),
        cmocka_unit_test(a_dripping_reader_does_not_keep_the_log_for_ever),
        cmocka_unit_test(nothing_that_is_to_be_kept_is_left_out),
        cmocka_unit_test(flushing_all_waits_until_what_is_to_be_kept_is_read),
        cmocka_unit_test(nobody_waits_for_a_reader_that_has_gone),
        cmocka_unit_test(signals_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
