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

/* What could end a line early, or would be refused by a strict reader, is not sent. */
static bool is_value(const char *s) {
    for (; *s != '\0'; s++) {
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Visible ASCII, and at least one of it. */
static bool is_word(const char *s) {
    size_t n = 0;
    while (s[n] > ' ' && s[n] < 0x7f) {
        n++;
    }
    return n > 0 && s[n] == '\0';
}

static bool is_header(const char *line) {
    const char *colon = strchr(line, ':');
    if (colon == NULL) {
        return false;
    }
    return http1_str_is_token((struct http1_str){line, (size_t)(colon - line)}) &&
           is_value(colon + 1);
}

static bool is_offer(const struct ws_deflate *d) {
    return !d->on ||
           (d->server_max_window_bits >= 8 && d->server_max_window_bits <= WS_DEFLATE_BITS_MAX &&
            d->client_max_window_bits >= WS_DEFLATE_BITS_MIN &&
            d->client_max_window_bits <= WS_DEFLATE_BITS_MAX);
}

static bool is_valid(const struct ws_request *r) {
    if (!is_word(r->host) || r->target[0] != '/' || !is_word(r->target) ||
        (r->origin != NULL && !is_value(r->origin)) || !is_offer(&r->deflate)) {
        return false;
    }
    for (size_t i = 0; i < r->subprotocol_count; i++) {
        if (!http1_str_is_token(str_from(r->subprotocols[i]))) {
            return false;
        }
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

static bool has_body(const struct http1 *response) {
    size_t lengths, encodings;
    struct http1_str length = http1_header(response, "Content-Length", &lengths);
    http1_header(response, "Transfer-Encoding", &encodings);
    return encodings > 0 || (lengths > 0 && (lengths > 1 || !http1_str_is(length, "0")));
}

static bool fits_key(const struct http1 *response, const struct ws_request *r) {
    char accept[WS_ACCEPT_SIZE];
    struct http1_str answer = http1_header(response, "Sec-WebSocket-Accept", NULL);
    return answer.p != NULL && answer.n == WS_ACCEPT_SIZE &&
           ws_accept_key(r->key, accept) == TB_OK && memcmp(answer.p, accept, WS_ACCEPT_SIZE) == 0;
}

static enum ws_violation judge_upgrade(const struct http1 *response, const struct ws_request *r) {
    if (http1_status(response) != 101) {
        return WS_V_RESPONSE_STATUS;
    }
    struct http1_str upgrade = http1_header(response, "Upgrade", NULL);
    if (upgrade.p == NULL || !http1_str_is_nocase(upgrade, "websocket")) {
        return WS_V_RESPONSE_UPGRADE;
    }
    if (!http1_has_token(response, "Connection", "upgrade")) {
        return WS_V_RESPONSE_CONNECTION;
    }
    return fits_key(response, r) ? WS_V_NONE : WS_V_RESPONSE_ACCEPT;
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

enum ws_violation ws_response_judge(const struct http1 *response, const struct ws_request *r,
                                    struct ws_agreement *agreed) {
    *agreed = (struct ws_agreement){.subprotocol = NULL};
    enum ws_violation violation = judge_upgrade(response, r);
    if (violation == WS_V_NONE) {
        violation = judge_subprotocol(response, r, &agreed->subprotocol);
    }
    if (violation == WS_V_NONE) {
        violation = judge_extensions(response, r, &agreed->deflate);
    }
    if (violation == WS_V_NONE && has_body(response)) {
        violation = WS_V_RESPONSE_BODY;
    }
    return violation;
}
