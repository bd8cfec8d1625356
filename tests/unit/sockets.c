#include "sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "net/host.h"

static int make(const struct host_address *a) {
    const int on = 1;
    int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (a->sa.any.sa_family == AF_INET6) {
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
    }
    assert_int_equal(bind(fd, &a->sa.any, a->size), 0);
    return fd;
}

static int make_tcp(const char *address, uint16_t *port) {
    struct host_address a;
    assert_int_equal(host_parse(&a, address, *port), TB_OK);
    int fd = make(&a);
    assert_int_equal(getsockname(fd, &a.sa.any, &a.size), 0);
    *port = ntohs(a.sa.in.sin_port); /* stands at the same place in in6 */
    return fd;
}

/* A connection that nobody accepts, in a queue for one. */
static int fill(int fd) {
    struct host_address a = {.size = sizeof a.sa};
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, &a.sa.any, &a.size), 0);
    int filler = socket(a.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(filler, &a.sa.any, a.size), 0);
    return filler;
}

bool sockets_have_ipv6(void) {
    struct host_address a;
    assert_int_equal(host_parse(&a, "::1", 0), TB_OK);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, &a.sa.any, a.size) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return has;
}

int socket_listen(const char *address, uint16_t *port) {
    int fd = make_tcp(address, port);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

int socket_refuse(const char *address, uint16_t *port) {
    return make_tcp(address, port);
}

int socket_hang(const char *address, uint16_t *port, int *filler) {
    int fd = make_tcp(address, port);
    *filler = fill(fd);
    return fd;
}

int socket_listen_unix(const char *path, bool is_full, int *filler) {
    struct host_address a = {.sa.un.sun_family = AF_UNIX, .size = sizeof a.sa.un};
    assert_in_range(strlen(path), 1, sizeof a.sa.un.sun_path - 1);
    memcpy(a.sa.un.sun_path, path, strlen(path));
    int fd = make(&a);
    if (is_full) {
        *filler = fill(fd);
    } else {
        assert_int_equal(listen(fd, 16), 0);
    }
    return fd;
}

int socket_accept(int fd) {
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return accept(fd, NULL, NULL);
}

/* libuv keeps what its first loop opened for signals. */
static void open_what_stays(void) {
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

unsigned sockets_open(void) {
    open_what_stays();
    unsigned n = 0;
    DIR *all = opendir("/proc/self/fd");
    assert_non_null(all);
    while (readdir(all) != NULL) {
        n++;
    }
    closedir(all);
    return n - 3; /* ".", ".." and the folder's own */
}
