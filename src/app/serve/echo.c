#include "app/serve/echo.h"

static void on_open(struct conn *c) {
    (void)c;
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    conn_send(c, ev->opcode, ev->data, ev->size);
}

static void on_close(struct conn *c) {
    (void)c;
}

const struct conn_behaviour echo_behaviour = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};
