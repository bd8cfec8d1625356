#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

enum { PATIENCE_MS = 20000 };

/* The key and the accept value of RFC 6455 s.1.3. */
static const char sample_key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char sample_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static void await(int fd, short events) {
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do {
        n = poll(&p, 1, PATIENCE_MS);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        fail("the server was silent while a connection was opened");
    }
}

static void await_answer(int fd) {
    char answer[4096];
    size_t n = 0;
    do {
        await(fd, POLLIN);
        ssize_t got = recv(fd, answer + n, sizeof answer - n, 0);
        if (got <= 0) {
            fail("the server ended a handshake");
        }
        n += (size_t)got;
    } while (!upgrade_answered(answer, n));
}

void upgrade_init(struct upgrade *u, uint16_t port) {
    int n = snprintf(u->request, sizeof u->request,
                     "GET / HTTP/1.1\r\nHost: localhost:%u\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n",
                     (unsigned)port, sample_key);
    if (n < 0 || (size_t)n >= sizeof u->request) {
        fail("the upgrade request does not fit");
    }
    u->length = (size_t)n;
}

bool upgrade_answered(const char *answer, size_t n) {
    const char *end = memmem(answer, n, "\r\n\r\n", 4);
    if (!end) {
        if (n >= 4096) {
            fail("the server's answer to the upgrade is too long");
        }
        return false;
    }
    if (n < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0 ||
        !memmem(answer, n, sample_accept, sizeof sample_accept - 1)) {
        fail("the server refused the upgrade: %.*s", (int)n, answer);
    }
    if (end + 4 != answer + n) {
        fail("the server spoke before it was asked");
    }
    return true;
}

int dial_start(uint16_t port) {
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    const int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        fail_errno("socket");
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        fail_errno("connect");
    }
    return fd;
}

int dial(uint16_t port) {
    struct upgrade u;
    upgrade_init(&u, port);
    int fd = dial_start(port);
    await(fd, POLLOUT);
    if (send(fd, u.request, u.length, MSG_NOSIGNAL) != (ssize_t)u.length) {
        fail_errno("sending the upgrade request");
    }
    await_answer(fd);
    return fd;
}

void dial_reserve(unsigned connections) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        fail_errno("getrlimit");
    }
    if (limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = wanted;
    if (wanted > limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        fail("%u connections need %llu descriptors; this system allows %llu", connections,
             (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
    }
}
