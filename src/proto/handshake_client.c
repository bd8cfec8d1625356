/* The client's side: asking, and judging the answer (RFC 6455 s.4.1). */
#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "base/random.h"
#include "proto/deflate_params.h"
#include "proto/extension.h"
#include "proto/handshake.h"

static struct http1_str str_from(const char *s) {
    return (struct http1_str){.p = s, .n = strlen(s)};
}

/* Visible ASCII, and at least one of it. */
static bool is_word(const char *s) {
    size_t n = 0;
    while (s[n] > ' ' && s[n] < 0x7f) {
        n++;
    }
    return n > 0 && s[n] == '\0';
}

/* Headers that are made from the rest of the request, and those that would give it a body. */
static bool is_ours(struct http1_str name) {
    static const char *const ours[] = {
        "Host",
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Content-Length",
        "Transfer-Encoding",
    };
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (http1_str_is_nocase(name, ours[i])) {
            return true;
        }
    }
    return false;
}

static bool is_header(const char *line) {
    struct http1_str name;
    return http1_is_line(line, &name) && !is_ours(name);
}

/* Distinct tokens (s.4.1 no. 10). */
static bool are_subprotocols(const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!http1_str_is_token(str_from(names[i]))) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(names[k], names[i]) == 0) {
                return false;
            }
        }
    }
    return true;
}

static bool is_offer(const struct ws_deflate *d) {
    return !d->on ||
           (d->server_max_window_bits >= 8 && d->server_max_window_bits <= WS_DEFLATE_BITS_MAX &&
            d->client_max_window_bits >= WS_DEFLATE_BITS_MIN &&
            d->client_max_window_bits <= WS_DEFLATE_BITS_MAX);
}

static bool is_valid(const struct ws_request *r) {
    if (!is_word(r->host) || r->target[0] != '/' || !is_word(r->target) ||
        (r->origin != NULL && !http1_is_value(r->origin)) || !is_offer(&r->deflate) ||
        !are_subprotocols(r->subprotocols, r->subprotocol_count)) {
        return false;
    }
    for (size_t i = 0; i < r->header_count; i++) {
        if (!is_header(r->headers[i])) {
            return false;
        }
    }
    return true;
}

static int append_subprotocols(const struct ws_request *r, struct bytes *out) {
    int err = bytes_append_str(out, "Sec-WebSocket-Protocol: ");
    for (size_t i = 0; i < r->subprotocol_count && err == TB_OK; i++) {
        err = bytes_appendf(out, "%s%s", i == 0 ? "" : ", ", r->subprotocols[i]);
    }
    return err != TB_OK ? err : bytes_append_str(out, "\r\n");
}

static int append_offer(const struct ws_deflate *offer, struct bytes *out) {
    int err = bytes_append_str(out, "Sec-WebSocket-Extensions: ");
    if (err == TB_OK) {
        err = ws_deflate_params_write_offer(offer, out);
    }
    return err != TB_OK ? err : bytes_append_str(out, "\r\n");
}

static int append_request(const struct ws_request *r, struct bytes *out) {
    int err = bytes_appendf(out,
                            "GET %s HTTP/1.1\r\n"
                            "Host: %s\r\n"
                            "Upgrade: websocket\r\n"
                            "Connection: Upgrade\r\n"
                            "Sec-WebSocket-Key: %.*s\r\n"
                            "Sec-WebSocket-Version: 13\r\n",
                            r->target, r->host, WS_KEY_SIZE, r->key);
    if (err == TB_OK && r->origin != NULL) {
        err = bytes_appendf(out, "Origin: %s\r\n", r->origin);
    }
    if (err == TB_OK && r->subprotocol_count > 0) {
        err = append_subprotocols(r, out);
    }
    if (err == TB_OK && r->deflate.on) {
        err = append_offer(&r->deflate, out);
    }
    for (size_t i = 0; i < r->header_count && err == TB_OK; i++) {
        err = bytes_appendf(out, "%s\r\n", r->headers[i]);
    }
    return err != TB_OK ? err : bytes_append_str(out, "\r\n");
}

static enum ws_violation judge_upgrade(const struct http1 *response) {
    if (http1_status(response) != 101) {
        return WS_V_RESPONSE_STATUS;
    }
    struct http1_str upgrade = http1_header(response, "Upgrade", NULL);
    if (upgrade.p == NULL || !http1_str_is_nocase(upgrade, "websocket")) {
        return WS_V_RESPONSE_UPGRADE;
    }
    return http1_has_token(response, "Connection", "upgrade") ? WS_V_NONE
                                                              : WS_V_RESPONSE_CONNECTION;
}

static enum ws_violation judge_accept(const struct http1 *response,
                                      const char expected[WS_ACCEPT_SIZE]) {
    struct http1_str accept = http1_header(response, "Sec-WebSocket-Accept", NULL);
    bool fits = accept.p != NULL && accept.n == WS_ACCEPT_SIZE &&
                memcmp(accept.p, expected, WS_ACCEPT_SIZE) == 0;
    return fits ? WS_V_NONE : WS_V_RESPONSE_ACCEPT;
}

static enum ws_violation judge_subprotocol(const struct http1 *response, const struct ws_request *r,
                                           const char **chosen) {
    size_t count;
    struct http1_str name = http1_header(response, "Sec-WebSocket-Protocol", &count);
    *chosen = NULL;
    for (size_t i = 0; i < r->subprotocol_count && count == 1; i++) {
        if (http1_str_is(name, r->subprotocols[i])) {
            *chosen = r->subprotocols[i];
            return WS_V_NONE;
        }
    }
    return count == 0 ? WS_V_NONE : WS_V_RESPONSE_PROTOCOL;
}

/* One permessage-deflate may be there if it was offered, and nothing else (s.4.1 no. 5). */
static enum ws_violation judge_extensions(const struct http1 *response, const struct ws_request *r,
                                          struct ws_deflate *agreed) {
    struct ws_extension_reader reader;
    struct ws_extension_part part;
    struct ws_deflate_params answer = WS_DEFLATE_PARAMS_INIT;
    bool answered = false;

    ws_extension_reader_init(&reader, response);
    for (;;) {
        switch (ws_extension_next(&reader, &part)) {
        case WS_EXTENSION_NAME:
            if (answered || !r->deflate.on || !http1_str_is(part.name, ws_deflate_name)) {
                return WS_V_RESPONSE_EXTENSION;
            }
            answered = true;
            break;
        case WS_EXTENSION_PARAM:
            ws_deflate_params_add(&answer, &part);
            break;
        case WS_EXTENSION_END:
            return !answered || ws_deflate_params_confirm(&answer, &r->deflate, agreed)
                       ? WS_V_NONE
                       : WS_V_RESPONSE_DEFLATE;
        case WS_EXTENSION_BAD:
            return WS_V_RESPONSE_EXTENSION;
        }
    }
}

int ws_request_key(struct ws_request *r) {
    uint8_t nonce[16];
    uint8_t base64[WS_KEY_SIZE + 1];
    int err = random_bytes(nonce, sizeof(nonce));
    if (err != TB_OK) {
        return err;
    }
    EVP_EncodeBlock(base64, nonce, sizeof(nonce));
    memcpy(r->key, base64, WS_KEY_SIZE);
    return TB_OK;
}

int ws_request_write(const struct ws_request *r, struct bytes *out) {
    if (!is_valid(r)) {
        return TB_EINVAL;
    }
    size_t before = out->len;
    int err = append_request(r, out);
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}

int ws_response_judge(const struct http1 *response, const struct ws_request *r,
                      struct ws_agreement *agreed) {
    char accept[WS_ACCEPT_SIZE];
    *agreed = (struct ws_agreement){.violation = WS_V_NONE};
    int err = ws_accept_key(r->key, accept);
    if (err != TB_OK) {
        return err;
    }
    enum ws_violation violation = judge_upgrade(response);
    if (violation == WS_V_NONE) {
        violation = judge_accept(response, accept);
    }
    if (violation == WS_V_NONE) {
        violation = judge_subprotocol(response, r, &agreed->subprotocol);
    }
    if (violation == WS_V_NONE) {
        violation = judge_extensions(response, r, &agreed->deflate);
    }
    if (violation == WS_V_NONE && http1_has_body(response)) {
        violation = WS_V_RESPONSE_BODY;
    }
    if (violation != WS_V_NONE) {
        *agreed = (struct ws_agreement){.violation = violation};
    }
    return TB_OK;
}
