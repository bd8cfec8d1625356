#include "conn/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/conn_state.h"
#include "conn/trace_json.h"
#include "conn/trace_text.h"

struct trace {
    struct log *console; /* NULL: none */
    struct log *record;  /* NULL: none */
    const struct trace_view *view;
    void *view_ctx;
    struct timespec start;
    atomic_bool failure_told;
};

bool trace_is_secret(struct http1_str header_name) {
    static const char *const secrets[] = {"authorization", "proxy-authorization", "cookie",
                                          "set-cookie"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (http1_str_is_nocase(header_name, secrets[i])) {
            return true;
        }
    }
    return false;
}

/* ---- where an event goes ---- */

static bool console_takes_json(const struct trace *t, enum log_level level) {
    return t->console != NULL && log_get_format(t->console) == LOG_JSON &&
           log_shows(t->console, level);
}

static bool view_wants(const struct trace *t, enum log_level level) {
    return t != NULL && t->view != NULL && t->view->wants(t->view_ctx, level);
}

static bool is_shown(const struct trace *t, enum log_level level) {
    return console_takes_json(t, level) || view_wants(t, level);
}

/* Frames are recorded only where they are shown, too: they double a recording. */
static bool is_recorded(const struct trace *t, enum log_level level) {
    return t->record != NULL && (level < LOG_DEBUG || is_shown(t, LOG_DEBUG));
}

static bool takes_json(const struct trace *t, enum log_level level) {
    return t != NULL && (is_recorded(t, level) || console_takes_json(t, level));
}

bool trace_wants(const struct trace *t, enum log_level level) {
    return t != NULL && (is_recorded(t, level) || is_shown(t, level));
}

static int64_t since_start_us(const struct trace *t) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec - t->start.tv_sec) * 1000000 +
           (now.tv_nsec - t->start.tv_nsec) / 1000;
}

/* Writes {"t":…,"conn":…,"ev":…, fields}; `fields` is consumed. A line that memory does not suffice
 * for is missing; the connection goes on. */
static void write_json(struct trace *t, enum log_level level, const struct conn *c, const char *ev,
                       json_t *fields) {
    struct bytes line = BYTES_INIT;
    if (trace_json_line(&line, since_start_us(t), c == NULL ? 0 : c->id, ev, fields)) {
        const char *text = (const char *)line.data;
        if (is_recorded(t, level)) {
            log_line(t->record, LOG_ALWAYS, text, line.len);
        }
        if (console_takes_json(t, level)) {
            log_line(t->console, level, text, line.len);
        }
    }
    bytes_release(&line);
    json_decref(fields);
}

/* ---- the handshake ---- */

void trace_open(struct trace *t, const struct conn *c, const struct trace_handshake *h) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "open", trace_json_open(c, h));
    }
    if (view_wants(t, LOG_NORMAL)) {
        t->view->open(t->view_ctx, c, h);
    }
}

void trace_refused(struct trace *t, const struct conn *c, const struct trace_handshake *h,
                   const char *why) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "refused", trace_json_refused(c, h, why));
    }
    if (view_wants(t, LOG_NORMAL)) {
        t->view->refused(t->view_ctx, c, h, why);
    }
}

/* ---- messages and frames ---- */

static void trace_message(struct trace *t, const struct conn *c, enum trace_from from,
                          const struct trace_message *m) {
    if (takes_json(t, LOG_VERBOSE)) {
        write_json(t, LOG_VERBOSE, c, "message", trace_json_message(from, m));
    }
    if (view_wants(t, LOG_VERBOSE)) {
        t->view->message(t->view_ctx, c, from, m);
    }
}

void trace_received(struct trace *t, const struct conn *c, const struct ws_event *message) {
    if (!trace_wants(t, LOG_VERBOSE)) {
        return;
    }
    const struct trace_message m = {.opcode = message->opcode,
                                    .data = message->data,
                                    .size = message->size,
                                    .wire = message->wire,
                                    .frames = message->frames};
    trace_message(t, c, conn_sayer(c, false), &m);
}

/* Each whole frame header that stands in p[0..n). Returns how many. */
static uint32_t trace_frames(struct trace *t, const struct conn *c, const uint8_t *p, size_t n) {
    struct ws_head head;
    uint32_t count = 0;
    while (n > 0) {
        size_t size = ws_head_parse(&head, p, n);
        if (size == 0) {
            break;
        }
        count++;
        trace_frame(t, c, conn_sayer(c, true), &head);
        size = head.length < n - size ? size + (size_t)head.length : n;
        p += size;
        n -= size;
    }
    return count;
}

void trace_sent(struct trace *t, const struct conn *c, const struct trace_sent *sent) {
    if (!trace_wants(t, LOG_VERBOSE)) {
        return;
    }
    const struct trace_message m = {.opcode = sent->opcode,
                                    .data = sent->data,
                                    .size = sent->size,
                                    .wire = sent->wire_size,
                                    .frames = trace_frames(t, c, sent->wire, sent->wire_size)};
    trace_message(t, c, conn_sayer(c, true), &m);
}

void trace_sent_raw(struct trace *t, const struct conn *c, const uint8_t *p, size_t n) {
    if (trace_wants(t, LOG_DEBUG)) {
        trace_frames(t, c, p, n);
    }
}

void trace_frame(struct trace *t, const struct conn *c, enum trace_from from,
                 const struct ws_head *head) {
    if (takes_json(t, LOG_DEBUG)) {
        write_json(t, LOG_DEBUG, c, "frame", trace_json_frame(from, head));
    }
    if (view_wants(t, LOG_DEBUG)) {
        t->view->frame(t->view_ctx, c, from, head);
    }
}

void trace_control(struct trace *t, const struct conn *c, enum trace_from from,
                   const struct trace_control *k) {
    if (takes_json(t, LOG_VERBOSE)) {
        write_json(t, LOG_VERBOSE, c, k->opcode == WS_OP_PING ? "ping" : "pong",
                   trace_json_control(from, k));
    }
    if (view_wants(t, LOG_VERBOSE)) {
        t->view->control(t->view_ctx, c, from, k);
    }
}

/* ---- what went wrong, and the end ---- */

void trace_violation(struct trace *t, const struct conn *c, enum ws_violation v) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "violation", trace_json_violation(conn_sayer(c, false), v));
    }
    if (view_wants(t, LOG_NORMAL)) {
        t->view->violation(t->view_ctx, c, v);
    }
}

void trace_dropped(struct trace *t, const struct conn *c, uint64_t messages) {
    if (messages == 0) {
        return;
    }
    if (takes_json(t, LOG_NORMAL)) {
        struct bytes line = BYTES_INIT;
        trace_text_dropped(&line, c, messages);
        json_t *fields =
            json_pack("{s:s,s:s%}", "id", "dropped", "text", (char *)line.data, line.len);
        write_json(t, LOG_NORMAL, c, "log", fields);
        bytes_release(&line);
    }
    if (view_wants(t, LOG_NORMAL)) {
        t->view->dropped(t->view_ctx, c, messages);
    }
}

void trace_fault(struct trace *t, const struct conn *c, const char *id) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "fault", json_pack("{s:s}", "id", id));
    }
    if (!view_wants(t, LOG_NORMAL)) {
        return;
    }
    struct bytes line = BYTES_INIT;
    int err = c == NULL ? TB_OK : bytes_appendf(&line, "#%" PRIu64 " ", c->id);
    err = err == TB_OK ? bytes_append_str(&line, "fault ") : err;
    err = err == TB_OK ? text_escape(&line, id, strlen(id), TEXT_ONE_LINE) : err;
    err = err == TB_OK ? bytes_append(&line, "", 1) : err;
    if (err == TB_OK) {
        t->view->log(t->view_ctx, LOG_NORMAL, (const char *)line.data);
    }
    bytes_release(&line);
}

void trace_close(struct trace *t, const struct conn *c) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "close", trace_json_close(c));
    }
    if (view_wants(t, LOG_NORMAL)) {
        t->view->close(t->view_ctx, c);
    }
}

void trace_listening(struct trace *t, const char *url) {
    if (log_get_format(t->console) == LOG_TEXT) {
        log_textf(t->console, LOG_ALWAYS, "listening on %s", url);
        return;
    }
    json_t *fields = json_pack("{s:s,s:s}", "ev", "listening", "url", url);
    char *line = json_dumps(fields, JSON_COMPACT);
    if (line != NULL) {
        log_line(t->console, LOG_ALWAYS, line, strlen(line));
    }
    free(line);
    json_decref(fields);
}

void trace_log(struct trace *t, const char *text) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, NULL, "log", json_pack("{s:s}", "text", text));
    }
    if (view_wants(t, LOG_NORMAL)) {
        t->view->log(t->view_ctx, LOG_NORMAL, text);
    }
}

/* ---- life ---- */

static void tell_failure_in_json(struct trace *t, const char *why) {
    struct bytes line = BYTES_INIT;
    json_t *fields = json_pack("{s:s,s:s}", "id", "recording", "text", why);
    if (trace_json_line(&line, since_start_us(t), 0, "log", fields)) {
        log_line(t->console, LOG_ALWAYS, (const char *)line.data, line.len);
    }
    json_decref(fields);
    bytes_release(&line);
}

static void tell_failure(struct trace *t) {
    int why = log_failed(t->record);
    if (why == 0 || atomic_exchange(&t->failure_told, true)) {
        return;
    }
    if (console_takes_json(t, LOG_ALWAYS)) {
        tell_failure_in_json(t, strerror(why));
    }
    if (view_wants(t, LOG_ALWAYS)) {
        char text[160];
        snprintf(text, sizeof text, "the recording has stopped (%s); everything else goes on",
                 strerror(why));
        t->view->log(t->view_ctx, LOG_ALWAYS, text);
    }
}

bool trace_flush(struct trace *t) {
    if (t == NULL) {
        return false;
    }
    if (t->record != NULL) {
        log_flush(t->record);
        tell_failure(t);
    }
    return t->console != NULL && log_flush(t->console);
}

static void write_first_line(struct trace *t) {
    struct timespec now;
    struct tm utc;
    char started[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%S", &utc);
    struct bytes line = BYTES_INIT;
    if (bytes_appendf(&line, "{\"taburet\":1,\"kind\":\"recording\",\"started\":\"%s.%03ldZ\"}",
                      started, now.tv_nsec / 1000000) == 0) {
        log_line(t->record, LOG_ALWAYS, (const char *)line.data, line.len);
    }
    bytes_release(&line);
}

struct trace *trace_new(struct log *console, struct log *record) {
    struct trace *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->console = console;
    clock_gettime(CLOCK_MONOTONIC, &t->start);
    if (console != NULL && log_get_format(console) == LOG_TEXT) {
        trace_set_view(t, &trace_text_view, console);
    }
    trace_set_record(t, record);
    return t;
}

void trace_set_view(struct trace *t, const struct trace_view *view, void *ctx) {
    t->view = view;
    t->view_ctx = ctx;
}

void trace_set_record(struct trace *t, struct log *record) {
    t->record = record;
    atomic_store(&t->failure_told, false);
    if (record != NULL) {
        write_first_line(t);
    }
}

void trace_free(struct trace *t) {
    if (t != NULL) {
        trace_flush(t);
        free(t);
    }
}
