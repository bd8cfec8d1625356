/* server_rig.h - an endpoint on a loop that runs on the test's own thread: it has a turn whenever
 * a client (ws_client.h) waits.
 */
#ifndef TB_TESTS_UNIT_SERVER_RIG_H
#define TB_TESTS_UNIT_SERVER_RIG_H

#include <stdbool.h>

#include "conn/endpoint.h"

struct server_rig {
    struct loop loop;
    struct endpoint endpoint;
    struct endpoint_config config;
    struct endpoint_shared shared;
    uint16_t port;
};

/* Fills in a configuration: patient, without pings, with generous limits. */
void server_rig_configure(struct server_rig *rig, const struct conn_behaviour *behaviour);

/* Listens on a free port of 127.0.0.1, and is the server that runs while clients wait. */
bool server_rig_start(struct server_rig *rig);

/* One turn, which does not wait. */
void server_rig_turn(struct server_rig *rig);

/* Turns until *count is n; false at the limit. */
bool server_rig_await(struct server_rig *rig, const atomic_uint_fast64_t *count, uint64_t n);

/* Stops it and frees everything. Whether nothing was left behind: no connection, no memory. */
bool server_rig_stop(struct server_rig *rig);

#endif
