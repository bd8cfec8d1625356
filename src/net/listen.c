#include "net/listen.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"

static void on_connection(uv_stream_t *handle, int status) {
    struct listener *l = handle->data;
    if (status == 0) {
        l->on_connection(l);
    }
}

int listener_open(struct listener *l, struct loop *loop, enum stream_kind kind, int fd) {
    l->kind = kind;
    int err = kind == STREAM_TCP ? uv_tcp_init(&loop->uv, &l->uv.tcp)
                                 : uv_pipe_init(&loop->uv, &l->uv.pipe, 0);
    l->uv.handle.data = l;
    if (err != 0) {
        close(fd);
        errno = -err;
        return TB_ESYS;
    }
    if (stream_handle_open(&l->uv, fd) != TB_OK) {
        return TB_ESYS;
    }
    err = uv_listen(&l->uv.stream, LISTEN_BACKLOG, on_connection);
    errno = -err;
    return err == 0 ? TB_OK : TB_ESYS;
}

static void on_closed(uv_handle_t *handle) {
    struct listener *l = handle->data;
    if (l->on_closed != NULL) {
        l->on_closed(l);
    }
}

void listener_close(struct listener *l) {
    if (!uv_is_closing(&l->uv.handle)) {
        uv_close(&l->uv.handle, on_closed);
    }
}
