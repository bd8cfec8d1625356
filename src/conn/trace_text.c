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

/* ---- lines ---- */

void trace_text_open(struct bytes *line, const struct conn *c) {
    put_address(line, c);
    bytes_append_str(line, " connected");
}

static void put_head_start(struct bytes *line, const struct conn *c, const char *arrow) {
    bytes_append_str(line, line->len > 0 ? "\n" : "");
    put_address(line, c);
    bytes_append_str(line, arrow);
}

void trace_text_request(struct bytes *line, const struct conn *c, const struct http1 *request) {
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

void trace_text_answer(struct bytes *line, const struct conn *c, const struct ws_answer *answer) {
    put_head_start(line, c, " < ");
    bytes_appendf(line, "%u %s, subprotocol %s, permessage-deflate %s", answer->status,
                  http_status_phrase(answer->status),
                  answer->subprotocol == NULL ? "none" : answer->subprotocol,
                  answer->deflate.on ? "on" : "off");
}

/* Browsers fail a connection that agrees to none of the subprotocols they asked for. */
void trace_text_no_subprotocol(struct bytes *line, const struct conn *c,
                               const struct http1 *request) {
    struct http1_str offered = http1_header(request, "sec-websocket-protocol", NULL);
    if (offered.p != NULL) {
        put_address(line, c);
        bytes_append_str(line, " asked for the subprotocol ");
        put_str(line, offered);
        bytes_append_str(line, " and got none; many clients leave then (see --subprotocol)");
    }
}

void trace_text_refused(struct bytes *line, const struct conn *c, const struct http1 *request,
                        unsigned status, const char *why) {
    put_address(line, c);
    bytes_append_str(line, " refused");
    if (request != NULL && http1_target(request).n > 0) {
        bytes_append_str(line, " ");
        put_str(line, http1_method(request));
        bytes_append_str(line, " ");
        put_str(line, http1_target(request));
    }
    if (status != 0) {
        bytes_appendf(line, ": %u %s", status, http_status_phrase(status));
    }
    bytes_appendf(line, " (%s)", why);
}

void trace_text_message(struct bytes *line, const struct conn *c, enum trace_from from,
                        const struct trace_message *m) {
    put_arrow(line, c, from);
    bool is_text = m->opcode == WS_OP_TEXT;
    bytes_appendf(line, "%s %zu bytes: ", is_text ? "text" : "binary", m->size);
    if (is_text) {
        put_text_preview(line, m->data, m->size);
    } else {
        put_hex_preview(line, m->data, m->size);
    }
}

static const char *opcode_name(uint8_t opcode) {
    static const char *const names[16] = {[WS_OP_CONTINUATION] = "continuation",
                                          [WS_OP_TEXT] = "text",
                                          [WS_OP_BINARY] = "binary",
                                          [WS_OP_CLOSE] = "close",
                                          [WS_OP_PING] = "ping",
                                          [WS_OP_PONG] = "pong"};
    const char *name = names[opcode & 0xF];
    return name == NULL ? "reserved" : name;
}

void trace_text_frame(struct bytes *line, const struct conn *c, enum trace_from from,
                      const struct ws_head *head) {
    put_arrow(line, c, from);
    bytes_appendf(line, "frame %s opcode=%u fin=%d rsv=%u masked=%d len=%" PRIu64,
                  opcode_name(head->opcode), head->opcode, head->fin, head->rsv, head->masked,
                  head->length);
}

void trace_text_control(struct bytes *line, const struct conn *c, enum trace_from from,
                        const char *what, const uint8_t *p, size_t n, int64_t rtt_us) {
    put_arrow(line, c, from);
    bytes_append_str(line, what);
    if (n > 0) {
        bytes_append_str(line, " ");
        put_text_preview(line, p, n);
    }
    if (rtt_us >= 0) {
        bytes_appendf(line, " (%.3f ms)", (double)rtt_us / 1e3);
    }
}

void trace_text_violation(struct bytes *line, const struct conn *c, enum ws_violation v) {
    const struct ws_violation_row *rule = ws_violation_row(v);
    put_address(line, c);
    bytes_appendf(line, " broke a rule: %s (%s, %s)", rule->text, rule->section, rule->name);
}

void trace_text_dropped(struct bytes *line, const struct conn *c, uint64_t messages) {
    put_address(line, c);
    bytes_appendf(line, " is too slow: %" PRIu64 " message%s dropped, %" PRIu64 " in all", messages,
                  messages == 1 ? "" : "s", c->dropped);
}

void trace_text_close(struct bytes *line, const struct conn *c) {
    static const char *const closers[] = {[CONN_LOST] = "lost without a close",
                                          [CONN_CLOSED_BY_PEER] = "closed by the client",
                                          [CONN_CLOSED_BY_US] = "closed by the server"};
    put_address(line, c);
    bytes_appendf(line, " disconnected: %u %s", c->close_code, ws_close_phrase(c->close_code));
    if (c->reason != NULL && c->reason->size > 0) {
        bytes_append_str(line, " \"");
        text_escape(line, c->reason->bytes, c->reason->size, TEXT_ONE_LINE);
        bytes_append_str(line, "\"");
    }
    bytes_appendf(line, ", %s", closers[c->closer]);
}
