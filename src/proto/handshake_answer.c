/* The server's side: writing its answer (RFC 6455 s.4.2.2). */
#include <string.h>

#include "base/err.h"
#include "proto/deflate_params.h"
#include "proto/handshake.h"

/* A 101 with a subprotocol and all parameters; one allocation is enough for nearly all. */
enum { SWITCHING_SIZE = 384 };

struct status {
    unsigned code;
    const char *phrase;
    const char *connection; /* the value of Connection in a refusal */
    const char *headers;    /* lines that a refusal with this status must have */
};

static const struct status statuses[] = {
    {101, "Switching Protocols", "close", ""},
    {200, "OK", "close", ""},
    {204, "No Content", "close", ""},
    {304, "Not Modified", "close", ""},
    {400, "Bad Request", "close", ""},
    {401, "Unauthorized", "close", ""},
    {403, "Forbidden", "close", ""},
    {404, "Not Found", "close", ""},
    {405, "Method Not Allowed", "close", "Allow: GET\r\n"},
    {408, "Request Timeout", "close", ""},
    {409, "Conflict", "close", ""},
    {413, "Content Too Large", "close", ""},
    {414, "URI Too Long", "close", ""},
    {415, "Unsupported Media Type", "close", ""},
    {421, "Misdirected Request", "close", ""},
    {426, "Upgrade Required", "close, upgrade",
     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
    {429, "Too Many Requests", "close", ""},
    {431, "Request Header Fields Too Large", "close", ""},
    {500, "Internal Server Error", "close", ""},
    {501, "Not Implemented", "close", ""},
    {502, "Bad Gateway", "close", ""},
    {503, "Service Unavailable", "close", "Retry-After: 1\r\n"},
    {504, "Gateway Timeout", "close", ""},
    {505, "HTTP Version Not Supported", "close", ""},
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

static int append_switching(const struct ws_answer *answer, struct bytes *out) {
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
    return err != TB_OK ? err : bytes_append(out, "\r\n\r\n", 4);
}

const char *http_status_phrase(unsigned status) {
    return status_row(status)->phrase;
}

int ws_handshake_accept(const struct ws_answer *answer, struct bytes *out) {
    size_t before = out->len;
    int err = append_switching(answer, out);
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}

int ws_handshake_refuse(unsigned status, const char *content_type, const char *body, bool head_only,
                        struct bytes *out) {
    const struct status *row = status_row(status);
    return bytes_appendf(out,
                         "HTTP/1.1 %u %s\r\n"
                         "Connection: %s\r\n"
                         "%s"
                         "Content-Type: %s\r\n"
                         "Content-Length: %zu\r\n"
                         "\r\n"
                         "%s",
                         status, row->phrase, row->connection, row->headers, content_type,
                         strlen(body), head_only ? "" : body);
}
