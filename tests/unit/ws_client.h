/* ws_client.h - a small WebSocket client for tests, which knows no rules: what it is told to send
 * it sends, and what comes it shows.
 *
 * Every wait has a limit. While it waits it calls `ws_client_idle`, so that a server on the same
 * thread can run; NULL: the server has a thread of its own.
 */
#ifndef TB_TESTS_UNIT_WS_CLIENT_H
#define TB_TESTS_UNIT_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

extern void (*ws_client_idle)(void);

struct ws_client {
    int fd;
    int error;       /* why nothing more comes: 0 (the peer said FIN) or an errno; -1: it may */
    struct bytes in; /* what has come */
    size_t used;     /* bytes of it that were handed out */
};

/* A frame of the server. */
struct ws_client_frame {
    uint8_t first; /* FIN, RSV and opcode, as on the wire */
    const uint8_t *data;
    size_t size;
};

/* Allocates all that small messages need. */
bool ws_client_init(struct ws_client *c);
void ws_client_release(struct ws_client *c);

/* Connects to 127.0.0.1; receive_buffer: SO_RCVBUF, 0: as the system has it. */
bool ws_client_connect(struct ws_client *c, uint16_t port, int receive_buffer);

/* Sends a handshake request with further header lines (each with CR LF; may be "") and returns the
 * status of the answer, whose head is taken; 0 if none came. */
int ws_client_shake(struct ws_client *c, const char *headers);

/* All of that: true if the answer was 101. */
bool ws_client_open(struct ws_client *c, uint16_t port, int receive_buffer, const char *headers);

/* Sends everything / what the socket takes now (the bytes taken; -1 if the connection is lost). */
bool ws_client_send(struct ws_client *c, const void *p, size_t n);
ssize_t ws_client_send_some(struct ws_client *c, const void *p, size_t n);

/* Appends a masked frame to out. */
bool ws_client_put(struct bytes *out, uint8_t first, const void *p, size_t n);

/* Sends one masked frame; a text; a close frame without a reason. */
bool ws_client_frame(struct ws_client *c, uint8_t first, const void *p, size_t n);
bool ws_client_text(struct ws_client *c, const char *text);
bool ws_client_close(struct ws_client *c, uint16_t code);

/* Waits for n bytes behind what was handed out. */
bool ws_client_await(struct ws_client *c, size_t n);

/* The next frame, valid until the next call; false if none came. */
bool ws_client_receive(struct ws_client *c, struct ws_client_frame *f);

/* Whether the next frame is this text; a close frame with that code. */
bool ws_client_expect(struct ws_client *c, const char *text);
bool ws_client_expect_close(struct ws_client *c, uint16_t code);

/* Throws away what comes until nothing more does: 0 (FIN) or an errno, ETIMEDOUT at the limit. */
int ws_client_await_end(struct ws_client *c);

/* Closes the socket; with a TCP RST. */
void ws_client_leave(struct ws_client *c);
void ws_client_reset(struct ws_client *c);

#endif
