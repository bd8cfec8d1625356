/* The connections of a mock: its behaviour towards them. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/conn.h"
#include "script/mock/state.h"

/* ---- making ---- */

static struct member *member_new(struct run *run, struct conn *c) {
    struct member *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->run = run;
    m->conn = c;
    m->peer.id = conn_id(c);
    list_init(&m->hook);
    list_init(&m->leaving);
    list_init(&m->alarms);
    list_init(&m->places);
    return m;
}

static void origin_free(struct origin *o) {
    if (o != NULL) {
        http1_free(o->head);
        if (o->parts != NULL) {
            bytes_release(&o->parts->text);
        }
        free(o->parts);
        free(o->address);
        free(o);
    }
}

void member_free(struct member *m) {
    alarms_stop(&m->alarms);
    crowd_leave_all(m);
    list_remove(&m->hook);
    list_remove(&m->leaving);
    outbox_free(m->outbox);
    if (m->store != NULL) {
        store_release(m->store);
    }
    free(m->store);
    origin_free(m->origin);
    free(m->seen);
    free(m);
}

static int remember_parts(struct member *m, struct route_parts *parts) {
    m->origin->parts = malloc(sizeof *parts);
    if (m->origin->parts == NULL) {
        return TB_ENOMEM;
    }
    *m->origin->parts = *parts;
    parts->text = (struct bytes)BYTES_INIT;
    m->peer.path = m->origin->parts->items;
    m->peer.path_count = m->origin->parts->count;
    return TB_OK;
}

static int remember_address(struct member *m, const struct conn *c) {
    char text[ADDRESS_TEXT_MAX];
    m->origin->address = strdup(conn_address(c, text));
    m->peer.address = m->origin->address;
    return m->origin->address != NULL ? TB_OK : TB_ENOMEM;
}

static int remember(struct member *m, struct conn *c, struct route_parts *parts) {
    const struct script *script = m->run->loop->script;
    if (parts->count == 0 && !script->reads_head && !script->reads_address) {
        return TB_OK;
    }
    m->origin = calloc(1, sizeof *m->origin);
    int err = m->origin != NULL ? TB_OK : TB_ENOMEM;
    if (err == TB_OK && parts->count > 0) {
        err = remember_parts(m, parts);
    }
    if (err == TB_OK && script->reads_head) {
        m->origin->head = conn_take_request(c);
        m->peer.head = m->origin->head;
    }
    return err == TB_OK && script->reads_address ? remember_address(m, c) : err;
}

/* Makes a member of the connection, in *m. TB_OK, TB_ENOMEM, or TB_EINVAL: the file has no route
 * for it any more. */
static int enlist(struct mock_loop *l, struct conn *c, struct member **m) {
    struct route_parts parts = {.count = 0};
    bool nomem;
    struct run *run = run_for(l, http1_target(conn_request(c)), &parts, &nomem);
    *m = run == NULL ? NULL : member_new(run, c);
    int err = *m != NULL ? remember(*m, c, &parts) : run != NULL || nomem ? TB_ENOMEM : TB_EINVAL;
    err = err == TB_OK ? room_join(&run->room, c) : err;
    bytes_release(&parts.text);
    if (err != TB_OK && *m != NULL) {
        member_free(*m);
        *m = NULL;
    }
    return err;
}

static void end_visit(struct conn *c) {
    visit_free(conn_data(c));
    conn_set_data(c, NULL);
}

static void welcome(struct mock_loop *l, struct member *m) {
    struct run *run = m->run;
    list_append(&run->members, &m->hook);
    conn_set_data(m->conn, m);
    atomic_fetch_add_explicit(&l->tally->open[run->route->index], 1, memory_order_relaxed);
    fire_all(m, TRIGGER_CONNECT);
    m->since_ms = uv_now(&l->ep->loop->uv);
    if (m->conn != NULL && member_start_clocks(m, true) != TB_OK) {
        conn_close(m->conn, WS_CLOSE_INTERNAL, "out of memory");
    }
}

static void on_open(struct conn *c) {
    struct mock_loop *l = mock_loop_of(conn_endpoint(c));
    struct member *m = NULL;
    end_visit(c);
    mock_enter(l);
    int err = enlist(l, c, &m);
    if (err == TB_OK) {
        welcome(l, m);
    } else if (err == TB_ENOMEM) {
        conn_close(c, WS_CLOSE_INTERNAL, "out of memory");
    } else {
        conn_close(c, WS_CLOSE_POLICY, "the server has changed: there is no such path any more");
    }
    mock_leave(l);
}

/* It never opened, if there is something left. */
static void on_freed(struct conn *c) {
    end_visit(c);
}

/* ---- parting ---- */

static void on_close(struct conn *c) {
    struct member *m = conn_data(c);
    if (m == NULL) {
        return;
    }
    struct mock_loop *l = m->run->loop;
    mock_enter(l);
    m->conn = NULL;
    conn_set_data(c, NULL);
    list_append(&l->leaving, &m->leaving);
    mock_leave(l);
}

void member_part(struct member *m) {
    struct run *run = m->run;
    list_remove(&m->leaving);
    list_remove(&m->hook);
    outbox_free(m->outbox);
    m->outbox = NULL;
    fire_for_others_only(m);
    if (run->route != NULL) {
        atomic_fetch_sub_explicit(&run->loop->tally->open[run->route->index], 1,
                                  memory_order_relaxed);
        fire_all(m, TRIGGER_CLOSE);
    }
    crowd_leave_all(m);
    m->parted = true;
    list_append(&run->parted, &m->hook);
    if (run->loop->has_ended) {
        alarms_stop(&m->alarms);
    }
    member_free_if_done(m);
}

void member_free_if_done(struct member *m) {
    struct run *run = m->run;
    if (m->parted && list_is_empty(&m->alarms)) {
        member_free(m);
        run_free_if_gone(run);
    }
}

/* ---- messages ---- */

static void hear(struct member *m, enum message_type type, const struct ws_event *ev) {
    struct mock_loop *l = m->run->loop;
    message_set(&l->message, type, true, ev->data, ev->size);
    l->message.code = ev->code;
    l->message.is_utf8 = type == MESSAGE_TEXT;
    if (l->mock->config.keep_received > 0) {
        received_keep(l, &l->message);
    }
    bool faulty = faults_are_on(m->run) || m->hearing > 0;
    if (m->run->route == NULL) {
        return;
    }
    if (faulty) {
        faults_hear(m, &l->message);
    } else {
        fire_for_message(m, &l->message);
    }
}

static void on_message(struct conn *c, const struct ws_event *ev) {
    struct member *m = conn_data(c);
    if (m != NULL) {
        mock_enter(m->run->loop);
        hear(m, ev->opcode == WS_OP_BINARY ? MESSAGE_BINARY : MESSAGE_TEXT, ev);
        mock_leave(m->run->loop);
    }
}

static void on_control(struct conn *c, const struct ws_event *ev) {
    struct member *m = conn_data(c);
    if (m == NULL) {
        return;
    }
    struct mock_loop *l = m->run->loop;
    mock_enter(l);
    if (ev->kind == WS_EVENT_PING && m->run->route != NULL) {
        conn_set_pongs(c, !(faults_are_on(m->run) && faults_no_pong(m, ev->data, ev->size)));
    }
    hear(m,
         ev->kind == WS_EVENT_PING   ? MESSAGE_PING
         : ev->kind == WS_EVENT_PONG ? MESSAGE_PONG
                                     : MESSAGE_CLOSE,
         ev);
    mock_leave(l);
}

const struct conn_behaviour mock_behaviour = {
    .on_request = entrance_judge,
    .on_open = on_open,
    .on_message = on_message,
    .on_control = on_control,
    .on_close = on_close,
    .on_freed = on_freed,
};
