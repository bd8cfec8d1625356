/* What only a connection does that is to misbehave: it ends at once, or falls silent. */
#include <stdlib.h>

#include "conn/client_state.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/room.h"

void conn_abort(struct conn *c) {
    if (c->state == CONN_GONE) {
        return;
    }
    if (c->asking != NULL) {
        c->asking->told = true;
    } else if (conn_is_unanswered(c)) {
        opening_trace_end(c, "it was reset before it was answered");
    } else {
        conn_note_close(c, CONN_CLOSED_BY_US, WS_CLOSE_ABNORMAL, "", 0);
    }
    conn_reset(c);
}

/* Gives back what it had to say or to look at later. */
static void forget_everything(struct conn *c) {
    output_discard(&c->out); /* before it leaves the room, which would list what the log holds */
    room_leave(c);
    list_remove(&c->queue);
    bytes_release(&c->held);
    free(c->pong);
    c->pong = NULL;
    c->paused = false;
}

void conn_stall(struct conn *c) {
    if (c->asking != NULL || c->state < CONN_OPENING || c->state > CONN_CLOSING) {
        return;
    }
    if (c->endpoint->stopping) { /* nobody would end it */
        conn_abort(c);
        return;
    }
    (void)conn_write(c);
    if (c->state == CONN_GONE) {
        return;
    }
    stream_read_stop(&c->stream);
    stream_keep_alive(&c->stream);
    forget_everything(c);
    conn_enter(c, CONN_STALLED);
    deadline_set(&c->endpoint->look, &c->deadline);
}
