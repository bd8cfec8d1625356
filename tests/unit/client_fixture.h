/* client_fixture.h - what the tests of conn/client.h share: an endpoint that dials, whose behaviour
 * counts and remembers, and a server at the other end that does by hand what a test wants.
 *
 * All of it runs on the test's own thread: the loop has a turn whenever somebody waits. Every wait
 * has a limit, and fails the test.
 */
#ifndef TB_TESTS_UNIT_CLIENT_FIXTURE_H
#define TB_TESTS_UNIT_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "conn/client.h"
#include "conn/endpoint.h"

enum { STAGES = CLIENT_ASKING + 1 };

struct client_fixture {
    struct loop loop;
    struct endpoint endpoint;
    struct endpoint_config config;
    struct endpoint_shared shared;
    struct client_target target;
    struct conn *c;                 /* what was dialled last */
    struct tls_context *server_tls; /* of serve(); NULL: plain */

    /* the server: a socket at 127.0.0.1, and the connection that was accepted there */
    int listening;
    int peer;
    uint16_t port;
    struct bytes in; /* what it has received and a test not taken */
    int peer_end;    /* why nothing more comes: 0 (FIN) or an errno; -1: it may */

    /* what was told */
    unsigned opens, messages, drains, closes, refusals;
    unsigned stages[STAGES]; /* how often each */
    char stage_text[STAGES][200];
    struct bytes message; /* the last one */
    uint8_t opcode;
    enum client_failure failure;
    char why[512];
    enum ws_violation violation;
    unsigned status; /* of the answer; 0: there was none */
    struct bytes body;
    bool body_cut;
    struct conn_ending ending; /* its pointers are gone: */
    char reason[128];
    char why_lost[200]; /* "": NULL */

    /* what else is done; NULL: nothing */
    void (*do_open)(struct conn *c);
    void (*do_message)(struct conn *c);
    void (*do_drained)(struct conn *c);
    void (*do_stage)(struct conn *c, int stage);
    void (*do_turn)(void);
    bool echoes; /* the connections that the endpoint accepted */

    int record_fd;
    struct log *record;
    unsigned sockets_before;
};

extern struct client_fixture f;

/* A test's setup: patient, without pings, with generous limits; the target is the server, plain. */
int set_up(void **state);
#define TEST(name) cmocka_unit_test_setup(name, set_up)

/* The server listens, and the endpoint is there. */
void start(void);

/* The endpoint accepts, too: dialled now is an endpoint as it stands, in the server's place. */
void serve(void);

/* Everything ends, and nothing is left behind: no connection, descriptor or memory. */
void stop(void);

/* One turn, which does not wait; and: until *count is n; until only so many connections are left.
 */
void turn(void);
void await(const unsigned *count, unsigned n);
void await_connections(uint64_t n);

/* Starts to connect; and: until the server has accepted it. */
void dial(void);
void dial_and_accept(void);

/* ---- the server by hand ---- */

/* Until the connection is there. */
void accept_peer(void);

/* Until n bytes are in f.in; a whole head, returns its size. */
void hear(size_t n);
size_t hear_head(void);

/* Until nothing more comes: 0 (FIN) or an errno. */
int hear_end(void);

/* Sends bytes, a string, a frame without a mask. */
void say_bytes(const void *p, size_t n);
void say(const char *text);
void say_frame(uint8_t first, const void *p, size_t n);

/* The next frame, unmasked; its data is valid until more is heard. */
struct heard {
    uint8_t first;
    bool masked;
    const uint8_t *data;
    size_t size;
};
struct heard hear_frame(void);
void assert_heard(uint8_t first, const void *p, size_t n);
void assert_heard_close(uint16_t code);

/* Hears a request and answers it with a 101 and further lines, each with CR LF. */
void put_upgrade(struct bytes *out, const char *lines);
void upgrade(const char *lines);

/* Both: an open connection. */
void open_up(void);

/* Closes its socket; with a TCP RST. */
void leave(void);
void reset(void);

/* ---- what must have been told ---- */

/* Waits for a refusal, which is the only thing that was told, and for its end. */
void assert_refused(enum client_failure failure, const char *why);

/* Waits for the end of what was open. */
void assert_ended(enum conn_closer closer, uint16_t code, const char *reason);

/* How many lines of the recording have this in them. */
unsigned recorded(const char *what);

#endif
