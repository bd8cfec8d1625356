#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "net/source.h"
#include "sockets.h"

static bool is_binding_forbidden;
static unsigned device_bindings;

/* Stands in front of the system's: binding to a device may be forbidden. The system's names of the
 * parameters are not for others. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int setsockopt(int fd, int level, int name, const void *value, socklen_t size) {
    int (*real)(int, int, int, const void *, socklen_t);
    *(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
    if (level == SOL_SOCKET && name == SO_BINDTODEVICE) {
        device_bindings++;
        if (is_binding_forbidden) {
            errno = EPERM;
            return -1;
        }
    }
    return real(fd, level, name, value, size);
}

static int set_up(void **state) {
    (void)state;
    is_binding_forbidden = false;
    device_bindings = 0;
    return 0;
}

/* The address from which a socket would connect once it is bound to the source: "" for any. */
static const char *bound_to(const struct source *s, int family, char text[HOST_ADDRESS_TEXT_MAX]) {
    struct host_address a = {.size = sizeof a.sa};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(source_bind(s, fd, family), 0);
    assert_int_equal(getsockname(fd, &a.sa.any, &a.size), 0);
    close(fd);
    host_address_text(&a, text);
    return strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0 ? "" : text;
}

static void without_a_name_nothing_is_bound(void **state) {
    (void)state;
    struct source s;
    char text[HOST_ADDRESS_TEXT_MAX];
    assert_int_equal(source_init(&s, NULL), 0);
    assert_int_equal(source_family(&s), AF_UNSPEC);
    assert_string_equal(bound_to(&s, AF_INET, text), "");
    assert_int_equal(device_bindings, 0);
}

static void an_address_of_this_machine_is_bound(void **state) {
    (void)state;
    struct source s;
    char text[HOST_ADDRESS_TEXT_MAX];
    assert_int_equal(source_init(&s, "127.0.0.2"), 0);
    assert_int_equal(source_family(&s), AF_INET);
    assert_string_equal(bound_to(&s, AF_INET, text), "127.0.0.2");
    if (sockets_have_ipv6()) {
        assert_int_equal(source_init(&s, "[::1]"), 0);
        assert_int_equal(source_family(&s), AF_INET6);
        assert_string_equal(bound_to(&s, AF_INET6, text), "::1");
    }
}

static void a_device_is_bound_to_without_an_address(void **state) {
    (void)state;
    struct source s;
    char text[HOST_ADDRESS_TEXT_MAX], device[IF_NAMESIZE] = "";
    socklen_t size = sizeof device;
    assert_int_equal(source_init(&s, "lo"), 0);
    assert_int_equal(source_family(&s), AF_UNSPEC);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err = source_bind(&s, fd, AF_INET);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &size), 0);
    close(fd);
    assert_int_equal(err, 0);
    assert_int_equal(device_bindings, 1);
    if (device[0] != '\0') { /* else it is forbidden here */
        assert_string_equal(device, "lo");
        assert_string_equal(bound_to(&s, AF_INET, text), "");
    }
}

static void where_that_is_forbidden_the_devices_address_is_bound(void **state) {
    (void)state;
    struct source s;
    char text[HOST_ADDRESS_TEXT_MAX];
    is_binding_forbidden = true;
    assert_int_equal(source_init(&s, "lo"), 0);
    assert_string_equal(bound_to(&s, AF_INET, text), "127.0.0.1");
    if (sockets_have_ipv6()) {
        assert_string_equal(bound_to(&s, AF_INET6, text), "::1");
    }
    assert_int_equal(source_bind(&s, -1, AF_UNIX), EADDRNOTAVAIL);
}

static void what_is_neither_a_device_nor_an_address_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {"nosuch0", "", "a-name-too-long-for-a-device", "localhost"};
    struct source s;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(source_init(&s, names[i]), ENODEV);
    }
}

static void an_address_of_another_machine_is_refused(void **state) {
    (void)state;
    struct source s;
    unsigned before = sockets_open();
    assert_int_equal(source_init(&s, "203.0.113.1"), EADDRNOTAVAIL);
    assert_int_equal(sockets_open(), before);
}

static void a_device_that_has_gone_is_an_error_of_the_socket(void **state) {
    (void)state;
    struct source s = {.device = "gone0"};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err = source_bind(&s, fd, AF_INET);
    close(fd);
    assert_int_equal(err, ENODEV);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_name_nothing_is_bound, set_up),
        cmocka_unit_test_setup(an_address_of_this_machine_is_bound, set_up),
        cmocka_unit_test_setup(a_device_is_bound_to_without_an_address, set_up),
        cmocka_unit_test_setup(where_that_is_forbidden_the_devices_address_is_bound, set_up),
        cmocka_unit_test_setup(what_is_neither_a_device_nor_an_address_is_refused, set_up),
        cmocka_unit_test_setup(an_address_of_another_machine_is_refused, set_up),
        cmocka_unit_test_setup(a_device_that_has_gone_is_an_error_of_the_socket, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
