/* app/serve/server.h - servers on the program's threads.
 *
 * Owns a worker (loop, endpoints, thread) per thread. A part is one server of several that run in
 * the program: it has an endpoint on each worker, and a bus between them. Worker 0 runs on the
 * thread that calls server_run(); it hears the signals, and ends last.
 */
#ifndef TB_APP_SERVE_SERVER_H
#define TB_APP_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "conn/bus.h"
#include "conn/endpoint.h"
#include "net/bind.h"

struct worker {
    struct loop loop;
    struct endpoint *endpoints; /* one a part */
    size_t count;               /* endpoints that are ready, */
    size_t running;             /* and of these, those that have not ended */
    uv_thread_t thread;
    struct server *server;
    struct loop_task stop;
    struct loop_task stop_again;
    struct loop_task ended; /* told to worker 0 */
    bool tells_its_end;     /* worker 0, once it serves: as soon as its endpoints have ended */
};

struct server {
    struct worker *workers;
    size_t count;      /* workers that are ready */
    struct bus *buses; /* one a part */
    size_t parts;
    struct endpoint_shared shared;
    uv_signal_t signals[3];     /* SIGINT, SIGTERM, SIGHUP; on worker 0's loop */
    size_t signal_count;        /* of these, those that are heard */
    size_t serving;             /* workers that have not ended; worker 0's thread counts */
    unsigned stops;             /* how often the user asked us to stop */
    void (*on_stop)(void *ctx); /* on worker 0's thread, when it is asked first */
    /* On each worker's thread, before its endpoints stop. Both may be NULL. */
    void (*on_leave)(void *ctx, size_t worker);
    void *ctx;
};

/* Makes the workers, for parts of these configurations, which outlive the server. TB_OK; or an
 * error (errno set for TB_ESYS), after which only server_release() is allowed. */
int server_init(struct server *s, size_t threads, const struct endpoint_config *const *configs,
                size_t parts);

/* Hands out the bindings' descriptors, made for as many loops as there are threads, to the part's
 * endpoints; with a context, those who come there are spoken to by TLS. It outlives the server.
 * Called before server_run(), once for all that have a context, or none, in common. Errors as
 * above. */
int server_listen(struct server *s, size_t part, struct bindings *bindings,
                  struct tls_context *tls);

/* Serves until the user asks to stop. TB_OK, TB_ESYS if a thread could not be started. */
int server_run(struct server *s);

/* The loops end, if they have not, and are released; the endpoints are still there. */
void server_end(struct server *s);

/* After server_end(): the rest. */
void server_release(struct server *s);

#endif
