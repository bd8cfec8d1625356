#include "app/serve/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { HEAP_KEPT = 512 * 1024 };

/* ---- stopping ---- */

static void stop_worker(struct worker *w) {
    for (size_t i = 0; i < w->count; i++) {
        endpoint_stop(&w->endpoints[i]);
    }
}

static void leave(struct worker *w) {
    struct server *s = w->server;
    if (s->on_leave != NULL) {
        s->on_leave(s->ctx, (size_t)(w - s->workers));
    }
    stop_worker(w);
}

static void run_stop(struct loop_task *task) {
    leave((struct worker *)((char *)task - offsetof(struct worker, stop)));
}

/* Those that have ended meanwhile have nothing to stop. */
static void run_stop_again(struct loop_task *task) {
    stop_worker((struct worker *)((char *)task - offsetof(struct worker, stop_again)));
}

static void stop(struct server *s) {
    s->stops++;
    if (s->stops == 1 && s->on_stop != NULL) {
        s->on_stop(s->ctx);
    }
    for (size_t i = 0; i < s->count && s->stops <= 2; i++) {
        struct worker *w = &s->workers[i];
        loop_post(&w->loop, s->stops == 1 ? &w->stop : &w->stop_again);
    }
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *signal, int number) {
    (void)number;
    stop(signal->data);
}

/* nohup asks that the end of the terminal be no reason to stop. */
static bool is_ignored(int number) {
    struct sigaction before;
    return sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

static int listen_to_signal(struct server *s, int number) {
    uv_signal_t *signal = &s->signals[s->signal_count];
    int err = uv_signal_init(&s->workers[0].loop.uv, signal);
    if (err == 0) {
        s->signal_count++;
        signal->data = s;
        err = uv_signal_start(signal, on_signal, number);
    }
    errno = -err;
    return err == 0 ? TB_OK : TB_ESYS;
}

static int listen_to_signals(struct server *s) {
    int err = listen_to_signal(s, SIGINT);
    err = err == TB_OK ? listen_to_signal(s, SIGTERM) : err;
    return err == TB_OK && !is_ignored(SIGHUP) ? listen_to_signal(s, SIGHUP) : err;
}

static void close_signals(struct server *s) {
    while (s->signal_count > 0) {
        uv_close((uv_handle_t *)&s->signals[--s->signal_count], NULL);
    }
}

/* The signals keep worker 0's loop running, and it hears them, until nobody serves any more: a
 * second one is for whoever still waits. */
static void worker_ended(struct server *s) {
    if (--s->serving == 0) {
        close_signals(s);
    }
}

static void on_endpoint_ended(struct endpoint *endpoint) {
    struct worker *w = (struct worker *)((char *)endpoint->loop - offsetof(struct worker, loop));
    if (--w->running > 0) {
        return;
    }
    loop_end(&w->loop);
    if (w->tells_its_end) {
        worker_ended(w->server);
    }
}

static void run_ended(struct loop_task *task) {
    struct worker *w = (struct worker *)((char *)task - offsetof(struct worker, ended));
    worker_ended(w->server);
}

/* ---- making ---- */

static int add_endpoint(struct worker *w, const struct endpoint_config *config) {
    struct endpoint *ep = &w->endpoints[w->count];
    int err = endpoint_init(ep, &w->loop, config, &w->server->shared);
    if (err == TB_OK) {
        ep->on_ended = on_endpoint_ended;
        w->server->buses[w->count].endpoints[w->server->count] = ep;
        w->count++;
        w->running++;
    }
    return err;
}

/* After an error the worker may be ready in part, and is counted; if it is not, it is released. */
static int worker_init(struct worker *w, struct server *s,
                       const struct endpoint_config *const *configs) {
    w->server = s;
    w->endpoints = calloc(s->parts, sizeof *w->endpoints);
    int err = w->endpoints == NULL ? TB_ENOMEM : loop_init(&w->loop);
    if (err != TB_OK) {
        free(w->endpoints);
        return err;
    }
    w->stop.run = run_stop;
    w->stop_again.run = run_stop_again;
    w->ended.run = run_ended;
    for (size_t i = 0; i < s->parts && err == TB_OK; i++) {
        err = add_endpoint(w, configs[i]);
    }
    if (w->count == 0) {
        loop_release(&w->loop);
        free(w->endpoints);
    } else {
        s->count++;
    }
    return err;
}

static int make_buses(struct server *s, size_t threads) {
    s->buses = calloc(s->parts, sizeof *s->buses);
    for (size_t i = 0; s->buses != NULL && i < s->parts; i++) {
        s->buses[i].endpoints = calloc(threads, sizeof(struct endpoint *));
        if (s->buses[i].endpoints == NULL) {
            return TB_ENOMEM;
        }
    }
    return s->buses == NULL ? TB_ENOMEM : TB_OK;
}

/* Once 128 KiB at its end are free, glibc gives them back to the system, only to ask for them
 * again, page by page, for the next large message. Having freed a larger block, it keeps twice as
 * much. */
static void keep_heap(void) {
    void *volatile block = malloc(HEAP_KEPT / 2);
    free(block);
}

int server_init(struct server *s, size_t threads, const struct endpoint_config *const *configs,
                size_t parts) {
    keep_heap();
    memset(s, 0, sizeof *s);
    s->parts = parts;
    s->workers = calloc(threads, sizeof *s->workers);
    int err = s->workers == NULL ? TB_ENOMEM : make_buses(s, threads);
    while (err == TB_OK && s->count < threads) {
        err = worker_init(&s->workers[s->count], s, configs);
    }
    for (size_t i = 0; err == TB_OK && i < parts; i++) {
        s->buses[i].count = threads;
    }
    return err == TB_OK ? listen_to_signals(s) : err;
}

int server_listen(struct server *s, size_t part, struct bindings *bindings,
                  struct tls_context *tls) {
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *b = &bindings->items[i];
        int fd = b->fd;
        b->fd = -1;
        int err = endpoint_listen(&s->workers[b->loop].endpoints[part], b->kind, fd, tls);
        if (err != TB_OK) {
            return err;
        }
    }
    return TB_OK;
}

/* ---- running ---- */

static void run_worker(void *arg) {
    struct worker *w = arg;
    loop_run(&w->loop);
    loop_post(&w->server->workers[0].loop, &w->ended);
}

int server_run(struct server *s) {
    size_t started = 1;
    int err = 0;
    while (started < s->count && err == 0) {
        struct worker *w = &s->workers[started];
        err = uv_thread_create(&w->thread, run_worker, w);
        started += err == 0;
    }
    s->serving = started;
    s->workers[0].tells_its_end = true; /* the others do it when their loops have ended */
    if (err != 0) {
        stop(s);
    }
    loop_run(&s->workers[0].loop);
    for (size_t i = 1; i < started; i++) {
        uv_thread_join(&s->workers[i].thread);
    }
    errno = -err;
    return err == 0 ? TB_OK : TB_ESYS;
}

/* A loop that never ran is stopped and run to its end here. */
static void worker_end(struct worker *w) {
    if (!w->endpoints[0].stopping) {
        leave(w);
    }
    loop_run(&w->loop);
}

void server_end(struct server *s) {
    close_signals(s);
    for (size_t i = 0; i < s->count; i++) {
        worker_end(&s->workers[i]);
    }
    for (size_t i = 0; i < s->count; i++) {
        loop_release(&s->workers[i].loop);
    }
}

void server_release(struct server *s) {
    for (size_t i = 0; i < s->count; i++) {
        struct worker *w = &s->workers[i];
        for (size_t k = 0; k < w->count; k++) {
            endpoint_release(&w->endpoints[k]);
        }
        free(w->endpoints);
    }
    for (size_t i = 0; s->buses != NULL && i < s->parts; i++) {
        free(s->buses[i].endpoints);
    }
    free(s->buses);
    free(s->workers);
}
