/* The server's side: judging a request (RFC 6455 s.4.2.1). */
#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "proto/deflate_params.h"
#include "proto/extension.h"
#include "proto/handshake.h"
#include "proto/http_host.h"
#include "proto/subprotocol.h"

/* What the rules below look at. */
struct judgement {
    const struct http1 *request;
    const struct ws_server_policy *policy;
    struct ws_answer *answer;
    bool upgrade; /* there is an Upgrade header */
};

static size_t header_count(const struct http1 *h, const char *name) {
    size_t n;
    http1_header(h, name, &n);
    return n;
}

/* A handshake has no body. Whatever announces one is refused, so that two parsers in a row
 * cannot disagree on where the next request begins (RFC 9112 s.6.3, s.11.2). */
static bool check_body(struct judgement *j) {
    return !http1_has_body(j->request);
}

static bool check_host(struct judgement *j) {
    size_t hosts;
    struct http1_str host = http1_header(j->request, "Host", &hosts);
    if (hosts == 0) {
        return http1_minor_version(j->request) == 0;
    }
    return hosts == 1 && http_host_is_valid(host);
}

/* HEAD is for finding out what GET would say, so without an upgrade it is answered alike. */
static bool check_method(struct judgement *j) {
    struct http1_str method = http1_method(j->request);
    return http1_str_is(method, "GET") || (!j->upgrade && http1_str_is(method, "HEAD"));
}

static bool check_http_version(struct judgement *j) {
    return !j->upgrade || http1_minor_version(j->request) >= 1;
}

/* If uri begins with the scheme, cuts it off and what stands behind the authority. */
static bool cut_authority(struct http1_str *uri, const char *scheme) {
    size_t n = strlen(scheme);
    if (uri->n < n || !http1_str_is_nocase((struct http1_str){uri->p, n}, scheme)) {
        return false;
    }
    struct http1_str authority = {uri->p + n, 0};
    while (n + authority.n < uri->n && authority.p[authority.n] != '/' &&
           authority.p[authority.n] != '?') {
        authority.n++;
    }
    *uri = authority;
    return true;
}

/* A whole URI is what a proxy is sent, and every server must take it (RFC 9112 s.3.2.2). It names
 * the host then, but there must be a Host header all the same. */
static bool check_target(struct judgement *j) {
    struct http1_str target = http1_target(j->request);
    if (target.p[0] == '/') {
        return true;
    }
    return (cut_authority(&target, "http://") || cut_authority(&target, "https://")) &&
           http_host_is_valid(target);
}

static bool check_asks_upgrade(struct judgement *j) {
    return j->upgrade;
}

static bool check_upgrade(struct judgement *j) {
    return http1_has_token(j->request, "Upgrade", "websocket");
}

static bool check_connection(struct judgement *j) {
    return http1_has_token(j->request, "Connection", "upgrade");
}

static bool check_version(struct judgement *j) {
    struct http1_str version = http1_header(j->request, "Sec-WebSocket-Version", NULL);
    return version.p != NULL && http1_str_is(version, "13");
}

/* Encoding again what was decoded tells apart what the decoder forgives. */
static bool is_key(struct http1_str key) {
    enum { KEY_BYTES = 16, DECODED = WS_KEY_SIZE / 4 * 3 };
    if (key.p == NULL || key.n != WS_KEY_SIZE) {
        return false;
    }
    uint8_t decoded[DECODED];
    uint8_t again[WS_KEY_SIZE + 1];
    if (EVP_DecodeBlock(decoded, (const uint8_t *)key.p, WS_KEY_SIZE) != DECODED) {
        return false;
    }
    EVP_EncodeBlock(again, decoded, KEY_BYTES);
    return memcmp(again, key.p, WS_KEY_SIZE) == 0;
}

static bool check_key(struct judgement *j) {
    return is_key(http1_header(j->request, "Sec-WebSocket-Key", NULL));
}

/* Accepts the offer if it can be and none was accepted before. */
static void consider_offer(struct judgement *j, const struct ws_deflate_params *offer) {
    struct ws_answer *answer = j->answer;
    if (!answer->deflate.on &&
        ws_deflate_params_accept(offer, j->policy->no_context_takeover, &answer->deflate)) {
        answer->names_server_bits = offer->server_max_window_bits != 0;
    }
}

/* Takes the first offer of permessage-deflate that can be accepted (RFC 7692 s.5.1); the list
 * is read to its end, for it may be broken further on. */
static bool check_extensions(struct judgement *j) {
    struct ws_extension_reader reader;
    struct ws_extension_part part;
    struct ws_deflate_params offer = WS_DEFLATE_PARAMS_INIT;
    bool offered = false;

    ws_extension_reader_init(&reader, j->request);
    for (;;) {
        enum ws_extension_kind kind = ws_extension_next(&reader, &part);
        if (kind == WS_EXTENSION_PARAM) {
            ws_deflate_params_add(&offer, &part);
            continue;
        }
        if (offered) {
            consider_offer(j, &offer);
        }
        if (kind != WS_EXTENSION_NAME) {
            return kind == WS_EXTENSION_END;
        }
        offer = (struct ws_deflate_params)WS_DEFLATE_PARAMS_INIT;
        offered = j->policy->deflate && http1_str_is(part.name, ws_deflate_name);
    }
}

static bool check_origin(struct judgement *j) {
    size_t origins;
    struct http1_str origin = http1_header(j->request, "Origin", &origins);
    if (j->policy->origin_count == 0 || origins == 0) {
        return true;
    }
    for (size_t i = 0; i < j->policy->origin_count && origins == 1; i++) {
        if (http1_str_is(origin, j->policy->origins[i])) {
            return true;
        }
    }
    return false;
}

struct rule {
    enum ws_violation violation;
    bool (*check)(struct judgement *j); /* whether the request keeps the rule */
};

static const struct rule rules_of_http[] = {
    {WS_V_HTTP_BODY, check_body},          {WS_V_HTTP_HOST, check_host},
    {WS_V_REQUEST_METHOD, check_method},   {WS_V_REQUEST_HTTP_VERSION, check_http_version},
    {WS_V_REQUEST_TARGET, check_target},   {WS_V_REQUEST_NO_UPGRADE, check_asks_upgrade},
    {WS_V_REQUEST_UPGRADE, check_upgrade}, {WS_V_REQUEST_CONNECTION, check_connection},
    {WS_V_REQUEST_VERSION, check_version}, {WS_V_REQUEST_KEY, check_key},
};

static const struct rule rules_of_choice[] = {
    {WS_V_REQUEST_EXTENSIONS, check_extensions},
    {WS_V_REQUEST_ORIGIN, check_origin},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static enum ws_violation first_broken(const struct rule *rules, size_t n, struct judgement *j) {
    for (size_t i = 0; i < n; i++) {
        if (!rules[i].check(j)) {
            return rules[i].violation;
        }
    }
    return WS_V_NONE;
}

/* Finds the first broken rule, in the order of violation.def. TB_OK or TB_ENOMEM. */
static int judge(struct judgement *j, enum ws_violation *violation) {
    *violation = first_broken(rules_of_http, COUNT_OF(rules_of_http), j);
    if (*violation != WS_V_NONE) {
        return TB_OK;
    }
    bool good;
    int err = ws_subprotocol_check(j->request, &good);
    if (err != TB_OK) {
        return err;
    }
    *violation =
        good ? first_broken(rules_of_choice, COUNT_OF(rules_of_choice), j) : WS_V_REQUEST_PROTOCOL;
    return TB_OK;
}

static int answer_switching(struct judgement *j) {
    struct ws_answer *answer = j->answer;
    answer->status = 101;
    answer->subprotocol = ws_subprotocol_choose(
        j->request, j->policy->subprotocols, j->policy->subprotocol_count, j->policy->server_order);
    return ws_accept_key(http1_header(j->request, "Sec-WebSocket-Key", NULL).p, answer->accept);
}

int ws_handshake_judge(const struct http1 *request, const struct ws_server_policy *policy,
                       struct ws_answer *answer) {
    *answer = (struct ws_answer){.violation = WS_V_NONE};
    struct judgement j = {
        .request = request,
        .policy = policy,
        .answer = answer,
        .upgrade = header_count(request, "Upgrade") > 0,
    };
    enum ws_violation violation;
    int err = judge(&j, &violation);
    if (err != TB_OK) {
        return err;
    }
    if (violation == WS_V_NONE) {
        return answer_switching(&j);
    }
    *answer = (struct ws_answer){
        .violation = violation,
        .status = ws_violation_row(violation)->status,
    };
    return TB_OK;
}
