#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "names.h"
#include "net/dial.h"
#include "net/host.h"
#include "sockets.h"

/* One dial on a loop of its own. */
struct fixture {
    struct loop loop;
    struct dial *dial;
    struct dial_route route;
    unsigned open_before;
    unsigned stages;
    unsigned cancel_at; /* the number of the stage that cancels; 0: none */
    enum dial_stage stage[8];
    char stage_text[8][200];
    unsigned ends;
    struct dial_outcome outcome;
    char message[2000];
};

static void on_stage(void *ctx, enum dial_stage stage, const char *text) {
    struct fixture *f = ctx;
    assert_in_range(f->stages, 0, 7);
    f->stage[f->stages] = stage;
    snprintf(f->stage_text[f->stages], sizeof f->stage_text[0], "%s", text);
    if (++f->stages == f->cancel_at) {
        dial_cancel(f->dial);
        loop_end(&f->loop);
    }
}

static void on_done(void *ctx, const struct dial_outcome *outcome) {
    struct fixture *f = ctx;
    f->ends++;
    f->outcome = *outcome;
    assert_true((outcome->result == DIAL_OK) == (outcome->fd >= 0));
    assert_true((outcome->result == DIAL_OK) == (outcome->message == NULL));
    if (outcome->message != NULL) {
        snprintf(f->message, sizeof f->message, "%s", outcome->message);
    }
    loop_end(&f->loop);
}

static const struct dial_events events = {on_stage, on_done};

static void set_up(struct fixture *f, const char *host, uint16_t port) {
    *f = (struct fixture){.route = {.host = host, .port = port}, .outcome.fd = -1};
    names_reset();
    f->open_before = sockets_open();
    assert_int_equal(loop_init(&f->loop), TB_OK);
}

static void start(struct fixture *f) {
    f->dial = dial_start(&f->loop, &f->route, &events, f);
    assert_non_null(f->dial);
    assert_int_equal(f->stages + f->ends, 0);
}

/* Runs to the end, after which nothing is open but the socket that was given away. */
static void run(struct fixture *f) {
    loop_run(&f->loop);
    loop_release(&f->loop);
    assert_int_equal(sockets_open(), f->open_before + (f->outcome.fd >= 0 ? 1 : 0));
}

static void dial(struct fixture *f) {
    start(f);
    run(f);
    assert_int_equal(f->ends, 1);
}

static void hang_up(struct fixture *f) {
    if (f->outcome.fd >= 0) {
        close(f->outcome.fd);
        f->outcome.fd = -1;
    }
}

static void assert_connected(struct fixture *f, int listening, const char *peer) {
    char text[ADDRESS_TEXT_MAX], expected[ADDRESS_TEXT_MAX];
    assert_string_equal(f->message, "");
    assert_int_equal(f->outcome.result, DIAL_OK);
    assert_int_equal(f->outcome.kind, STREAM_TCP);
    snprintf(expected, sizeof expected, "%s:%u", peer, (unsigned)f->route.port);
    assert_string_equal(address_text(&f->outcome.peer, text), expected);
    assert_true(f->outcome.times.started_us > 0);
    assert_true(f->outcome.times.resolved_us >= f->outcome.times.started_us);
    assert_true(f->outcome.times.connected_us >= f->outcome.times.resolved_us);
    int accepted = socket_accept(listening);
    assert_true(accepted >= 0);
    close(accepted);
    hang_up(f);
}

static void assert_failed(struct fixture *f, enum dial_result result, const char *message) {
    assert_string_equal(f->message, message);
    assert_int_equal(f->outcome.result, result);
    assert_int_equal(f->outcome.times.connected_us, 0);
}

/* ---- what connects ---- */

static void an_address_is_connected_to_without_a_lookup(void **state) {
    (void)state;
    static const struct {
        const char *listen, *host, *peer;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", "127.0.0.1"},
        {"::1", "::1", "[::1]"},
        {"::1", "[::1]", "[::1]"},
    };
    for (size_t i = 0; i < (sockets_have_ipv6() ? 3U : 1U); i++) {
        struct fixture f;
        char stage[200];
        uint16_t port = 0;
        int listening = socket_listen(rows[i].listen, &port);
        set_up(&f, rows[i].host, port);
        dial(&f);
        assert_int_equal(f.stages, 1);
        assert_int_equal(f.stage[0], DIAL_CONNECTING);
        snprintf(stage, sizeof stage, "connecting to %s port %u", rows[i].listen, (unsigned)port);
        assert_string_equal(f.stage_text[0], stage);
        int no_delay = 0;
        socklen_t size = sizeof no_delay;
        assert_int_equal(getsockopt(f.outcome.fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
        assert_true(no_delay);
        assert_true(fcntl(f.outcome.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(f.outcome.fd, F_GETFD) & FD_CLOEXEC);
        assert_connected(&f, listening, rows[i].peer);
        close(listening);
    }
    assert_int_equal(names_asked(), 0);
}

static void localhost_finds_a_server_of_either_family_without_a_lookup(void **state) {
    (void)state;
    static const char *const hosts[] = {"localhost", "app.localhost"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        uint16_t port = 0;
        int listening = socket_listen("127.0.0.1", &port);
        int refuse = sockets_have_ipv6() ? socket_refuse("::1", &port) : -1;
        set_up(&f, hosts[i], port);
        dial(&f);
        assert_int_equal(f.stages, 2);
        assert_connected(&f, listening, "127.0.0.1");
        close(listening);
        if (refuse >= 0) {
            close(refuse);
            port = 0;
            listening = socket_listen("::1", &port);
            set_up(&f, hosts[i], port);
            dial(&f);
            assert_int_equal(f.stages, 1);
            assert_connected(&f, listening, "[::1]");
            close(listening);
        }
    }
}

static void a_name_is_looked_up(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    set_up(&f, "four.test", port);
    dial(&f);
    assert_int_equal(f.stages, 2);
    assert_int_equal(f.stage[0], DIAL_RESOLVING);
    assert_string_equal(f.stage_text[0], "resolving four.test");
    assert_int_equal(f.stage[1], DIAL_CONNECTING);
    assert_int_equal(names_asked(), 1);
    assert_connected(&f, listening, "127.0.0.1");
    close(listening);
}

static void an_override_takes_the_place_of_a_lookup(void **state) {
    (void)state;
    static const char *const addresses[] = {"127.0.0.1"};
    static const char *const hosts[] = {"nosuch.test", "*"};
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    for (size_t i = 0; i < 2; i++) {
        const struct dial_override o = {hosts[i], port, addresses, 1};
        struct fixture f;
        set_up(&f, "nosuch.test", port);
        f.route.overrides = &o;
        f.route.override_count = 1;
        dial(&f);
        assert_int_equal(names_asked(), 0);
        assert_connected(&f, listening, "127.0.0.1");
    }
    close(listening);
}

static void only_the_wanted_family_is_tried(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    set_up(&f, "localhost", port);
    f.route.family = AF_INET;
    dial(&f);
    assert_int_equal(f.stages, 1);
    assert_connected(&f, listening, "127.0.0.1");
    set_up(&f, "both.test", port);
    f.route.family = AF_INET;
    dial(&f);
    assert_int_equal(f.stages, 2);
    assert_connected(&f, listening, "127.0.0.1");
    close(listening);
}

/* The first address is that of a server whose queue is full. */
static void an_address_that_never_answers_costs_250_ms(void **state) {
    (void)state;
    static const char *const addresses[] = {"127.0.0.2", "127.0.0.1"};
    struct fixture f;
    uint16_t port = 0;
    int filler, listening = socket_listen("127.0.0.1", &port);
    int hang = socket_hang("127.0.0.2", &port, &filler);
    const struct dial_override o = {"slow.test", port, addresses, 2};
    set_up(&f, "slow.test", port);
    f.route.overrides = &o;
    f.route.override_count = 1;
    dial(&f);
    uint64_t took = f.outcome.times.connected_us - f.outcome.times.resolved_us;
    assert_in_range(took, 230 * 1000, 2000 * 1000);
    assert_int_equal(f.stages, 2);
    assert_connected(&f, listening, "127.0.0.1");
    close(hang);
    close(filler);
    close(listening);
}

static void the_interface_is_an_address_or_a_device(void **state) {
    (void)state;
    static const struct {
        const char *interface, *from;
    } rows[] = {{"127.0.0.1", "127.0.0.1"}, {"127.0.0.7", "127.0.0.7"}, {"lo", "127.0.0.1"}};
    uint16_t port = 0;
    int listening = socket_listen("127.0.0.1", &port);
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        struct host_address from = {.size = sizeof from.sa};
        char text[HOST_ADDRESS_TEXT_MAX];
        set_up(&f, "localhost", port);
        f.route.interface = rows[i].interface;
        f.route.family = i == 2 ? AF_INET : AF_UNSPEC;
        dial(&f);
        assert_int_equal(f.outcome.result, DIAL_OK);
        assert_int_equal(f.stages, 1); /* the family of the source's address */
        assert_int_equal(getsockname(f.outcome.fd, &from.sa.any, &from.size), 0);
        assert_string_equal(host_address_text(&from, text), rows[i].from);
        assert_connected(&f, listening, "127.0.0.1");
    }
    close(listening);
}

/* ---- what does not ---- */

static void a_refusal_is_told_for_each_address(void **state) {
    (void)state;
    struct fixture f;
    char message[200];
    uint16_t port = 0;
    int refuse = socket_refuse("127.0.0.1", &port);
    set_up(&f, "127.0.0.1", port);
    dial(&f);
    snprintf(message, sizeof message, "cannot connect to 127.0.0.1 port %u (connection refused)",
             (unsigned)port);
    assert_failed(&f, DIAL_NO_CONNECTION, message);
    set_up(&f, "four.test", port);
    dial(&f);
    snprintf(message, sizeof message,
             "cannot connect to four.test port %u (127.0.0.1: connection refused)", (unsigned)port);
    assert_failed(&f, DIAL_NO_CONNECTION, message);
    if (sockets_have_ipv6()) {
        int refuse6 = socket_refuse("::1", &port);
        set_up(&f, "localhost", port);
        dial(&f);
        snprintf(message, sizeof message,
                 "cannot connect to localhost port %u (::1: connection refused; "
                 "127.0.0.1: connection refused)",
                 (unsigned)port);
        assert_failed(&f, DIAL_NO_CONNECTION, message);
        close(refuse6);
    }
    close(refuse);
}

static void of_many_addresses_the_first_four_are_told(void **state) {
    (void)state;
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3",
                                            "127.0.0.4", "127.0.0.5", "127.0.0.6"};
    struct fixture f;
    char message[400];
    uint16_t port = 0;
    int refuse = socket_refuse("0.0.0.0", &port);
    const struct dial_override o = {"many.test", port, addresses, 6};
    set_up(&f, "many.test", port);
    f.route.overrides = &o;
    f.route.override_count = 1;
    dial(&f);
    snprintf(message, sizeof message,
             "cannot connect to many.test port %u (127.0.0.1: connection refused; "
             "127.0.0.2: connection refused; 127.0.0.3: connection refused; "
             "127.0.0.4: connection refused; and 2 more)",
             (unsigned)port);
    assert_failed(&f, DIAL_NO_CONNECTION, message);
    close(refuse);
}

static void a_host_without_an_address_of_the_family_is_not_resolved(void **state) {
    (void)state;
    static const struct {
        const char *host;
        int family;
        const char *interface, *message;
    } rows[] = {
        {"127.0.0.1", AF_INET6, NULL, "cannot resolve '127.0.0.1' (no IPv6 address)"},
        {"[::1]", AF_INET, NULL, "cannot resolve '::1' (no IPv4 address)"},
        {"four.test", AF_INET6, NULL, "cannot resolve 'four.test' (no IPv6 address)"},
        {"nosuch.test", AF_INET6, NULL,
         "cannot resolve 'nosuch.test' (Name or service not known, or no IPv6 address)"},
        {"::1", AF_UNSPEC, "127.0.0.1",
         "cannot resolve '::1' (no IPv4 address; the interface has an IPv4 address)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        set_up(&f, rows[i].host, 1);
        f.route.family = rows[i].family;
        f.route.interface = rows[i].interface;
        dial(&f);
        assert_failed(&f, DIAL_NO_NAME, rows[i].message);
        assert_int_equal(f.outcome.times.resolved_us, 0);
    }
}

static void a_name_that_is_not_resolved_is_named_with_the_reason(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"nosuch.test", "cannot resolve 'nosuch.test' (Name or service not known)"},
        {"\x1b[2J\n.test", "cannot resolve '\\x1b[2J\\n.test' (Name or service not known)"},
        {"broken.test", "cannot resolve 'broken.test' (too many open files)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        set_up(&f, rows[i][0], 1);
        dial(&f);
        assert_failed(&f, DIAL_NO_NAME, rows[i][1]);
        assert_int_equal(f.stages, 1);
    }
    struct fixture f;
    set_up(&f, "memory.test", 1);
    dial(&f);
    assert_failed(&f, DIAL_NOMEM, tb_err_text(TB_ENOMEM));
}

static void a_name_that_is_too_long_is_not_cut_but_refused(void **state) {
    (void)state;
    struct fixture f;
    char host[HOST_NAME_SIZE + 5], message[400];
    memset(host, 'x', sizeof host);
    memcpy(host + sizeof host - 6, ".test", 6);
    set_up(&f, host, 1);
    dial(&f);
    snprintf(message, sizeof message, "cannot resolve '%.*s' (the name is too long)",
             HOST_NAME_SIZE - 1, host);
    assert_failed(&f, DIAL_NO_NAME, message);
    assert_int_equal(names_asked(), 0);
}

static void an_override_that_is_no_address_is_named(void **state) {
    (void)state;
    static const char *const addresses[] = {"\x1bnonsense"};
    const struct dial_override o = {"a.test", 1, addresses, 1};
    struct fixture f;
    set_up(&f, "a.test", 1);
    f.route.overrides = &o;
    f.route.override_count = 1;
    dial(&f);
    assert_failed(&f, DIAL_NO_NAME, "cannot resolve 'a.test' ('\\x1bnonsense' is not an address)");
}

static void an_interface_that_cannot_be_used_is_named(void **state) {
    (void)state;
    static const struct {
        const char *interface;
        int family;
        const char *message;
    } rows[] = {
        {"nosuch0", AF_UNSPEC, "cannot use the interface 'nosuch0' (no such device or address)"},
        {"\x1b", AF_UNSPEC, "cannot use the interface '\\x1b' (no such device or address)"},
        {"203.0.113.1", AF_UNSPEC,
         "cannot use the interface '203.0.113.1' (address not available)"},
        {"127.0.0.1", AF_INET6,
         "cannot use the interface '127.0.0.1' (address family not supported)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        set_up(&f, "four.test", 1);
        f.route.interface = rows[i].interface;
        f.route.family = rows[i].family;
        dial(&f);
        assert_failed(&f, DIAL_NO_CONNECTION, rows[i].message);
        assert_int_equal(names_asked(), 0);
    }
}

static void without_descriptors_the_message_says_so(void **state) {
    (void)state;
    struct fixture f;
    struct rlimit before, few;
    set_up(&f, "127.0.0.1", 1);
    start(&f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    loop_run(&f.loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    run(&f);
    assert_failed(&f, DIAL_NO_CONNECTION,
                  "cannot connect to 127.0.0.1 port 1 (too many open files)");
}

/* ---- Unix sockets ---- */

static char folder[] = "/tmp/taburet-dial-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/socket", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void a_unix_socket_is_connected_to(void **state) {
    (void)state;
    struct fixture f;
    char text[ADDRESS_TEXT_MAX], stage[200];
    int listening = socket_listen_unix(path, false, NULL);
    set_up(&f, NULL, 0);
    f.route.unix_path = path;
    dial(&f);
    assert_string_equal(f.message, "");
    assert_int_equal(f.outcome.result, DIAL_OK);
    assert_int_equal(f.outcome.kind, STREAM_UNIX);
    assert_string_equal(address_text(&f.outcome.peer, text), "unix");
    snprintf(stage, sizeof stage, "connecting to the Unix socket %s", path);
    assert_string_equal(f.stage_text[0], stage);
    int accepted = socket_accept(listening);
    assert_true(accepted >= 0);
    close(accepted);
    hang_up(&f);
    close(listening);
    unlink(path);
}

static void assert_unix_fails(const char *unix_path, const char *why) {
    struct fixture f;
    char message[400];
    set_up(&f, NULL, 0);
    f.route.unix_path = unix_path;
    dial(&f);
    snprintf(message, sizeof message, "cannot connect to the Unix socket '%s' (%s)", unix_path,
             why);
    assert_failed(&f, DIAL_NO_CONNECTION, message);
}

static void a_unix_socket_that_is_not_to_be_had_is_named_with_the_reason(void **state) {
    (void)state;
    char too_long[109];
    memset(too_long, 'x', 108);
    too_long[108] = '\0';
    assert_unix_fails(path, "no such file or directory");
    assert_unix_fails(too_long, "a socket's path has 1 to 107 bytes");
    assert_unix_fails("", "a socket's path has 1 to 107 bytes");
    close(socket_listen_unix(path, false, NULL));
    assert_unix_fails(path, "connection refused");
    unlink(path);
    int filler, listening = socket_listen_unix(path, true, &filler);
    assert_unix_fails(path, "its queue of connections is full");
    close(filler);
    close(listening);
    unlink(path);
}

/* ---- the end before the end ---- */

static void assert_nothing_is_told(struct fixture *f, unsigned stages) {
    run(f);
    assert_int_equal(f->ends, 0);
    assert_int_equal(f->stages, stages);
}

static void a_dial_may_be_cancelled_before_it_begins(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, "four.test", 1);
    start(&f);
    dial_cancel(f.dial);
    loop_end(&f.loop);
    assert_nothing_is_told(&f, 0);
    assert_int_equal(names_asked(), 0);
}

static void a_dial_may_be_cancelled_when_a_stage_is_told(void **state) {
    (void)state;
    uint16_t port = 0;
    int refuse = socket_refuse("127.0.0.1", &port);
    for (unsigned at = 1; at <= 2; at++) {
        struct fixture f;
        set_up(&f, "four.test", port);
        f.cancel_at = at;
        start(&f);
        assert_nothing_is_told(&f, at);
        assert_int_equal(names_asked(), at - 1);
    }
    struct fixture f;
    set_up(&f, "127.0.0.1", port);
    f.cancel_at = 1;
    start(&f);
    assert_nothing_is_told(&f, 1);
    close(refuse);
}

static void a_lookup_that_hangs_does_not_outlast_its_dial(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, "stuck.test", 1);
    start(&f);
    while (f.stages == 0) {
        uv_run(&f.loop.uv, UV_RUN_ONCE);
    }
    assert_true(names_await_stuck(1));
    dial_cancel(f.dial);
    loop_end(&f.loop);
    assert_nothing_is_told(&f, 1);
    names_unstick();
    assert_true(names_await_freed(1));
}

static void a_dial_may_be_cancelled_while_it_connects(void **state) {
    (void)state;
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.1"};
    struct fixture f;
    uint16_t port = 0;
    int filler, hang = socket_hang("127.0.0.1", &port, &filler);
    const struct dial_override o = {"*", port, addresses, 2};
    for (unsigned tries = 1; tries <= 2; tries++) {
        set_up(&f, "a.test", port);
        f.route.overrides = &o;
        f.route.override_count = 1;
        start(&f);
        while (f.stages < tries) {
            uv_run(&f.loop.uv, UV_RUN_ONCE);
        }
        dial_cancel(f.dial);
        memset(&f.route, 0xff, sizeof f.route);
        loop_end(&f.loop);
        assert_nothing_is_told(&f, tries);
    }
    close(hang);
    close(filler);
}

static void each_failed_allocation_is_an_outcome(void **state) {
    (void)state;
    static const char *const hosts[] = {"localhost", "four.test", "nosuch.test"};
    uint16_t refusing = 0, port = 0;
    int refuse = socket_refuse("127.0.0.1", &refusing);
    int listening = socket_listen("127.0.0.1", &port);
    for (size_t i = 0; i < 2 * sizeof hosts / sizeof hosts[0]; i++) {
        struct fixture f;
        unsigned n = 0, out_of_memory = 0;
        do {
            set_up(&f, hosts[i / 2], i % 2 == 0 ? port : refusing);
            f.route.family = AF_INET;
            fail_alloc_at(n);
            f.dial = dial_start(&f.loop, &f.route, &events, &f);
            if (f.dial == NULL) {
                loop_end(&f.loop);
                out_of_memory++;
            }
            loop_run(&f.loop);
            fail_alloc_off();
            run(&f);
            assert_int_equal(f.ends, f.dial == NULL ? 0 : 1);
            out_of_memory += f.outcome.result == DIAL_NOMEM;
            hang_up(&f);
        } while (n++ < alloc_count());
        assert_true(n > 3 && out_of_memory > 1);
        assert_int_equal(f.outcome.result, i / 2 == 2   ? DIAL_NO_NAME
                                           : i % 2 == 0 ? DIAL_OK
                                                        : DIAL_NO_CONNECTION);
    }
    close(listening);
    close(refuse);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_connected_to_without_a_lookup),
        cmocka_unit_test(localhost_finds_a_server_of_either_family_without_a_lookup),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(an_override_takes_the_place_of_a_lookup),
        cmocka_unit_test(only_the_wanted_family_is_tried),
        cmocka_unit_test(an_address_that_never_answers_costs_250_ms),
        cmocka_unit_test(the_interface_is_an_address_or_a_device),
        cmocka_unit_test(a_refusal_is_told_for_each_address),
        cmocka_unit_test(of_many_addresses_the_first_four_are_told),
        cmocka_unit_test(a_host_without_an_address_of_the_family_is_not_resolved),
        cmocka_unit_test(a_name_that_is_not_resolved_is_named_with_the_reason),
        cmocka_unit_test(a_name_that_is_too_long_is_not_cut_but_refused),
        cmocka_unit_test(an_override_that_is_no_address_is_named),
        cmocka_unit_test(an_interface_that_cannot_be_used_is_named),
        cmocka_unit_test(without_descriptors_the_message_says_so),
        cmocka_unit_test(a_unix_socket_is_connected_to),
        cmocka_unit_test(a_unix_socket_that_is_not_to_be_had_is_named_with_the_reason),
        cmocka_unit_test(a_dial_may_be_cancelled_before_it_begins),
        cmocka_unit_test(a_dial_may_be_cancelled_when_a_stage_is_told),
        cmocka_unit_test(a_lookup_that_hangs_does_not_outlast_its_dial),
        cmocka_unit_test(a_dial_may_be_cancelled_while_it_connects),
        cmocka_unit_test(each_failed_allocation_is_an_outcome),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
