#include <errno.h>
#include <linux/tcp.h> /* the C library's tcp_info is shorter */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "dial.h"
#include "fail.h"
#include "meter.h"
#include "modes.h"
#include "wire.h"

enum { RECEIVE_SIZE = 256 * 1024, EVENTS = 1024, PATIENCE_MS = 60000 };

struct fanout_client {
    int fd;
    uint32_t index;
    unsigned delivered; /* messages of the round under way */
    struct reader reader;
};

struct fanout {
    const struct options *options;
    int epoll;
    uint64_t round;
    unsigned complete; /* clients that have the whole round */
    struct fanout_client *clients;
    bool *seen; /* [receiver * clients + sender], of the round under way */
    struct burst message;
    uint8_t *receive;
};

static void open_clients(struct fanout *f) {
    for (unsigned i = 0; i < f->options->clients; i++) {
        struct fanout_client *c = &f->clients[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        c->index = i;
        c->fd = dial(f->options->port);
        if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
            fail_errno("epoll_ctl");
        }
    }
}

static void send_burst(struct fanout *f) {
    for (unsigned i = 0; i < f->options->clients; i++) {
        burst_stamp(&f->message, i, f->round);
        size_t n = burst_len(&f->message);
        if (send(f->clients[i].fd, f->message.bytes, n, MSG_NOSIGNAL) != (ssize_t)n) {
            fail_errno("send");
        }
    }
}

static void check_canned(const struct fanout_client *c) {
    static const uint8_t expected[STAMP_LEN + 1] = "xxxxxxxxxxxxxxxxxxxx";
    if (memcmp(c->reader.stamp, expected, STAMP_LEN) != 0) {
        fail("client %u got something else than a canned frame", c->index);
    }
}

static void check_delivery(struct fanout *f, const struct fanout_client *c) {
    uint32_t sender;
    uint64_t round;
    unsigned clients = f->options->clients;
    if (!stamp_read(c->reader.stamp, &sender, &round) || sender >= clients || round != f->round) {
        fail("client %u got what nobody sent in this round", c->index);
    }
    bool *seen = &f->seen[(size_t)c->index * clients + sender];
    if (*seen) {
        fail("client %u got a message twice", c->index);
    }
    *seen = true;
}

static void client_take(struct fanout *f, struct fanout_client *c, size_t n) {
    size_t used = 0;
    while (used < n) {
        bool whole;
        used += reader_feed(&c->reader, f->receive + used, n - used, &whole);
        if (!whole) {
            continue;
        }
        if (c->reader.length != f->options->size) {
            fail("client %u got a message of the wrong size", c->index);
        }
        if (f->options->canned) {
            check_canned(c);
        } else {
            check_delivery(f, c);
        }
        if (++c->delivered > f->options->clients) {
            fail("client %u got more messages than were sent", c->index);
        }
        f->complete += c->delivered == f->options->clients;
    }
}

static void turn(struct fanout *f) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(f->epoll, events, EVENTS, PATIENCE_MS);
    if (n == 0) {
        fail("the server went silent");
    }
    for (int i = 0; i < n; i++) {
        struct fanout_client *c = events[i].data.ptr;
        ssize_t got = recv(c->fd, f->receive, RECEIVE_SIZE, 0);
        if (got <= 0 && (got == 0 || errno != EAGAIN)) {
            fail("the server ended a connection");
        }
        client_take(f, c, got > 0 ? (size_t)got : 0);
    }
}

static void start_round(struct fanout *f) {
    size_t clients = f->options->clients;
    f->round++;
    f->complete = 0;
    memset(f->seen, 0, clients * clients * sizeof *f->seen);
    for (size_t i = 0; i < clients; i++) {
        f->clients[i].delivered = 0;
    }
}

static void run_round(struct fanout *f, const struct meter *meter) {
    start_round(f);
    if (f->options->held) {
        meter_hold(meter);
    }
    send_burst(f);
    if (f->options->held) {
        meter_resume(meter);
    }
    while (f->complete < f->options->clients) {
        turn(f);
    }
}

/* Segments with data that have come in so far, over all clients: on loopback, about the number of
 * writes that the server made. */
static uint64_t count_segments(const struct fanout *f) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < f->options->clients; i++) {
        struct tcp_info info;
        socklen_t n = sizeof info;
        memset(&info, 0, sizeof info);
        if (getsockopt(f->clients[i].fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0) {
            fail_errno("TCP_INFO");
        }
        sum += info.tcpi_data_segs_in;
    }
    return sum;
}

static void report(const struct fanout *f, const struct reading *from, const struct reading *to,
                   uint64_t segments) {
    const struct options *o = f->options;
    double rounds = o->rounds;
    double deliveries = rounds * o->clients * o->clients;
    double wall_ns = (double)(to->wall_ns - from->wall_ns);
    double server_ns = (double)(to->server_cpu_ns - from->server_cpu_ns);
    printf("{\"mode\":\"fanout\",\"clients\":%u,\"rounds\":%u,\"held\":%s,\"deliveries\":%.0f,"
           "\"seconds\":%.4f,\"cpu_ns_per_delivery\":%.2f,\"cpu_ms_per_round\":%.3f,"
           "\"deliveries_per_second\":%.0f,\"segments_per_client_and_round\":%.2f}\n",
           o->clients, o->rounds, o->held ? "true" : "false", deliveries, wall_ns / 1e9,
           server_ns / deliveries, server_ns / rounds / 1e6, deliveries * 1e9 / wall_ns,
           (double)segments / rounds / o->clients);
}

void mode_fanout(const struct options *o) {
    struct fanout *f = zalloc_or_fail(1, sizeof *f);
    struct meter meter;
    struct reading from;
    struct reading to;
    f->options = o;
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->clients = zalloc_or_fail(o->clients, sizeof *f->clients);
    f->seen = zalloc_or_fail((size_t)o->clients * o->clients, sizeof *f->seen);
    f->receive = zalloc_or_fail(1, RECEIVE_SIZE);
    burst_init(&f->message, o->size, 1);
    meter_init(&meter, o->pid);
    open_clients(f);
    if (o->warmup_s > 0) {
        run_round(f, &meter);
    }
    uint64_t segments = count_segments(f);
    meter_read(&meter, &from);
    for (unsigned i = 0; i < o->rounds; i++) {
        run_round(f, &meter);
    }
    meter_read(&meter, &to);
    report(f, &from, &to, count_segments(f) - segments);
    burst_release(&f->message);
    free(f->receive);
    free(f->seen);
    free(f->clients);
    free(f);
}
