#include "app/serve/article.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/serve/server.h"
#include "base/bytes.h"
#include "base/err.h"
#include "conn/trace.h"

static struct article *article_of(const struct conn *c) {
    return conn_endpoint(c)->config->ctx;
}

static bool contains(const struct ws_event *ev, const char *word) {
    return ev->size > 0 && memmem(ev->data, ev->size, word, strlen(word)) != NULL;
}

static void send_to_all(struct conn *c, uint8_t opcode, const uint8_t *p, size_t n) {
    if (bus_broadcast(&article_of(c)->server->bus, conn_endpoint(c), opcode, p, n) != TB_OK) {
        conn_close(c, WS_CLOSE_INTERNAL, "out of memory");
    }
}

static void answer_twice(struct conn *c, const struct ws_event *ev) {
    static const char *const suffixes[] = {" #1", " #2"};
    struct bytes answer = BYTES_INIT;
    for (size_t i = 0; i < 2; i++) {
        bytes_clear(&answer);
        if (bytes_append(&answer, ev->data, ev->size) != TB_OK ||
            bytes_append_str(&answer, suffixes[i]) != TB_OK) {
            conn_close(c, WS_CLOSE_INTERNAL, "out of memory");
            break;
        }
        send_to_all(c, ev->opcode, answer.data, answer.len);
    }
    bytes_release(&answer);
}

static void on_open(struct conn *c) {
    if (room_join(&conn_endpoint(c)->room, c) != TB_OK) {
        conn_close(c, WS_CLOSE_INTERNAL, "out of memory");
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    struct article *a = article_of(c);
    if (contains(ev, "ignore")) {
        trace_log(a->trace, "ignore response");
    } else if (contains(ev, "double")) {
        trace_log(a->trace, "double response");
        answer_twice(c, ev);
    } else {
        send_to_all(c, ev->opcode, ev->data, ev->size);
    }
}

static void on_close(struct conn *c) {
    (void)c;
}

const struct conn_behaviour article_behaviour = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

/* Counts only what was sent: nobody there, nothing sent. */
static void on_clock(uv_timer_t *clock) {
    struct article *a = clock->data;
    struct server *s = a->server;
    char text[64];
    if (atomic_load_explicit(&s->shared.open, memory_order_relaxed) == 0) {
        return;
    }
    int n = snprintf(text, sizeof text, "hello world %" PRIu64, a->sent);
    if (bus_broadcast(&s->bus, &s->workers[0].endpoint, WS_OP_TEXT, (const uint8_t *)text,
                      (size_t)n) != TB_OK) {
        return;
    }
    snprintf(text, sizeof text, "periodic message sent %" PRIu64 " times", a->sent);
    trace_log(a->trace, text);
    a->sent++;
}

void article_start(struct article *a, struct server *server, struct trace *trace,
                   uint64_t every_ms) {
    a->server = server;
    a->trace = trace;
    a->sent = 0;
    uv_timer_init(&server->workers[0].loop.uv, &a->clock);
    a->clock.data = a;
    if (every_ms > 0) {
        uv_timer_start(&a->clock, on_clock, every_ms, every_ms);
    }
}

void article_stop(struct article *a) {
    if (!uv_is_closing((uv_handle_t *)&a->clock)) {
        uv_close((uv_handle_t *)&a->clock, NULL);
    }
}
