/* Who gets what: on this loop, and on the others. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/bus.h"
#include "conn/multicast.h"
#include "script/mock/outbox.h"
#include "script/mock/state.h"

enum post_kind { POST_EVERYBODY, POST_ROOM, POST_CONN };

/* ---- here ---- */

void post_to(struct member *m, const struct made *made) {
    if (m->conn == NULL || !conn_is_open(m->conn)) {
        return;
    }
    if (faults_are_on(m->run) || outbox_holds(m->outbox)) {
        faults_say(m, made);
    } else {
        made_send(made, m->conn);
    }
}

void post_close(struct member *m, uint16_t code, const char *reason) {
    outbox_put_swapped(m);
    if (outbox_is_empty(m->outbox)) {
        conn_close(m->conn, code, reason);
    } else {
        outbox_close(m, code, reason);
    }
}

/* Whether everybody gets the same bytes, and nothing looks at them, or is ahead of them, on the
 * way. */
static bool is_common(const struct run *run, const struct made *made) {
    return made->plain && !faults_are_on(run) && run->held_back == 0;
}

static bool add_to_crowd(struct mock_loop *l, size_t *count, struct member *m) {
    if (*count == l->crowd_capacity) {
        size_t capacity = *count > 0 ? *count * 2 : 64;
        struct conn **crowd = realloc(l->crowd, capacity * sizeof *crowd);
        if (crowd == NULL) {
            return false;
        }
        l->crowd = crowd;
        l->crowd_capacity = capacity;
    }
    l->crowd[(*count)++] = m->conn;
    return true;
}

/* A message to some members, who are told one by one where it is not common. */
struct audience {
    struct run *run;
    const struct made *made;
    size_t count;
    bool common;
    bool nomem;
};

static void audience_add(struct audience *to, struct member *m) {
    if (m->conn == NULL || !conn_is_open(m->conn)) {
        return;
    }
    if (!to->common) {
        post_to(m, to->made);
    } else if (!add_to_crowd(to->run->loop, &to->count, m)) {
        conn_close(m->conn, WS_CLOSE_INTERNAL, "out of memory");
    }
}

static void audience_tell(const struct audience *to) {
    if (to->count > 0) {
        conn_send_each(to->run->loop->crowd, to->count, to->made->opcode, to->made->bytes.data,
                       to->made->bytes.len);
    }
}

static void tell_everybody(struct run *run, const struct made *made, const struct member *except) {
    struct audience to = {.run = run, .made = made, .common = is_common(run, made)};
    if (to.common && except == NULL) {
        room_broadcast(&run->room, made->opcode, made->bytes.data, made->bytes.len);
        return;
    }
    for (struct list *hook = run->members.next; hook != &run->members; hook = hook->next) {
        struct member *m = LIST_ENTRY(hook, struct member, hook);
        if (m != except) {
            audience_add(&to, m);
        }
    }
    audience_tell(&to);
}

static void tell_room(struct run *run, const struct made *made, const char *name, size_t n) {
    struct crowd *crowd = crowd_find(run, name, n);
    struct audience to = {.run = run, .made = made, .common = is_common(run, made)};
    if (crowd == NULL) {
        return;
    }
    for (struct list *hook = crowd->places.next; hook != &crowd->places; hook = hook->next) {
        audience_add(&to, LIST_ENTRY(hook, struct place, in_crowd)->member);
    }
    audience_tell(&to);
}

static bool tell_conn(struct run *run, const struct made *made, uint64_t id) {
    for (struct list *hook = run->members.next; hook != &run->members; hook = hook->next) {
        struct member *m = LIST_ENTRY(hook, struct member, hook);
        if (m->peer.id == id) {
            struct audience to = {.run = run, .made = made, .common = is_common(run, made)};
            audience_add(&to, m);
            audience_tell(&to);
            return true;
        }
    }
    return false;
}

/* ---- on the other loops ---- */

/* What goes over the bus: this, then the route, the room's name, the fragments and the message. */
struct parcel {
    enum post_kind kind;
    uint8_t opcode;
    bool raw;
    bool plain;
    uint64_t id;
    struct wire_shape shape;
    size_t path;
    size_t name;
    size_t size;
};

static size_t fragments_size(const struct parcel *p) {
    return p->shape.fragment_count * sizeof *p->shape.fragments;
}

static int write_parcel(struct bytes *out, const struct parcel *p, const char *path,
                        const char *name, const struct made *made) {
    int err = bytes_append(out, p, sizeof *p);
    err = err == TB_OK ? bytes_append(out, path, p->path) : err;
    err = err == TB_OK ? bytes_append(out, name, p->name) : err;
    err = err == TB_OK ? bytes_append(out, p->shape.fragments, fragments_size(p)) : err;
    return err == TB_OK ? bytes_append(out, made->bytes.data, made->bytes.len) : err;
}

static void tell(struct run *run, const struct parcel *p, const char *name,
                 const struct made *made) {
    switch (p->kind) {
    case POST_EVERYBODY:
        tell_everybody(run, made, NULL);
        break;
    case POST_ROOM:
        tell_room(run, made, name, p->name);
        break;
    case POST_CONN:
        (void)tell_conn(run, made, p->id);
        break;
    }
}

/* The fragments may stand unaligned in the parcel. NULL: there are none, or memory is out. */
static uint64_t *copy_fragments(const struct parcel *p, const uint8_t *from) {
    size_t size = fragments_size(p);
    uint64_t *fragments = size == 0 ? NULL : malloc(size);
    if (fragments != NULL) {
        memcpy(fragments, from, size);
    }
    return fragments;
}

/* `p` and what follows it, up to the message; `body` is the message. */
static void unpack(struct mock_loop *l, struct parcel *p, const char *path, const uint8_t *body) {
    struct run *run = run_named(l, path);
    struct bytes *bytes = &l->made.bytes;
    bytes_clear(bytes);
    if (run == NULL || bytes_append(bytes, body, p->size) != TB_OK) {
        return; /* the file has changed there already, or memory is out */
    }
    const struct made made = {
        .opcode = p->opcode, .raw = p->raw, .plain = p->plain, .shape = &p->shape, .bytes = *bytes};
    mock_enter(l);
    tell(run, p, path + p->path, &made);
    mock_leave(l);
}

static void deliver(struct endpoint *to, const uint8_t *bytes, size_t n) {
    struct mock_loop *l = mock_loop_of(to);
    struct parcel p;
    (void)n;
    memcpy(&p, bytes, sizeof p);
    const char *path = (const char *)bytes + sizeof p;
    const uint8_t *behind = bytes + sizeof p + p.path + p.name;
    size_t size = fragments_size(&p);
    uint64_t *fragments = copy_fragments(&p, behind);
    p.shape.fragments = fragments;
    if (l != NULL && (size == 0 || fragments != NULL)) {
        unpack(l, &p, path, behind + size);
    }
    free(fragments);
}

static void post(struct run *run, struct parcel *p, const char *name, const struct made *made) {
    struct mock_loop *l = run->loop;
    const struct bus *bus = l->mock->config.bus;
    struct bytes parcel = BYTES_INIT;
    if (bus == NULL || bus->count < 2) {
        return;
    }
    p->opcode = made->opcode;
    p->raw = made->raw;
    p->plain = made->plain;
    if (made->shape != NULL) {
        p->shape = *made->shape;
    }
    p->path = strlen(run->path) + 1;
    p->size = made->bytes.len;
    if (write_parcel(&parcel, p, run->path, name, made) != TB_OK ||
        bus_send(bus, l->ep, deliver, parcel.data, parcel.len) != TB_OK) {
        mock_note(l, NULL, NULL,
                  "a message did not reach the other threads' connections (out of memory)");
    }
    bytes_release(&parcel);
}

/* ---- everywhere ---- */

void post_everybody(struct run *run, const struct made *made, const struct member *except) {
    struct parcel p = {.kind = POST_EVERYBODY};
    post(run, &p, "", made);
    tell_everybody(run, made, except);
}

void post_room(struct run *run, const struct made *made, const char *name, size_t n) {
    struct parcel p = {.kind = POST_ROOM, .name = n};
    post(run, &p, name, made);
    tell_room(run, made, name, n);
}

void post_conn(struct run *run, const struct made *made, uint64_t id) {
    struct parcel p = {.kind = POST_CONN, .id = id};
    if (!tell_conn(run, made, id)) {
        post(run, &p, "", made);
    }
}
