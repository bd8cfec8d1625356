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

/* Gives the descriptor to a handle of its kind; what no handle takes is closed here. */
static int open_handle(struct listener *l, struct loop *loop, int fd) {
    int err;
    if (l->kind == STREAM_TCP) {
        err = uv_tcp_init(&loop->uv, &l->uv.tcp);
        err = err != 0 ? err : uv_tcp_open(&l->uv.tcp, fd);
    } else {
        err = uv_pipe_init(&loop->uv, &l->uv.pipe, 0);
        err = err != 0 ? err : uv_pipe_open(&l->uv.pipe, fd);
    }
    l->uv.handle.data = l;
    if (err != 0) {
        close(fd);
    }
    return err;
}

int listener_open(struct listener *l, struct loop *loop, enum stream_kind kind, int fd) {
    l->kind = kind;
    int err = open_handle(l, loop, fd);
    err = err != 0 ? err : uv_listen(&l->uv.stream, LISTEN_BACKLOG, on_connection);
    errno = -err;
    return err == 0 ? TB_OK : TB_ESYS;
}

void listener_close(struct listener *l) {
    if (!uv_is_closing(&l->uv.handle)) {
        uv_close(&l->uv.handle, NULL);
    }
}
