#include "conn/trace_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "conn/conn_state.h"

enum {
    PREVIEW_TEXT = 200,  /* bytes of a text message that are shown */
    PREVIEW_BINARY = 32, /* of a binary one */
};

/* ---- pieces ---- */

static void put_address(struct bytes *line, const struct conn *c) {
    char text[ADDRESS_TEXT_MAX];
    bytes_append_str(line, address_text(&c->address, text));
    if (c->address.family == AF_UNIX) {
        bytes_appendf(line, ":%" PRIu64, c->id); /* a Unix peer has no address of its own */
    }
}

static void put_arrow(struct bytes *line, const struct conn *c, enum trace_from from) {
    put_address(line, c);
    bytes_append_str(line, from == TRACE_CLIENT ? " \u2192 " : " \u2190 ");
}

static void put_str(struct bytes *line, struct http1_str s) {
    text_escape(line, s.p, s.n, TEXT_ONE_LINE);
}

static void put_text_preview(struct bytes *line, const uint8_t *p, size_t n) {
    size_t shown = n < PREVIEW_TEXT ? n : PREVIEW_TEXT;
    while (shown < n && shown > 0 && (p[shown] & 0xC0) == 0x80) {
        shown--; /* not in the middle of a code point */
    }
    text_escape(line, p, shown, TEXT_ONE_LINE);
    if (shown < n) {
        bytes_append_str(line, "\u2026");
    }
}

static void put_hex_preview(struct bytes *line, const uint8_t *p, size_t n) {
    size_t shown = n < PREVIEW_BINARY ? n : PREVIEW_BINARY;
    for (size_t i = 0; i < shown; i++) {
        bytes_appendf(line, i == 0 ? "%02x" : " %02x", p[i]);
    }
    if (shown < n) {
        bytes_append_str(line, " \u2026");
    }
}

/* Writes one line (or several) and forgets it. */
static void write_line(struct log *log, enum log_level level, struct bytes *line) {
    if (line->len > 0) {
        log_line(log, level, (const char *)line->data, line->len);
    }
    bytes_release(line);
}

static bool wants(void *ctx, enum log_level level) {
    return log_shows(ctx, level);
}

/* ---- the handshake ---- */

static void put_head_start(struct bytes *line, const struct conn *c, const char *arrow) {
    bytes_append_str(line, line->len > 0 ? "\n" : "");
    put_address(line, c);
    bytes_append_str(line, arrow);
}

static void put_request(struct bytes *line, const struct conn *c, const struct http1 *request) {
    put_head_start(line, c, " > ");
    put_str(line, http1_method(request));
    bytes_append_str(line, " ");
    put_str(line, http1_target(request));
    for (size_t i = 0; i < http1_header_count(request); i++) {
        struct http1_str name = http1_header_name(request, i);
        put_head_start(line, c, " > ");
        put_str(line, name);
        bytes_append_str(line, ": ");
        if (trace_is_secret(name)) {
            bytes_append_str(line, "***");
        } else {
            put_str(line, http1_header_value(request, i));
        }
    }
}

static void put_answer(struct bytes *line, const struct conn *c, const struct trace_handshake *h) {
    put_head_start(line, c, " < ");
    bytes_appendf(line, "%u %s, subprotocol %s, permessage-deflate %s", h->status,
                  http_status_phrase(h->status), h->subprotocol == NULL ? "none" : h->subprotocol,
                  h->deflate.on ? "on" : "off");
}

/* Browsers fail a connection that agrees to none of the subprotocols they asked for. */
static void put_no_subprotocol(struct bytes *line, const struct conn *c,
                               const struct http1 *request) {
    struct http1_str offered = http1_header(request, "sec-websocket-protocol", NULL);
    if (offered.p != NULL) {
        put_address(line, c);
        bytes_append_str(line, " asked for the subprotocol ");
        put_str(line, offered);
        bytes_append_str(line, " and got none; many clients leave then (see --subprotocol)");
    }
}

static void show_open(void *ctx, const struct conn *c, const struct trace_handshake *h) {
    struct bytes line = BYTES_INIT;
    put_address(&line, c);
    bytes_append_str(&line, " connected");
    write_line(ctx, LOG_NORMAL, &line);
    if (h->subprotocol == NULL) {
        put_no_subprotocol(&line, c, h->request);
        write_line(ctx, LOG_NORMAL, &line);
    }
    if (log_shows(ctx, LOG_VERBOSE)) {
        put_request(&line, c, h->request);
        put_answer(&line, c, h);
        write_line(ctx, LOG_VERBOSE, &line);
    }
}

static void put_refused(struct bytes *line, const struct conn *c, const struct trace_handshake *h,
                        const char *why) {
    put_address(line, c);
    bytes_append_str(line, " refused");
    if (h->request != NULL && http1_target(h->request).n > 0) {
        bytes_append_str(line, " ");
        put_str(line, http1_method(h->request));
        bytes_append_str(line, " ");
        put_str(line, http1_target(h->request));
    }
    if (h->status != 0) {
        bytes_appendf(line, ": %u %s", h->status, http_status_phrase(h->status));
    }
    bytes_appendf(line, " (%s)", why);
}

static void show_refused(void *ctx, const struct conn *c, const struct trace_handshake *h,
                         const char *why) {
    struct bytes line = BYTES_INIT;
    put_refused(&line, c, h, why);
    write_line(ctx, LOG_NORMAL, &line);
    if (h->request != NULL && http1_target(h->request).n > 0 && log_shows(ctx, LOG_VERBOSE)) {
        put_request(&line, c, h->request);
        write_line(ctx, LOG_VERBOSE, &line);
    }
}

/* ---- messages and frames ---- */

static void show_message(void *ctx, const struct conn *c, enum trace_from from,
                         const struct trace_message *m) {
    struct bytes line = BYTES_INIT;
    put_arrow(&line, c, from);
    bool is_text = m->opcode == WS_OP_TEXT;
    bytes_appendf(&line, "%s %zu bytes: ", is_text ? "text" : "binary", m->size);
    if (is_text) {
        put_text_preview(&line, m->data, m->size);
    } else {
        put_hex_preview(&line, m->data, m->size);
    }
    write_line(ctx, LOG_VERBOSE, &line);
}

const char *trace_opcode_name(uint8_t opcode) {
    static const char *const names[16] = {[WS_OP_CONTINUATION] = "continuation",
                                          [WS_OP_TEXT] = "text",
                                          [WS_OP_BINARY] = "binary",
                                          [WS_OP_CLOSE] = "close",
                                          [WS_OP_PING] = "ping",
                                          [WS_OP_PONG] = "pong"};
    const char *name = names[opcode & 0xF];
    return name == NULL ? "reserved" : name;
}

static void show_frame(void *ctx, const struct conn *c, enum trace_from from,
                       const struct ws_head *head) {
    struct bytes line = BYTES_INIT;
    put_arrow(&line, c, from);
    bytes_appendf(&line, "frame %s opcode=%u fin=%d rsv=%u masked=%d len=%" PRIu64,
                  trace_opcode_name(head->opcode), head->opcode, head->fin, head->rsv, head->masked,
                  head->length);
    write_line(ctx, LOG_DEBUG, &line);
}

static void show_control(void *ctx, const struct conn *c, enum trace_from from,
                         const struct trace_control *k) {
    struct bytes line = BYTES_INIT;
    put_arrow(&line, c, from);
    bytes_append_str(&line, trace_opcode_name(k->opcode));
    if (k->size > 0) {
        bytes_append_str(&line, " ");
        put_text_preview(&line, k->data, k->size);
    }
    if (k->rtt_us >= 0) {
        bytes_appendf(&line, " (%.3f ms)", (double)k->rtt_us / 1e3);
    }
    write_line(ctx, LOG_VERBOSE, &line);
}

/* ---- what went wrong, and the end ---- */

static void show_violation(void *ctx, const struct conn *c, enum ws_violation v) {
    struct bytes line = BYTES_INIT;
    const struct ws_violation_row *rule = ws_violation_row(v);
    put_address(&line, c);
    bytes_appendf(&line, " broke a rule: %s (%s, %s)", rule->text, rule->section, rule->name);
    write_line(ctx, LOG_NORMAL, &line);
}

void trace_text_dropped(struct bytes *line, const struct conn *c, uint64_t messages) {
    put_address(line, c);
    bytes_appendf(line, " is too slow: %" PRIu64 " message%s dropped, %" PRIu64 " in all", messages,
                  messages == 1 ? "" : "s", c->dropped);
}

static void show_dropped(void *ctx, const struct conn *c, uint64_t messages) {
    struct bytes line = BYTES_INIT;
    trace_text_dropped(&line, c, messages);
    write_line(ctx, LOG_NORMAL, &line);
}

static void show_close(void *ctx, const struct conn *c) {
    static const char *const closers[] = {[CONN_LOST] = "lost without a close",
                                          [CONN_CLOSED_BY_PEER] = "closed by the client",
                                          [CONN_CLOSED_BY_US] = "closed by the server"};
    struct bytes line = BYTES_INIT;
    put_address(&line, c);
    bytes_appendf(&line, " disconnected: %u %s", c->close_code, ws_close_phrase(c->close_code));
    if (c->reason != NULL && c->reason->size > 0) {
        bytes_append_str(&line, " \"");
        text_escape(&line, c->reason->bytes, c->reason->size, TEXT_ONE_LINE);
        bytes_append_str(&line, "\"");
    }
    bytes_appendf(&line, ", %s", closers[c->closer]);
    write_line(ctx, LOG_NORMAL, &line);
}

static void show_log(void *ctx, enum log_level level, const char *text) {
    log_textf(ctx, level, "%s", text);
}

const struct trace_view trace_text_view = {
    .wants = wants,
    .open = show_open,
    .refused = show_refused,
    .message = show_message,
    .frame = show_frame,
    .control = show_control,
    .violation = show_violation,
    .dropped = show_dropped,
    .close = show_close,
    .log = show_log,
};
