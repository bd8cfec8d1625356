#include "play_rig.h"

#include <poll.h>
#include <stdlib.h>

#include "base/err.h"
#include "conn/endpoint.h"
#include "proto/frame.h"
#include "proto/url.h"

enum { LIMIT_MS = 20000 };

struct play_rig rig;

/* ---- the mock ---- */

bool mock_fault(struct mock *mock, const char *id, bool on) {
    (void)mock;
    size_t n = strlen(rig.faults);
    snprintf(rig.faults + n, sizeof rig.faults - n, "%c%s", on ? '+' : '-', id);
    return strncmp(id, "unknown", 7) != 0;
}

bool mock_received(struct mock *mock, const struct matcher *m, const struct scope *scope,
                   uint64_t *count) {
    (void)mock;
    (void)m;
    (void)scope;
    *count = rig.received;
    return !rig.forgets;
}

/* ---- the server ---- */

void say(struct conn *c, const char *text) {
    conn_send(c, WS_OP_TEXT, (const uint8_t *)text, strlen(text));
}

void sleep_ms(unsigned ms) {
    (void)poll(NULL, 0, (int)ms);
}

struct later {
    uv_timer_t timer;
    struct conn *c;
    char text[64];
};

static void on_timer_closed(uv_handle_t *handle) {
    free(handle);
}

static void on_later(uv_timer_t *timer) {
    struct later *l = (struct later *)timer;
    if (rig.opens > rig.closes) {
        say(l->c, l->text);
    }
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

void say_after(struct conn *c, uint64_t ms, const char *text) {
    struct later *l = calloc(1, sizeof *l);
    assert_non_null(l);
    uv_timer_init(&rig.server.loop.uv, &l->timer);
    l->c = c;
    snprintf(l->text, sizeof l->text, "%s", text);
    uv_timer_start(&l->timer, on_later, ms, 0);
}

static const struct conn_terms *on_request(struct conn *c, const struct http1 *request) {
    return rig.do_request != NULL ? rig.do_request(c, request) : NULL;
}

static void on_open(struct conn *c) {
    rig.opens++;
    if (rig.do_open != NULL) {
        rig.do_open(c);
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    if (rig.do_message == NULL) {
        conn_send(c, ev->opcode, ev->data, ev->size);
        return;
    }
    char text[256];
    snprintf(text, sizeof text, "%.*s", (int)ev->size, (const char *)ev->data);
    rig.do_message(c, text);
}

static void on_control(struct conn *c, const struct ws_event *ev) {
    if (ev->kind == WS_EVENT_PONG && rig.do_pong != NULL) {
        rig.do_pong(c);
    }
}

static void on_close(struct conn *c) {
    rig.closes++;
    rig.close_code = conn_ending(c).code;
}

static const struct conn_behaviour server_behaviour = {
    .on_request = on_request,
    .on_open = on_open,
    .on_message = on_message,
    .on_control = on_control,
    .on_close = on_close,
};

/* ---- dialling ---- */

struct held {
    struct url url;
    char host[128];
};

static int make_target(void *ctx, const struct player_dial *want, struct client_target *target,
                       void **hold, struct bytes *message) {
    (void)ctx;
    struct held *h = calloc(1, sizeof *h);
    struct bytes host = BYTES_INIT;
    if (h == NULL) {
        return TB_ENOMEM;
    }
    int err = url_parse(&h->url, want->url, message);
    err = err == TB_OK ? url_write_host(&h->url, &host) : err;
    if (err != TB_OK) {
        url_release(&h->url);
        free(h);
        return err;
    }
    snprintf(h->host, sizeof h->host, "%.*s", (int)host.len, (const char *)host.data);
    bytes_release(&host);
    snprintf(rig.url, sizeof rig.url, "%s", want->url);
    rig.headers[0] = rig.protocols[0] = '\0';
    for (size_t i = 0; i < want->header_count; i++) {
        size_t n = strlen(rig.headers);
        snprintf(rig.headers + n, sizeof rig.headers - n, "%s;", want->headers[i]);
    }
    for (size_t i = 0; i < want->protocol_count; i++) {
        size_t n = strlen(rig.protocols);
        snprintf(rig.protocols + n, sizeof rig.protocols - n, "%s;", want->protocols[i]);
    }
    *target = (struct client_target){.url = want->url,
                                     .route = {.host = "127.0.0.1", .port = h->url.port},
                                     .host = h->url.host,
                                     .port = h->url.port,
                                     .request = {.host = h->host,
                                                 .target = h->url.target,
                                                 .headers = want->headers,
                                                 .header_count = want->header_count,
                                                 .subprotocols = want->protocols,
                                                 .subprotocol_count = want->protocol_count}};
    *hold = h;
    rig.held++;
    return TB_OK;
}

static void release_target(void *ctx, void *hold) {
    struct held *h = hold;
    (void)ctx;
    url_release(&h->url);
    free(h);
    rig.held--;
}

/* ---- what is told ---- */

static void on_step(void *ctx, const struct step *step, const char *client) {
    (void)ctx;
    (void)step;
    (void)client;
    rig.steps++;
}

static void on_log(void *ctx, const char *client, const struct bytes *text) {
    (void)ctx;
    size_t n = strlen(rig.log);
    snprintf(rig.log + n, sizeof rig.log - n, "%s: %.*s;", client != NULL ? client : "-",
             (int)text->len, (const char *)text->data);
}

static void on_met(void *ctx, const struct step *step, const struct play_event *event) {
    struct bytes words = BYTES_INIT;
    size_t n = strlen(rig.met);
    (void)ctx;
    if (play_event_write(event, &words) != TB_OK) { /* a test without memory */
        return;
    }
    snprintf(rig.met + n, sizeof rig.met - n, "%s %u %.*s;", event->client, step->node->line,
             (int)words.len, (const char *)words.data);
    bytes_release(&words);
}

static void on_done(void *ctx, struct play_result *result) {
    (void)ctx;
    assert_null(rig.result);
    rig.result = result;
}

/* ---- life ---- */

int set_up(void **state) {
    (void)state;
    memset(&rig, 0, sizeof rig);
    server_rig_configure(&rig.server, &server_behaviour);
    if (!server_rig_start(&rig.server)) {
        return -1;
    }
    rig.config = rig.server.config;
    rig.config.behaviour = &player_behaviour;
    snprintf(rig.base, sizeof rig.base, "ws://127.0.0.1:%u/", rig.server.port);
    rig.player = (struct player_config){
        .seed = 1,
        .base_url = rig.base,
        .dialler = {.target = make_target, .release = release_target},
        .endpoint = &rig.endpoint,
        .on_step = on_step,
        .on_log = on_log,
        .on_met = on_met,
        .on_done = on_done,
    };
    return endpoint_init(&rig.endpoint, &rig.server.loop, &rig.config, &rig.shared) == TB_OK ? 0
                                                                                             : -1;
}

int tear_down(void **state) {
    (void)state;
    play_result_free(rig.result);
    suite_rig_release(&rig.suite);
    endpoint_stop(&rig.endpoint);
    endpoint_stop(&rig.endpoint);
    bool clean = server_rig_stop(&rig.server);
    endpoint_release(&rig.endpoint);
    return clean && rig.held == 0 && rig.opens == rig.closes &&
                   atomic_load(&rig.shared.connections) == 0
               ? 0
               : -1;
}

/* ---- playing ---- */

static bool read_suite(const char *text, size_t i) {
    suite_rig_release(&rig.suite);
    if (suite_rig_read(&rig.suite, text) != TB_OK) {
        fail_msg("%s", (const char *)rig.suite.message.data);
    }
    rig.player.suite = rig.suite.suite;
    rig.player.scenario = &rig.suite.suite->scenarios[i];
    rig.player.counters = rig.suite.reader.counters;
    return true;
}

void start(const char *text, size_t i) {
    play_result_free(rig.result);
    rig.result = NULL;
    rig.met[0] = '\0';
    assert_true(read_suite(text, i));
    assert_non_null(player_start(&rig.player));
}

bool turn_until_done(void) {
    uint64_t until_ns = uv_hrtime() + (uint64_t)LIMIT_MS * 1000000;
    struct pollfd p = {.fd = uv_backend_fd(&rig.server.loop.uv), .events = POLLIN};
    while (rig.result == NULL && uv_hrtime() < until_ns) {
        int ms = uv_backend_timeout(&rig.server.loop.uv);
        (void)poll(&p, 1, ms < 0 || ms > 50 ? 50 : ms);
        server_rig_turn(&rig.server);
    }
    return rig.result != NULL;
}

void play_at(const char *text, size_t i) {
    start(text, i);
    assert_true(turn_until_done());
}

void play(const char *text) {
    play_at(text, 0);
}

void play_steps(const char *steps) {
    char text[4096];
    snprintf(text, sizeof text, "scenarios:\n- name: x\n  steps:\n%s", steps);
    play(text);
}

/* ---- what came of it ---- */

static const char *text_of(const struct bytes *b) {
    static char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)b->len, b->len > 0 ? (const char *)b->data : "");
    return text;
}

static void assert_has(const struct bytes *b, const char *piece) {
    const char *text = text_of(b);
    if (strstr(text, piece) == NULL) {
        fail_msg("expected '%s' in: %s", piece, text);
    }
}

void assert_passed(void) {
    if (!rig.result->passed) {
        fail_msg("line %u: %s", rig.result->failure.node->line, rig.result->failure.why);
    }
}

void assert_failed(unsigned line, const char *why) {
    assert_false(rig.result->passed);
    const struct play_failure *f = &rig.result->failure;
    if (f->node->line != line || strstr(f->why, why) == NULL) {
        fail_msg("expected '%s' in line %u, and it is in line %u: %s", why, line, f->node->line,
                 f->why);
    }
}

void assert_awaited(const char *text) {
    assert_has(&rig.result->failure.awaited, text);
}

void assert_came(size_t i, const char *text) {
    struct bytes out = BYTES_INIT;
    const struct play_events *came = &rig.result->failure.came;
    assert_true(i < came->count);
    assert_int_equal(play_event_write(play_events_at(came, i), &out), TB_OK);
    assert_string_equal(text_of(&out), text);
    bytes_release(&out);
}

void assert_why_not(const char *text) {
    assert_has(&rig.result->failure.why_not, text);
}

void assert_diff(const char *text) {
    assert_string_equal(text_of(&rig.result->failure.diff), text);
}
