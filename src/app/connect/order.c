#include "app/connect/order.h"

#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "conn/conn.h"
#include "proto/close.h"
#include "proto/frame.h"
#include "proto/utf8.h"

void order_release(struct order *o) {
    bytes_release(&o->data);
}

static int refuse(struct bytes *message, const char *why) {
    int err = bytes_append_str(message, why);
    return err == TB_OK ? TB_EINVAL : err;
}

static int refuse_at(struct bytes *message, const char *why, size_t offset) {
    int err = bytes_appendf(message, "%s (at character %zu)", why, offset + 1);
    return err == TB_OK ? TB_EINVAL : err;
}

static int compose_text(struct order *o, const void *p, size_t n, struct bytes *message) {
    o->opcode = WS_OP_TEXT;
    if (!utf8_is_valid(p, n)) {
        return refuse(message,
                      "it is not valid UTF-8, as a text must be; --binary sends any bytes");
    }
    return bytes_append(&o->data, p, n);
}

static int compose_hex(struct order *o, const void *p, size_t n, struct bytes *message) {
    size_t offset = 0;
    int err = hex_decode(&o->data, p, n, &offset);
    return err == TB_EINVAL ? refuse_at(message, "it is not hexadecimal", offset) : err;
}

int order_compose(struct order *o, enum order_form form, const void *p, size_t n,
                  struct bytes *message) {
    size_t offset = 0;
    o->kind = ORDER_SEND;
    o->opcode = WS_OP_BINARY;
    int err = TB_OK;
    switch (form) {
    case ORDER_TEXT:
        return compose_text(o, p, n, message);
    case ORDER_BINARY:
        return bytes_append(&o->data, p, n);
    case ORDER_HEX:
        return compose_hex(o, p, n, message);
    case ORDER_BASE64:
        err = base64_decode(&o->data, p, n, &offset);
        break;
    }
    return err == TB_EINVAL ? refuse_at(message, "it is not base64", offset) : err;
}

int order_control(struct order *o, enum order_kind kind, const void *p, size_t n,
                  struct bytes *message) {
    o->kind = kind;
    if (n > WS_CONTROL_MAX) {
        return refuse(message, "a ping or a pong holds 125 bytes at most");
    }
    return bytes_append(&o->data, p, n);
}

/* Any code that fits into a close frame: an unlawful one is sent past the rules. */
int order_close(struct order *o, const char *code, const char *reason, size_t size,
                struct bytes *message) {
    uint64_t n = 0;
    o->kind = ORDER_CLOSE;
    o->has_code = code[0] != '\0';
    if (o->has_code && units_count(code, 0, UINT16_MAX, &n) != TB_OK) {
        return refuse(message, "a close code is a number from 0 to 65535");
    }
    if (!o->has_code && size > 0) {
        return refuse(message, "a close with a reason needs a code");
    }
    if (size > WS_CLOSE_REASON_MAX) {
        return refuse(message, "the reason of a close holds 123 bytes at most");
    }
    if (memchr(reason, '\0', size) != NULL) {
        return refuse(message, "the reason of a close holds a NUL, which is not sent");
    }
    if (!utf8_is_valid((const uint8_t *)reason, size)) {
        return refuse(message, "the reason of a close is not valid UTF-8");
    }
    o->code = (uint16_t)n;
    return bytes_append(&o->data, reason, size);
}

int order_raw(struct order *o, const char *hex, size_t n, struct bytes *message) {
    o->kind = ORDER_RAW;
    int err = compose_hex(o, hex, n, message);
    if (err == TB_OK && o->data.len == 0) {
        return refuse(message, "there are no bytes to send");
    }
    return err;
}

static int compose_file(struct order *o, enum order_form form, const char *path,
                        int (*read)(const char *path, struct bytes *content, struct bytes *message),
                        struct bytes *message) {
    struct bytes content = BYTES_INIT;
    int err = read(path, &content, message);
    if (err == TB_OK && form == ORDER_TEXT && !utf8_is_valid(content.data, content.len)) {
        form = ORDER_BINARY;
    }
    if (err == TB_OK) {
        err = order_compose(o, form, content.data, content.len, message);
    }
    bytes_release(&content);
    return err;
}

int order_file(struct order *o, enum order_form form, const char *path, struct bytes *message) {
    return compose_file(o, form, path, file_read_whole, message);
}

int order_file_now(struct order *o, const char *path, struct bytes *message) {
    return compose_file(o, ORDER_TEXT, path, file_read_now, message);
}

/* ---- carrying out ---- */

static void send_message(const struct order *o, struct conn *c, const struct wire_shape *shape) {
    struct wire_shape own = *shape;
    if (o->fragment > 0) {
        own.fragment = o->fragment;
    }
    if (wire_shape_is_plain(&own)) {
        conn_send(c, o->opcode, o->data.data, o->data.len);
    } else {
        wire_send(c, &own, o->opcode, o->data.data, o->data.len);
    }
}

/* A close frame that the session would not write: what the server makes of it will show. */
static void send_bad_close(const struct order *o, struct conn *c) {
    uint8_t body[2 + WS_CLOSE_REASON_MAX] = {(uint8_t)(o->code >> 8), (uint8_t)o->code};
    const struct wire_shape shape = {.has_opcode = true, .opcode = WS_OP_CLOSE};
    size_t n = o->data.len < WS_CLOSE_REASON_MAX ? o->data.len : WS_CLOSE_REASON_MAX;
    if (n > 0) {
        memcpy(body + 2, o->data.data, n);
    }
    wire_send(c, &shape, WS_OP_CLOSE, body, 2 + n);
}

bool order_is_unlawful(const struct order *o) {
    return o->kind == ORDER_RAW ||
           (o->kind == ORDER_CLOSE && o->has_code && !ws_close_code_is_valid(o->code));
}

static void say_close(const struct order *o, struct conn *c) {
    char reason[WS_CLOSE_REASON_MAX + 1] = "";
    if (order_is_unlawful(o)) {
        send_bad_close(o, c);
        return;
    }
    size_t n = o->data.len < WS_CLOSE_REASON_MAX ? o->data.len : WS_CLOSE_REASON_MAX;
    if (n > 0) {
        memcpy(reason, o->data.data, n);
    }
    conn_close(c, o->has_code ? o->code : WS_CLOSE_NO_STATUS, reason);
}

void order_carry_out(const struct order *o, struct conn *c, const struct wire_shape *shape) {
    switch (o->kind) {
    case ORDER_SEND:
        send_message(o, c, shape);
        break;
    case ORDER_PING:
        conn_send_ping(c, o->data.data, o->data.len);
        break;
    case ORDER_PONG:
        conn_send_pong(c, o->data.data, o->data.len);
        break;
    case ORDER_CLOSE:
        say_close(o, c);
        break;
    case ORDER_RAW:
        wire_send_raw(c, o->data.data, o->data.len);
        break;
    }
}
