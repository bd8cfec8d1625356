#include "conn/trace.h"

#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn/conn_state.h"
#include "conn/trace_json.h"
#include "conn/trace_parts.h"
#include "conn/trace_text.h"

struct trace {
    struct log *console;
    struct log *record; /* NULL: none */
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

/* ---- where a line goes ---- */

static bool console_takes_json(const struct trace *t, enum log_level level) {
    return log_get_format(t->console) == LOG_JSON && log_shows(t->console, level);
}

static bool console_takes_text(const struct trace *t, enum log_level level) {
    return log_get_format(t->console) == LOG_TEXT && log_shows(t->console, level);
}

/* Frames are recorded only where they are shown, too: they double a recording. */
static bool is_recorded(const struct trace *t, enum log_level level) {
    return t->record != NULL && (level < LOG_DEBUG || log_shows(t->console, LOG_DEBUG));
}

static bool takes_json(const struct trace *t, enum log_level level) {
    return t != NULL && (is_recorded(t, level) || console_takes_json(t, level));
}

bool trace_wants(const struct trace *t, enum log_level level) {
    return t != NULL && (is_recorded(t, level) || log_shows(t->console, level));
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

/* Writes one line (or several) for a person; `line` is released. */
static void write_text(struct trace *t, enum log_level level, struct bytes *line) {
    if (line->len > 0) {
        log_line(t->console, level, (const char *)line->data, line->len);
    }
    bytes_release(line);
}

/* ---- the handshake ---- */

void trace_open(struct trace *t, const struct conn *c, const struct http1 *request,
                const struct ws_answer *answer) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "open", trace_json_open(c, request, answer));
    }
    if (t == NULL || !console_takes_text(t, LOG_NORMAL)) {
        return;
    }
    struct bytes line = BYTES_INIT;
    trace_text_open(&line, c);
    write_text(t, LOG_NORMAL, &line);
    if (answer->subprotocol == NULL) {
        trace_text_no_subprotocol(&line, c, request);
        write_text(t, LOG_NORMAL, &line);
    }
    if (console_takes_text(t, LOG_VERBOSE)) {
        trace_text_request(&line, c, request);
        trace_text_answer(&line, c, answer);
        write_text(t, LOG_VERBOSE, &line);
    }
}

void trace_refused(struct trace *t, const struct conn *c, const struct http1 *request,
                   unsigned status, const char *why) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "refused", trace_json_refused(c, request, status, why));
    }
    if (t != NULL && console_takes_text(t, LOG_NORMAL)) {
        struct bytes line = BYTES_INIT;
        trace_text_refused(&line, c, request, status, why);
        write_text(t, LOG_NORMAL, &line);
        if (request != NULL && http1_target(request).n > 0 && console_takes_text(t, LOG_VERBOSE)) {
            trace_text_request(&line, c, request);
            write_text(t, LOG_VERBOSE, &line);
        }
    }
}

/* ---- messages and frames ---- */

static void trace_message(struct trace *t, const struct conn *c, enum trace_from from,
                          const struct trace_message *m) {
    if (takes_json(t, LOG_VERBOSE)) {
        write_json(t, LOG_VERBOSE, c, "message", trace_json_message(from, m));
    }
    if (console_takes_text(t, LOG_VERBOSE)) {
        struct bytes line = BYTES_INIT;
        trace_text_message(&line, c, from, m);
        write_text(t, LOG_VERBOSE, &line);
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
    trace_message(t, c, TRACE_CLIENT, &m);
}

void trace_sent(struct trace *t, const struct conn *c, const struct trace_sent *sent) {
    if (!trace_wants(t, LOG_VERBOSE)) {
        return;
    }
    const struct trace_message m = {.opcode = sent->opcode,
                                    .data = sent->data,
                                    .size = sent->size,
                                    .wire = sent->wire_size,
                                    .frames = 1};
    struct ws_head head;
    if (ws_head_parse(&head, sent->wire, sent->wire_size) > 0) {
        trace_frame(t, c, TRACE_SERVER, &head);
    }
    trace_message(t, c, TRACE_SERVER, &m);
}

void trace_frame(struct trace *t, const struct conn *c, enum trace_from from,
                 const struct ws_head *head) {
    if (takes_json(t, LOG_DEBUG)) {
        write_json(t, LOG_DEBUG, c, "frame", trace_json_frame(from, head));
    }
    if (t != NULL && console_takes_text(t, LOG_DEBUG)) {
        struct bytes line = BYTES_INIT;
        trace_text_frame(&line, c, from, head);
        write_text(t, LOG_DEBUG, &line);
    }
}

/* ---- control frames ---- */

void trace_ping(struct trace *t, const struct conn *c, enum trace_from from, const uint8_t *p,
                size_t n) {
    if (takes_json(t, LOG_VERBOSE)) {
        write_json(t, LOG_VERBOSE, c, "ping", trace_json_control(from, p, n, -1));
    }
    if (t != NULL && console_takes_text(t, LOG_VERBOSE)) {
        struct bytes line = BYTES_INIT;
        trace_text_control(&line, c, from, "ping", p, n, -1);
        write_text(t, LOG_VERBOSE, &line);
    }
}

void trace_pong(struct trace *t, const struct conn *c, enum trace_from from, const uint8_t *p,
                size_t n, int64_t rtt_us) {
    if (takes_json(t, LOG_VERBOSE)) {
        write_json(t, LOG_VERBOSE, c, "pong", trace_json_control(from, p, n, rtt_us));
    }
    if (t != NULL && console_takes_text(t, LOG_VERBOSE)) {
        struct bytes line = BYTES_INIT;
        trace_text_control(&line, c, from, "pong", p, n, rtt_us);
        write_text(t, LOG_VERBOSE, &line);
    }
}

/* ---- what went wrong, and the end ---- */

void trace_violation(struct trace *t, const struct conn *c, enum ws_violation v) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "violation", trace_json_violation(v));
    }
    if (t != NULL && console_takes_text(t, LOG_NORMAL)) {
        struct bytes line = BYTES_INIT;
        trace_text_violation(&line, c, v);
        write_text(t, LOG_NORMAL, &line);
    }
}

void trace_dropped(struct trace *t, const struct conn *c, uint64_t messages) {
    struct bytes line = BYTES_INIT;
    if (t == NULL || messages == 0) {
        return;
    }
    trace_text_dropped(&line, c, messages);
    if (takes_json(t, LOG_NORMAL)) {
        json_t *fields =
            json_pack("{s:s,s:s%}", "id", "dropped", "text", (char *)line.data, line.len);
        write_json(t, LOG_NORMAL, c, "log", fields);
    }
    if (console_takes_text(t, LOG_NORMAL)) {
        write_text(t, LOG_NORMAL, &line);
    }
    bytes_release(&line);
}

void trace_close(struct trace *t, const struct conn *c) {
    if (takes_json(t, LOG_NORMAL)) {
        write_json(t, LOG_NORMAL, c, "close", trace_json_close(c));
    }
    if (t != NULL && console_takes_text(t, LOG_NORMAL)) {
        struct bytes line = BYTES_INIT;
        trace_text_close(&line, c);
        write_text(t, LOG_NORMAL, &line);
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
    if (t != NULL && console_takes_text(t, LOG_NORMAL)) {
        log_textf(t->console, LOG_NORMAL, "%s", text);
    }
}

/* ---- life ---- */

static void tell_failure(struct trace *t) {
    int why = log_failed(t->record);
    if (why == 0 || atomic_exchange(&t->failure_told, true)) {
        return;
    }
    if (log_get_format(t->console) == LOG_TEXT) {
        log_textf(t->console, LOG_ALWAYS, "the recording has stopped (%s); serving goes on",
                  strerror(why));
    } else {
        struct bytes line = BYTES_INIT;
        json_t *fields = json_pack("{s:s,s:s}", "id", "recording", "text", strerror(why));
        if (trace_json_line(&line, since_start_us(t), 0, "log", fields)) {
            log_line(t->console, LOG_ALWAYS, (const char *)line.data, line.len);
        }
        json_decref(fields);
        bytes_release(&line);
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
    return log_flush(t->console);
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
    t->record = record;
    clock_gettime(CLOCK_MONOTONIC, &t->start);
    if (record != NULL) {
        write_first_line(t);
    }
    return t;
}

void trace_free(struct trace *t) {
    if (t != NULL) {
        trace_flush(t);
        free(t);
    }
}
