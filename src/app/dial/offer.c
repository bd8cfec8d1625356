#include "app/dial/offer.h"

#include <string.h>

#include "app/dial/words.h"
#include "base/err.h"
#include "proto/deflate_params.h"
#include "proto/extension.h"
#include "proto/http1.h"

enum { PARAMS_MAX = 1024 };

/* The parameters as a head with that offer alone, for it is heads that extensions are read from.
 * *head stays NULL if they are no header. */
static int make_head(const char *params, struct http1 **head) {
    struct bytes text = BYTES_INIT;
    size_t used;
    int err = bytes_appendf(&text, "GET / HTTP/1.1\r\nSec-WebSocket-Extensions: %s; %s\r\n\r\n",
                            ws_deflate_name, params);
    *head = err == TB_OK ? http1_new(HTTP1_REQUEST, &http1_default_limits) : NULL;
    err = *head == NULL ? TB_ENOMEM : err;
    if (err == TB_OK) {
        enum http1_result result = http1_feed(*head, text.data, text.len, &used);
        err = result == HTTP1_NOMEM ? TB_ENOMEM : result == HTTP1_DONE ? TB_OK : TB_EINVAL;
    }
    if (err != TB_OK) {
        http1_free(*head);
        *head = NULL;
    }
    bytes_release(&text);
    return err;
}

/* Whether the head holds one extension, and what its parameters are. */
static bool read_params(const struct http1 *head, struct ws_deflate_params *params) {
    struct ws_extension_reader reader;
    struct ws_extension_part part;
    unsigned names = 0;
    ws_extension_reader_init(&reader, head);
    for (;;) {
        switch (ws_extension_next(&reader, &part)) {
        case WS_EXTENSION_NAME:
            names++;
            break;
        case WS_EXTENSION_PARAM:
            ws_deflate_params_add(params, &part);
            break;
        case WS_EXTENSION_END:
            return names == 1 && !params->bad;
        case WS_EXTENSION_BAD:
            return false;
        }
    }
}

static int refuse_params(const char *params, struct bytes *message) {
    return words_refuse(message,
                        "option '--deflate' needs parameters of permessage-deflate, such as "
                        "'server_no_context_takeover; client_max_window_bits=10', not '%s'",
                        params);
}

static uint8_t bits_or_max(uint8_t bits) {
    return bits != 0 ? bits : WS_DEFLATE_BITS_MAX;
}

static int take_params(const char *text, struct ws_deflate *offer, struct bytes *message) {
    struct ws_deflate_params params = WS_DEFLATE_PARAMS_INIT;
    struct http1 *head;
    if (!http1_is_value(text) || strlen(text) > PARAMS_MAX) {
        return refuse_params(text, message);
    }
    int err = make_head(text, &head);
    if (err != TB_OK) {
        return err == TB_EINVAL ? refuse_params(text, message) : err;
    }
    bool good = read_params(head, &params);
    http1_free(head);
    if (!good) {
        return refuse_params(text, message);
    }
    if (params.client_max_window_bits == 8) {
        return words_refuse(message, "option '--deflate' takes no client_max_window_bits=8, which "
                                     "zlib cannot compress with");
    }
    offer->server_no_context_takeover = params.server_no_context_takeover;
    offer->client_no_context_takeover = params.client_no_context_takeover;
    offer->server_max_window_bits = bits_or_max(params.server_max_window_bits);
    offer->client_max_window_bits = bits_or_max(params.client_max_window_bits);
    return TB_OK;
}

int offer_read(const struct dial_deflate *flags, struct ws_deflate *offer, struct bytes *message) {
    *offer = (struct ws_deflate){.on = flags->off == 0,
                                 .server_max_window_bits = WS_DEFLATE_BITS_MAX,
                                 .client_max_window_bits = WS_DEFLATE_BITS_MAX};
    if (flags->off != 0 || flags->params == NULL || flags->params[0] == '\0') {
        return TB_OK;
    }
    return take_params(flags->params, offer, message);
}
