/* app/connect/order.h - one thing to be said to the server, whoever asked for it: a line of input,
 * a JSON command, a slash command.
 *
 * An order is composed whole and checked before anything of it is sent.
 */
#ifndef TB_APP_CONNECT_ORDER_H
#define TB_APP_CONNECT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "conn/wire.h"

struct conn;

/* What a record of input means (-t, --binary, --hex, --base64). */
enum order_form { ORDER_TEXT, ORDER_BINARY, ORDER_HEX, ORDER_BASE64 };

enum order_kind { ORDER_SEND, ORDER_PING, ORDER_PONG, ORDER_CLOSE, ORDER_RAW };

struct order {
    enum order_kind kind;
    uint8_t opcode;    /* SEND: TEXT or BINARY */
    bool has_code;     /* CLOSE: else it is a close frame without one */
    uint16_t code;     /* CLOSE */
    uint64_t fragment; /* SEND: payload bytes of a frame; 0: as the shape says */
    struct bytes data; /* the payload; RAW: bytes on the wire; CLOSE: the reason */
};

#define ORDER_INIT                                                                                 \
    { .kind = ORDER_SEND }

void order_release(struct order *o);

/* These read an order that is as ORDER_INIT. TB_OK, TB_ENOMEM, or TB_EINVAL and *message says in a
 * few words, safe for a terminal, what is wrong: "it is not valid UTF-8". */

/* A message from a record of input. */
int order_compose(struct order *o, enum order_form form, const void *p, size_t n,
                  struct bytes *message);

/* A ping or a pong; a close with a code (empty: none) and a reason, which needs a code and holds no
 * NUL. */
int order_control(struct order *o, enum order_kind kind, const void *p, size_t n,
                  struct bytes *message);
int order_close(struct order *o, const char *code, const char *reason, size_t size,
                struct bytes *message);

/* Bytes on the wire, in hexadecimal. */
int order_raw(struct order *o, const char *hex, size_t n, struct bytes *message);

/* A file's content as a message: text if it is UTF-8 and `form` is ORDER_TEXT. Waits for the end of
 * standard input ("-") or of a pipe: for orders that are read before the loop runs. */
int order_file(struct order *o, enum order_form form, const char *path, struct bytes *message);

/* The same for orders that are read while the loop runs: a regular file, text if it is UTF-8. */
int order_file_now(struct order *o, const char *path, struct bytes *message);

/* A JSON command (docs/connect.md): {"send":{"text":"hi"}}, {"ping":"x"}, {"close":{"code":1000}},
 * {"raw":"81 00"}. The value of {"send":{"json":VALUE}} is sent byte for byte, without the white
 * space between its tokens. A file is read as order_file_now() does. */
int order_read_json(struct order *o, const char *line, size_t n, struct bytes *message);

/* Whether it goes past the session's rules: bytes of any kind, or a close with a code that must not
 * stand on the wire. */
bool order_is_unlawful(const struct order *o);

/* Says it, in that shape. */
void order_carry_out(const struct order *o, struct conn *c, const struct wire_shape *shape);

#endif
