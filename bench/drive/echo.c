#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "dial.h"
#include "fail.h"
#include "latency.h"
#include "meter.h"
#include "modes.h"
#include "wire.h"

enum { RECEIVE_SIZE = 256 * 1024, EVENTS = 1024, PATIENCE_MS = 20000 };

struct echo_client {
    int fd;
    uint32_t index;
    bool blocked;      /* the burst is not wholly sent; we wait for the socket to drain */
    unsigned answered; /* replies to the burst under way */
    uint64_t first;    /* the number of that burst's first message */
    size_t sent;       /* bytes of it */
    int64_t sent_ns;
    struct reader reader;
};

struct echo {
    const struct options *options;
    int epoll;
    struct echo_client *clients;
    struct burst burst;
    uint8_t *receive;
    bool measuring;
    uint64_t messages;
    struct latency latency;
};

static void watch(struct echo *e, struct echo_client *c, int op, uint32_t events) {
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(e->epoll, op, c->fd, &ev) != 0) {
        fail_errno("epoll_ctl");
    }
}

/* The burst is one buffer for all clients; one that was cut short is made again from its
 * numbers. */
static void client_send(struct echo *e, struct echo_client *c) {
    size_t length = burst_len(&e->burst);
    burst_stamp(&e->burst, c->index, c->first);
    ssize_t n = send(c->fd, e->burst.bytes + c->sent, length - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        fail_errno("send");
    }
    c->sent += n > 0 ? (size_t)n : 0;
    bool blocked = c->sent < length;
    if (blocked != c->blocked) {
        c->blocked = blocked;
        watch(e, c, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void client_start_burst(struct echo *e, struct echo_client *c) {
    c->first += c->answered;
    c->answered = 0;
    c->sent = 0;
    c->sent_ns = clock_now_ns();
    client_send(e, c);
}

static void check_echo(const struct echo *e, const struct echo_client *c) {
    uint8_t expected[STAMP_LEN];
    memset(expected, 'x', sizeof expected);
    if (!e->options->canned) {
        stamp_write(expected, c->index, c->first + c->answered);
    }
    if (c->reader.length != e->options->size || memcmp(expected, c->reader.stamp, STAMP_LEN) != 0) {
        fail("client %u got something else than it sent", c->index);
    }
}

static void client_take(struct echo *e, struct echo_client *c, size_t n) {
    int64_t now = clock_now_ns();
    size_t used = 0;
    while (used < n) {
        bool whole;
        used += reader_feed(&c->reader, e->receive + used, n - used, &whole);
        if (!whole) {
            continue;
        }
        check_echo(e, c);
        if (++c->answered > e->options->depth) {
            fail("client %u got more messages than it sent", c->index);
        }
        if (e->measuring) {
            e->messages++;
            latency_add(&e->latency, now - c->sent_ns);
        }
    }
}

static void client_receive(struct echo *e, struct echo_client *c) {
    ssize_t n = recv(c->fd, e->receive, RECEIVE_SIZE, 0);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        fail("the server ended a connection");
    }
    client_take(e, c, (size_t)n);
    if (c->answered == e->options->depth) {
        client_start_burst(e, c);
    }
}

static void turn(struct echo *e) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(e->epoll, events, EVENTS, PATIENCE_MS);
    if (n == 0) {
        fail("the server went silent");
    }
    for (int i = 0; i < n; i++) {
        struct echo_client *c = events[i].data.ptr;
        if (c->blocked && (events[i].events & EPOLLOUT)) {
            client_send(e, c);
        }
        if (events[i].events & ~(uint32_t)EPOLLOUT) {
            client_receive(e, c);
        }
    }
}

static void run_for(struct echo *e, double seconds) {
    int64_t end = clock_now_ns() + (int64_t)(seconds * 1e9);
    while (clock_now_ns() < end) {
        turn(e);
    }
}

static void report(const struct echo *e, const struct reading *from, const struct reading *to) {
    const struct options *o = e->options;
    double messages = (double)e->messages;
    double wall_ns = (double)(to->wall_ns - from->wall_ns);
    double server_ns = (double)(to->server_cpu_ns - from->server_cpu_ns);
    double driver_ns = (double)(to->driver_cpu_ns - from->driver_cpu_ns);
    if (e->messages == 0) {
        fail("no message came back in the time given");
    }
    printf("{\"mode\":\"echo\",\"clients\":%u,\"depth\":%u,\"size\":%zu,\"messages\":%.0f,"
           "\"seconds\":%.4f,\"cpu_ns_per_message\":%.1f,\"messages_per_second\":%.0f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"server_cpu_share\":%.3f,"
           "\"driver_cpu_share\":%.3f,\"sleeps_per_message\":%.5f}\n",
           o->clients, o->depth, o->size, messages, wall_ns / 1e9, server_ns / messages,
           messages * 1e9 / wall_ns, latency_percentile_us(&e->latency, 50),
           latency_percentile_us(&e->latency, 99), server_ns / wall_ns, driver_ns / wall_ns,
           (double)(to->server_sleeps - from->server_sleeps) / messages);
}

static void open_clients(struct echo *e) {
    for (unsigned i = 0; i < e->options->clients; i++) {
        struct echo_client *c = &e->clients[i];
        c->index = i;
        c->fd = dial(e->options->port);
        watch(e, c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

void mode_echo(const struct options *o) {
    struct echo *e = zalloc_or_fail(1, sizeof *e);
    struct meter meter;
    struct reading from;
    struct reading to;
    e->options = o;
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    e->clients = zalloc_or_fail(o->clients, sizeof *e->clients);
    e->receive = zalloc_or_fail(1, RECEIVE_SIZE);
    burst_init(&e->burst, o->size, o->depth);
    meter_init(&meter, o->pid);
    open_clients(e);
    for (unsigned i = 0; i < o->clients; i++) {
        client_start_burst(e, &e->clients[i]);
    }
    run_for(e, o->warmup_s);
    meter_read(&meter, &from);
    e->measuring = true;
    run_for(e, o->seconds);
    meter_read(&meter, &to);
    report(e, &from, &to);
    burst_release(&e->burst);
    free(e->receive);
    free(e->clients);
    free(e);
}
