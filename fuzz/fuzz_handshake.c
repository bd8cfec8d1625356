/* Both sides judge any head without harm, what the server writes can be read, and our client and
 * our server always agree. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/handshake.h"

static const char *const origins[] = {"http://localhost:4000"};
static const char *const names[] = {"chat", "superchat", "c", "d"};

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static struct http1 *read_head(enum http1_kind kind, const uint8_t *p, size_t n) {
    struct http1 *h = http1_new(kind, &http1_default_limits);
    size_t used;
    must(h != NULL);
    if (http1_feed(h, p, n, &used) != HTTP1_DONE) {
        http1_free(h);
        return NULL;
    }
    return h;
}

static struct http1 *must_read_head(enum http1_kind kind, const struct bytes *b) {
    struct http1 *h = read_head(kind, b->data, b->len);
    must(h != NULL);
    return h;
}

static struct ws_server_policy policy_from(uint8_t bits) {
    return (struct ws_server_policy){
        .origins = origins,
        .origin_count = bits & 1,
        .subprotocols = names,
        .subprotocol_count = bits >> 1 & 3,
        .deflate = (bits & 8) != 0,
        .no_context_takeover = (bits & 16) != 0,
        .server_order = (bits & 32) != 0,
    };
}

static struct ws_deflate offer_from(uint8_t bits, uint8_t windows) {
    return (struct ws_deflate){
        .on = (bits & 1) != 0,
        .server_no_context_takeover = (bits & 2) != 0,
        .client_no_context_takeover = (bits & 4) != 0,
        .server_max_window_bits = (uint8_t)(8 + (windows & 7)),
        .client_max_window_bits = (uint8_t)(9 + (windows >> 4) % 7),
    };
}

static struct ws_request request_from(const uint8_t *settings) {
    struct ws_request r = {
        .host = "localhost:4000",
        .target = "/",
        .origin = (settings[0] & 8) != 0 ? origins[0] : NULL,
        .subprotocols = names + (settings[0] >> 4 & 1),
        .subprotocol_count = settings[0] >> 5 & 3,
        .deflate = offer_from(settings[0], settings[1]),
    };
    memcpy(r.key, "dGhlIHNhbXBsZSBub25jZQ==", WS_KEY_SIZE);
    return r;
}

static void must_be_answer(const struct ws_answer *answer) {
    must((answer->violation == WS_V_NONE) == (answer->status == 101));
    if (answer->deflate.on) {
        must(answer->deflate.server_max_window_bits >= WS_DEFLATE_BITS_MIN &&
             answer->deflate.server_max_window_bits <= WS_DEFLATE_BITS_MAX);
        must(answer->deflate.client_max_window_bits >= 8 &&
             answer->deflate.client_max_window_bits <= WS_DEFLATE_BITS_MAX);
    }
}

/* The answer, a 101 or a refusal, must be a head that we would read ourselves. */
static void write_answer(const struct ws_answer *answer, struct bytes *out) {
    static const char *const lines[] = {"X-Mock: yes", NULL};
    const struct ws_refusal refusal = {.status = answer->status,
                                       .content_type = "text/plain",
                                       .body = "no\n",
                                       .body_size = 3,
                                       .headers = lines};
    int err = answer->violation == WS_V_NONE ? ws_handshake_accept(answer, lines, out)
                                             : ws_handshake_refuse(&refusal, out);
    must(err == TB_OK);
    struct http1 *h = must_read_head(HTTP1_RESPONSE, out);
    must(http1_status(h) == answer->status);
    must(http1_has_token(h, "Connection", "close") == (answer->violation != WS_V_NONE));
    http1_free(h);
}

static void judge_request(const struct ws_server_policy *policy, const uint8_t *p, size_t n) {
    struct http1 *h = read_head(HTTP1_REQUEST, p, n);
    if (h == NULL) {
        return;
    }
    struct ws_answer answer;
    struct bytes out = BYTES_INIT;
    must(ws_handshake_judge(h, policy, &answer) == TB_OK);
    must_be_answer(&answer);
    write_answer(&answer, &out);
    bytes_release(&out);
    http1_free(h);
}

static void judge_response(const struct ws_request *r, const uint8_t *p, size_t n) {
    struct http1 *h = read_head(HTTP1_RESPONSE, p, n);
    if (h == NULL) {
        return;
    }
    struct ws_agreement agreed;
    must(ws_response_judge(h, r, &agreed) == TB_OK);
    if (agreed.violation == WS_V_NONE) {
        must(http1_status(h) == 101);
        must(r->deflate.on || !agreed.deflate.on);
        must(r->subprotocol_count > 0 || agreed.subprotocol == NULL);
    }
    http1_free(h);
}

static bool is_same_deflate(const struct ws_deflate *a, const struct ws_deflate *b) {
    return a->on == b->on && a->server_no_context_takeover == b->server_no_context_takeover &&
           a->client_no_context_takeover == b->client_no_context_takeover &&
           a->server_max_window_bits == b->server_max_window_bits &&
           a->client_max_window_bits == b->client_max_window_bits;
}

static bool is_same_name(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Our client asks, our server answers, our client judges; `line` is a header of the user's. */
static void shake_hands(const struct ws_server_policy *policy, struct ws_request r,
                        const char *line) {
    struct ws_agreement agreed;
    struct ws_answer answer;
    struct bytes out = BYTES_INIT;
    r.headers = &line;
    r.header_count = 1;
    if (ws_request_write(&r, &out) != TB_OK) {
        return;
    }
    struct http1 *request = must_read_head(HTTP1_REQUEST, &out);
    must(ws_handshake_judge(request, policy, &answer) == TB_OK);
    must_be_answer(&answer);
    bytes_clear(&out);
    write_answer(&answer, &out);
    struct http1 *response = must_read_head(HTTP1_RESPONSE, &out);
    must(ws_response_judge(response, &r, &agreed) == TB_OK);
    if (answer.violation == WS_V_NONE) {
        must(agreed.violation == WS_V_NONE);
        must(is_same_name(agreed.subprotocol, answer.subprotocol));
        must(is_same_deflate(&agreed.deflate, &answer.deflate));
    } else {
        must(agreed.violation == WS_V_RESPONSE_STATUS);
    }
    http1_free(response);
    http1_free(request);
    bytes_release(&out);
}

/* The first two bytes are the client's settings, the last one is the server's: for a whole head
 * it is the line feed at its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) {
        return 0;
    }
    struct ws_server_policy policy = policy_from(data[size - 1]);
    struct ws_request r = request_from(data);
    const uint8_t *p = data + 2;
    size_t n = size - 2;
    judge_request(&policy, p, n);
    judge_response(&r, p, n);

    char line[256];
    size_t kept = n < sizeof(line) ? n : sizeof(line) - 1;
    memcpy(line, p, kept);
    line[kept] = '\0';
    shake_hands(&policy, r, line);
    return 0;
}
