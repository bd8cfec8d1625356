#include "app/connect/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "app/connect/paint.h"
#include "app/connect/prompt.h"
#include "base/err.h"
#include "base/terminal.h"
#include "base/text.h"
#include "conn/conn.h"
#include "conn/trace_text.h"

/* ---- where lines go ---- */

/* Takes the word of show_stage() off the screen, with nothing that a dumb terminal lacks. */
static void clear_stage(struct show *s) {
    if (s->stage_columns > 0) {
        struct bytes blank = BYTES_INIT;
        bytes_appendf(&blank, "\r%*s\r", (int)s->stage_columns, "");
        (void)terminal_write(s->out->fd, blank.data, blank.len);
        bytes_release(&blank);
        s->stage_columns = 0;
    }
}

void show_flush(struct show *s) {
    if (s->pending.len == 0) {
        return;
    }
    clear_stage(s);
    if (s->prompt != NULL) {
        prompt_print(s->prompt, (const char *)s->pending.data, s->pending.len);
    } else {
        log_bytes(s->out->log, LOG_ALWAYS, (const char *)s->pending.data, s->pending.len);
    }
    bytes_clear(&s->pending);
    if (s->pending.cap > 1024 * 1024) {
        bytes_release(&s->pending);
    }
}

void show_release(struct show *s) {
    bytes_release(&s->pending);
}

void show_lines(struct show *s, const char *text, size_t n) {
    if (s->manner == SHOW_PERSON) {
        (void)bytes_append(&s->pending, text, n);
    } else {
        log_bytes(s->err->log, LOG_ALWAYS, text, n);
    }
}

/* The same for what is not the conversation itself. */
static void tell(struct show *s, const struct bytes *lines) {
    if (s->prompt != NULL || (s->manner == SHOW_PERSON && s->err_is_screen)) {
        (void)bytes_append(&s->pending, lines->data, lines->len); /* in order with all the rest */
    } else {
        clear_stage(s);
        log_bytes(s->err->log, LOG_ALWAYS, (const char *)lines->data, lines->len);
    }
}

static void put_time(const struct show *s, struct bytes *line) {
    if (s->times == SHOW_RELATIVE_TIMES) {
        uint64_t us = uv_hrtime() / 1000 - s->opened_us;
        bytes_appendf(line, "%9.3f ", (double)(s->opened_us == 0 ? 0 : us) / 1e6);
    } else if (s->times == SHOW_ABSOLUTE_TIMES) {
        struct timespec now;
        struct tm local;
        char text[16];
        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &local);
        strftime(text, sizeof text, "%H:%M:%S", &local);
        bytes_appendf(line, "%s.%03ld ", text, now.tv_nsec / 1000000);
    }
}

static bool colours_of(const struct show *s) {
    return s->manner == SHOW_PERSON ? s->colour : s->colour_errors;
}

/* One line, escaped, in a colour, behind the time and a mark. */
static void put_line(const struct show *s, struct bytes *out, enum paint paint, const char *mark,
                     const struct bytes *text) {
    put_time(s, out);
    bytes_append_str(out, paint_on(colours_of(s), paint));
    bytes_append_str(out, mark);
    text_escape(out, text->data, text->len, TEXT_ONE_LINE);
    bytes_append_str(out, paint_off(colours_of(s)));
    bytes_append_str(out, "\n");
}

void show_event(struct show *s, const char *fmt, ...) {
    bool seen = s->manner == SHOW_PERSON ? !s->silent : s->verbose > 0;
    struct bytes text = BYTES_INIT;
    struct bytes line = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    if (seen && bytes_appendv(&text, fmt, ap) == TB_OK) {
        put_line(s, &line, PAINT_EVENT, "* ", &text);
        show_lines(s, (const char *)line.data, line.len);
    }
    va_end(ap);
    bytes_release(&text);
    bytes_release(&line);
}

void show_stage(struct show *s, const char *text) {
    struct bytes line = BYTES_INIT;
    if (s->verbose > 0) {
        show_event(s, "%s", text);
    } else if (s->manner == SHOW_PERSON && s->prompt == NULL && !s->silent) {
        int room = (int)terminal_width(s->out->fd) - 4;
        clear_stage(s);
        bytes_appendf(&line, "%.*s...", room > 0 ? room : 0, text);
        s->stage_columns = (unsigned)line.len; /* at least as many as there are */
        (void)terminal_write(s->out->fd, line.data, line.len);
    }
    bytes_release(&line);
}

static void __attribute__((format(printf, 3, 0)))
say(struct show *s, enum paint paint, const char *fmt, va_list ap) {
    struct bytes text = BYTES_INIT;
    struct bytes line = BYTES_INIT;
    if (bytes_appendv(&text, fmt, ap) == TB_OK) {
        bytes_append_str(&line, paint_on(s->colour_errors, paint));
        bytes_append_str(&line, "taburet: ");
        text_escape(&line, text.data, text.len, TEXT_ONE_LINE);
        bytes_append_str(&line, paint_off(s->colour_errors));
        bytes_append_str(&line, "\n");
        tell(s, &line);
    }
    bytes_release(&text);
    bytes_release(&line);
}

void show_note(struct show *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!s->silent) {
        say(s, PAINT_EVENT, fmt, ap);
    }
    va_end(ap);
}

void show_error(struct show *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!s->silent || s->errors) {
        say(s, PAINT_ERROR, fmt, ap);
    }
    va_end(ap);
}

/* ---- the handshake ---- */

static void put_str(struct bytes *line, struct http1_str s) {
    text_escape(line, s.p, s.n, TEXT_ONE_LINE);
}

static void put_headers(const struct show *s, struct bytes *out, const char *mark,
                        const struct http1 *head) {
    for (size_t i = 0; i < http1_header_count(head); i++) {
        struct http1_str name = http1_header_name(head, i);
        bytes_append_str(out, paint_on(colours_of(s), PAINT_HEAD));
        bytes_append_str(out, mark);
        put_str(out, name);
        bytes_append_str(out, ": ");
        if (trace_is_secret(name)) {
            bytes_append_str(out, "***");
        } else {
            put_str(out, http1_header_value(head, i));
        }
        bytes_append_str(out, paint_off(colours_of(s)));
        bytes_append_str(out, "\n");
    }
    bytes_appendf(out, "%s%s%s\n", paint_on(colours_of(s), PAINT_HEAD), mark,
                  paint_off(colours_of(s)));
}

static void put_request(const struct show *s, struct bytes *out, const struct http1 *request) {
    bytes_appendf(out, "%s> ", paint_on(colours_of(s), PAINT_HEAD));
    put_str(out, http1_method(request));
    bytes_append_str(out, " ");
    put_str(out, http1_target(request));
    bytes_appendf(out, " HTTP/1.1%s\n", paint_off(colours_of(s)));
    put_headers(s, out, "> ", request);
}

static void put_response(const struct show *s, struct bytes *out, const struct http1 *response) {
    bytes_appendf(out, "%s< HTTP/1.%u %u ", paint_on(colours_of(s), PAINT_HEAD),
                  http1_minor_version(response), http1_status(response));
    put_str(out, http1_reason(response));
    bytes_appendf(out, "%s\n", paint_off(colours_of(s)));
    put_headers(s, out, "< ", response);
}

static void show_handshake(struct show *s, const struct trace_handshake *h) {
    struct bytes out = BYTES_INIT;
    if (s->verbose == 0 || s->silent) {
        return;
    }
    if (h->request != NULL) {
        put_request(s, &out, h->request);
    }
    if (h->response != NULL) {
        put_response(s, &out, h->response);
    }
    show_lines(s, (const char *)out.data, out.len);
    bytes_release(&out);
}

void show_answer(struct show *s, const struct client_refusal *r) {
    struct bytes out = BYTES_INIT;
    if (r->response == NULL || (s->silent && !s->errors)) {
        return;
    }
    if (s->verbose == 0) {
        put_headers(s, &out, "< ", r->response);
    }
    text_escape(&out, r->body, r->body_size, TEXT_MANY_LINES);
    if (out.len > 0 && out.data[out.len - 1] != '\n') {
        bytes_append_str(&out, "\n");
    }
    if (r->body_cut) {
        bytes_append_str(&out, "(the body goes on)\n");
    }
    tell(s, &out);
    bytes_release(&out);
}

static bool wants(void *ctx, enum log_level level) {
    const struct show *s = ctx;
    return level < LOG_DEBUG || s->frames;
}

static void on_open(void *ctx, const struct conn *c, const struct trace_handshake *h) {
    struct show *s = ctx;
    (void)c;
    s->opened_us = uv_hrtime() / 1000;
    show_handshake(s, h);
    show_event(s, "open: %s%s%s%s", h->url, h->subprotocol == NULL ? "" : ", subprotocol ",
               h->subprotocol == NULL ? "" : h->subprotocol,
               h->deflate.on ? ", permessage-deflate" : "");
}

static void on_refused(void *ctx, const struct conn *c, const struct trace_handshake *h,
                       const char *why) {
    (void)c;
    (void)why; /* whoever dialled tells it, and a hint */
    show_handshake(ctx, h);
}

/* ---- messages ---- */

static const char *arrow(enum trace_from from) {
    return from == TRACE_CLIENT ? "\u2192 " : "\u2190 ";
}

static enum paint paint_of(enum trace_from from) {
    return from == TRACE_CLIENT ? PAINT_SENT : PAINT_RECEIVED;
}

/* What of a message is the same in both manners: with -vv, its sizes. */
static void show_sizes(struct show *s, enum trace_from from, const struct trace_message *m) {
    struct bytes text = BYTES_INIT;
    struct bytes line = BYTES_INIT;
    bool packed = m->wire < m->size;
    bytes_appendf(&text, "%s, %zu bytes, %" PRIu64 " on the wire in %" PRIu32 " frame%s%s",
                  m->opcode == WS_OP_TEXT ? "text" : "binary", m->size, m->wire, m->frames,
                  m->frames == 1 ? "" : "s", packed ? ", compressed" : "");
    put_line(s, &line, PAINT_EVENT, arrow(from), &text);
    show_lines(s, (const char *)line.data, line.len);
    bytes_release(&text);
    bytes_release(&line);
}

static void show_to_person(struct show *s, enum trace_from from, const struct trace_message *m) {
    struct bytes *out = &s->pending;
    size_t before = out->len;
    put_time(s, out);
    bytes_append_str(out, paint_on(s->colour, paint_of(from)));
    bytes_append_str(out, arrow(from));
    bytes_append_str(out, paint_off(s->colour));
    const struct paint_style style = {
        .colour = s->colour, .pretty = s->pretty, .raw = s->raw, .binary = m->opcode != WS_OP_TEXT};
    if (paint_message(out, m->data, m->size, &style) != TB_OK) {
        out->len = before;
        show_error(s, "a message of %zu bytes cannot be shown (out of memory)", m->size);
    }
}

/* A line's end inside a message would look like the end of the message. JSON is the same with a
 * space in its place. */
static void put_in_one_line(struct show *s, const struct trace_message *m) {
    struct bytes line = BYTES_INIT;
    if (paint_one_line(&line, m->data, m->size) == TB_OK) {
        log_bytes(s->out->log, LOG_ALWAYS, (const char *)line.data, line.len);
    } else {
        log_fail(s->out->log, ENOMEM);
    }
    bytes_release(&line);
    if (!s->told_newline) {
        s->told_newline = true;
        show_note(s, "a message has line breaks in it: they are written as spaces in JSON, as \\n "
                     "in other texts (-0, --separator and --output-format json keep them)");
    }
}

static void put_binary(struct show *s, const struct trace_message *m) {
    struct bytes text = BYTES_INIT;
    if (paint_binary(&text, m->data, m->size, s->binary == SHOW_AS_BASE64) == TB_OK) {
        log_bytes(s->out->log, LOG_ALWAYS, (const char *)text.data, text.len);
    } else {
        log_fail(s->out->log, ENOMEM);
    }
    bytes_release(&text);
    if (!s->told_binary) {
        s->told_binary = true;
        show_note(s, "a binary message came: it is written in %s (--binary writes the bytes)",
                  s->binary == SHOW_AS_BASE64 ? "base64" : "hexadecimal");
    }
}

static void write_to_pipe(struct show *s, const struct trace_message *m) {
    const char *data = (const char *)m->data;
    if (m->opcode != WS_OP_TEXT && s->binary != SHOW_AS_BYTES) {
        put_binary(s, m);
    } else if (s->line_by_line && m->size > 0 && m->opcode == WS_OP_TEXT &&
               memchr(data, '\n', m->size) != NULL) {
        put_in_one_line(s, m);
    } else {
        log_bytes(s->out->log, LOG_ALWAYS, data, m->size);
    }
    if (s->separator_size > 0) {
        log_bytes(s->out->log, LOG_ALWAYS, s->separator, s->separator_size);
    }
}

static void count(struct show *s, enum trace_from from, const struct trace_message *m) {
    s->stats.messages[from]++;
    s->stats.bytes[from] += m->size;
    s->stats.wire[from] += m->wire;
}

static void on_message(void *ctx, const struct conn *c, enum trace_from from,
                       const struct trace_message *m) {
    struct show *s = ctx;
    (void)c;
    count(s, from, m);
    if (s->frames) {
        show_sizes(s, from, m);
    }
    if (s->manner == SHOW_PERSON) {
        show_to_person(s, from, m);
    } else if (s->manner == SHOW_PIPE && from == TRACE_SERVER) {
        write_to_pipe(s, m);
    }
}

/* ---- frames, pings, the end ---- */

static void __attribute__((format(printf, 4, 5)))
show_line(struct show *s, enum trace_from from, enum paint paint, const char *fmt, ...) {
    struct bytes text = BYTES_INIT;
    struct bytes line = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    if (bytes_appendv(&text, fmt, ap) == TB_OK) {
        put_line(s, &line, paint, arrow(from), &text);
        show_lines(s, (const char *)line.data, line.len);
    }
    va_end(ap);
    bytes_release(&text);
    bytes_release(&line);
}

static void on_frame(void *ctx, const struct conn *c, enum trace_from from,
                     const struct ws_head *h) {
    char mask[24] = "masked=0";
    (void)c;
    if (h->masked) {
        snprintf(mask, sizeof mask, "mask=%02x%02x%02x%02x", h->mask[0], h->mask[1], h->mask[2],
                 h->mask[3]);
    }
    show_line(ctx, from, PAINT_EVENT, "frame %s opcode=%u fin=%d rsv=%u%u%u %s len=%" PRIu64,
              trace_opcode_name(h->opcode), h->opcode, h->fin, (h->rsv & WS_RSV1) != 0,
              (h->rsv & WS_RSV2) != 0, (h->rsv & WS_RSV3) != 0, mask, h->length);
}

static void note_control(struct show *s, enum trace_from from, const struct trace_control *k) {
    if (k->opcode == WS_OP_PONG && k->rtt_us >= 0) {
        s->stats.rtt_us = k->rtt_us;
    }
    if (from == TRACE_SERVER) {
        s->stats.pings += k->opcode == WS_OP_PING;
        s->stats.pongs += k->opcode == WS_OP_PONG;
    }
}

static void on_control(void *ctx, const struct conn *c, enum trace_from from,
                       const struct trace_control *k) {
    struct show *s = ctx;
    char rtt[48] = "";
    (void)c;
    note_control(s, from, k);
    bool asked = k->rtt_us >= 0 && s->pings_asked > 0;
    s->pings_asked -= asked;
    if ((!s->pings && !asked) || s->silent) {
        return;
    }
    if (k->rtt_us >= 0) {
        snprintf(rtt, sizeof rtt, " (%.3f ms)", (double)k->rtt_us / 1e3);
    }
    struct bytes data = BYTES_INIT;
    paint_payload(&data, k->data, k->size);
    show_line(s, from, PAINT_EVENT, "%s%s%.*s%s", trace_opcode_name(k->opcode),
              data.len > 0 ? " " : "", (int)data.len, (const char *)data.data, rtt);
    bytes_release(&data);
}

static void on_violation(void *ctx, const struct conn *c, enum ws_violation v) {
    const struct ws_violation_row *rule = ws_violation_row(v);
    (void)c;
    show_error(ctx, "the server broke a rule: %s (%s, %s)", rule->text, rule->section, rule->name);
}

static void on_dropped(void *ctx, const struct conn *c, uint64_t messages) {
    (void)ctx;
    (void)c;
    (void)messages; /* a client drops nothing */
}

bool show_tells_close(const struct show *s) {
    return !s->silent && (s->manner == SHOW_PERSON || s->verbose > 0);
}

/* How it ended: code, phrase, reason, who. */
static void on_close(void *ctx, const struct conn *c) {
    struct show *s = ctx;
    static const char *const closers[] = {[CONN_LOST] = "lost without a close",
                                          [CONN_CLOSED_BY_PEER] = "closed by the server",
                                          [CONN_CLOSED_BY_US] = "closed by us"};
    struct conn_ending e = conn_ending(c);
    bool good = e.closer == CONN_CLOSED_BY_PEER &&
                (e.code == WS_CLOSE_NORMAL || e.code == WS_CLOSE_GOING_AWAY);
    if (s->silent || (!show_tells_close(s) && !good)) {
        return; /* what is bad is told as an error, of what we did ourselves a pipe needs no word */
    }
    struct bytes text = BYTES_INIT;
    struct bytes line = BYTES_INIT;
    if (e.closer == CONN_CLOSED_BY_US && e.code == WS_CLOSE_ABNORMAL) {
        bytes_append_str(&text, "left without a close frame");
    } else {
        bytes_appendf(&text, "%s: %u %s", closers[e.closer], e.code, ws_close_phrase(e.code));
    }
    if (e.closer == CONN_LOST && e.why_lost != NULL) {
        bytes_appendf(&text, " (%s)", e.why_lost);
    }
    if (e.reason_size > 0) {
        bytes_appendf(&text, " \"%.*s\"", (int)e.reason_size, (const char *)e.reason);
    }
    put_line(s, &line, PAINT_EVENT, "* ", &text);
    show_lines(s, (const char *)line.data, line.len);
    bytes_release(&text);
    bytes_release(&line);
}

static void on_log(void *ctx, enum log_level level, const char *text) {
    (void)level;
    show_note(ctx, "%s", text);
}

const struct trace_view show_view = {
    .wants = wants,
    .open = on_open,
    .refused = on_refused,
    .message = on_message,
    .frame = on_frame,
    .control = on_control,
    .violation = on_violation,
    .dropped = on_dropped,
    .close = on_close,
    .log = on_log,
};
