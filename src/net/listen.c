#include "net/listen.h"

#include <errno.h>

#include "base/err.h"

enum { BACKLOG = 4096 };

static void on_connection(uv_stream_t *handle, int status) {
    struct listener *l = handle->data;
    if (status == 0) {
        l->on_connection(l);
    }
}

int listener_open(struct listener *l, struct loop *loop, enum stream_kind kind, int fd) {
    l->kind = kind;
    int err;
    if (kind == STREAM_TCP) {
        err = uv_tcp_init(&loop->uv, &l->uv.tcp);
        l->uv.handle.data = l;
        err = err != 0 ? err : uv_tcp_open(&l->uv.tcp, fd);
    } else {
        err = uv_pipe_init(&loop->uv, &l->uv.pipe, 0);
        l->uv.handle.data = l;
        err = err != 0 ? err : uv_pipe_open(&l->uv.pipe, fd);
    }
    err = err != 0 ? err : uv_listen(&l->uv.stream, BACKLOG, on_connection);
    errno = -err;
    return err == 0 ? TB_OK : TB_ESYS;
}

static void on_closed(uv_handle_t *handle) {
    struct listener *l = handle->data;
    l->on_closed(l);
}

void listener_close(struct listener *l) {
    if (!uv_is_closing(&l->uv.handle)) {
        uv_close(&l->uv.handle, on_closed);
    }
}
