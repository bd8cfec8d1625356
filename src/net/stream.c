#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "base/err.h"
#include "net/stream_ops.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

enum { KEEP_ALIVE_IDLE_S = 15 };

/* ---- writing to the wire ---- */

/* A rest on its way. */
struct rest {
    uv_write_t req;
    struct stream *stream;
    void *owned;
};

static void send_fin(struct stream *s);

static void on_rest_written(uv_write_t *req, int status) {
    struct rest *rest = req->data;
    struct stream *s = rest->stream;
    free(rest->owned);
    free(rest);
    s->busy = false;
    if (uv_is_closing(&s->uv.handle)) {
        return;
    }
    if (status == 0 && s->ops->rest_written(s) != TB_OK) {
        status = UV_EPIPE;
    }
    if (status != 0 && !s->reading) {
        s->events->on_end(s, status);
    } else if (!s->busy) { /* or lost: what the peer said before is read first, then the end */
        if (s->shutdown_asked) {
            send_fin(s);
        }
        if (!s->securing) { /* what is written until then is not the owner's */
            s->events->on_written(s);
        }
    }
}

ssize_t stream_raw_try(struct stream *s, const uv_buf_t *bufs, unsigned count) {
    int n = uv_try_write(&s->uv.stream, bufs, count);
    if (n == UV_EAGAIN) {
        return 0;
    }
    return n < 0 ? TB_ESYS : n;
}

int stream_raw_rest(struct stream *s, const uv_buf_t *bufs, unsigned count, void *owned) {
    struct rest *rest = malloc(sizeof *rest);
    if (rest == NULL) {
        free(owned);
        return TB_ENOMEM;
    }
    rest->stream = s;
    rest->owned = owned;
    rest->req.data = rest;
    if (uv_write(&rest->req, &s->uv.stream, bufs, count, on_rest_written) != 0) {
        free(owned);
        free(rest);
        return TB_ESYS;
    }
    s->busy = true;
    return TB_OK;
}

/* ---- the plain stream ---- */

static void plain_received(struct stream *s, uint8_t *p, size_t n) {
    s->events->on_read(s, p, n);
}

static int plain_rest_written(struct stream *s) {
    (void)s;
    return TB_OK;
}

static void plain_nothing(struct stream *s) {
    (void)s;
}

static const struct stream_ops plain_ops = {
    .received = plain_received,
    .ended = plain_nothing,
    .try_write = stream_raw_try,
    .rest_written = plain_rest_written,
    .finish = plain_nothing,
    .release = plain_nothing,
};

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    struct stream *s = handle->data;
    buf->base = (char *)stream_loop(s)->buffer;
    buf->len = LOOP_BUFFER_SIZE;
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf) {
    struct stream *s = handle->data;
    if (n > 0) {
        s->ops->received(s, (uint8_t *)buf->base, (size_t)n);
    } else if (n < 0) {
        stream_read_stop(s);
        s->ops->ended(s);
        s->events->on_end(s, n == UV_EOF ? 0 : (int)n);
    }
}

int stream_read_start(struct stream *s) {
    s->reading = true;
    int err = uv_read_start(&s->uv.stream, on_alloc, on_read);
    return err == 0 || err == UV_EALREADY ? TB_OK : TB_ESYS;
}

void stream_read_stop(struct stream *s) {
    s->reading = false;
    uv_read_stop(&s->uv.stream);
}

bool stream_is_reading(const struct stream *s) {
    return s->reading;
}

void stream_feed(struct stream *s, uint8_t *p, size_t n) {
    if (n > 0 && !uv_is_closing(&s->uv.handle)) {
        s->ops->received(s, p, n);
    }
}

/* ---- life ---- */

int stream_handle_open(union stream_handle *handle, int fd) {
    int err = handle->handle.type == UV_TCP ? uv_tcp_open(&handle->tcp, fd)
                                            : uv_pipe_open(&handle->pipe, fd);
    if (err != 0) {
        close(fd);
        errno = -err;
        return TB_ESYS;
    }
    return TB_OK;
}

int stream_init(struct stream *s, struct loop *loop, enum stream_kind kind,
                const struct stream_events *events) {
    memset(s, 0, sizeof *s);
    int err = kind == STREAM_TCP ? uv_tcp_init(&loop->uv, &s->uv.tcp)
                                 : uv_pipe_init(&loop->uv, &s->uv.pipe, 0);
    if (err != 0) {
        return TB_ESYS;
    }
    s->uv.handle.data = s;
    s->ops = &plain_ops;
    s->events = events;
    return TB_OK;
}

int stream_accept(struct stream *s, uv_stream_t *listening, struct tls_context *context) {
    if (uv_accept(listening, &s->uv.stream) != 0) {
        return TB_ESYS;
    }
    return context == NULL ? TB_OK : tls_accept(s, context);
}

int stream_open(struct stream *s, int fd) {
    return stream_handle_open(&s->uv, fd);
}

struct loop *stream_loop(const struct stream *s) {
    return (struct loop *)s->uv.handle.loop->data;
}

ssize_t stream_try(struct stream *s, const uv_buf_t *bufs, unsigned count) {
    return s->busy || s->securing ? 0 : s->ops->try_write(s, bufs, count);
}

int stream_finish(struct stream *s, const uv_buf_t *bufs, unsigned count) {
    /* TLS leaves nothing over, and what is not encrypted must not get to the wire. */
    return s->tls != NULL ? TB_EINVAL : stream_raw_rest(s, bufs, count, NULL);
}

bool stream_is_busy(const struct stream *s) {
    return s->busy;
}

size_t stream_unsent(const struct stream *s) {
    return uv_stream_get_write_queue_size(&s->uv.stream);
}

#ifdef __linux__
static size_t held_by_system(const struct stream *s) {
    uv_os_fd_t fd;
    int held = 0;
    bool told = uv_fileno(&s->uv.handle, &fd) == 0 && ioctl(fd, SIOCOUTQ, &held) == 0;
    return told && held > 0 ? (size_t)held : 0;
}
#else
static size_t held_by_system(const struct stream *s) {
    (void)s;
    return 0;
}
#endif

size_t stream_unconfirmed(const struct stream *s) {
    return stream_unsent(s) + held_by_system(s);
}

bool stream_has_ended(const struct stream *s, int *status) {
    uv_os_fd_t fd;
    if (uv_fileno(&s->uv.handle, &fd) != 0) {
        return false;
    }
    struct pollfd asked = {.fd = fd, .events = POLLRDHUP};
    if (poll(&asked, 1, 0) <= 0) {
        return false;
    }
    int error = 0;
    socklen_t size = sizeof error;
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    *status = uv_translate_sys_error(error);
    return true;
}

void stream_keep_alive(struct stream *s) {
    uv_os_fd_t fd;
    if (s->uv.handle.type != UV_TCP || uv_fileno(&s->uv.handle, &fd) != 0) {
        return; /* of a Unix socket's peer the system knows by itself */
    }
    uv_tcp_keepalive(&s->uv.tcp, 1, KEEP_ALIVE_IDLE_S);
#ifdef TCP_KEEPINTVL
    const int interval_s = 5;
    const int count = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
#endif
}

static void on_fin_sent(uv_shutdown_t *req, int status) {
    (void)status; /* the peer learns from our close, too */
    free(req);
}

static void send_fin(struct stream *s) {
    uv_shutdown_t *req = malloc(sizeof *req);
    if (req == NULL || uv_shutdown(req, &s->uv.stream, on_fin_sent) != 0) {
        free(req);
    }
}

void stream_shutdown(struct stream *s) {
    if (s->shutdown_asked || uv_is_closing(&s->uv.handle)) {
        return;
    }
    s->shutdown_asked = true;
    s->ops->finish(s);
    if (!s->busy) {
        send_fin(s);
    }
}

static void on_closed(uv_handle_t *handle) {
    struct stream *s = handle->data;
    s->ops->release(s);
    s->events->on_closed(s);
}

void stream_close(struct stream *s) {
    if (!uv_is_closing(&s->uv.handle)) {
        s->ops->finish(s);
        uv_close(&s->uv.handle, on_closed);
    }
}

void stream_reset(struct stream *s) {
    if (uv_is_closing(&s->uv.handle)) {
        return;
    }
    uv_os_fd_t fd;
    if (uv_fileno(&s->uv.handle, &fd) == 0) {
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    uv_close(&s->uv.handle, on_closed);
}
