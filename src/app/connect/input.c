#include "app/connect/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum { READ_SIZE = 64 * 1024 };

void input_init(struct input *in, uv_loop_t *loop, int fd, const struct input_events *events,
                void *ctx) {
    *in = (struct input){.fd = fd,
                         .separator = "\n",
                         .separator_size = 1,
                         .drops_cr = true,
                         .limit = SIZE_MAX,
                         .loop = loop,
                         .events = events,
                         .ctx = ctx};
}

/* ---- records ---- */

static bool cuts_lines(const struct input *in) {
    return in->separator != NULL && in->separator_size == 1 && in->separator[0] == '\n';
}

static void tell(struct input *in, const char *p, size_t n) {
    if (n > 0 && p[n - 1] == '\r' && in->drops_cr && cuts_lines(in)) {
        n--;
    }
    in->records++;
    in->telling = true;
    in->events->on_record(in->ctx, p, n);
    in->telling = false;
    if (in->closed) {
        bytes_release(&in->held); /* until now the record was read from it */
    }
}

/* The end of the first record that is whole, with its separator; 0 if there is none. */
static size_t find_end(struct input *in, size_t from) {
    if (in->separator == NULL) {
        return in->held.len > from ? in->held.len - from : 0;
    }
    size_t at = from + in->looked;
    const uint8_t *p = in->held.len > at ? memmem(in->held.data + at, in->held.len - at,
                                                  in->separator, in->separator_size)
                                         : NULL;
    if (p == NULL) {
        size_t rest = in->held.len - from;
        in->looked = rest >= in->separator_size ? rest - in->separator_size + 1 : 0;
        return 0;
    }
    in->looked = 0;
    return (size_t)(p - in->held.data) - from + in->separator_size;
}

static void end(struct input *in, int error) {
    if (!in->ended) {
        in->ended = true;
        input_want(in, false);
        in->events->on_end(in->ctx, error);
    }
}

/* Tells the records that are whole, as long as they are wanted. Whoever is told one may close. */
static void tell_records(struct input *in) {
    size_t from = 0;
    size_t size = 0;
    while (in->wanted && (size = find_end(in, from)) > 0) {
        size_t rest = in->separator == NULL ? 0 : in->separator_size;
        tell(in, (const char *)in->held.data + from, size - rest);
        from += size;
    }
    if (in->closed) {
        return;
    }
    bytes_consume(&in->held, from);
    if (in->wanted && in->held.len > in->limit) {
        end(in, E2BIG);
    }
}

/* What stands behind the last separator is a record, too, unless it is nothing. */
static void finish(struct input *in) {
    tell_records(in);
    if (!in->wanted) {
        return; /* they wait; the end is read again */
    }
    if (in->held.len > 0) {
        tell(in, (const char *)in->held.data, in->held.len);
        bytes_clear(&in->held);
    }
    end(in, 0); /* nothing, if it was closed meanwhile */
}

/* ---- reading ---- */

static void read_some(struct input *in) {
    if (bytes_reserve(&in->held, READ_SIZE) != TB_OK) {
        end(in, ENOMEM);
        return;
    }
    ssize_t n = read(in->fd, in->held.data + in->held.len, READ_SIZE);
    if (n > 0) {
        in->held.len += (size_t)n;
        tell_records(in);
    } else if (n == 0) {
        finish(in);
    } else if (errno != EINTR && errno != EAGAIN) {
        end(in, errno);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    read_some(poll->data);
}

static void on_idle(uv_idle_t *idle) {
    read_some(idle->data);
}

static void start(struct input *in) {
    int flags = fcntl(in->fd, F_GETFL);
    in->started = true;
    in->polls = uv_poll_init(in->loop, &in->poll, in->fd) == 0;
    if (in->polls) {
        fcntl(in->fd, F_SETFL, flags); /* libuv makes it non-blocking, for all who share it */
        in->poll.data = in;
    } else {
        uv_idle_init(in->loop, &in->idle);
        in->idle.data = in;
    }
}

static void listen_again(struct input *in) {
    if (in->polls) {
        uv_poll_start(&in->poll, UV_READABLE, on_readable);
    } else {
        uv_idle_start(&in->idle, on_idle);
    }
}

void input_want(struct input *in, bool wanted) {
    if (in->wanted == wanted || (wanted && in->ended)) {
        return;
    }
    in->wanted = wanted;
    if (!in->started) {
        start(in);
    }
    if (!wanted && in->polls) {
        uv_poll_stop(&in->poll);
    } else if (!wanted) {
        uv_idle_stop(&in->idle);
    } else if (!in->telling) {
        tell_records(in);
    }
    if (in->wanted) {
        listen_again(in);
    }
}

void input_close(struct input *in) {
    if (in->started) {
        in->started = false;
        uv_close(in->polls ? (uv_handle_t *)&in->poll : (uv_handle_t *)&in->idle, NULL);
    }
    in->closed = true;
    in->wanted = false;
    in->ended = true; /* nothing is told any more, not even the end */
    if (!in->telling) {
        bytes_release(&in->held);
    }
}
