/* script/mock/mock_plan.h - what a plan is made of: the file's `server`, compiled; for this folder
 * only.
 *
 * Everything stands in the script's arena and is never changed. What a run counts or switches is
 * found by the numbers that stand here.
 */
#ifndef TB_SCRIPT_MOCK_MOCK_PLAN_H
#define TB_SCRIPT_MOCK_MOCK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/handshake.h"
#include "script/matcher.h"
#include "script/mock/mock.h"
#include "script/mock/route.h"
#include "script/payload.h"
#include "script/reader.h"
#include "script/selector.h"
#include "script/template.h"

enum {
    PLAN_STATES_MAX = 64, /* of one route: a bit each */
    PLAN_ROUTES_MAX = 10000,
    PLAN_FAULTS_MAX = 1000, /* of all routes */
};

/* ---- actions ---- */

enum verb {
    VERB_REPLY,
    VERB_BROADCAST,
    VERB_SEND_OTHERS,
    VERB_SEND_ROOM,
    VERB_SEND_CONN,
    VERB_WAIT,
    VERB_LOG,
    VERB_SET,
    VERB_JOIN,
    VERB_LEAVE,
    VERB_GOTO,
    VERB_PING,
    VERB_CLOSE,
    VERB_RESET,
    VERB_STALL,
    VERB_FAULT
};

struct assignment {
    unsigned slot;
    const struct template *value;
};

struct action {
    enum verb verb;
    const struct node *node;
    struct payloads payloads; /* REPLY, BROADCAST, SEND_* */
    /* LOG, JOIN, LEAVE, PING; whom: SEND_ROOM, SEND_CONN; why, or NULL: CLOSE. */
    const struct template *text;
    struct span wait;                /* WAIT */
    const struct assignment *values; /* SET */
    size_t value_count;
    unsigned state;    /* GOTO */
    uint16_t code;     /* CLOSE; 0: none */
    const char *fault; /* FAULT */
    bool enable;
};

/* ---- rules ---- */

enum trigger { TRIGGER_MESSAGE, TRIGGER_CONNECT, TRIGGER_CLOSE, TRIGGER_EVERY, TRIGGER_AFTER };

struct rule {
    const struct node *node;
    enum trigger trigger;
    const struct matcher *when; /* of a message; NULL: any text or binary message */
    struct span time;           /* EVERY, AFTER */
    bool everyone;              /* EVERY: one clock for the route, not one for each connection */
    bool goes_on;               /* `continue` */
    uint64_t states;            /* `in`: a bit each; 0: any */
    unsigned number;            /* of its count of firings */
    const struct action *actions;
    size_t action_count;
};

/* ---- faults ---- */

enum effect {
    EFFECT_SHAPE, /* delay, jitter, rate */
    EFFECT_DROP,
    EFFECT_DUPLICATE,
    EFFECT_REORDER,
    EFFECT_TRUNCATE,
    EFFECT_CORRUPT,
    EFFECT_CLOSE,
    EFFECT_RESET,
    EFFECT_STALL,
    EFFECT_NO_PONG,
    EFFECT_REFUSE,
    EFFECT_SPLIT,
    EFFECT_RAW
};

struct fault {
    const struct node *node;
    const char *id;
    bool enabled;
    const struct matcher *when; /* NULL: all */
    bool of_client;             /* it is about what the client says, not about what is said to it */
    uint32_t chance;            /* millionths */
    uint64_t after;             /* messages of a connection that are spared */
    uint64_t times;             /* 0: no end */
    enum effect effect;
    struct span delay;
    struct span jitter;
    uint64_t rate;   /* bytes a second; 0: no limit */
    uint64_t number; /* the close code, the status, the bytes of a piece */
    uint8_t *raw;
    size_t raw_size;
    unsigned index; /* among all faults of the plan */
};

/* ---- the handshake ---- */

struct entrance {
    const struct node *node;
    const struct matcher *when;           /* NULL: always */
    unsigned status;                      /* 101: accept */
    const char *const *headers;           /* "Name: value", NULL behind the last; where it has */
    const struct template *const *values; /* one of its own, "Name: ": NULL, it is whole */
    bool fills_headers;                   /* some have one */
    const struct template *body;          /* NULL: none */
    struct span delay;
    struct ws_server_policy policy; /* of an accept */
    bool has_deflate;               /* `deflate` stands there: policy.deflate */
};

/* ---- all of it ---- */

struct plan_route {
    const struct node *node;
    const struct route *path;
    const struct entrance *entrances;
    size_t entrance_count;
    const struct rule *rules;
    size_t rule_count;
    const struct selector *selector; /* over all rules; what is no message's is never a candidate */
    const struct fault *faults;
    size_t fault_count;
    const char *const *states; /* their names; the first is "start" */
    size_t state_count;
    unsigned index;
};

struct mock_plan {
    struct mock_setup setup;
    const struct plan_route *routes;
    size_t route_count;
    unsigned rule_count;  /* of all routes */
    unsigned fault_count; /* of all routes */
};

/* ---- reading; as reading functions do ---- */

/* A state that a rule asks for or goes to. */
struct state_use {
    const char *name;
    const struct node *node; /* where it was named first */
    bool is_target;          /* some rule goes there */
};

/* What is being read of a route. */
struct plan_reader {
    struct reader *r;
    struct mock_plan *plan;
    struct plan_route *route;
    struct state_use states[PLAN_STATES_MAX];
    size_t state_count;
};

int plan_read_entrances(struct plan_reader *p, const struct node *list);
int plan_read_rules(struct plan_reader *p, const struct node *list);
int plan_read_faults(struct plan_reader *p, const struct node *list);

/* The actions that are being read, of a rule. */
struct action_reader {
    struct plan_reader *p;
    struct action *items; /* there is room for all that will come */
    size_t count;
    struct action *send;   /* waits for its `to`, */
    const struct node *to; /* or this one for its `send` */
};

/* The keys of actions: rows of a table of fields, whose `into` is a struct action_reader. */
#define ACTION_FIELDS                                                                              \
    {.name = "reply", .read = action_read_reply},                                                  \
        {.name = "broadcast", .read = action_read_broadcast},                                      \
        {.name = "send", .read = action_read_send}, {.name = "to", .read = action_read_to},        \
        {.name = "wait", .read = action_read_wait}, {.name = "log", .read = action_read_log},      \
        {.name = "set", .read = action_read_set}, {.name = "join", .read = action_read_join},      \
        {.name = "leave", .read = action_read_leave}, {.name = "goto", .read = action_read_goto},  \
        {.name = "ping", .read = action_read_ping}, {.name = "close", .read = action_read_close},  \
        {.name = "reset", .read = action_read_reset},                                              \
        {.name = "stall", .read = action_read_stall},                                              \
        {.name = "fault", .read = action_read_fault},                                              \
        {.name = "forward", .read = action_read_proxied},                                          \
        {.name = "drop", .read = action_read_proxied}, {                                           \
        .name = "inject", .read = action_read_proxied                                              \
    }

int action_read_reply(struct reader *r, const struct node *value, void *into);
int action_read_broadcast(struct reader *r, const struct node *value, void *into);
int action_read_send(struct reader *r, const struct node *value, void *into);
int action_read_to(struct reader *r, const struct node *value, void *into);
int action_read_wait(struct reader *r, const struct node *value, void *into);
int action_read_log(struct reader *r, const struct node *value, void *into);
int action_read_set(struct reader *r, const struct node *value, void *into);
int action_read_join(struct reader *r, const struct node *value, void *into);
int action_read_leave(struct reader *r, const struct node *value, void *into);
int action_read_goto(struct reader *r, const struct node *value, void *into);
int action_read_ping(struct reader *r, const struct node *value, void *into);
int action_read_close(struct reader *r, const struct node *value, void *into);
int action_read_reset(struct reader *r, const struct node *value, void *into);
int action_read_stall(struct reader *r, const struct node *value, void *into);
int action_read_fault(struct reader *r, const struct node *value, void *into);
int action_read_proxied(struct reader *r, const struct node *value, void *into);

/* The end of a map that actions stood in: `send` and `to` go together. */
int actions_finish(struct action_reader *a);

/* What the file calls it. */
const char *action_name(const struct action *a);

/* Whether the action needs somebody who triggered it, */
bool action_needs_member(const struct action *a);

/* … and one who is still connected. */
bool action_needs_open(const struct action *a);

/* The number of a state that a rule goes to or asks for; and: every state that is asked for is one
 * that some rule goes to, or "start". */
int plan_state(struct plan_reader *p, const struct node *node, bool is_target, unsigned *state);
int plan_check_states(struct plan_reader *p);

#endif
