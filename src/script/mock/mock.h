/* script/mock/mock.h - a server that behaves as a file says.
 *
 * A plan is the file's `server`, compiled. A mock is a plan that runs: what its rules have counted,
 * which faults are on, what was received. Its loops are the endpoints that it serves on, one a
 * thread; a message crosses from one to another by the bus.
 */
#ifndef TB_SCRIPT_MOCK_MOCK_H
#define TB_SCRIPT_MOCK_MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "conn/conn.h"
#include "script/node.h"

struct bus;
struct endpoint;
struct matcher;
struct mock;
struct mock_plan;
struct reader;
struct scope;
struct script;
struct trace;

/* ---- the plan ---- */

/* Where the file wants to be served; `listen`. */
struct mock_listen {
    bool tls;
    const char *host; /* without brackets */
    uint16_t port;
    const struct node *node;
};

struct mock_setup {
    const struct mock_listen *listen;
    size_t listen_count;  /* 0: the file does not say */
    const char *tls_cert; /* relative paths count from the file's folder; NULL: none */
    const char *tls_key;
    const char *tls_client_ca;
    const char *record;
};

/* Reads `server`. As reading functions do. */
int mock_plan_read(struct reader *r, const struct node *server, const struct mock_plan **plan);

const struct mock_setup *mock_plan_setup(const struct mock_plan *plan);

/* How much it is. */
struct mock_size {
    size_t routes;
    size_t rules;
    size_t faults;
};

struct mock_size mock_plan_size(const struct mock_plan *plan);

/* ---- running ---- */

struct mock_config {
    struct trace *trace;   /* NULL: none */
    const struct bus *bus; /* between its loops; NULL: there is one loop */
    uint64_t seed;
    bool has_every;       /* instead of the times of all `every` rules: */
    uint64_t every_ms;    /* 0: they never fire */
    size_t keep_received; /* bytes of received messages to keep for mock_received(), the oldest go
                             first; 0: none */
};

/* A mock with room for so many loops. NULL if memory is out. */
struct mock *mock_new(const struct mock_config *config, size_t loops);

/* Every loop must have been ended. NULL is allowed. */
void mock_free(struct mock *mock);

/* Serves on the endpoint, whose configuration names mock_behaviour and, as its ctx, the mock: loop
 * i of it runs that script, to which it takes a reference. On the endpoint's thread, or before it
 * runs. TB_OK or TB_ENOMEM. */
int mock_begin(struct mock *mock, size_t i, struct endpoint *ep, struct script *script);

/* The rules, faults and routes of a changed file are in force from now on; connections stay, and
 * keep their variables and their state by name. Counts begin anew, and faults are as the file has
 * them; `after` counts from when a connection was opened, and does not come again. On the loop's
 * thread. TB_OK, or TB_ENOMEM: nothing has changed.
 *
 * What the loops count together they count by the version, which all of them are told the same for
 * the same file, and never one twice; 0 is the one that mock_begin() was given. */
int mock_change(struct mock *mock, size_t i, unsigned version, struct script *script);

/* Ends the loop's timers; its connections are closed by the endpoint. On the loop's thread. */
void mock_end(struct mock *mock, size_t i);

extern const struct conn_behaviour mock_behaviour;

/* Switches a fault on or off, everywhere. False: there is none of that name. On the thread of loop
 * 0. */
bool mock_fault(struct mock *mock, const char *id, bool on);

/* How many of the messages received so far match (keep_received), with the variables that `scope`
 * has, which may be NULL; on the thread of a mock's only loop. Returns whether all were looked at:
 * not if some are not kept any more, or memory is out. */
bool mock_received(struct mock *mock, const struct matcher *m, const struct scope *scope,
                   uint64_t *count);

#endif
