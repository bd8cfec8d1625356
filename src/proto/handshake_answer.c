/* The server's side: writing its answer (RFC 6455 s.4.2.2). */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "proto/deflate_params.h"
#include "proto/handshake.h"

/* A 101 with a subprotocol and all parameters; one allocation is enough for nearly all. */
enum { SWITCHING_SIZE = 384 };

struct status {
    unsigned code;
    const char *phrase;
    const char *connection; /* the value of Connection in a refusal */
    const char *headers;    /* lines that a refusal with this status has */
};

static const struct status statuses[] = {
    {101, "Switching Protocols", "close", ""},
    {200, "OK", "close", ""},
    {201, "Created", "close", ""},
    {202, "Accepted", "close", ""},
    {204, "No Content", "close", ""},
    {300, "Multiple Choices", "close", ""},
    {301, "Moved Permanently", "close", ""},
    {302, "Found", "close", ""},
    {303, "See Other", "close", ""},
    {304, "Not Modified", "close", ""},
    {307, "Temporary Redirect", "close", ""},
    {308, "Permanent Redirect", "close", ""},
    {400, "Bad Request", "close", ""},
    {401, "Unauthorized", "close", ""},
    {402, "Payment Required", "close", ""},
    {403, "Forbidden", "close", ""},
    {404, "Not Found", "close", ""},
    {405, "Method Not Allowed", "close", "Allow: GET\r\n"},
    {406, "Not Acceptable", "close", ""},
    {407, "Proxy Authentication Required", "close", ""},
    {408, "Request Timeout", "close", ""},
    {409, "Conflict", "close", ""},
    {410, "Gone", "close", ""},
    {411, "Length Required", "close", ""},
    {412, "Precondition Failed", "close", ""},
    {413, "Content Too Large", "close", ""},
    {414, "URI Too Long", "close", ""},
    {415, "Unsupported Media Type", "close", ""},
    {416, "Range Not Satisfiable", "close", ""},
    {417, "Expectation Failed", "close", ""},
    {421, "Misdirected Request", "close", ""},
    {422, "Unprocessable Content", "close", ""},
    {425, "Too Early", "close", ""},
    {426, "Upgrade Required", "close, upgrade",
     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
    {428, "Precondition Required", "close", ""},
    {429, "Too Many Requests", "close", ""},
    {431, "Request Header Fields Too Large", "close", ""},
    {451, "Unavailable For Legal Reasons", "close", ""},
    {500, "Internal Server Error", "close", ""},
    {501, "Not Implemented", "close", ""},
    {502, "Bad Gateway", "close", ""},
    {503, "Service Unavailable", "close", "Retry-After: 1\r\n"},
    {504, "Gateway Timeout", "close", ""},
    {505, "HTTP Version Not Supported", "close", ""},
    {511, "Network Authentication Required", "close", ""},
};

static const struct status unknown_status = {0, "Unknown Status", "close", ""};

static const struct status *status_row(unsigned code) {
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].code == code) {
            return &statuses[i];
        }
    }
    return &unknown_status;
}

static int append_protocol(const char *subprotocol, struct bytes *out) {
    static const char name[] = "\r\nSec-WebSocket-Protocol: ";
    int err = bytes_append(out, name, sizeof(name) - 1);
    return err != TB_OK ? err : bytes_append_str(out, subprotocol);
}

static int append_extensions(const struct ws_answer *answer, struct bytes *out) {
    static const char name[] = "\r\nSec-WebSocket-Extensions: ";
    int err = bytes_append(out, name, sizeof(name) - 1);
    if (err != TB_OK) {
        return err;
    }
    return ws_deflate_params_write_answer(&answer->deflate, answer->names_server_bits, out);
}

static int append_headers(const char *const *headers, struct bytes *out) {
    struct http1_str name;
    int err = TB_OK;
    for (; headers != NULL && *headers != NULL && err == TB_OK; headers++) {
        err = http1_is_line(*headers, &name) ? bytes_appendf(out, "%s\r\n", *headers) : TB_EINVAL;
    }
    return err;
}

static int append_switching(const struct ws_answer *answer, const char *const *headers,
                            struct bytes *out) {
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Upgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: ";
    int err = bytes_reserve(out, SWITCHING_SIZE);
    if (err == TB_OK) {
        err = bytes_append(out, head, sizeof(head) - 1);
    }
    if (err == TB_OK) {
        err = bytes_append(out, answer->accept, WS_ACCEPT_SIZE);
    }
    if (err == TB_OK && answer->subprotocol != NULL) {
        err = append_protocol(answer->subprotocol, out);
    }
    if (err == TB_OK && answer->deflate.on) {
        err = append_extensions(answer, out);
    }
    if (err == TB_OK) {
        err = bytes_append(out, "\r\n", 2);
    }
    if (err == TB_OK) {
        err = append_headers(headers, out);
    }
    return err != TB_OK ? err : bytes_append(out, "\r\n", 2);
}

/* Whether the further lines say what one of the status's own would. */
static bool is_named(const char *line, const char *const *headers) {
    size_t n = strcspn(line, ":");
    struct http1_str name;
    for (; n > 0 && headers != NULL && *headers != NULL; headers++) {
        if (http1_is_line(*headers, &name) && name.n == n && strncasecmp(name.p, line, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool may_have_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

static int append_body(const struct ws_refusal *r, struct bytes *out) {
    int err = TB_OK;
    if (r->content_type != NULL && !http1_is_value(r->content_type)) {
        return TB_EINVAL;
    }
    if (r->content_type != NULL) {
        err = bytes_appendf(out, "Content-Type: %s\r\n", r->content_type);
    }
    if (err == TB_OK) {
        err = bytes_appendf(out, "Content-Length: %zu\r\n\r\n", r->body_size);
    }
    return err != TB_OK || r->head_only ? err : bytes_append(out, r->body, r->body_size);
}

static int append_refusal(const struct ws_refusal *r, struct bytes *out) {
    const struct status *row = status_row(r->status);
    const char *own = is_named(row->headers, r->headers) ? "" : row->headers;
    int err = bytes_appendf(out, "HTTP/1.1 %u %s\r\nConnection: %s\r\n%s", r->status, row->phrase,
                            row->connection, own);
    if (err == TB_OK) {
        err = append_headers(r->headers, out);
    }
    if (err != TB_OK) {
        return err;
    }
    return may_have_body(r->status) ? append_body(r, out) : bytes_append(out, "\r\n", 2);
}

const char *http_status_phrase(unsigned status) {
    return status_row(status)->phrase;
}

int ws_handshake_accept(const struct ws_answer *answer, const char *const *headers,
                        struct bytes *out) {
    size_t before = out->len;
    int err = append_switching(answer, headers, out);
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}

int ws_handshake_refuse(const struct ws_refusal *r, struct bytes *out) {
    size_t before = out->len;
    int err = append_refusal(r, out);
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}
