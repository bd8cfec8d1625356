#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "fail.h"
#include "meter.h"
#include "modes.h"
#include "wire.h"

enum { PATIENCE_MS = 20000 };

static void await_echo(int fd, const struct options *o, uint32_t client) {
    uint8_t bytes[256];
    uint8_t expected[STAMP_LEN];
    struct reader reader = {0};
    bool whole = false;
    memset(expected, 'x', sizeof expected);
    if (!o->canned) {
        stamp_write(expected, client, 0);
    }
    while (!whole) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, PATIENCE_MS) != 1) {
            fail("the server went silent");
        }
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0) {
            fail("the server ended a connection");
        }
        if (reader_feed(&reader, bytes, (size_t)n, &whole) != (size_t)n) {
            fail("client %u got more messages than it sent", client);
        }
    }
    if (reader.length != STAMP_LEN || memcmp(expected, reader.stamp, STAMP_LEN) != 0) {
        fail("client %u got something else than it sent", client);
    }
}

/* A connection that has spoken once must not cost more than one that never did. */
static int open_and_speak(const struct options *o, struct burst *message, uint32_t client) {
    int fd = dial(o->port);
    burst_stamp(message, client, 0);
    size_t n = burst_len(message);
    if (send(fd, message->bytes, n, MSG_NOSIGNAL) != (ssize_t)n) {
        fail_errno("send");
    }
    await_echo(fd, o, client);
    return fd;
}

static void check_alive(const int *fds, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        char byte;
        if (recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            fail("the server ended an idle connection");
        }
    }
}

void mode_idle(const struct options *o) {
    if (o->clients < 2) {
        fail("idle needs two connections at least");
    }
    int *fds = zalloc_or_fail(o->clients, sizeof *fds);
    struct burst message;
    struct meter meter;
    struct reading from;
    struct reading to;
    burst_init(&message, STAMP_LEN, 1);
    meter_init(&meter, o->pid);
    /* The first one also brings in what all share: a library's pages, buffers of the loop. */
    fds[0] = open_and_speak(o, &message, 0);
    int64_t before = meter_private_bytes(&meter);
    meter_read(&meter, &from);
    for (unsigned i = 1; i < o->clients; i++) {
        fds[i] = open_and_speak(o, &message, i);
    }
    meter_read(&meter, &to);
    int64_t after = meter_private_bytes(&meter);
    check_alive(fds, o->clients);
    printf("{\"mode\":\"idle\",\"clients\":%u,\"private_bytes_before\":%lld,"
           "\"private_bytes_after\":%lld,\"bytes_per_connection\":%.1f,\"seconds\":%.4f}\n",
           o->clients, (long long)before, (long long)after,
           (double)(after - before) / (o->clients - 1), (double)(to.wall_ns - from.wall_ns) / 1e9);
    burst_release(&message);
    free(fds);
}
