#include "ws_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

enum { LIMIT_MS = 30000, ROOM = 65536 };

void (*ws_client_idle)(void);

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the socket is ready for `events`. False at the limit. */
static bool await_ready(const struct ws_client *c, short events, int64_t limit) {
    struct pollfd p = {.fd = c->fd, .events = events};
    while (now_ms() < limit) {
        if (ws_client_idle != NULL) {
            ws_client_idle();
        }
        if (poll(&p, 1, ws_client_idle != NULL ? 1 : 100) > 0) {
            return true;
        }
    }
    errno = ETIMEDOUT;
    return false;
}

/* Takes in what has come, at least a byte. False if nothing more comes. */
static bool take_in(struct ws_client *c, int64_t limit) {
    if (c->error >= 0) {
        return false;
    }
    if (!await_ready(c, POLLIN, limit)) {
        return false;
    }
    if (bytes_reserve(&c->in, ROOM / 2) != TB_OK) {
        c->error = ENOMEM;
        return false;
    }
    ssize_t n = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, 0);
    if (n <= 0) {
        c->error = n == 0 ? 0 : errno;
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->in.len += (size_t)n;
    return true;
}

bool ws_client_init(struct ws_client *c) {
    *c = (struct ws_client){.fd = -1, .error = -1, .in = BYTES_INIT};
    return bytes_reserve(&c->in, ROOM) == TB_OK;
}

void ws_client_release(struct ws_client *c) {
    ws_client_leave(c);
    bytes_release(&c->in);
}

bool ws_client_connect(struct ws_client *c, uint16_t port, int receive_buffer) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ws_client_leave(c);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return false;
    }
    if (receive_buffer > 0) {
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    return connect(c->fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
           fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* The size of the response's head, with its empty line; 0 if it did not come. */
static size_t await_head(struct ws_client *c) {
    int64_t limit = now_ms() + LIMIT_MS;
    for (;;) {
        const uint8_t *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
        if (end != NULL) {
            return (size_t)(end - c->in.data) + 4;
        }
        if (!take_in(c, limit)) {
            return 0;
        }
    }
}

int ws_client_shake(struct ws_client *c, const char *headers) {
    static const char start[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    if (!ws_client_send(c, start, sizeof start - 1) ||
        !ws_client_send(c, headers, strlen(headers)) || !ws_client_send(c, "\r\n", 2)) {
        return 0;
    }
    size_t size = await_head(c);
    if (size < 12 || memcmp(c->in.data, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }
    const uint8_t *digits = c->in.data + 9;
    c->used = size;
    return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

bool ws_client_open(struct ws_client *c, uint16_t port, int receive_buffer, const char *headers) {
    return ws_client_connect(c, port, receive_buffer) && ws_client_shake(c, headers) == 101;
}

ssize_t ws_client_send_some(struct ws_client *c, const void *p, size_t n) {
    ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

bool ws_client_send(struct ws_client *c, const void *p, size_t n) {
    int64_t limit = now_ms() + LIMIT_MS;
    size_t sent = 0;
    while (sent < n) {
        ssize_t some = ws_client_send_some(c, (const uint8_t *)p + sent, n - sent);
        if (some < 0 || (some == 0 && !await_ready(c, POLLOUT, limit))) {
            return false;
        }
        sent += (size_t)some;
    }
    return true;
}

bool ws_client_put(struct bytes *out, uint8_t first, const void *p, size_t n) {
    static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
    uint8_t head[14] = {first};
    size_t size = 2;
    if (n < 126) {
        head[1] = (uint8_t)(0x80 | n);
    } else {
        unsigned count = n < 65536 ? 2 : 8;
        head[1] = (uint8_t)(0x80 | (count == 2 ? 126 : 127));
        for (unsigned i = 0; i < count; i++) {
            head[size++] = (uint8_t)(n >> (8 * (count - 1 - i)));
        }
    }
    memcpy(head + size, key, sizeof key);
    if (bytes_append(out, head, size + sizeof key) != TB_OK || bytes_append(out, p, n) != TB_OK) {
        return false;
    }
    uint8_t *payload = out->data + out->len - n;
    for (size_t i = 0; i < n; i++) {
        payload[i] ^= key[i % 4];
    }
    return true;
}

/* What is small needs no memory of its own. */
bool ws_client_frame(struct ws_client *c, uint8_t first, const void *p, size_t n) {
    uint8_t small[256];
    struct bytes out = {small, 0, sizeof small};
    bool is_small = n <= sizeof small - 14;
    if (!is_small) {
        out = (struct bytes)BYTES_INIT;
    }
    bool ok = ws_client_put(&out, first, p, n) && ws_client_send(c, out.data, out.len);
    if (!is_small) {
        bytes_release(&out);
    }
    return ok;
}

bool ws_client_text(struct ws_client *c, const char *text) {
    return ws_client_frame(c, 0x81, text, strlen(text));
}

bool ws_client_close(struct ws_client *c, uint16_t code) {
    const uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    return ws_client_frame(c, 0x88, body, sizeof body);
}

bool ws_client_await(struct ws_client *c, size_t n) {
    int64_t limit = now_ms() + LIMIT_MS;
    while (c->in.len - c->used < n) {
        if (!take_in(c, limit)) {
            return false;
        }
    }
    return true;
}

bool ws_client_receive(struct ws_client *c, struct ws_client_frame *f) {
    bytes_consume(&c->in, c->used);
    c->used = 0;
    if (!ws_client_await(c, 2)) {
        return false;
    }
    size_t count = c->in.data[1] == 127 ? 8 : c->in.data[1] == 126 ? 2 : 0;
    if (!ws_client_await(c, 2 + count)) {
        return false;
    }
    size_t n = count == 0 ? c->in.data[1] : 0;
    for (size_t i = 0; i < count; i++) {
        n = n << 8 | c->in.data[2 + i];
    }
    if (!ws_client_await(c, 2 + count + n)) {
        return false;
    }
    *f = (struct ws_client_frame){c->in.data[0], c->in.data + 2 + count, n};
    c->used = 2 + count + n;
    return true;
}

bool ws_client_expect(struct ws_client *c, const char *text) {
    struct ws_client_frame f;
    return ws_client_receive(c, &f) && f.first == 0x81 && f.size == strlen(text) &&
           memcmp(f.data, text, f.size) == 0;
}

bool ws_client_expect_close(struct ws_client *c, uint16_t code) {
    struct ws_client_frame f;
    return ws_client_receive(c, &f) && f.first == 0x88 && f.size >= 2 &&
           (f.data[0] << 8 | f.data[1]) == code;
}

int ws_client_await_end(struct ws_client *c) {
    int64_t limit = now_ms() + LIMIT_MS;
    while (take_in(c, limit)) {
        bytes_clear(&c->in);
        c->used = 0;
    }
    return c->error >= 0 ? c->error : ETIMEDOUT;
}

void ws_client_leave(struct ws_client *c) {
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    c->error = -1;
    c->used = 0;
    bytes_clear(&c->in);
}

void ws_client_reset(struct ws_client *c) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ws_client_leave(c);
}
