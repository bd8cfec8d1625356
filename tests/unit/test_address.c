#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"

static void assert_text(const struct address *a, const char *expected) {
    char text[ADDRESS_TEXT_MAX];
    assert_ptr_equal(address_text(a, text), text);
    assert_string_equal(text, expected);
}

static void addresses_are_written_as_a_person_knows_them(void **state) {
    (void)state;
    struct address a = {.ip = {127, 0, 0, 1}, .port = 5123, .family = AF_INET};
    assert_text(&a, "127.0.0.1:5123");
    a = (struct address){.ip = {[15] = 1}, .port = 80, .family = AF_INET6};
    assert_text(&a, "[::1]:80");
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::ff", a.ip), 1);
    assert_text(&a, "[2001:db8::ff]:80");
    a = (struct address){.family = AF_UNIX};
    assert_text(&a, "unix");
    a = (struct address){.family = 0};
    assert_text(&a, "unknown");
}

static void an_address_of_the_system_is_taken_over(void **state) {
    (void)state;
    struct address a;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_of_sockaddr(&a, (const struct sockaddr *)&in);
    assert_text(&a, "127.0.0.1:80");
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(81)};
    in6.sin6_addr = in6addr_loopback;
    address_of_sockaddr(&a, (const struct sockaddr *)&in6);
    assert_text(&a, "[::1]:81");
    struct sockaddr other = {.sa_family = AF_UNIX};
    address_of_sockaddr(&a, &other);
    assert_text(&a, "unix");
    other.sa_family = AF_UNSPEC;
    address_of_sockaddr(&a, &other);
    assert_text(&a, "unknown");
}

static void the_longest_address_fits(void **state) {
    (void)state;
    struct address a = {.port = 65535, .family = AF_INET6};
    for (size_t i = 0; i < sizeof a.ip; i++) {
        a.ip[i] = 0xab;
    }
    assert_text(&a, "[abab:abab:abab:abab:abab:abab:abab:abab]:65535");
}

/* A stream of the loop whose other end is bound to the loopback of that family. */
static void assert_peer(int family, const char *ip, const char *format) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    uv_loop_t loop;
    uv_tcp_t tcp;
    assert_int_equal(uv_loop_init(&loop), 0);
    if (family == AF_INET) {
        uv_ip4_addr(ip, 0, (struct sockaddr_in *)&address);
    } else {
        uv_ip6_addr(ip, 0, (struct sockaddr_in6 *)&address);
    }
    int listening = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) != 0) {
        close(listening);
        close(client);
        uv_loop_close(&loop);
        return; /* the machine does not have that family */
    }
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
    int accepted = accept(listening, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(uv_tcp_init(&loop, &tcp), 0);
    assert_int_equal(uv_tcp_open(&tcp, accepted), 0);

    assert_int_equal(getsockname(client, (struct sockaddr *)&address, &size), 0);
    struct address a;
    char expected[ADDRESS_TEXT_MAX];
    address_of_peer(&a, (uv_stream_t *)&tcp);
    snprintf(expected, sizeof expected, format,
             (unsigned)ntohs(((struct sockaddr_in *)&address)->sin_port));
    assert_text(&a, expected);

    uv_close((uv_handle_t *)&tcp, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(listening);
    close(client);
}

static void a_peer_is_asked_for_from_the_system(void **state) {
    (void)state;
    assert_peer(AF_INET, "127.0.0.1", "127.0.0.1:%u");
    assert_peer(AF_INET6, "::1", "[::1]:%u");
}

static void a_peer_that_the_system_does_not_know_is_unknown(void **state) {
    (void)state;
    uv_loop_t loop;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
    struct address a;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_tcp_init(&loop, &tcp), 0);
    assert_int_equal(uv_pipe_init(&loop, &pipe, 0), 0);
    address_of_peer(&a, (uv_stream_t *)&tcp);
    assert_text(&a, "unknown");
    address_of_peer(&a, (uv_stream_t *)&pipe);
    assert_text(&a, "unix");
    uv_close((uv_handle_t *)&tcp, NULL);
    uv_close((uv_handle_t *)&pipe, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_written_as_a_person_knows_them),
        cmocka_unit_test(an_address_of_the_system_is_taken_over),
        cmocka_unit_test(the_longest_address_fits),
        cmocka_unit_test(a_peer_is_asked_for_from_the_system),
        cmocka_unit_test(a_peer_that_the_system_does_not_know_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
