#include "conn/trace_json.h"

#include <inttypes.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/text.h"
#include "conn/conn_state.h"
#include "proto/utf8.h"

/* ---- pieces ---- */

static const char *from_name(enum trace_from from) {
    return from == TRACE_CLIENT ? "client" : "server";
}

static json_t *base64(const uint8_t *p, size_t n) {
    struct bytes text = BYTES_INIT;
    int err = base64_encode(&text, p, n);
    json_t *value = err == TB_OK ? json_stringn((const char *)text.data, text.len) : NULL;
    bytes_release(&text);
    return value;
}

/* Text where it is text, base64 where it is not. */
static int set_data(json_t *fields, const uint8_t *p, size_t n, bool is_text) {
    if (n == 0) {
        return json_object_set_new(fields, "data", json_string(""));
    }
    if (is_text && utf8_is_valid(p, n)) {
        return json_object_set_new(fields, "data", json_stringn((const char *)p, n));
    }
    return json_object_set_new(fields, "base64", base64(p, n));
}

/* A string of a peer, whose bytes beyond ASCII need not be UTF-8: those are taken as Latin-1. */
static json_t *text_of(struct http1_str s) {
    if (s.p == NULL) {
        return json_null();
    }
    if (utf8_is_valid((const uint8_t *)s.p, s.n)) {
        return json_stringn(s.p, s.n);
    }
    struct bytes latin1 = BYTES_INIT;
    int err = TB_OK;
    for (size_t i = 0; i < s.n && err == TB_OK; i++) {
        uint8_t c = (uint8_t)s.p[i];
        const uint8_t two[] = {(uint8_t)(0xC0 | c >> 6), (uint8_t)(0x80 | (c & 0x3F))};
        err = c < 0x80 ? bytes_append(&latin1, &c, 1) : bytes_append(&latin1, two, 2);
    }
    json_t *value = err == TB_OK ? json_stringn((const char *)latin1.data, latin1.len) : NULL;
    bytes_release(&latin1);
    return value;
}

/* Header lines as an array of [name, value]: their order and their repetitions are facts. */
static json_t *headers_of(const struct http1 *head) {
    json_t *list = json_array();
    for (size_t i = 0; i < http1_header_count(head); i++) {
        struct http1_str name = http1_header_name(head, i);
        json_t *value =
            trace_is_secret(name) ? json_string("***") : text_of(http1_header_value(head, i));
        json_array_append_new(list, json_pack("[o,o]", text_of(name), value));
    }
    return list;
}

static json_t *request_of(const struct http1 *request) {
    if (request == NULL || http1_method(request).p == NULL) {
        return json_null();
    }
    return json_pack("{s:o,s:o,s:o}", "method", text_of(http1_method(request)), "target",
                     text_of(http1_target(request)), "headers", headers_of(request));
}

static json_t *peer_of(const struct conn *c) {
    char text[ADDRESS_TEXT_MAX];
    return json_string(address_text(&c->address, text));
}

static json_t *deflate_of(const struct ws_deflate *d) {
    if (!d->on) {
        return json_false();
    }
    return json_pack(
        "{s:b,s:b,s:i,s:i}", "server_no_context_takeover", d->server_no_context_takeover,
        "client_no_context_takeover", d->client_no_context_takeover, "server_max_window_bits",
        d->server_max_window_bits, "client_max_window_bits", d->client_max_window_bits);
}

/* ---- events ---- */

/* What answered: of a response that came, its headers, too. */
static json_t *response_of(const struct trace_handshake *h) {
    if (h->status == 0) {
        return json_null();
    }
    json_t *response = json_pack("{s:i}", "status", (int)h->status);
    if (h->response != NULL) {
        json_object_set_new(response, "headers", headers_of(h->response));
    }
    return response;
}

static json_t *url_of(const struct trace_handshake *h) {
    return h->url == NULL ? text_of(http1_target(h->request)) : json_string(h->url);
}

json_t *trace_json_open(const struct conn *c, const struct trace_handshake *h) {
    return json_pack("{s:o,s:o,s:o,s:o,s:s?,s:o}", "url", url_of(h), "peer", peer_of(c), "request",
                     request_of(h->request), "response", response_of(h), "protocol", h->subprotocol,
                     "deflate", deflate_of(&h->deflate));
}

json_t *trace_json_refused(const struct conn *c, const struct trace_handshake *h, const char *why) {
    json_t *fields = json_pack("{s:o,s:o,s:o,s:s}", "peer", peer_of(c), "request",
                               request_of(h->request), "response", response_of(h), "why", why);
    if (h->url != NULL) {
        json_object_set_new(fields, "url", json_string(h->url));
    }
    return fields;
}

json_t *trace_json_message(enum trace_from from, const struct trace_message *m) {
    bool is_text = m->opcode == WS_OP_TEXT;
    json_t *fields =
        json_pack("{s:s,s:s}", "from", from_name(from), "type", is_text ? "text" : "binary");
    if (fields == NULL || set_data(fields, m->data, m->size, is_text) != 0) {
        json_decref(fields);
        return NULL;
    }
    json_object_set_new(fields, "size", json_integer((json_int_t)m->size));
    json_object_set_new(fields, "wire", json_integer((json_int_t)m->wire));
    json_object_set_new(fields, "frames", json_integer((json_int_t)m->frames));
    return fields;
}

json_t *trace_json_frame(enum trace_from from, const struct ws_head *head) {
    uint64_t wire = WS_HEAD_MIN + head->len_size + (head->masked ? sizeof head->mask : 0);
    return json_pack("{s:s,s:b,s:i,s:i,s:b,s:I,s:I}", "from", from_name(from), "fin", head->fin,
                     "rsv", head->rsv, "opcode", head->opcode, "masked", head->masked, "len",
                     (json_int_t)head->length, "wire", (json_int_t)(wire + head->length));
}

json_t *trace_json_control(enum trace_from from, const struct trace_control *k) {
    json_t *fields = json_pack("{s:s}", "from", from_name(from));
    if (fields == NULL || set_data(fields, k->data, k->size, true) != 0) {
        json_decref(fields);
        return NULL;
    }
    if (k->rtt_us >= 0) {
        json_object_set_new(fields, "rtt", json_real((double)k->rtt_us / 1e6));
    }
    return fields;
}

json_t *trace_json_violation(enum trace_from from, enum ws_violation v) {
    const struct ws_violation_row *rule = ws_violation_row(v);
    return json_pack("{s:s,s:s,s:s,s:s}", "from", from_name(from), "rule", rule->name, "section",
                     rule->section, "text", rule->text);
}

json_t *trace_json_close(const struct conn *c) {
    const char *peer = from_name(conn_sayer(c, false));
    const char *us = from_name(conn_sayer(c, true));
    const char *const closers[] = {
        [CONN_LOST] = NULL, [CONN_CLOSED_BY_PEER] = peer, [CONN_CLOSED_BY_US] = us};
    const struct note none = {0};
    const struct note *reason = c->reason == NULL ? &none : c->reason;
    return json_pack("{s:s?,s:i,s:s%}", "from", closers[c->closer], "code", (int)c->close_code,
                     "reason", (const char *)reason->bytes, (size_t)reason->size);
}

/* ---- the line ---- */

/* The JSON library does not look at the result for an object's keys: a line that lacks a piece must
 * be known by other means. */
struct dump {
    struct bytes *line;
    bool failed;
};

static int append_dumped(const char *p, size_t n, void *dump) {
    struct dump *d = dump;
    d->failed = d->failed || bytes_append(d->line, p, n) != TB_OK;
    return d->failed ? -1 : 0;
}

/* How many bytes from the front can stay as they are. The JSON library has escaped C0 and writes
 * nothing but UTF-8. */
static size_t safe_run(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        uint32_t point = 0;
        size_t size = p[i] < 0x7f ? 1 : text_decode(p + i, n - i, &point);
        if (p[i] >= 0x7f && size > 0 && text_is_unsafe(point)) {
            break;
        }
        i += size > 0 ? size : 1;
    }
    return i;
}

static int append_escape(struct bytes *line, uint32_t point) {
    if (point < 0x10000) {
        return bytes_appendf(line, "\\u%04X", (unsigned)point);
    }
    unsigned above = (unsigned)point - 0x10000;
    return bytes_appendf(line, "\\u%04X\\u%04X", 0xd800 | above >> 10, 0xdc00 | (above & 0x3ff));
}

static int append_escaped(struct bytes *line, const uint8_t *p, size_t n) {
    int err = TB_OK;
    for (size_t i = 0; i < n && err == TB_OK;) {
        uint32_t point = 0;
        size_t size = text_decode(p + i, n - i, &point);
        err = append_escape(line, point);
        i += size;
        size = safe_run(p + i, n - i);
        err = err == TB_OK ? bytes_append(line, p + i, size) : err;
        i += size;
    }
    return err;
}

/* Who looks at the line in a terminal sees what a peer said and does not obey it. What is unsafe
 * stands in strings only, where an escape means the same. */
static int escape_unsafe(struct bytes *line, size_t start) {
    size_t safe = start + safe_run(line->data + start, line->len - start);
    if (safe == line->len) {
        return TB_OK;
    }
    struct bytes rest = BYTES_INIT;
    int err = bytes_append(&rest, line->data + safe, line->len - safe);
    if (err == TB_OK) {
        line->len = safe;
        err = append_escaped(line, rest.data, rest.len);
    }
    bytes_release(&rest);
    return err;
}

bool trace_json_line(struct bytes *line, int64_t t_us, uint64_t conn, const char *ev,
                     const json_t *fields) {
    if (fields == NULL) {
        return false;
    }
    int err = bytes_appendf(line, "{\"t\":%" PRId64 ".%06" PRId64, t_us / 1000000, t_us % 1000000);
    if (err == TB_OK && conn != 0) {
        err = bytes_appendf(line, ",\"conn\":%" PRIu64, conn);
    }
    if (err == TB_OK) {
        err = bytes_appendf(line, ",\"ev\":\"%s\",", ev);
    }
    struct dump dump = {.line = line};
    size_t start = line->len;
    return err == TB_OK &&
           json_dump_callback(fields, append_dumped, &dump,
                              JSON_COMPACT | JSON_EMBED | JSON_REAL_PRECISION(6)) == 0 &&
           !dump.failed && escape_unsafe(line, start) == TB_OK &&
           bytes_append(line, "}", 1) == TB_OK;
}
