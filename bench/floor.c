/* floor - the least that a server on epoll can cost: it moves the bytes of a WebSocket server and
 * knows nothing of them.
 *
 * Every REQUEST-BYTES bytes that come over a connection count as one request. In the mode `echo`
 * each is answered with REPLY-BYTES bytes, all answers to one read in one send(). In the mode
 * `fanout` each is answered with REPLY-BYTES bytes to every connection; at the end of the epoll
 * turn each connection gets one send() with all that has come together, from one buffer that all
 * share. The bytes sent are a canned frame, over and over; the upgrade is answered with a canned
 * 101.
 *
 * Edge-triggered: a read that comes back short has emptied the socket, so that epoll need not look
 * at it again. What a connection owns here is two counters. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, CANNED_SIZE = 1024 * 1024, EVENTS = 1024, FDS = 32768 };

/* Indexed by descriptor. */
struct client {
    bool present;
    bool upgraded;
    uint64_t received;
    uint64_t sent;
};

struct server {
    int listener;
    int epoll;
    bool fanout;
    bool behind; /* fanout: somebody lacks something */
    size_t in;
    size_t out;
    uint64_t due;      /* fanout: bytes that each connection is to have been sent */
    int highest;       /* descriptor */
    size_t canned_len; /* whole frames */
    uint8_t *canned;
    uint8_t *read_buffer;
    struct client *clients;
};

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                             "Upgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(struct server *s, int fd, uint32_t events) {
    struct epoll_event ev = {.events = events, .data.fd = fd};
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        fail("epoll_ctl");
    }
}

static void drop(struct server *s, int fd) {
    close(fd);
    memset(&s->clients[fd], 0, sizeof s->clients[fd]);
}

static void accept_all(struct server *s) {
    const int on = 1;
    for (;;) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        if (fd >= FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        s->clients[fd].present = true;
        s->highest = fd > s->highest ? fd : s->highest;
        watch(s, fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
}

/* Sends what a connection lacks, up to the position `due` of its stream. */
static void send_up_to(struct server *s, int fd, uint64_t due) {
    struct client *c = &s->clients[fd];
    while (c->sent < due) {
        size_t from = (size_t)(c->sent % s->out);
        size_t n = s->canned_len - from;
        n = due - c->sent < n ? (size_t)(due - c->sent) : n;
        ssize_t sent = send(fd, s->canned + from, n, MSG_NOSIGNAL);
        if (sent < 0) {
            return; /* full: an edge tells when it goes on; broken: the next read says so */
        }
        c->sent += (uint64_t)sent;
    }
}

/* The driver sends its request in one piece and waits for the answer. */
static void upgrade(struct server *s, int fd) {
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) != (ssize_t)sizeof answer - 1) {
        drop(s, fd);
        return;
    }
    s->clients[fd].upgraded = true;
    s->clients[fd].sent = s->due;
}

static void take(struct server *s, int fd, size_t n) {
    struct client *c = &s->clients[fd];
    if (!c->upgraded) {
        upgrade(s, fd);
        return;
    }
    uint64_t before = c->received / s->in;
    c->received += n;
    uint64_t requests = c->received / s->in;
    if (!s->fanout) {
        send_up_to(s, fd, requests * s->out);
    } else if (requests > before) {
        s->due += (requests - before) * s->out;
        s->behind = true;
    }
}

static void on_readable(struct server *s, int fd) {
    ssize_t n;
    do {
        n = recv(fd, s->read_buffer, READ_SIZE, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            drop(s, fd);
            return;
        }
        if (n > 0) {
            take(s, fd, (size_t)n);
        }
    } while (n == READ_SIZE);
}

static void on_writable(struct server *s, int fd) {
    const struct client *c = &s->clients[fd];
    if (!c->upgraded) {
        return;
    }
    if (s->fanout) {
        s->behind |= c->sent < s->due;
    } else {
        send_up_to(s, fd, c->received / s->in * s->out);
    }
}

static void spread(struct server *s) {
    s->behind = false;
    for (int fd = 0; fd <= s->highest; fd++) {
        if (s->clients[fd].upgraded) {
            send_up_to(s, fd, s->due);
        }
    }
}

static void turn(struct server *s) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(s->epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        if (fd == s->listener) {
            accept_all(s);
            continue;
        }
        if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
            on_readable(s, fd);
        }
        if (events[i].events & EPOLLOUT) {
            on_writable(s, fd);
        }
    }
    if (s->behind) {
        spread(s);
    }
}

static size_t head_write(uint8_t *p, size_t out) {
    p[0] = 0x81;
    if (out < 126 + 2) {
        p[1] = (uint8_t)(out - 2);
        return 2;
    }
    if (out <= 0xFFFF + 4) {
        p[1] = 126;
        p[2] = (uint8_t)((out - 4) >> 8);
        p[3] = (uint8_t)(out - 4);
        return 4;
    }
    p[1] = 127;
    for (unsigned i = 0; i < 8; i++) {
        p[2 + i] = (uint8_t)((uint64_t)(out - 10) >> (56 - 8 * i));
    }
    return 10;
}

static void can(struct server *s) {
    size_t frames = s->out < CANNED_SIZE ? CANNED_SIZE / s->out : 1;
    s->canned_len = frames * s->out;
    s->canned = malloc(s->canned_len);
    s->read_buffer = malloc(READ_SIZE);
    s->clients = calloc(FDS, sizeof *s->clients);
    if (!s->canned || !s->read_buffer || !s->clients) {
        fail("malloc");
    }
    size_t head = head_write(s->canned, s->out);
    memset(s->canned + head, 'x', s->out - head);
    for (size_t i = 1; i < frames; i++) {
        memcpy(s->canned + i * s->out, s->canned, s->out);
    }
}

static void listen_on_loopback(struct server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, n) != 0 ||
        listen(s->listener, SOMAXCONN) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &n) != 0) {
        fail("listen");
    }
    watch(s, s->listener, EPOLLIN);
    printf("listening on ws://localhost:%u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) {
    struct server s = {0};
    bool echo = argc == 4 && strcmp(argv[1], "echo") == 0;
    s.fanout = argc == 4 && strcmp(argv[1], "fanout") == 0;
    if (!echo && !s.fanout) {
        fputs("usage: floor echo|fanout REQUEST-BYTES REPLY-BYTES\n", stderr);
        return 2;
    }
    s.in = strtoul(argv[2], NULL, 10);
    s.out = strtoul(argv[3], NULL, 10);
    if (s.in < 1 || s.out < 22 || s.out > 16u << 20) {
        fputs("floor: requests of 1 byte or more, replies of 22 bytes or more\n", stderr);
        return 2;
    }
    raise_descriptor_limit();
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s.epoll < 0) {
        fail("epoll_create1");
    }
    can(&s);
    listen_on_loopback(&s);
    for (;;) {
        turn(&s);
    }
}
