#include "net/race.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* The try of one target. */
struct lane {
    uv_poll_t poll; /* the first member: its callback finds the lane by it */
    struct race *race;
    struct target *target;
    int fd; /* -1: not running */
};

struct race {
    uv_timer_t timer; /* until the next target's turn */
    struct targets *targets;
    const struct source *source;
    const struct race_events *events;
    void *ctx;
    size_t next;    /* the target whose turn comes next */
    size_t running; /* how many lanes are */
    unsigned handles;
    bool is_over;
    struct lane lanes[];
};

/* ---- the end ---- */

/* The race's memory is the loop's until its last handle is closed. */
static void on_handle_closed(uv_handle_t *handle) {
    struct race *r = handle->data;
    if (--r->handles == 0) {
        free(r);
    }
}

/* Takes the lane out of the race; the descriptor is not closed. */
static int leave_lane(struct lane *lane) {
    int fd = lane->fd;
    lane->fd = -1;
    lane->race->running--;
    uv_close((uv_handle_t *)&lane->poll, on_handle_closed);
    return fd;
}

static void fail_lane(struct lane *lane, int why) {
    lane->target->error = why;
    close(leave_lane(lane));
}

/* After this nothing of the caller's is touched. */
static void stop(struct race *r) {
    r->is_over = true;
    for (size_t i = 0; i < r->next; i++) {
        if (r->lanes[i].fd >= 0) {
            close(leave_lane(&r->lanes[i]));
        }
    }
    uv_close((uv_handle_t *)&r->timer, on_handle_closed);
}

static void end(struct race *r, const struct target *winner, int fd) {
    stop(r);
    r->events->on_end(r->ctx, winner, fd);
}

/* ---- one try ---- */

/* 0 or an errno. A Unix socket leaves no machine. */
static int prepare_socket(const struct race *r, int fd, int family) {
    const int on = 1;
    if (family == AF_UNIX) {
        return 0;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        return errno;
    }
    return source_bind(r->source, fd, family);
}

/* 0: connected, or on the way to it; or an errno. */
static int begin_connect(const struct race *r, int fd, const struct host_address *to) {
    int why = prepare_socket(r, fd, to->sa.any.sa_family);
    if (why != 0) {
        return why;
    }
    int err = connect(fd, &to->sa.any, to->size);
    return err == 0 || errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

/* 0 or an errno. uv_poll tells of a failed connection as of a bad descriptor, so its word does not
 * count. */
static int connect_error(int fd) {
    int why = 0;
    socklen_t size = sizeof why;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) == 0 ? why : errno;
}

static void go_on(struct race *r);

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct lane *lane = (struct lane *)poll;
    struct race *r = lane->race;
    (void)status;
    (void)events;
    int why = connect_error(lane->fd);
    if (why == 0) {
        end(r, lane->target, leave_lane(lane));
        return;
    }
    fail_lane(lane, why);
    go_on(r);
}

/* 0 or an errno; the descriptor is the lane's from then on. */
static int watch(struct race *r, struct lane *lane, int fd) {
    int err = uv_poll_init(r->timer.loop, &lane->poll, fd);
    if (err != 0) {
        return -err;
    }
    lane->poll.data = r;
    lane->fd = fd;
    r->handles++;
    r->running++;
    err = uv_poll_start(&lane->poll, UV_WRITABLE, on_poll);
    if (err != 0) {
        leave_lane(lane);
    }
    return -err;
}

/* 0 or an errno, after which nothing of it is left. */
static int start_lane(struct race *r, struct lane *lane) {
    const struct host_address *to = &lane->target->address;
    int fd = socket(to->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int why = begin_connect(r, fd, to);
    why = why != 0 ? why : watch(r, lane, fd);
    if (why != 0) {
        close(fd);
    }
    return why;
}

/* ---- one after the other ---- */

static void on_turn(uv_timer_t *timer) {
    go_on(timer->data);
}

/* Starts the next target that can be started, and waits; or ends. */
static void go_on(struct race *r) {
    while (r->next < r->targets->count) {
        struct lane *lane = &r->lanes[r->next++];
        r->events->on_try(r->ctx, lane->target);
        if (r->is_over) {
            return;
        }
        lane->target->error = start_lane(r, lane);
        if (lane->target->error == 0) {
            uv_timer_start(&r->timer, on_turn, RACE_STEP_MS, 0);
            return;
        }
    }
    if (r->running == 0) {
        end(r, NULL, -1);
    }
}

struct race *race_start(struct loop *loop, struct targets *targets, const struct source *source,
                        const struct race_events *events, void *ctx) {
    struct race *r = calloc(1, sizeof *r + targets->count * sizeof r->lanes[0]);
    if (r == NULL) {
        return NULL;
    }
    r->targets = targets;
    r->source = source;
    r->events = events;
    r->ctx = ctx;
    for (size_t i = 0; i < targets->count; i++) {
        r->lanes[i] = (struct lane){.race = r, .target = &targets->items[i], .fd = -1};
    }
    uv_timer_init(&loop->uv, &r->timer);
    r->timer.data = r;
    r->handles = 1;
    uv_timer_start(&r->timer, on_turn, 0, 0);
    return r;
}

void race_cancel(struct race *race) {
    stop(race);
}
