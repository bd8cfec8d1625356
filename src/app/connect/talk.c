#include "app/connect/talk.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "app/command.h"
#include "app/connect/prompt.h"
#include "app/dial/outcome.h"
#include "base/err.h"
#include "conn/client.h"
#include "conn/trace.h"

enum {
    UNSENT_MAX = 256 * 1024, /* bytes that may wait for the network while input is read */
    DEFAULT_WAIT_MS = 1000,
    EXPECT_WAIT_MS = 10000,
    FULL_RETRY_MS = 100,
    FRAGMENTS_MAX = 131072, /* of a message */
    LAST_WORDS_MS = 250,    /* beyond --max-time, to be written */
};

static void dial(struct talk *t);

/* ---- the end ---- */

static void end(struct talk *t) {
    if (t->state == TALK_OVER) {
        return;
    }
    t->state = TALK_OVER;
    talk_stop_listening(t);
    uv_close((uv_handle_t *)&t->wait, NULL);
    uv_close((uv_handle_t *)&t->pause, NULL);
    endpoint_stop(&t->endpoint); /* finish() comes when the output is written */
}

static void on_endpoint_ended(struct endpoint *endpoint) {
    loop_end(endpoint->loop);
}

/* The loop ends with the connection. What is still to be written will not be. */
static void finish(struct talk *t) {
    uv_unref((uv_handle_t *)&t->limit); /* these are heard as long as the loop runs */
    for (size_t i = 0; i < TALK_SIGNALS; i++) {
        uv_unref((uv_handle_t *)&t->signals[i]);
    }
    outlet_stop(&t->out);
    outlet_stop(&t->err);
}

/* Nothing is waited for any more. */
static void finish_now(struct talk *t) {
    finish(t);
    endpoint_stop(&t->endpoint);
}

static void on_flushed(void *ctx) {
    struct talk *t = ctx;
    if (t->state == TALK_OVER && outlet_is_empty(&t->out)) {
        finish(t);
    }
}

/* Leaves without a close, once what was said is written; the second time, at once. */
static void drop(struct talk *t) {
    struct conn *c = t->conn;
    t->dropped = true;
    if (t->state != TALK_LEAVING) { /* nobody tells of the end of a dial */
        t->conn = NULL;
    }
    if (c != NULL) {
        conn_drop(c);
    }
    if (t->conn == NULL) {
        end(t);
    }
}

static void begin_to_leave(struct talk *t) {
    t->state = TALK_LEAVING;
    uv_timer_stop(&t->wait);
    talk_listen_on(t, false);
}

void talk_leave(struct talk *t, int code) {
    if (t->code == EXIT_OK) {
        t->code = code;
    }
    if (t->state >= TALK_LEAVING) {
        return;
    }
    if (t->state != TALK_OPEN) {
        drop(t);
        return;
    }
    begin_to_leave(t);
    if (t->settings->no_close) {
        drop(t);
    } else {
        conn_close(t->conn, (uint16_t)t->settings->close_code, t->settings->close_reason);
    }
}

/* ---- time ---- */

static uint64_t patience_ms(const struct talk *t) {
    const struct connect_settings *s = t->settings;
    if (s->wait_ms != WAIT_NOT_GIVEN) {
        return s->wait_ms;
    }
    if (t->interactive || s->max_messages > 0) {
        return OPTION_FOREVER_MS;
    }
    bool expects = s->expect.count > 0 || s->expect_close != CLOSE_NOT_GIVEN;
    return expects ? EXPECT_WAIT_MS : DEFAULT_WAIT_MS;
}

static void on_waited(uv_timer_t *timer) {
    struct talk *t = timer->data;
    const struct connect_settings *s = t->settings;
    if (outlet_is_full(&t->out)) { /* it is not the server that we wait for */
        uv_timer_start(timer, on_waited, FULL_RETRY_MS, 0);
    } else if (expect_is_pending(&t->expect)) {
        talk_miss_message(t);
        talk_leave(t, EXIT_EXPECTED);
    } else if (s->expect_close != CLOSE_NOT_GIVEN) {
        talk_miss_close(t);
        talk_leave(t, EXIT_EXPECTED);
    } else if (t->received < s->max_messages) {
        show_error(&t->show, "%" PRIu64 " of %" PRIu64 " messages came within %.3g s (--wait)",
                   t->received, s->max_messages, (double)patience_ms(t) / 1e3);
        talk_leave(t, EXIT_TIME);
    } else {
        talk_leave(t, EXIT_OK);
    }
}

/* The time begins when everything is said. */
static void wait_if_all_is_said(struct talk *t) {
    uint64_t ms = patience_ms(t);
    if (t->state == TALK_OPEN && t->input_over && ms != OPTION_FOREVER_MS &&
        conn_unsent(t->conn) == 0 && !uv_is_active((uv_handle_t *)&t->wait)) {
        uv_timer_start(&t->wait, on_waited, ms, 0);
    }
}

void talk_input_ended(struct talk *t) {
    t->input_over = true;
    wait_if_all_is_said(t);
}

/* A close frame is sent, but not waited for; a server that takes nothing is not waited for, either.
 */
static void on_limit(uv_timer_t *timer) {
    struct talk *t = timer->data;
    int code = EXIT_TIME;
    if (t->state == TALK_OVER) {
        if (!outlet_is_empty(&t->out)) {
            show_error(&t->show, "the output was not read in time (--max-time)");
            t->code = t->code == EXIT_OK ? EXIT_TIME : t->code;
        }
        finish_now(t);
        return;
    }
    if (t->state == TALK_OPEN && expect_is_pending(&t->expect)) {
        talk_miss_message(t);
        code = EXIT_EXPECTED;
    } else if (t->state == TALK_OPEN && t->settings->expect_close != CLOSE_NOT_GIVEN) {
        talk_miss_close(t);
        code = EXIT_EXPECTED;
    } else if (!t->dropped && !t->decided && t->code == EXIT_OK) {
        show_error(&t->show, "gave up after %.3g s (--max-time)",
                   (double)t->settings->dial.max_time_ms / 1e3);
    }
    uv_timer_start(timer, on_limit, LAST_WORDS_MS, 0);
    bool was_dropped = t->dropped;
    talk_leave(t, was_dropped || t->decided ? EXIT_OK : code);
    if (t->state == TALK_LEAVING && (was_dropped || !t->dropped)) {
        drop(t);
    }
}

/* ---- the next dial ---- */

static void on_paused(uv_timer_t *timer) {
    dial(timer->data);
}

static void dial_again(struct talk *t, uint64_t delay_ms) {
    t->state = TALK_PAUSING;
    uv_timer_start(&t->pause, on_paused, delay_ms, 0);
}

/* Whether a lost connection is to come back; says so. */
static bool come_back(struct talk *t) {
    const struct connect_settings *s = t->settings;
    if (s->reconnect == NULL || !t->was_open || t->tries >= s->reconnect_tries) {
        return false;
    }
    t->tries++;
    dial_plan_restart(t->plan);
    if (s->reconnect_tries == UINT64_MAX) {
        show_note(&t->show, "connecting again in %.3g s (try %" PRIu64 ")",
                  (double)s->reconnect_delay_ms / 1e3, t->tries);
    } else {
        show_note(&t->show, "connecting again in %.3g s (try %" PRIu64 " of %" PRIu64 ")",
                  (double)s->reconnect_delay_ms / 1e3, t->tries, s->reconnect_tries);
    }
    dial_again(t, s->reconnect_delay_ms);
    return true;
}

/* A redirect that was followed, or another try. */
static bool go_on(struct talk *t, const struct client_refusal *r) {
    struct bytes message = BYTES_INIT;
    uint64_t delay_ms = 0;
    switch (dial_plan_redirect(t->plan, r, &message)) {
    case DIAL_FOLLOW:
        show_event(&t->show, "redirected to %s", dial_plan_target(t->plan)->url);
        dial(t);
        return true;
    case DIAL_WRONG:
        show_error(&t->show, "%.*s", (int)message.len, (const char *)message.data);
        break;
    case DIAL_STAY:
        if (dial_plan_retry(t->plan, r, &delay_ms)) {
            show_note(&t->show, "%s; trying again in %.3g s", r->why, (double)delay_ms / 1e3);
            dial_again(t, delay_ms);
            return true;
        }
        break;
    }
    bytes_release(&message);
    return false;
}

static void on_refused(struct conn *c, const struct client_refusal *r) {
    struct talk *t = conn_endpoint(c)->config->ctx;
    t->conn = NULL;
    const char *hint = dial_hint(t->plan, r);
    if (go_on(t, r)) {
        return;
    }
    show_error(&t->show, "%s: %s", dial_plan_target(t->plan)->url, r->why);
    show_answer(&t->show, r);
    if (hint != NULL) {
        show_note(&t->show, "%s", hint);
    }
    if (come_back(t)) {
        return;
    }
    if (t->code == EXIT_OK) {
        t->code = dial_exit_code(r);
    }
    end(t);
}

static void on_stage(struct conn *c, int stage, const char *text) {
    struct talk *t = conn_endpoint(c)->config->ctx;
    (void)stage;
    show_stage(&t->show, text);
}

static void dial(struct talk *t) {
    t->state = TALK_DIALLING;
    t->conn = client_dial(&t->endpoint, dial_plan_target(t->plan));
    if (t->conn == NULL) {
        show_error(&t->show, "cannot connect (out of memory)");
        t->code = EXIT_SYSTEM;
        end(t);
    }
}

/* ---- the conversation ---- */

int talk_say(struct talk *t, const struct order *o) {
    if (t->state != TALK_OPEN || !conn_is_open(t->conn)) {
        return TB_EINVAL;
    }
    bool frames = t->show.frames; /* what breaks the rules is shown as it is sent */
    t->show.frames = frames || order_is_unlawful(o) || o->fragment > 0;
    t->show.pings_asked += t->interactive && o->kind == ORDER_PING;
    order_carry_out(o, t->conn, &t->settings->shape);
    t->show.frames = frames;
    if (t->state != TALK_OPEN) {
        return TB_OK; /* it ended with it, for memory is out: that is told */
    }
    if (o->kind == ORDER_CLOSE && !conn_is_open(t->conn)) {
        begin_to_leave(t);
    } else if (conn_unsent(t->conn) > UNSENT_MAX) {
        talk_listen_on(t, false);
    }
    return TB_OK;
}

static void on_open(struct conn *c) {
    struct talk *t = conn_endpoint(c)->config->ctx;
    bool first = !t->was_open;
    t->state = TALK_OPEN;
    t->was_open = true;
    t->tries = 0;
    if (!first && t->show.manner != SHOW_PERSON) {
        show_note(&t->show, "open again");
    }
    outlet_begin(&t->out);
    for (size_t i = 0; first && i < t->order_count && t->state == TALK_OPEN; i++) {
        (void)talk_say(t, &t->orders[i]);
    }
    if (first && t->state == TALK_OPEN) {
        talk_listen(t);
    }
    if (t->state == TALK_OPEN) {
        talk_listen_on(t, conn_unsent(c) <= UNSENT_MAX);
        wait_if_all_is_said(t);
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    struct talk *t = conn_endpoint(c)->config->ctx;
    const struct connect_settings *s = t->settings;
    bool pending = expect_is_pending(&t->expect);
    t->received++;
    expect_see(&t->expect, ev->opcode, ev->data, ev->size);
    if (pending && !expect_is_pending(&t->expect) && s->expect_close == CLOSE_NOT_GIVEN) {
        t->decided = true;
        talk_leave(t, EXIT_OK);
    } else if (s->max_messages > 0 && t->received == s->max_messages) {
        conn_ignore(c);
        if (expect_is_pending(&t->expect)) {
            talk_miss_message(t);
            talk_leave(t, EXIT_EXPECTED);
        } else {
            t->decided = s->expect_close == CLOSE_NOT_GIVEN;
            talk_leave(t, EXIT_OK);
        }
    }
}

static void on_drained(struct conn *c) {
    struct talk *t = conn_endpoint(c)->config->ctx;
    if (t->state == TALK_OPEN) {
        talk_listen_on(t, true);
        wait_if_all_is_said(t);
    }
}

/* ---- the end of a connection ---- */

static bool may_come_back(const struct talk *t, const struct conn_ending *e) {
    return t->state == TALK_OPEN && e->violation == WS_V_NONE &&
           (e->closer != CONN_CLOSED_BY_PEER || e->code != WS_CLOSE_NORMAL);
}

static void on_close(struct conn *c) {
    struct talk *t = conn_endpoint(c)->config->ctx;
    struct conn_ending e = conn_ending(c);
    int code = t->decided ? EXIT_OK : talk_judge_end(t, &e);
    t->conn = NULL;
    uv_timer_stop(&t->wait);
    if (may_come_back(t, &e)) {
        talk_listen_on(t, false);
        if (come_back(t)) {
            return;
        }
    }
    if (t->code == EXIT_OK && !t->dropped && !t->decided) {
        t->code = talk_judge_expectations(t, &e, code);
    }
    end(t);
}

static const struct conn_behaviour behaviour = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
    .on_drained = on_drained,
    .on_refused = on_refused,
    .on_stage = on_stage,
};

/* ---- what comes from the system ---- */

/* The first signal leaves politely, the next one at once. */
static void on_signal(uv_signal_t *handle, int number) {
    struct talk *t = handle->data;
    (void)number;
    if (t->state < TALK_LEAVING) {
        if (t->show.manner == SHOW_PERSON && t->state == TALK_OPEN) {
            show_event(&t->show, "closing; Ctrl+C again leaves at once");
        }
        talk_leave(t, EXIT_INTERRUPTED);
        return;
    }
    t->code = EXIT_INTERRUPTED;
    if (t->state == TALK_LEAVING) {
        drop(t);
    }
    finish_now(t);
}

static void flush_shown(void *ctx) {
    struct talk *t = ctx;
    show_flush(&t->show);
}

static void on_broken_output(void *ctx, int error) {
    struct talk *t = ctx;
    show_error(&t->show, "cannot write the output (%s)", strerror(error));
    talk_leave(t, EXIT_OUTPUT);
}

/* ---- the run ---- */

static void configure(struct talk *t) {
    const struct connect_settings *s = t->settings;
    t->config = (struct endpoint_config){
        .max_message = s->dial.max_message,
        .max_fragments = FRAGMENTS_MAX,
        .max_backlog = UINT64_MAX, /* input stops long before */
        .max_buffers = UINT64_MAX,
        .max_connections = UINT64_MAX,
        .handshake_ms = s->dial.connect_timeout_ms,
        .ping_interval_ms = s->ping_interval_ms,
        .ping_timeout_ms = s->ping_timeout_ms,
        .close_ms = 5000,
        .frame_events = trace_wants(t->trace, LOG_DEBUG),
        .no_pongs = s->inhibit_pongs,
        .behaviour = &behaviour,
        .trace = t->trace,
        .ctx = t,
    };
}

static void start_timers_and_signals(struct talk *t) {
    static const int numbers[TALK_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    uv_timer_t *const timers[] = {&t->wait, &t->limit, &t->pause};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
        uv_timer_init(&t->loop.uv, timers[i]);
        timers[i]->data = t;
    }
    for (size_t i = 0; i < TALK_SIGNALS; i++) {
        uv_signal_init(&t->loop.uv, &t->signals[i]);
        t->signals[i].data = t;
        uv_signal_start(&t->signals[i], on_signal, numbers[i]);
    }
    if (t->settings->dial.max_time_ms > 0) {
        uv_timer_start(&t->limit, on_limit, t->settings->dial.max_time_ms, 0);
    }
}

int talk_run(struct talk *t) {
    if (loop_init(&t->loop) != TB_OK) {
        show_error(&t->show, "cannot start (%s)", strerror(errno));
        return EXIT_SYSTEM;
    }
    configure(t);
    if (endpoint_init(&t->endpoint, &t->loop, &t->config, &t->shared) != TB_OK) {
        show_error(&t->show, "cannot start (out of memory)");
        loop_release(&t->loop);
        return EXIT_SYSTEM;
    }
    t->endpoint.on_ended = on_endpoint_ended;
    t->out.on_broken = on_broken_output;
    t->out.before_flush = flush_shown;
    t->out.on_flushed = on_flushed;
    t->out.ctx = t;
    outlet_start(&t->out, &t->endpoint);
    outlet_start(&t->err, &t->endpoint);
    start_timers_and_signals(t);
    dial(t);
    loop_run(&t->loop);
    show_flush(&t->show);
    uv_close((uv_handle_t *)&t->limit, NULL);
    for (size_t i = 0; i < TALK_SIGNALS; i++) {
        uv_close((uv_handle_t *)&t->signals[i], NULL);
    }
    endpoint_release(&t->endpoint);
    loop_release(&t->loop);
    return t->code;
}
