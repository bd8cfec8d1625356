/* endpoint_fixture.h - what the tests of conn/endpoint.h share: an endpoint whose behaviour counts,
 * and does what a test wants.
 */
#ifndef TB_TESTS_UNIT_ENDPOINT_FIXTURE_H
#define TB_TESTS_UNIT_ENDPOINT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "server_rig.h"
#include "ws_client.h"

extern struct server_rig rig;
extern unsigned opens, messages, closes, freed;
extern uint64_t message_bytes;

struct last_close {
    uint16_t code;
    enum conn_closer closer;
};
extern struct last_close last_close;

/* What else is done; NULL: nothing. Messages are echoed unless a test says otherwise. */
extern const struct conn_terms *(*do_request)(struct conn *c, const struct http1 *request);
extern void (*do_open)(struct conn *c);
extern void (*do_message)(struct conn *c, const struct ws_event *ev);
extern void (*do_control)(struct conn *c, const struct ws_event *ev);
extern void (*do_drained)(struct conn *c);
extern void (*do_close)(struct conn *c);
extern void (*do_freed)(struct conn *c);

/* A test's setup: as patient as server_rig_configure() makes it, all counts 0. */
int set_up(void **state);
#define TEST(name) cmocka_unit_test_setup(name, set_up)

void start(void);

/* Nothing is left behind, and every open has its close. */
void stop(void);

/* A client that is connected. */
void open_client(struct ws_client *c);

/* Until only so many connections are left. */
void await_gone(uint64_t left);

/* The connection that was accepted first and is still there. */
struct conn *first_conn(void);

/* Sends frames, again and again, until no more is taken: the server reads no more. Stops at the
 * limit. */
void stuff(struct ws_client *c, const struct bytes *frames, size_t limit);

#endif
