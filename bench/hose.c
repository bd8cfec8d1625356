/* hose - a WebSocket server that is faster than any client: it has one client, and either sends it
 * numbered texts as fast as they are taken, or takes numbered texts as fast as they come.
 *
 * usage: hose push|count MESSAGES
 *
 * It says where it listens. When the client is there it sends the text "ready", so that whoever
 * reads the client's output knows that all is open. In the mode `push` it then waits for a line on
 * its own standard input and sends the messages; in the mode `count` it takes as many, and looks at
 * each. Then it closes with 1000, waits until the client has gone, and says what it moved. A
 * message that is not the next one, or a client that leaves before, ends it with 1.
 *
 * The messages are the numbers from 0, in 20 digits. Extensions are never agreed to, so nobody
 * compresses. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/frame.h"
#include "proto/handshake.h"
#include "proto/http1.h"
#include "proto/mask.h"

enum {
    DIGITS = 20,
    FRAME = 2 + DIGITS,
    BATCH = 4096,           /* messages in one send() */
    READ_SIZE = 256 * 1024, /* bytes asked for at once */
    FRAME_MAX = 1 << 20,
};

static const uint8_t ready[] = "\x81\x05ready";
static const uint8_t close_1000[] = "\x88\x02\x03\xe8";

struct hose {
    int fd;
    uint64_t wanted;        /* messages */
    uint64_t moved;         /* … of which so many are done */
    uint8_t number[DIGITS]; /* the next one */
    struct bytes in;        /* from the client; not yet taken apart */
    struct bytes message;   /* of the one under way */
    bool closed;            /* the client sent a close frame */
};

_Noreturn static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("hose: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void number_next(uint8_t number[DIGITS]) {
    size_t i = DIGITS - 1;
    while (number[i] == '9') {
        number[i--] = '0';
    }
    number[i]++;
}

/* ---- the client's socket ---- */

static void send_all(const struct hose *h, const uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t sent = send(h->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            fail("after %" PRIu64 " messages: send: %s", h->moved, strerror(errno));
        }
        p += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
}

/* Adds what has come to h->in; false at the end of the stream. */
static bool receive_some(struct hose *h) {
    ssize_t n;
    if (bytes_reserve(&h->in, READ_SIZE) != TB_OK) {
        fail("out of memory");
    }
    do {
        n = recv(h->fd, h->in.data + h->in.len, READ_SIZE, 0);
    } while (n < 0 && errno == EINTR);
    h->in.len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* ---- opening ---- */

static int listen_on_loopback(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) != 0) {
        fail("cannot listen: %s", strerror(errno));
    }
    printf("listening on ws://127.0.0.1:%u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_client(struct hose *h, int listener) {
    const int on = 1;
    do {
        h->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    } while (h->fd < 0 && errno == EINTR);
    if (h->fd < 0 || setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        fail("cannot accept: %s", strerror(errno));
    }
    close(listener);
}

static void read_request(struct hose *h, struct http1 *request) {
    size_t used;
    enum http1_result result = HTTP1_MORE;
    while (result == HTTP1_MORE) {
        if (!receive_some(h)) {
            fail("the client left before it asked for anything");
        }
        result = http1_feed(request, h->in.data, h->in.len, &used);
        bytes_consume(&h->in, used);
    }
    if (result != HTTP1_DONE) {
        fail("the client's request is not understood");
    }
}

static void upgrade(struct hose *h) {
    static const struct ws_server_policy policy = {.deflate = false};
    struct http1 *request = http1_new(HTTP1_REQUEST, &http1_default_limits);
    struct ws_answer answer;
    struct bytes out = BYTES_INIT;
    if (request == NULL) {
        fail("out of memory");
    }
    read_request(h, request);
    if (ws_handshake_judge(request, &policy, &answer) != TB_OK || answer.violation != WS_V_NONE ||
        ws_handshake_accept(&answer, NULL, &out) != TB_OK) {
        fail("the client's upgrade cannot be accepted");
    }
    send_all(h, out.data, out.len);
    send_all(h, ready, sizeof ready - 1);
    bytes_release(&out);
    http1_free(request);
}

/* ---- push ---- */

static size_t batch_write(struct hose *h, uint8_t *batch) {
    size_t n = 0;
    for (; n < BATCH && h->moved < h->wanted; n++, h->moved++) {
        uint8_t *frame = batch + n * FRAME;
        frame[0] = 0x80 | WS_OP_TEXT;
        frame[1] = DIGITS;
        memcpy(frame + 2, h->number, DIGITS);
        number_next(h->number);
    }
    return n * FRAME;
}

static void push(struct hose *h) {
    static uint8_t batch[BATCH * FRAME];
    int c;
    do {
        c = getchar();
    } while (c != EOF && c != '\n');
    while (h->moved < h->wanted) {
        send_all(h, batch, batch_write(h, batch));
    }
}

/* ---- count ---- */

static void take_message(struct hose *h) {
    if (h->moved == h->wanted || h->message.len != DIGITS ||
        memcmp(h->message.data, h->number, DIGITS) != 0) {
        fail("after %" PRIu64 " messages came another one than the next: %.*s", h->moved,
             (int)h->message.len, (const char *)h->message.data);
    }
    h->moved++;
    number_next(h->number);
    bytes_clear(&h->message);
}

static void take_frame(struct hose *h, const struct ws_head *head, uint8_t *payload) {
    if (ws_opcode_is_control(head->opcode)) {
        h->closed |= head->opcode == WS_OP_CLOSE;
        return;
    }
    ws_mask(payload, (size_t)head->length, head->mask, 0);
    if (head->rsv != 0 || bytes_append(&h->message, payload, (size_t)head->length) != TB_OK) {
        fail("a frame is compressed, or memory is out");
    }
    if (head->fin) {
        take_message(h);
    }
}

/* Takes the frames that are whole. */
static void take_frames(struct hose *h) {
    struct ws_head head;
    size_t done = 0;
    while (!h->closed) {
        size_t size = ws_head_parse(&head, h->in.data + done, h->in.len - done);
        if (size > 0 && head.length > FRAME_MAX) {
            fail("a frame is too large");
        }
        if (size == 0 || h->in.len - done - size < head.length) {
            break;
        }
        take_frame(h, &head, h->in.data + done + size);
        done += size + (size_t)head.length;
    }
    bytes_consume(&h->in, done);
}

static void count(struct hose *h) {
    take_frames(h);
    while (h->moved < h->wanted) {
        if (h->closed || !receive_some(h)) {
            fail("the client left after %" PRIu64 " messages", h->moved);
        }
        take_frames(h);
    }
}

/* ---- the end ---- */

static void say_goodbye(struct hose *h) {
    send_all(h, close_1000, sizeof close_1000 - 1);
    while (!h->closed && receive_some(h)) {
        take_frames(h);
    }
    close(h->fd);
    printf("moved %" PRIu64 " messages, %" PRIu64 " bytes\n", h->moved, h->moved * DIGITS);
}

int main(int argc, char **argv) {
    struct hose h = {.in = BYTES_INIT, .message = BYTES_INIT};
    bool pushes = argc == 3 && strcmp(argv[1], "push") == 0;
    if (!pushes && (argc != 3 || strcmp(argv[1], "count") != 0)) {
        fputs("usage: hose push|count MESSAGES\n", stderr);
        return 2;
    }
    h.wanted = strtoull(argv[2], NULL, 10);
    memset(h.number, '0', sizeof h.number);
    accept_client(&h, listen_on_loopback());
    upgrade(&h);
    if (pushes) {
        push(&h);
    } else {
        count(&h);
    }
    say_goodbye(&h);
    bytes_release(&h.in);
    bytes_release(&h.message);
    return 0;
}
