#include "server_rig.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "net/bind.h"
#include "ws_client.h"

enum { LIMIT_TURNS = 30000 };

static struct server_rig *running;

static void have_a_turn(void) {
    server_rig_turn(running);
}

void server_rig_configure(struct server_rig *rig, const struct conn_behaviour *behaviour) {
    memset(rig, 0, sizeof *rig);
    rig->config = (struct endpoint_config){
        .policy = {.deflate = true, .no_context_takeover = true},
        .max_message = 1024 * 1024,
        .max_fragments = 1000,
        .max_backlog = 1024 * 1024,
        .max_buffers = 256 * 1024 * 1024,
        .max_connections = 1000,
        .handshake_ms = 30000,
        .close_ms = 30000,
        .page_html = "<p>page</p>\n",
        .page_text = "page\n",
        .behaviour = behaviour,
    };
}

bool server_rig_start(struct server_rig *rig) {
    static const char *const host[] = {"127.0.0.1"};
    struct bindings bindings = BINDINGS_INIT;
    struct bytes message = BYTES_INIT;
    struct bytes notes = BYTES_INIT;
    bool ok = loop_init(&rig->loop) == TB_OK &&
              endpoint_init(&rig->endpoint, &rig->loop, &rig->config, &rig->shared) == TB_OK &&
              bindings_add_hosts(&bindings, host, 1, 0, 1, &message, &notes) == TB_OK;
    if (ok) {
        rig->port = bindings.port;
        int fd = bindings.items[0].fd;
        bindings.items[0].fd = -1;
        ok = endpoint_listen(&rig->endpoint, STREAM_TCP, fd, NULL) == TB_OK;
    }
    bindings_release(&bindings);
    bytes_release(&message);
    bytes_release(&notes);
    running = rig;
    ws_client_idle = have_a_turn;
    return ok;
}

void server_rig_turn(struct server_rig *rig) {
    uv_run(&rig->loop.uv, UV_RUN_NOWAIT);
}

bool server_rig_await(struct server_rig *rig, const atomic_uint_fast64_t *count, uint64_t n) {
    struct pollfd p = {.fd = uv_backend_fd(&rig->loop.uv), .events = POLLIN};
    for (int i = 0; i < LIMIT_TURNS && atomic_load(count) != n; i++) {
        (void)poll(&p, 1, 1);
        server_rig_turn(rig);
    }
    return atomic_load(count) == n;
}

bool server_rig_stop(struct server_rig *rig) {
    ws_client_idle = NULL;
    if (!rig->endpoint.stopping) {
        endpoint_stop(&rig->endpoint);
    }
    endpoint_stop(&rig->endpoint);
    loop_end(&rig->loop);
    loop_run(&rig->loop);
    loop_release(&rig->loop);
    endpoint_release(&rig->endpoint);
    return atomic_load(&rig->shared.connections) == 0 && atomic_load(&rig->shared.open) == 0 &&
           atomic_load(&rig->shared.buffers) == 0;
}
