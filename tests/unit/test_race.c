#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "net/race.h"
#include "sockets.h"

/* One race on a loop of its own. */
struct fixture {
    struct loop loop;
    struct race *race;
    struct targets targets;
    struct source source;
    unsigned open_before;
    unsigned tries;
    unsigned ends;
    unsigned cancel_at; /* the number of the try that cancels; 0: none */
    uint64_t tried_at_ms[8];
    uint64_t ended_at_ms;
    const struct target *winner;
    int fd;
};

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000;
}

static void on_try(void *ctx, const struct target *target) {
    struct fixture *f = ctx;
    assert_ptr_equal(target, &f->targets.items[f->tries]);
    f->tried_at_ms[f->tries++] = now_ms();
    if (f->tries == f->cancel_at) {
        race_cancel(f->race);
        loop_end(&f->loop);
    }
}

static void on_end(void *ctx, const struct target *winner, int fd) {
    struct fixture *f = ctx;
    f->ends++;
    f->ended_at_ms = now_ms();
    f->winner = winner;
    f->fd = fd;
    loop_end(&f->loop);
}

static const struct race_events events = {on_try, on_end};

static void set_up(struct fixture *f) {
    *f = (struct fixture){.targets = TARGETS_INIT, .fd = -1};
    assert_int_equal(source_init(&f->source, NULL), 0);
    f->open_before = sockets_open();
    assert_int_equal(loop_init(&f->loop), TB_OK);
}

static void add(struct fixture *f, const char *address, uint16_t port) {
    const char *bad;
    assert_int_equal(targets_add_host(&f->targets, address, port, NULL, 0, &bad), TB_OK);
}

static void start(struct fixture *f) {
    f->race = race_start(&f->loop, &f->targets, &f->source, &events, f);
    assert_non_null(f->race);
    assert_int_equal(f->tries + f->ends, 0);
}

/* Runs to the end, after which there is nothing open but the winner's socket. */
static void run(struct fixture *f) {
    loop_run(&f->loop);
    loop_release(&f->loop);
    assert_int_equal(sockets_open(), f->open_before + (f->fd >= 0 ? 1 : 0));
}

static void tear_down(struct fixture *f) {
    if (f->fd >= 0) {
        close(f->fd);
    }
    targets_release(&f->targets);
}

static void the_winner_is_a_socket_without_delay_that_does_not_block(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    set_up(&f);
    add(&f, "127.0.0.1", port);
    start(&f);
    run(&f);
    assert_int_equal(f.ends, 1);
    assert_ptr_equal(f.winner, &f.targets.items[0]);
    int peer = socket_accept(listening), no_delay = 0;
    socklen_t size = sizeof no_delay;
    assert_true(peer >= 0);
    assert_int_equal(write(f.fd, "x", 1), 1);
    assert_int_equal(getsockopt(f.fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    assert_true(no_delay);
    assert_true(fcntl(f.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(f.fd, F_GETFD) & FD_CLOEXEC);
    close(peer);
    close(listening);
    tear_down(&f);
}

static void the_next_is_tried_at_once_when_one_is_refused(void **state) {
    (void)state;
    struct fixture f;
    uint16_t refusing = 0, port = 0;
    int refuse = socket_refuse("127.0.0.1", &refusing),
        listening = socket_listen("127.0.0.1", &port);
    set_up(&f);
    for (int i = 0; i < 6; i++) {
        add(&f, "127.0.0.1", refusing);
    }
    add(&f, "127.0.0.1", port);
    start(&f);
    run(&f);
    assert_ptr_equal(f.winner, &f.targets.items[6]);
    assert_int_equal(f.targets.items[5].error, ECONNREFUSED);
    /* Six waits would be 1.5 s. */
    assert_true(f.ended_at_ms - f.tried_at_ms[0] < 4 * RACE_STEP_MS);
    close(refuse);
    close(listening);
    tear_down(&f);
}

static void the_next_is_tried_after_250_ms_when_one_does_not_answer(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port = 0, hanging = 0;
    int filler;
    int hang = socket_hang("127.0.0.1", &hanging, &filler);
    int listening = socket_listen("127.0.0.1", &port);
    set_up(&f);
    add(&f, "127.0.0.1", hanging);
    add(&f, "127.0.0.1", hanging);
    add(&f, "127.0.0.1", port);
    add(&f, "127.0.0.1", port);
    start(&f);
    run(&f);
    assert_ptr_equal(f.winner, &f.targets.items[2]);
    assert_int_equal(f.tries, 3);
    for (size_t i = 1; i < 3; i++) {
        /* The loop's clock is read once a turn, and in whole milliseconds. */
        assert_in_range(f.tried_at_ms[i] - f.tried_at_ms[i - 1], RACE_STEP_MS - 20, 2000);
    }
    close(hang);
    close(filler);
    close(listening);
    tear_down(&f);
}

/* The first one answers after the second was begun, and the second never. */
static void an_earlier_one_may_still_win(void **state) {
    (void)state;
    struct fixture f;
    uint16_t first = 0, second = 0;
    int filler[2];
    int hang[2] = {socket_hang("127.0.0.1", &first, &filler[0]),
                   socket_hang("127.0.0.1", &second, &filler[1])};
    set_up(&f);
    add(&f, "127.0.0.1", first);
    add(&f, "127.0.0.1", second);
    start(&f);
    while (f.tries < 2) {
        uv_run(&f.loop.uv, UV_RUN_ONCE);
    }
    close(socket_accept(hang[0])); /* the queue has room when the system asks again */
    loop_run(&f.loop);
    assert_ptr_equal(f.winner, &f.targets.items[0]);
    for (size_t i = 0; i < 2; i++) {
        close(hang[i]);
        close(filler[i]);
    }
    loop_release(&f.loop);
    tear_down(&f);
}

static void when_all_fail_each_has_its_error(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port = 0;
    int refuse = socket_refuse("127.0.0.1", &port);
    set_up(&f);
    add(&f, "127.0.0.1", port);
    assert_int_equal(targets_add_unix(&f.targets, "/nowhere/at/all"), TB_OK);
    add(&f, "127.0.0.1", port);
    start(&f);
    run(&f);
    assert_int_equal(f.ends, 1);
    assert_null(f.winner);
    assert_int_equal(f.fd, -1);
    assert_int_equal(f.tries, 3);
    assert_int_equal(f.targets.items[0].error, ECONNREFUSED);
    assert_int_equal(f.targets.items[1].error, ENOENT);
    assert_int_equal(f.targets.items[2].error, ECONNREFUSED);
    close(refuse);
    tear_down(&f);
}

static void without_a_target_it_is_lost(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    start(&f);
    run(&f);
    assert_int_equal(f.ends, 1);
    assert_null(f.winner);
    tear_down(&f);
}

static void the_source_is_bound(void **state) {
    (void)state;
    struct fixture f;
    struct host_address from = {.size = sizeof from.sa};
    char text[HOST_ADDRESS_TEXT_MAX];
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    set_up(&f);
    assert_int_equal(source_init(&f.source, "127.0.0.9"), 0);
    add(&f, "127.0.0.1", port);
    start(&f);
    run(&f);
    assert_non_null(f.winner);
    assert_int_equal(getsockname(f.fd, &from.sa.any, &from.size), 0);
    assert_string_equal(host_address_text(&from, text), "127.0.0.9");
    close(listening);
    tear_down(&f);
}

static void nothing_is_told_after_it_was_cancelled(void **state) {
    (void)state;
    uint16_t hanging = 0;
    int filler;
    int hang = socket_hang("127.0.0.1", &hanging, &filler);
    /* Before anything was tried, from inside the first, and from inside the second. */
    for (unsigned at = 0; at < 3; at++) {
        struct fixture f;
        set_up(&f);
        f.cancel_at = at;
        add(&f, "127.0.0.1", hanging);
        add(&f, "127.0.0.1", hanging);
        add(&f, "127.0.0.1", hanging);
        start(&f);
        if (at == 0) {
            race_cancel(f.race);
            targets_release(&f.targets);
            loop_end(&f.loop);
        }
        run(&f);
        assert_int_equal(f.tries, at);
        assert_int_equal(f.ends, 0);
        tear_down(&f);
    }
    close(hang);
    close(filler);
}

static void without_descriptors_every_try_fails(void **state) {
    (void)state;
    struct fixture f;
    struct rlimit before, few;
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    set_up(&f);
    add(&f, "127.0.0.1", port);
    start(&f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    loop_run(&f.loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    run(&f);
    assert_null(f.winner);
    assert_int_equal(f.targets.items[0].error, EMFILE);
    close(listening);
    tear_down(&f);
}

static void without_memory_there_is_no_race(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    add(&f, "127.0.0.1", 1);
    fail_alloc_at(0);
    f.race = race_start(&f.loop, &f.targets, &f.source, &events, &f);
    fail_alloc_off();
    assert_null(f.race);
    loop_end(&f.loop);
    run(&f);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_winner_is_a_socket_without_delay_that_does_not_block),
        cmocka_unit_test(the_next_is_tried_at_once_when_one_is_refused),
        cmocka_unit_test(the_next_is_tried_after_250_ms_when_one_does_not_answer),
        cmocka_unit_test(an_earlier_one_may_still_win),
        cmocka_unit_test(when_all_fail_each_has_its_error),
        cmocka_unit_test(without_a_target_it_is_lost),
        cmocka_unit_test(the_source_is_bound),
        cmocka_unit_test(nothing_is_told_after_it_was_cancelled),
        cmocka_unit_test(without_descriptors_every_try_fails),
        cmocka_unit_test(without_memory_there_is_no_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
