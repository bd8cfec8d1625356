/* Any bytes are some header: what is read from them, written again, is the same bytes, and it is
 * not read before it is whole. A header that breaks no rule is what RFC 6455 s.5.2 asks for. */
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* In memory that ends with the bytes, so that reading behind them is seen. */
static void check_too_short(const uint8_t *data, size_t size) {
    uint8_t *alone = malloc(size + 1);
    require(alone != NULL);
    memcpy(alone + 1, data, size);
    struct ws_head h;
    uint8_t before[sizeof(h)];
    uint8_t after[sizeof(h)];
    memset(before, 0xa5, sizeof(before));
    memcpy(&h, before, sizeof(h));
    require(ws_head_parse(&h, alone + 1, size) == 0);
    memcpy(after, &h, sizeof(h));
    require(memcmp(before, after, sizeof(before)) == 0);
    free(alone);
}

static void check_lawful(const struct ws_head *h, const struct ws_rules *r) {
    require((h->rsv & (WS_RSV2 | WS_RSV3)) == 0);
    require(h->rsv == 0 || r->deflate);
    require(h->masked == (r->role == WS_SERVER));
    require(h->length <= INT64_MAX);
    require(h->len_size == ws_len_size(h->length));
    if (ws_opcode_is_control(h->opcode)) {
        require(h->opcode <= WS_OP_PONG && h->fin && h->length <= WS_CONTROL_MAX);
    } else {
        require(h->opcode <= WS_OP_BINARY);
        require((h->opcode == WS_OP_CONTINUATION) == r->in_message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ws_head h;
    size_t head_size = ws_head_parse(&h, data, size);
    if (head_size == 0) {
        require(size < WS_HEAD_MAX);
        if (size > 0) {
            check_too_short(data, size);
        }
        return 0;
    }
    require(head_size >= WS_HEAD_MIN && head_size <= WS_HEAD_MAX && head_size <= size);
    for (size_t n = 1; n < head_size; n++) {
        check_too_short(data, n);
    }
    uint8_t written[WS_HEAD_MAX];
    require(ws_head_write(&h, written) == head_size);
    require(memcmp(written, data, head_size) == 0);
    for (unsigned k = 0; k < 8; k++) {
        struct ws_rules r = {k & 1 ? WS_SERVER : WS_CLIENT, .deflate = (k & 2) != 0,
                             .in_message = (k & 4) != 0};
        enum ws_violation v = ws_head_check(&h, &r);
        require(v <= WS_V_MESSAGE_INTERLEAVED);
        if (v == WS_V_NONE) {
            check_lawful(&h, &r);
        }
    }
    return 0;
}
