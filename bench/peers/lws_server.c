/* lws_server echo|fanout - a small server on libwebsockets, to compare with.
 *
 * A message is kept once and counted; each session has a queue of what it must still send, and
 * sends as much as the socket takes whenever libwebsockets says that it is writable. */
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RX_SIZE = 64 * 1024, LARGEST_MESSAGE = 16 << 20 };

/* LWS_PRE bytes of room for the frame header, then the content. */
struct message {
    size_t refs;
    size_t length;
    bool binary;
    unsigned char bytes[];
};

/* Made by libwebsockets, zeroed, for each connection. */
struct session {
    struct lws *wsi;
    struct session *next;
    struct message *incoming; /* not yet whole */
    struct message **queue;
    size_t queue_head;
    size_t queue_tail;
    size_t queue_capacity;
};

static bool fanout;
static struct session *sessions;
static volatile sig_atomic_t stopping;

static void message_unref(struct message *m) {
    if (m && --m->refs == 0) {
        free(m);
    }
}

/* False: out of memory, or too long a message. */
static bool incoming_append(struct session *s, const void *bytes, size_t n) {
    size_t length = s->incoming ? s->incoming->length : 0;
    if (n > LARGEST_MESSAGE - length) {
        return false;
    }
    struct message *m = realloc(s->incoming, sizeof *m + LWS_PRE + length + n);
    if (!m) {
        return false;
    }
    m->refs = 1;
    m->length = length + n;
    m->binary = lws_frame_is_binary(s->wsi);
    memcpy(m->bytes + LWS_PRE + length, bytes, n);
    s->incoming = m;
    return true;
}

static bool queue_reserve(struct session *s) {
    if (s->queue_head == s->queue_tail) {
        s->queue_head = s->queue_tail = 0;
    }
    if (s->queue_tail < s->queue_capacity) {
        return true;
    }
    size_t capacity = s->queue_capacity ? 2 * s->queue_capacity : 4;
    struct message **queue = realloc(s->queue, capacity * sizeof(struct message *));
    if (!queue) {
        return false;
    }
    s->queue = queue;
    s->queue_capacity = capacity;
    return true;
}

static bool queue_push(struct session *s, struct message *m) {
    if (!queue_reserve(s)) {
        return false;
    }
    s->queue[s->queue_tail++] = m;
    m->refs++;
    lws_callback_on_writable(s->wsi);
    return true;
}

static int deliver(struct session *from) {
    struct message *m = from->incoming;
    bool ok = true;
    from->incoming = NULL;
    if (!fanout) {
        ok = queue_push(from, m);
    } else {
        for (struct session *s = sessions; s; s = s->next) {
            ok &= queue_push(s, m);
        }
    }
    message_unref(m);
    return ok ? 0 : -1;
}

static int on_receive(struct session *s, const void *bytes, size_t n) {
    if (!incoming_append(s, bytes, n)) {
        return -1;
    }
    if (lws_remaining_packet_payload(s->wsi) > 0 || !lws_is_final_fragment(s->wsi)) {
        return 0;
    }
    return deliver(s);
}

static int on_writable(struct session *s) {
    while (s->queue_head < s->queue_tail && !lws_send_pipe_choked(s->wsi)) {
        struct message *m = s->queue[s->queue_head++];
        enum lws_write_protocol kind = m->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
        int sent = lws_write(s->wsi, m->bytes + LWS_PRE, m->length, kind);
        bool whole = sent >= 0 && (size_t)sent >= m->length;
        message_unref(m);
        if (!whole) {
            return -1;
        }
    }
    if (s->queue_head < s->queue_tail) {
        lws_callback_on_writable(s->wsi);
    }
    return 0;
}

static void on_open(struct session *s, struct lws *wsi) {
    s->wsi = wsi;
    s->next = sessions;
    sessions = s;
}

static void on_closed(struct session *s) {
    struct session **link = &sessions;
    while (*link && *link != s) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = s->next;
    }
    while (s->queue_head < s->queue_tail) {
        message_unref(s->queue[s->queue_head++]);
    }
    message_unref(s->incoming);
    free(s->queue);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n) {
    struct session *s = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        on_open(s, wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_receive(s, in, n);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(s);
    case LWS_CALLBACK_CLOSED:
        on_closed(s);
        return 0;
    default:
        return 0;
    }
}

static void on_signal(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

int main(int argc, char **argv) {
    static const struct lws_protocols protocols[] = {
        {.name = "bench",
         .callback = callback,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = RX_SIZE},
        {.name = NULL},
    };
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    info.port = 0;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    fanout = argc == 2 && strcmp(argv[1], "fanout") == 0;
    if (!fanout && (argc != 2 || strcmp(argv[1], "echo") != 0)) {
        fputs("usage: lws_server echo|fanout\n", stderr);
        return 2;
    }
    lws_set_log_level(LLL_ERR, NULL);
    signal(SIGTERM, on_signal);
    struct lws_context *context = lws_create_context(&info);
    if (!context) {
        return 1;
    }
    struct lws_vhost *vhost = lws_get_vhost_by_name(context, "default");
    printf("listening on ws://localhost:%d\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
