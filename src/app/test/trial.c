#include "app/test/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conn/trace.h"
#include "net/bind.h"
#include "script/mock/mock.h"

enum {
    CLOSE_MS = 5000,
    HANDSHAKE_MS = 10000,
    CONNECTIONS_MAX = 10000,
    FRAGMENTS_MAX = 131072,
    NOTES_SIZE_MAX = 16 * 1024,
};

#define MIB (1024ULL * 1024)
#define KEEP_RECEIVED ((size_t)(64 * MIB)) /* for `verify` */

/* The mock's chance is not the scenario's: else both would make up the same. */
#define MOCK_SEED UINT64_C(0x94d049bb133111eb)

enum { OF_SERVER, OF_CLIENTS };

/* ---- what the mock says ---- */

static bool wants(void *ctx, enum log_level level) {
    (void)ctx;
    return level <= LOG_NORMAL;
}

static void see_handshake(void *ctx, const struct conn *c, const struct trace_handshake *h) {
    (void)ctx, (void)c, (void)h;
}

static void see_refusal(void *ctx, const struct conn *c, const struct trace_handshake *h,
                        const char *why) {
    (void)ctx, (void)c, (void)h, (void)why;
}

static void see_violation(void *ctx, const struct conn *c, enum ws_violation v) {
    (void)ctx, (void)c, (void)v;
}

static void see_dropped(void *ctx, const struct conn *c, uint64_t messages) {
    (void)ctx, (void)c, (void)messages;
}

static void see_close(void *ctx, const struct conn *c) {
    (void)ctx, (void)c;
}

/* What does not fit is left out: the first is what matters. */
static void note(void *ctx, enum log_level level, const char *text) {
    struct trial *t = ctx;
    struct sheet *notes = &t->outcome.notes;
    (void)level;
    if (notes->text.len < NOTES_SIZE_MAX) {
        sheet_safe(notes, text);
        sheet_put(notes, "\n");
    }
}

static const struct trace_view notes_view = {
    .wants = wants,
    .open = see_handshake,
    .refused = see_refusal,
    .violation = see_violation,
    .dropped = see_dropped,
    .close = see_close,
    .log = note,
};

/* ---- the end ---- */

static void on_endpoint_ended(struct endpoint *ep) {
    struct trial *t = ep->config->behaviour == &mock_behaviour
                          ? LIST_ENTRY(ep, struct trial, server)
                          : LIST_ENTRY(ep, struct trial, clients);
    if (--t->endpoints == 0) {
        t->config.on_done(t->config.ctx, t);
    }
}

/* Whoever is still connected is not waited for: the scenario is over. */
static void end_endpoint(struct endpoint *ep) {
    if (ep->loop != NULL) {
        endpoint_stop(ep);
        if (!list_is_empty(&ep->conns)) {
            endpoint_stop(ep);
        }
    }
}

static void end(struct trial *t) {
    if (t->mock != NULL && t->server.loop != NULL) {
        mock_end(t->mock, 0);
    }
    end_endpoint(&t->clients);
    end_endpoint(&t->server);
}

static void on_played(void *ctx, struct play_result *result) {
    struct trial *t = ctx;
    t->player = NULL;
    t->outcome.result = result;
    end(t);
}

/* ---- the beginning ---- */

static int init_endpoint(struct trial *t, struct endpoint *ep, int which) {
    struct endpoint_config *c = &t->configs[which];
    c->max_connections = which == OF_SERVER ? CONNECTIONS_MAX : UINT64_MAX;
    c->max_fragments = FRAGMENTS_MAX;
    c->max_backlog = UINT64_MAX; /* no scenario says more than memory takes */
    c->max_buffers = UINT64_MAX;
    c->close_ms = CLOSE_MS;
    int err = endpoint_init(ep, t->config.loop, c, &t->shared[which]);
    if (err != TB_OK) {
        ep->loop = NULL;
        return err;
    }
    ep->on_ended = on_endpoint_ended;
    t->endpoints++;
    return TB_OK;
}

static int bind_mock(struct trial *t, struct bindings *bindings, struct bytes *message) {
    static const char *const host[] = {"127.0.0.1"};
    struct bytes notes = BYTES_INIT;
    int err = bindings_add_hosts(bindings, host, 1, 0, 1, message, &notes);
    bytes_release(&notes);
    if (err == TB_OK) {
        snprintf(t->url, sizeof t->url, "ws://127.0.0.1:%" PRIu16 "/", bindings->port);
    }
    return err;
}

static int serve_mock(struct trial *t, int fd) {
    const struct mock_config config = {
        .trace = t->mock_trace, .seed = t->config.seed + MOCK_SEED, .keep_received = KEEP_RECEIVED};
    t->mock = mock_new(&config, 1);
    t->configs[OF_SERVER] = (struct endpoint_config){
        .policy = {.deflate = true, .no_context_takeover = true},
        .max_message = 64 * MIB,
        .handshake_ms = HANDSHAKE_MS,
        .page_html = "",
        .page_text = "",
        .behaviour = &mock_behaviour,
        .trace = t->mock_trace,
        .ctx = t->mock,
    };
    int err = t->mock != NULL ? init_endpoint(t, &t->server, OF_SERVER) : TB_ENOMEM;
    err = err == TB_OK ? mock_begin(t->mock, 0, &t->server, t->config.c->file->script) : err;
    if (err != TB_OK) {
        close(fd);
        return err;
    }
    return endpoint_listen(&t->server, STREAM_TCP, fd, NULL);
}

static int start_mock(struct trial *t, struct bytes *message) {
    struct bindings bindings = BINDINGS_INIT;
    t->mock_trace = trace_new(NULL, NULL);
    int err = t->mock_trace != NULL ? bind_mock(t, &bindings, message) : TB_ENOMEM;
    if (err == TB_OK) {
        trace_set_view(t->mock_trace, &notes_view, t);
        int fd = bindings.items[0].fd;
        bindings.items[0].fd = -1;
        err = serve_mock(t, fd);
    }
    bindings_release(&bindings);
    return err;
}

/* The file has no name: it is gone with the program, however that ends. */
static int open_recording(struct trial *t, struct bytes *message) {
    FILE *file = tmpfile();
    t->recording.fd = file != NULL ? dup(fileno(file)) : -1;
    int error = errno;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (t->recording.fd < 0) {
        bytes_appendf(message, "cannot record in a temporary file (%s)", strerror(error));
        return TB_ESYS;
    }
    t->recording.log = log_new(t->recording.fd, LOG_JSON, LOG_DEBUG);
    t->trace = t->recording.log != NULL ? trace_new(NULL, t->recording.log) : NULL;
    return t->trace != NULL ? TB_OK : TB_ENOMEM;
}

static int start_clients(struct trial *t) {
    t->configs[OF_CLIENTS] = (struct endpoint_config){
        .max_message = t->config.max_message,
        .handshake_ms = t->config.connect_timeout_ms,
        .behaviour = &player_behaviour,
        .trace = t->trace,
    };
    return init_endpoint(t, &t->clients, OF_CLIENTS);
}

/* ---- the player ---- */

static void on_step(void *ctx, const struct step *step, const char *client) {
    struct trial *t = ctx;
    t->config.on_step(t->config.ctx, step, client);
}

static void on_log(void *ctx, const char *client, const struct bytes *text) {
    struct trial *t = ctx;
    t->config.on_log(t->config.ctx, client, text);
}

static void on_met(void *ctx, const struct step *step, const struct play_event *event) {
    struct trial *t = ctx;
    met_add(&t->outcome.met, step, event);
}

static int start_player(struct trial *t) {
    const struct test_file *file = t->config.c->file;
    bool to_mock = t->config.target == TARGET_MOCK;
    const char *url = file->url.len > 0 ? (const char *)file->url.data : NULL;
    const struct player_config config = {
        .suite = file->script->suite,
        .scenario = t->config.c->scenario,
        .vars = &file->script->vars,
        .counters = file->script->counters,
        .seed = t->config.seed,
        .base_url = to_mock ? t->url : url,
        .base_wins = to_mock || file->url_wins,
        .dialler = t->config.dialler,
        .endpoint = &t->clients,
        .mock = t->mock,
        .ctx = t,
        .on_step = on_step,
        .on_log = on_log,
        .on_met = t->config.remembers_met ? on_met : NULL,
        .on_done = on_played,
    };
    t->player = player_start(&config);
    return t->player != NULL ? TB_OK : TB_ENOMEM;
}

int trial_start(struct trial *t, const struct trial_config *config, struct bytes *message) {
    memset(t, 0, sizeof *t);
    t->recording = (struct recording)RECORDING_INIT;
    t->config = *config;
    t->outcome.ran = true;
    int err = config->target == TARGET_MOCK ? start_mock(t, message) : TB_OK;
    err = err == TB_OK && config->records ? open_recording(t, message) : err;
    err = err == TB_OK ? start_clients(t) : err;
    err = err == TB_OK ? start_player(t) : err;
    if (err == TB_OK) {
        return TB_OK;
    }
    if (message->len == 0) {
        bytes_appendf(message, "cannot run a scenario (%s)",
                      err == TB_ESYS ? strerror(errno) : tb_err_text(err));
    }
    end(t);
    return err;
}

void trial_stop(struct trial *t, const char *why) {
    if (t->player != NULL) {
        player_stop(t->player, why);
    }
}

static void release_endpoint(struct endpoint *ep) {
    if (ep->loop != NULL) {
        endpoint_release(ep);
    }
}

/* The mock's rooms give back to the endpoint what they have of it. */
void trial_release(struct trial *t) {
    mock_free(t->mock);
    release_endpoint(&t->server);
    release_endpoint(&t->clients);
    trace_free(t->mock_trace);
    trace_free(t->trace);
    recording_close(&t->recording);
}
