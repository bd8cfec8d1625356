#include "app/connect/outlet.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "conn/endpoint.h"
#include "net/loop.h"

enum {
    FULL = 1024 * 1024, /* bytes that wait: nothing more is read */
    ROOM = 256 * 1024,  /* … and it goes on */
};

int outlet_init(struct outlet *o, int fd, enum log_format format, enum log_level level,
                bool keeps_all) {
    *o = (struct outlet){.fd = fd, .log = log_new(fd, format, level), .keeps_all = keeps_all};
    if (o->log == NULL) {
        return TB_ENOMEM;
    }
    if (keeps_all) {
        log_keep_all(o->log);
    }
    return TB_OK;
}

void outlet_begin(struct outlet *o) {
    if (o->truncates && ftruncate(o->fd, 0) == 0) {
        (void)lseek(o->fd, 0, SEEK_SET);
    }
    o->truncates = false;
}

static void flush(struct outlet *o);

static void on_writable(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    flush(poll->data);
}

/* A file always takes everything, and is no matter for epoll. The mode of the descriptor is shared
 * with whoever else has it, so it stays as it was. */
static void watch(struct outlet *o) {
    int flags = fcntl(o->fd, F_GETFL);
    if (!o->has_poll && flags >= 0 && uv_poll_init(o->prepare.loop, &o->poll, o->fd) == 0) {
        fcntl(o->fd, F_SETFL, flags);
        o->poll.data = o;
        o->has_poll = true;
    }
    if (o->has_poll) {
        uv_poll_start(&o->poll, UV_WRITABLE, on_writable);
    }
}

/* While too much waits, nothing is read that would have to wait behind it. */
static void hold_if_full(struct outlet *o) {
    size_t waiting = log_waiting(o->log);
    if (waiting > FULL && !o->endpoint->held) {
        endpoint_hold(o->endpoint, true);
    } else if (waiting < ROOM && o->endpoint->held) {
        endpoint_hold(o->endpoint, false);
    }
}

static void flush(struct outlet *o) {
    if (o->truncates && log_waiting(o->log) > 0) {
        outlet_begin(o);
    }
    bool waits = log_flush(o->log);
    if (log_failed(o->log) != 0 && !o->broken) {
        o->broken = true;
        if (o->on_broken != NULL) {
            o->on_broken(o->ctx, log_failed(o->log));
        }
    }
    if (waits) {
        watch(o);
    } else if (o->has_poll) {
        uv_poll_stop(&o->poll);
    }
    if (o->keeps_all) {
        hold_if_full(o);
    }
    if (o->on_flushed != NULL) {
        o->on_flushed(o->ctx); /* may stop the outlet */
    }
}

static void on_prepare(uv_prepare_t *prepare) {
    struct outlet *o = prepare->data;
    if (o->before_flush != NULL) {
        o->before_flush(o->ctx);
    }
    flush(o);
}

void outlet_start(struct outlet *o, struct endpoint *endpoint) {
    o->endpoint = endpoint;
    uv_prepare_init(&endpoint->loop->uv, &o->prepare);
    o->prepare.data = o;
    uv_prepare_start(&o->prepare, on_prepare);
}

void outlet_stop(struct outlet *o) {
    if (o->endpoint == NULL || uv_is_closing((uv_handle_t *)&o->prepare)) {
        return;
    }
    uv_close((uv_handle_t *)&o->prepare, NULL);
    if (o->has_poll) {
        uv_close((uv_handle_t *)&o->poll, NULL);
    }
}

bool outlet_is_full(const struct outlet *o) {
    return o->endpoint != NULL && o->endpoint->held;
}

bool outlet_is_empty(const struct outlet *o) {
    return log_failed(o->log) != 0 || log_waiting(o->log) == 0;
}

void outlet_finish(struct outlet *o) {
    (void)log_flush_all(o->log);
}

void outlet_release(struct outlet *o) {
    log_free(o->log);
    o->log = NULL;
}
