/* net/listen.h - a listening socket on a loop.
 *
 * Embedded in its owner. Takes over a descriptor that net/bind opened. When the process is out of
 * descriptors, libuv closes the waiting connections instead of spinning.
 */
#ifndef TB_NET_LISTEN_H
#define TB_NET_LISTEN_H

#include <stdbool.h>
#include <uv.h>

#include "net/loop.h"
#include "net/stream.h"

/* How many connections may wait in the system until they are accepted. */
enum { LISTEN_BACKLOG = 4096 };

struct listener {
    union stream_handle uv;
    enum stream_kind kind;
    bool waiting; /* the owner could not take a connection yet; for the owner's use */
    void (*on_connection)(struct listener *l); /* one waits: stream_accept(s, &l->uv.stream, …) */
    void (*on_closed)(struct listener *l);     /* see listener_close(); may be NULL */
    void *ctx;                                 /* the owner's, */
    struct tls_context *tls;                   /* like this: for stream_accept() */
};

/* Starts accepting from fd, which is the listener's from now on. TB_OK or TB_ESYS; after an error
 * the listener is still to be closed. */
int listener_open(struct listener *l, struct loop *loop, enum stream_kind kind, int fd);

/* No new connections. The listener's memory is the loop's until on_closed, or the loop's end. */
void listener_close(struct listener *l);

#endif
