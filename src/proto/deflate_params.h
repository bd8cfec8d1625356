/* proto/deflate_params.h - permessage-deflate as it is offered and answered (RFC 7692 s.7.1).
 *
 * Owns the names of the four parameters, what values they may have, and what the two sides may
 * make of them. Sans-I/O.
 */
#ifndef TB_PROTO_DEFLATE_PARAMS_H
#define TB_PROTO_DEFLATE_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proto/deflate.h"
#include "proto/extension.h"

/* The extension's name. */
extern const char ws_deflate_name[];

/* The parameters of one offer, or of one answer, as they came. */
struct ws_deflate_params {
    bool bad; /* one is unknown, came twice, or has a value that it must not have */
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    bool client_bits_bare;          /* client_max_window_bits came without a value */
    uint8_t server_max_window_bits; /* 8-15; 0: did not come */
    uint8_t client_max_window_bits; /* 8-15; 0: did not come with a value */
};

#define WS_DEFLATE_PARAMS_INIT                                                                     \
    { .bad = false }

/* Adds one parameter. */
void ws_deflate_params_add(struct ws_deflate_params *params, const struct ws_extension_part *part);

/* The server's side: whether the offer can be accepted, and what is then agreed. */
bool ws_deflate_params_accept(const struct ws_deflate_params *offer, bool no_context_takeover,
                              struct ws_deflate *agreed);

/* The client's side: whether the answer fits what was offered, and what is then agreed. */
bool ws_deflate_params_confirm(const struct ws_deflate_params *answer,
                               const struct ws_deflate *offered, struct ws_deflate *agreed);

/* Appends the extension with its parameters, as the client offers it and as the server answers
 * (`names_server_bits`: server_max_window_bits even if it is the default). TB_OK or TB_ENOMEM. */
int ws_deflate_params_write_offer(const struct ws_deflate *offer, struct bytes *out);
int ws_deflate_params_write_answer(const struct ws_deflate *agreed, bool names_server_bits,
                                   struct bytes *out);

#endif
