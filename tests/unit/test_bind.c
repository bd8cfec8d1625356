#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "net/bind.h"

struct fixture {
    struct bindings b;
    struct bytes message;
    struct bytes notes;
};

static void set_up(struct fixture *f) {
    *f = (struct fixture){.b = BINDINGS_INIT, .message = BYTES_INIT, .notes = BYTES_INIT};
}

static void tear_down(struct fixture *f) {
    bindings_release(&f->b);
    assert_int_equal(f->b.count, 0);
    bytes_release(&f->message);
    bytes_release(&f->notes);
}

static int add_host(struct fixture *f, const char *host, uint16_t port, unsigned loops) {
    return bindings_add_hosts(&f->b, &host, 1, port, loops, &f->message, &f->notes);
}

static void assert_message(struct fixture *f, const char *expected) {
    assert_int_equal(bytes_append(&f->message, "", 1), TB_OK);
    assert_string_equal((const char *)f->message.data, expected);
}

/* Stands in front of the system's: a host of the name two.test has 127.0.0.1, and an IPv6 address
 * that no machine has (RFC 3849). The system's names of the parameters are not for others. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(node, "two.test") != 0) {
        return real(node, service, hints, list);
    }
    assert_int_equal(real("127.0.0.1", service, hints, list), 0);
    return real("2001:db8::1", service, hints, &(*list)->ai_next);
}

static uint16_t port_of(int fd, int *family) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *family = address.ss_family;
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* A listener of somebody else, as willing to share as can be. */
static int listen_stranger(uint16_t *port) {
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int family;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    *port = port_of(fd, &family);
    return fd;
}

/* … on ::1; -1 if there is no IPv6. */
static int listen_stranger_v6(uint16_t *port) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int family;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, 1), 0);
    *port = port_of(fd, &family);
    return fd;
}

static bool connects_to(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

/* ---- TCP ---- */

static void port_0_is_the_same_free_port_on_both_loopbacks_and_all_loops(void **state) {
    (void)state;
    struct fixture f;
    for (unsigned loops = 1; loops <= 3; loops++) {
        set_up(&f);
        assert_int_equal(add_host(&f, "localhost", 0, loops), TB_OK);
        size_t families = f.notes.len == 0 ? 2 : 1;
        assert_int_equal(f.b.count, families * loops);
        assert_true(f.b.port != 0);
        size_t of_loop[3] = {0};
        size_t v6 = 0;
        for (size_t i = 0; i < f.b.count; i++) {
            int family;
            assert_int_equal(port_of(f.b.items[i].fd, &family), f.b.port);
            assert_int_equal(f.b.items[i].kind, STREAM_TCP);
            of_loop[f.b.items[i].loop]++;
            v6 += family == AF_INET6;
        }
        assert_int_equal(v6, (families - 1) * loops);
        for (unsigned i = 0; i < loops; i++) {
            assert_int_equal(of_loop[i], families);
        }
        assert_true(connects_to(f.b.port));
        tear_down(&f);
    }
}

static void a_taken_port_is_refused_however_many_loops_there_are(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port;
    int stranger = listen_stranger(&port);
    for (unsigned loops = 1; loops <= 4; loops++) {
        char expected[100];
        set_up(&f);
        assert_int_equal(add_host(&f, "127.0.0.1", port, loops), TB_ESYS);
        assert_int_equal(f.b.count, 0);
        assert_int_equal(f.b.port, 0);
        snprintf(expected, sizeof expected,
                 "cannot listen on 127.0.0.1 port %u (the port is taken)", (unsigned)port);
        assert_message(&f, expected);
        tear_down(&f);
    }
    close(stranger);
}

static void our_own_shared_port_is_taken_for_the_next_server(void **state) {
    (void)state;
    struct fixture f, next;
    set_up(&f);
    set_up(&next);
    assert_int_equal(add_host(&f, "127.0.0.1", 0, 3), TB_OK);
    assert_int_equal(add_host(&next, "127.0.0.1", f.b.port, 3), TB_ESYS);
    assert_int_equal(add_host(&next, "127.0.0.1", f.b.port, 1), TB_ESYS);
    tear_down(&next);
    tear_down(&f);
}

static void a_port_that_is_taken_on_one_address_leaves_none_bound(void **state) {
    (void)state;
    struct fixture f;
    uint16_t port;
    int stranger = listen_stranger(&port);
    const char *hosts[] = {"127.0.0.2", "127.0.0.1"};
    set_up(&f);
    assert_int_equal(bindings_add_hosts(&f.b, hosts, 2, port, 1, &f.message, &f.notes), TB_ESYS);
    assert_int_equal(f.b.count, 0);
    close(stranger);
    assert_int_equal(bindings_add_hosts(&f.b, hosts, 2, port, 1, &f.message, &f.notes), TB_OK);
    assert_int_equal(f.b.count, 2);
    tear_down(&f);
}

static void a_released_port_is_free_again_even_after_connections(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "127.0.0.1", 0, 1), TB_OK);
    uint16_t port = f.b.port;
    assert_true(connects_to(port));
    close(accept(f.b.items[0].fd, NULL, NULL));
    tear_down(&f);
    assert_false(connects_to(port));
    set_up(&f);
    assert_int_equal(add_host(&f, "127.0.0.1", port, 1), TB_OK);
    tear_down(&f);
}

static void a_descriptor_that_was_taken_over_is_left_open(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "127.0.0.1", 0, 1), TB_OK);
    uint16_t port = f.b.port;
    int fd = f.b.items[0].fd;
    f.b.items[0].fd = -1;
    tear_down(&f);
    assert_true(connects_to(port));
    close(fd);
}

static void a_host_that_is_none_is_refused_by_name(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "not\033a host", 0, 1), TB_EINVAL);
    assert_int_equal(bytes_append(&f.message, "", 1), TB_OK);
    assert_memory_equal(f.message.data, "cannot listen on not\\x1ba host (", 31);
    assert_int_equal(f.b.count, 0);
    tear_down(&f);
}

static void an_address_of_somebody_else_is_refused(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "192.0.2.1", 0, 1), TB_ESYS);
    assert_message(&f, "cannot listen on 192.0.2.1 port 0 (Cannot assign requested address)");
    tear_down(&f);
}

static void assert_bound_once(const char *const *hosts, uint16_t port, unsigned loops) {
    struct fixture f, alone;
    set_up(&f);
    set_up(&alone);
    assert_int_equal(add_host(&alone, hosts[0], 0, loops), TB_OK);
    assert_int_equal(bindings_add_hosts(&f.b, hosts, 2, port, loops, &f.message, &f.notes), TB_OK);
    assert_int_equal(f.message.len, 0);
    assert_int_equal(f.b.count, alone.b.count);
    assert_true(connects_to(f.b.port));
    tear_down(&alone);
    tear_down(&f);
}

static void an_address_that_two_hosts_mean_is_bound_once(void **state) {
    (void)state;
    const char *const pairs[][2] = {
        {"localhost", "127.0.0.1"}, {"localhost", "localhost"}, {"127.0.0.1", "127.0.0.1"}};
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "localhost", 0, 1), TB_OK);
    uint16_t free_port = f.b.port;
    tear_down(&f);
    for (size_t i = 0; i < 3; i++) {
        for (unsigned loops = 1; loops <= 2; loops++) {
            assert_bound_once(pairs[i], 0, loops);
            assert_bound_once(pairs[i], free_port, loops);
        }
    }
}

static void assert_taken(uint16_t port, const char *address) {
    char expected[100];
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "localhost", port, 1), TB_ESYS);
    snprintf(expected, sizeof expected,
             "cannot listen on localhost port %u (%s: the port is taken)", (unsigned)port, address);
    assert_message(&f, expected);
    tear_down(&f);
}

static void the_address_that_was_refused_is_named_if_there_are_several(void **state) {
    (void)state;
    uint16_t port;
    int stranger = listen_stranger(&port);
    assert_taken(port, "127.0.0.1");
    close(stranger);
    stranger = listen_stranger_v6(&port);
    if (stranger >= 0) {
        assert_taken(port, "[::1]");
        close(stranger);
    }
}

static void an_ipv6_address_that_is_left_out_is_named(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(bytes_append_str(&f.notes, "before\n"), TB_OK);
    assert_int_equal(add_host(&f, "two.test", 0, 2), TB_OK);
    assert_int_equal(f.b.count, 2);
    assert_int_equal(bytes_append(&f.notes, "", 1), TB_OK);
    assert_string_equal((const char *)f.notes.data,
                        "before\n"
                        "this machine has no such address: not listening on 2001:db8::1\n");
    tear_down(&f);
}

static void an_ipv6_address_may_stand_in_brackets(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_host(&f, "[2001:db8::1]", 0, 1), TB_ESYS);
    assert_message(&f, "cannot listen on [2001:db8::1] port 0 (Cannot assign requested address)");
    tear_down(&f);
}

/* ---- Unix sockets ---- */

static char folder[] = "/tmp/taburet-bind-XXXXXX";
static char path[sizeof folder + 16];

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

static bool exists(void) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static int connect_unix(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int why = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return why;
}

static int add_unix(struct fixture *f, unsigned loops) {
    return bindings_add_unix(&f->b, path, loops, &f->message);
}

static void every_loop_gets_the_unix_socket_and_it_is_removed_at_the_end(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(add_unix(&f, 3), TB_OK);
    assert_int_equal(f.b.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(f.b.items[i].loop, i);
        assert_int_equal(f.b.items[i].kind, STREAM_UNIX);
    }
    assert_int_equal(connect_unix(), 0);
    tear_down(&f);
    assert_false(exists());
}

static void an_abandoned_unix_socket_is_replaced(void **state) {
    (void)state;
    struct fixture f;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(connect_unix(), ECONNREFUSED);
    set_up(&f);
    assert_int_equal(add_unix(&f, 1), TB_OK);
    assert_int_equal(connect_unix(), 0);
    tear_down(&f);
}

static void a_file_that_came_in_its_place_is_not_removed(void **state) {
    (void)state;
    struct fixture f, next;
    set_up(&f);
    set_up(&next);
    assert_int_equal(add_unix(&f, 1), TB_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(add_unix(&next, 1), TB_OK);
    tear_down(&f);
    assert_int_equal(connect_unix(), 0);
    tear_down(&next);
    assert_false(exists());
}

static void assert_refused_and_left_alone(const char *why) {
    struct fixture f;
    struct stat before, after;
    char expected[200];
    assert_int_equal(lstat(path, &before), 0);
    set_up(&f);
    assert_int_equal(add_unix(&f, 2), TB_ESYS);
    assert_int_equal(f.b.count, 0);
    snprintf(expected, sizeof expected, "cannot listen on %s (%s)", path, why);
    assert_message(&f, expected);
    tear_down(&f);
    assert_int_equal(lstat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void a_living_unix_socket_is_left_alone(void **state) {
    (void)state;
    struct fixture living;
    set_up(&living);
    assert_int_equal(add_unix(&living, 1), TB_OK);
    assert_refused_and_left_alone("somebody listens on it already");
    assert_int_equal(connect_unix(), 0);
    tear_down(&living);
}

static void any_other_file_is_left_alone(void **state) {
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_refused_and_left_alone("the file exists and is not a socket");
    unlink(path);

    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused_and_left_alone("the file exists and is not a socket");
    rmdir(path);

    assert_int_equal(symlink("/nowhere", path), 0);
    assert_refused_and_left_alone("the file exists and is not a socket");
    unlink(path);
}

static void a_path_that_is_too_long_or_empty_is_refused(void **state) {
    (void)state;
    struct fixture f;
    char too_long[109];
    memset(too_long, 'x', 108);
    too_long[108] = '\0';
    set_up(&f);
    assert_int_equal(bindings_add_unix(&f.b, too_long, 1, &f.message), TB_EINVAL);
    bytes_clear(&f.message);
    assert_int_equal(bindings_add_unix(&f.b, "", 1, &f.message), TB_EINVAL);
    assert_message(&f, "cannot listen on  (a socket's path has 1 to 107 bytes)");
    bytes_clear(&f.message);
    assert_int_equal(bindings_add_unix(&f.b, "/nowhere/at/all", 1, &f.message), TB_ESYS);
    assert_message(&f, "cannot listen on /nowhere/at/all (No such file or directory)");
    tear_down(&f);
}

static void each_failed_allocation_leaves_nothing_bound(void **state) {
    (void)state;
    struct fixture f;
    unsigned n = 0;
    int err;
    do {
        set_up(&f);
        fail_alloc_at(n);
        err = bindings_add_unix(&f.b, path, 3, &f.message);
        fail_alloc_off();
        if (err != TB_OK) {
            assert_int_equal(err, TB_ENOMEM);
            assert_int_equal(f.b.count, 0);
            assert_false(exists());
        }
        tear_down(&f);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
    n = 0;
    do {
        set_up(&f);
        fail_alloc_at(n);
        err = add_host(&f, "127.0.0.1", 0, 2);
        fail_alloc_off();
        assert_true(err == TB_OK || f.b.count == 0);
        tear_down(&f);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_0_is_the_same_free_port_on_both_loopbacks_and_all_loops),
        cmocka_unit_test(a_taken_port_is_refused_however_many_loops_there_are),
        cmocka_unit_test(our_own_shared_port_is_taken_for_the_next_server),
        cmocka_unit_test(a_port_that_is_taken_on_one_address_leaves_none_bound),
        cmocka_unit_test(a_released_port_is_free_again_even_after_connections),
        cmocka_unit_test(a_descriptor_that_was_taken_over_is_left_open),
        cmocka_unit_test(a_host_that_is_none_is_refused_by_name),
        cmocka_unit_test(an_address_of_somebody_else_is_refused),
        cmocka_unit_test(an_address_that_two_hosts_mean_is_bound_once),
        cmocka_unit_test(the_address_that_was_refused_is_named_if_there_are_several),
        cmocka_unit_test(an_ipv6_address_that_is_left_out_is_named),
        cmocka_unit_test(an_ipv6_address_may_stand_in_brackets),
        cmocka_unit_test(every_loop_gets_the_unix_socket_and_it_is_removed_at_the_end),
        cmocka_unit_test(an_abandoned_unix_socket_is_replaced),
        cmocka_unit_test(a_file_that_came_in_its_place_is_not_removed),
        cmocka_unit_test(a_living_unix_socket_is_left_alone),
        cmocka_unit_test(any_other_file_is_left_alone),
        cmocka_unit_test(a_path_that_is_too_long_or_empty_is_refused),
        cmocka_unit_test(each_failed_allocation_leaves_nothing_bound),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
