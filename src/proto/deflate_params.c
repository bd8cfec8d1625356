#include "proto/deflate_params.h"

#include "base/err.h"

const char ws_deflate_name[] = "permessage-deflate";

static const char server_takeover_name[] = "server_no_context_takeover";
static const char client_takeover_name[] = "client_no_context_takeover";
static const char server_bits_name[] = "server_max_window_bits";
static const char client_bits_name[] = "client_max_window_bits";

/* 8-15 in decimal without leading zeros (s.7.1.2.1); 0 if the value is anything else. */
static uint8_t parse_bits(const struct ws_extension_part *part) {
    char text[2];
    size_t n = ws_extension_value(part, text, sizeof(text));
    if (n == 1 && (text[0] == '8' || text[0] == '9')) {
        return (uint8_t)(text[0] - '0');
    }
    if (n == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') {
        return (uint8_t)(10 + text[1] - '0');
    }
    return 0;
}

static bool add_flag(bool *flag, const struct ws_extension_part *part) {
    bool good = !*flag && !part->has_value;
    *flag = true;
    return good;
}

static bool add_bits(uint8_t *bits, const struct ws_extension_part *part) {
    bool again = *bits != 0;
    *bits = parse_bits(part);
    return !again && *bits != 0;
}

static bool add_client_bits(struct ws_deflate_params *params,
                            const struct ws_extension_part *part) {
    if (part->has_value) {
        return add_bits(&params->client_max_window_bits, part) && !params->client_bits_bare;
    }
    return add_flag(&params->client_bits_bare, part) && params->client_max_window_bits == 0;
}

static bool add(struct ws_deflate_params *params, const struct ws_extension_part *part) {
    if (http1_str_is(part->name, server_takeover_name)) {
        return add_flag(&params->server_no_context_takeover, part);
    }
    if (http1_str_is(part->name, client_takeover_name)) {
        return add_flag(&params->client_no_context_takeover, part);
    }
    if (http1_str_is(part->name, server_bits_name)) {
        return add_bits(&params->server_max_window_bits, part);
    }
    if (http1_str_is(part->name, client_bits_name)) {
        return add_client_bits(params, part);
    }
    return false;
}

static uint8_t bits_or_max(uint8_t bits) {
    return bits == 0 ? WS_DEFLATE_BITS_MAX : bits;
}

static int append_param(struct bytes *out, const char *name) {
    int err = bytes_append_str(out, "; ");
    return err != TB_OK ? err : bytes_append_str(out, name);
}

static int append_bits(struct bytes *out, const char *name, uint8_t bits) {
    return bytes_appendf(out, "; %s=%u", name, (unsigned)bits);
}

/* The extension's name and the parameters that look the same in an offer and in an answer. */
static int write_common(const struct ws_deflate *d, bool names_server_bits, struct bytes *out) {
    int err = bytes_append_str(out, ws_deflate_name);
    if (err == TB_OK && d->server_no_context_takeover) {
        err = append_param(out, server_takeover_name);
    }
    if (err == TB_OK && d->client_no_context_takeover) {
        err = append_param(out, client_takeover_name);
    }
    if (err == TB_OK && (names_server_bits || d->server_max_window_bits != WS_DEFLATE_BITS_MAX)) {
        err = append_bits(out, server_bits_name, d->server_max_window_bits);
    }
    return err;
}

void ws_deflate_params_add(struct ws_deflate_params *params, const struct ws_extension_part *part) {
    if (!add(params, part)) {
        params->bad = true;
    }
}

bool ws_deflate_params_accept(const struct ws_deflate_params *offer, bool no_context_takeover,
                              struct ws_deflate *agreed) {
    uint8_t server_bits = bits_or_max(offer->server_max_window_bits);
    if (offer->bad || server_bits < WS_DEFLATE_BITS_MIN) {
        return false;
    }
    *agreed = (struct ws_deflate){
        .on = true,
        .server_no_context_takeover = no_context_takeover || offer->server_no_context_takeover,
        .client_no_context_takeover = no_context_takeover || offer->client_no_context_takeover,
        .server_max_window_bits = server_bits,
        .client_max_window_bits = bits_or_max(offer->client_max_window_bits),
    };
    return true;
}

/* What the client asked of the server, the server must confirm (s.7.1.1.1, s.7.1.2.1). It may ask
 * the client for any window up to the one that was offered (s.7.1.2.2): the client need not
 * compress if it cannot. */
bool ws_deflate_params_confirm(const struct ws_deflate_params *answer,
                               const struct ws_deflate *offered, struct ws_deflate *agreed) {
    uint8_t server_bits = bits_or_max(answer->server_max_window_bits);
    uint8_t client_bits = answer->client_max_window_bits == 0 ? offered->client_max_window_bits
                                                              : answer->client_max_window_bits;
    if (answer->bad || answer->client_bits_bare ||
        (offered->server_no_context_takeover && !answer->server_no_context_takeover) ||
        server_bits > offered->server_max_window_bits ||
        client_bits > offered->client_max_window_bits) {
        return false;
    }
    *agreed = (struct ws_deflate){
        .on = true,
        .server_no_context_takeover = answer->server_no_context_takeover,
        .client_no_context_takeover =
            offered->client_no_context_takeover || answer->client_no_context_takeover,
        .server_max_window_bits = server_bits,
        .client_max_window_bits = client_bits,
    };
    return true;
}

int ws_deflate_params_write_offer(const struct ws_deflate *offer, struct bytes *out) {
    int err = write_common(offer, false, out);
    if (err != TB_OK) {
        return err;
    }
    if (offer->client_max_window_bits == WS_DEFLATE_BITS_MAX) {
        return append_param(out, client_bits_name);
    }
    return append_bits(out, client_bits_name, offer->client_max_window_bits);
}

int ws_deflate_params_write_answer(const struct ws_deflate *agreed, bool names_server_bits,
                                   struct bytes *out) {
    int err = write_common(agreed, names_server_bits, out);
    /* Other than 15 only if the client named it, so it may stand here (s.7.1.2.2). */
    if (err == TB_OK && agreed->client_max_window_bits != WS_DEFLATE_BITS_MAX) {
        err = append_bits(out, client_bits_name, agreed->client_max_window_bits);
    }
    return err;
}
