#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "fail.h"
#include "meter.h"
#include "modes.h"

enum { EVENTS = 256, PATIENCE_MS = 20000 };

enum stage { AWAIT_CONNECT, AWAIT_ANSWER };

struct attempt {
    int fd;
    enum stage stage;
    size_t got;
    char answer[4096];
};

struct handshakes {
    const struct options *options;
    struct upgrade upgrade;
    int epoll;
    unsigned started;
    unsigned done;
};

static void attempt_watch(struct handshakes *h, struct attempt *a, int op) {
    struct epoll_event ev = {.events = a->stage == AWAIT_CONNECT ? EPOLLOUT : EPOLLIN,
                             .data.ptr = a};
    if (epoll_ctl(h->epoll, op, a->fd, &ev) != 0) {
        fail_errno("epoll_ctl");
    }
}

/* On loopback a connection is mostly there as soon as connect() returns. */
static void attempt_ask(struct handshakes *h, struct attempt *a, int op) {
    const struct upgrade *u = &h->upgrade;
    ssize_t n = send(a->fd, u->request, u->length, MSG_NOSIGNAL);
    if (n == (ssize_t)u->length) {
        a->stage = AWAIT_ANSWER;
    } else if (n >= 0 || errno != EAGAIN) {
        fail_errno("sending the upgrade request");
    }
    attempt_watch(h, a, op);
}

static void attempt_start(struct handshakes *h, struct attempt *a) {
    a->fd = dial_start(h->options->port);
    a->stage = AWAIT_CONNECT;
    a->got = 0;
    h->started++;
    attempt_ask(h, a, EPOLL_CTL_ADD);
}

static void on_answer(struct handshakes *h, struct attempt *a) {
    ssize_t n = recv(a->fd, a->answer + a->got, sizeof a->answer - a->got, 0);
    if (n <= 0) {
        fail("the server ended a handshake");
    }
    a->got += (size_t)n;
    if (!upgrade_answered(a->answer, a->got)) {
        return;
    }
    close(a->fd);
    h->done++;
    if (h->started < h->options->total) {
        attempt_start(h, a);
    }
}

static void turn(struct handshakes *h) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(h->epoll, events, EVENTS, PATIENCE_MS);
    if (n == 0) {
        fail("the server went silent");
    }
    for (int i = 0; i < n; i++) {
        struct attempt *a = events[i].data.ptr;
        if (a->stage == AWAIT_CONNECT) {
            attempt_ask(h, a, EPOLL_CTL_MOD);
        } else {
            on_answer(h, a);
        }
    }
}

void mode_handshakes(const struct options *o) {
    struct handshakes h = {.options = o, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct attempt *attempts = zalloc_or_fail(o->parallel, sizeof *attempts);
    struct meter meter;
    struct reading from;
    struct reading to;
    upgrade_init(&h.upgrade, o->port);
    meter_init(&meter, o->pid);
    meter_read(&meter, &from);
    for (unsigned i = 0; i < o->parallel && h.started < o->total; i++) {
        attempt_start(&h, &attempts[i]);
    }
    while (h.done < o->total) {
        turn(&h);
    }
    meter_read(&meter, &to);
    double wall_ns = (double)(to.wall_ns - from.wall_ns);
    double server_ns = (double)(to.server_cpu_ns - from.server_cpu_ns);
    printf("{\"mode\":\"handshakes\",\"total\":%u,\"parallel\":%u,\"seconds\":%.4f,"
           "\"cpu_ns_per_handshake\":%.0f,\"handshakes_per_second\":%.0f,"
           "\"server_cpu_share\":%.3f}\n",
           o->total, o->parallel, wall_ns / 1e9, server_ns / o->total, o->total * 1e9 / wall_ns,
           server_ns / wall_ns);
    free(attempts);
}
