/* app/serve/server.h - the practice server on its threads.
 *
 * Owns a worker (loop, endpoint, thread) per thread, and the bus between them. Worker 0 runs on
 * the thread that calls server_run(); it hears the signals, and ends last.
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
    struct endpoint endpoint;
    uv_thread_t thread;
    struct server *server;
    struct loop_task stop;
    struct loop_task stop_again;
    struct loop_task ended; /* told to worker 0 */
    bool tells_its_end;     /* worker 0, once it serves: as soon as its endpoint has ended */
};

struct server {
    struct worker *workers;
    size_t count; /* workers that are ready */
    struct bus bus;
    struct endpoint_shared shared;
    uv_signal_t signals[3];     /* SIGINT, SIGTERM, SIGHUP; on worker 0's loop */
    size_t signal_count;        /* of these, those that are heard */
    size_t serving;             /* workers that have not ended; worker 0's thread counts */
    unsigned stops;             /* how often the user asked us to stop */
    void (*on_stop)(void *ctx); /* on worker 0's thread, when it is asked first */
    void *ctx;
};

/* Makes the workers. `config` outlives the server. TB_OK; or an error (errno set for TB_ESYS),
 * after which only server_release() is allowed. */
int server_init(struct server *s, size_t threads, const struct endpoint_config *config);

/* Hands out the bindings' descriptors, made for as many loops as there are threads, to the workers;
 * with a context, those who come there are spoken to by TLS. It outlives the server. Called before
 * server_run(), once for all that have a context, or none, in common. Errors as above. */
int server_listen(struct server *s, struct bindings *bindings, struct tls_context *tls);

/* Serves until the user asks to stop. TB_OK, TB_ESYS if a thread could not be started. */
int server_run(struct server *s);

void server_release(struct server *s);

#endif
