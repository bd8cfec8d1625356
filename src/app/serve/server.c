#include "app/serve/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* ---- stopping ---- */

static void run_stop(struct loop_task *task) {
    struct worker *w = (struct worker *)((char *)task - offsetof(struct worker, stop));
    endpoint_stop(&w->endpoint);
}

static void run_stop_again(struct loop_task *task) {
    struct worker *w = (struct worker *)((char *)task - offsetof(struct worker, stop_again));
    endpoint_stop(&w->endpoint);
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
    struct worker *w = (struct worker *)((char *)endpoint - offsetof(struct worker, endpoint));
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

static int worker_init(struct worker *w, struct server *s, const struct endpoint_config *config) {
    int err = loop_init(&w->loop);
    if (err != TB_OK) {
        return err;
    }
    err = endpoint_init(&w->endpoint, &w->loop, config, &s->shared);
    if (err != TB_OK) {
        loop_release(&w->loop);
        return err;
    }
    w->server = s;
    w->endpoint.on_ended = on_endpoint_ended;
    w->stop.run = run_stop;
    w->stop_again.run = run_stop_again;
    w->ended.run = run_ended;
    return TB_OK;
}

int server_init(struct server *s, size_t threads, const struct endpoint_config *config) {
    memset(s, 0, sizeof *s);
    s->workers = calloc(threads, sizeof *s->workers);
    s->bus.endpoints = calloc(threads, sizeof(struct endpoint *));
    if (s->workers == NULL || s->bus.endpoints == NULL) {
        return TB_ENOMEM;
    }
    while (s->count < threads) {
        struct worker *w = &s->workers[s->count];
        int err = worker_init(w, s, config);
        if (err != TB_OK) {
            return err;
        }
        s->bus.endpoints[s->count++] = &w->endpoint;
        s->bus.count = s->count;
    }
    return listen_to_signals(s);
}

int server_listen(struct server *s, struct bindings *bindings, struct tls_context *tls) {
    for (size_t i = 0; i < bindings->count; i++) {
        struct binding *b = &bindings->items[i];
        int fd = b->fd;
        b->fd = -1;
        int err = endpoint_listen(&s->workers[b->loop].endpoint, b->kind, fd, tls);
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
static void worker_release(struct worker *w) {
    if (!w->endpoint.stopping) {
        endpoint_stop(&w->endpoint);
    }
    loop_run(&w->loop);
}

void server_release(struct server *s) {
    close_signals(s);
    for (size_t i = 0; i < s->count; i++) {
        worker_release(&s->workers[i]);
    }
    for (size_t i = 0; i < s->count; i++) {
        loop_release(&s->workers[i].loop);
        endpoint_release(&s->workers[i].endpoint);
    }
    free(s->workers);
    free(s->bus.endpoints);
}
