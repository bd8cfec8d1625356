#include "stream_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

enum { LIMIT_TURNS = 20000, SMALL = 8192 };

/* ---- the stream's events ---- */

static void on_read(struct stream *s, uint8_t *p, size_t n) {
    struct stream_pair *pair = (struct stream_pair *)s;
    pair->reads++;
    if (bytes_append(&pair->received, p, n) != TB_OK) {
        abort();
    }
    if (pair->on_read != NULL) {
        pair->on_read(pair);
    }
}

static void on_written(struct stream *s) {
    ((struct stream_pair *)s)->writes++;
}

static void on_end(struct stream *s, int status) {
    struct stream_pair *pair = (struct stream_pair *)s;
    pair->ends++;
    pair->end_status = status;
    if (pair->on_end != NULL) {
        pair->on_end(pair);
    }
}

static void on_closed(struct stream *s) {
    ((struct stream_pair *)s)->closes++;
}

static void on_secured(struct stream *s) {
    struct stream_pair *pair = (struct stream_pair *)s;
    pair->secured++;
    if (pair->on_secured != NULL) {
        pair->on_secured(pair);
    }
}

static const struct stream_events events = {
    .on_read = on_read,
    .on_written = on_written,
    .on_secured = on_secured,
    .on_end = on_end,
    .on_closed = on_closed,
};

static void on_connection(struct listener *l) {
    struct stream_pair *pair = l->ctx;
    pair->accepted = stream_accept(&pair->stream, &l->uv.stream, pair->tls);
    if (pair->accepted == TB_OK) {
        pair->accepted = stream_read_start(&pair->stream);
    }
}

/* ---- making ---- */

/* The address that a socket of that kind is bound to here. */
static socklen_t make_address(enum stream_kind kind, struct sockaddr_storage *address) {
    memset(address, 0, sizeof *address);
    if (kind == STREAM_TCP) {
        struct sockaddr_in *in = (struct sockaddr_in *)address;
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof *in;
    }
    /* A name in the abstract namespace, which the kernel chooses. */
    address->ss_family = AF_UNIX;
    return sizeof(sa_family_t);
}

static void make_small(int fd) {
    const int size = SMALL;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static bool connect_peer(struct stream_pair *pair, enum stream_kind kind, bool small_buffers) {
    struct sockaddr_storage address;
    socklen_t size = make_address(kind, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    pair->peer = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (small_buffers) {
        make_small(fd);
        make_small(pair->peer);
    }
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1) != 0) {
        close(fd);
        return false;
    }
    size = sizeof address;
    return listener_open(&pair->listener, &pair->loop, kind, fd) == TB_OK &&
           getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           connect(pair->peer, (struct sockaddr *)&address, size) == 0 &&
           fcntl(pair->peer, F_SETFL, O_NONBLOCK) == 0;
}

bool stream_pair_init(struct stream_pair *pair, enum stream_kind kind, struct tls_context *tls,
                      bool small_buffers) {
    memset(pair, 0, sizeof *pair);
    pair->tls = tls;
    pair->accepted = 1;
    pair->peer = -1;
    pair->listener.on_connection = on_connection;
    pair->listener.ctx = pair;
    /* What little comes in a test of failing allocations needs none. */
    if (bytes_reserve(&pair->received, SMALL) != TB_OK || loop_init(&pair->loop) != TB_OK ||
        stream_init(&pair->stream, &pair->loop, kind, &events) != TB_OK ||
        !connect_peer(pair, kind, small_buffers)) {
        return false;
    }
    for (int i = 0; i < LIMIT_TURNS && pair->accepted == 1; i++) {
        stream_pair_turn(pair);
    }
    return pair->accepted == TB_OK;
}

void stream_pair_release(struct stream_pair *pair) {
    stream_close(&pair->stream);
    listener_close(&pair->listener);
    loop_end(&pair->loop);
    loop_run(&pair->loop);
    loop_release(&pair->loop);
    if (pair->peer >= 0) {
        close(pair->peer);
    }
    bytes_release(&pair->received);
}

/* ---- waiting ---- */

void stream_pair_turn(struct stream_pair *pair) {
    struct pollfd p = {.fd = uv_backend_fd(&pair->loop.uv), .events = POLLIN};
    (void)poll(&p, 1, 1);
    uv_run(&pair->loop.uv, UV_RUN_NOWAIT);
}

bool stream_pair_await(struct stream_pair *pair, const unsigned *count, unsigned n) {
    for (int i = 0; i < LIMIT_TURNS && *count < n; i++) {
        stream_pair_turn(pair);
    }
    return *count >= n;
}

/* What recv() gives once there is something to give; EAGAIN at the limit. */
static ssize_t peer_receives(struct stream_pair *pair, void *p, size_t n) {
    ssize_t got = -1;
    for (int i = 0; i < LIMIT_TURNS; i++) {
        got = recv(pair->peer, p, n, 0);
        if (got >= 0 || errno != EAGAIN) {
            break;
        }
        stream_pair_turn(pair);
    }
    return got;
}

bool stream_pair_peer_reads(struct stream_pair *pair, struct bytes *out, size_t n) {
    uint8_t part[4096];
    while (n > 0) {
        ssize_t got = peer_receives(pair, part, n < sizeof part ? n : sizeof part);
        if (got <= 0 || bytes_append(out, part, (size_t)got) != TB_OK) {
            return false;
        }
        n -= (size_t)got;
    }
    return true;
}

int stream_pair_peer_end(struct stream_pair *pair) {
    uint8_t part[4096];
    ssize_t got;
    while ((got = peer_receives(pair, part, sizeof part)) > 0) {
    }
    return got == 0 ? 0 : errno;
}
