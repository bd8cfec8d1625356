/* script/mock/state.h - what a mock is made of while it runs; for this folder only.
 *
 *   mock        what all loops share: the newest tally
 *   tally       what the rules and faults of one version of the file have counted
 *   mock_loop   one thread's: its script, its runs
 *   run         a route there: its room, its members, its clocks
 *   member      a connection
 *   alarm       a timer, of a member or a run
 *   firing      a rule that is at work
 *
 * Rules are carried out while something else calls us, so anybody may leave in the middle. A member
 * that has gone is therefore only marked until the outermost mock_leave(): lists may be walked
 * without fear, and `at: close` comes last.
 */
#ifndef TB_SCRIPT_MOCK_STATE_H
#define TB_SCRIPT_MOCK_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/list.h"
#include "conn/endpoint.h"
#include "conn/room.h"
#include "script/chance.h"
#include "script/matcher.h"
#include "script/message.h"
#include "script/mock/mock_plan.h"
#include "script/payload.h"
#include "script/scope.h"
#include "script/script.h"

struct tally {
    struct tally *older;
    unsigned version;
    size_t users;                 /* loops; under the mock's mutex */
    atomic_uint *counters;        /* of matchers' `times` */
    atomic_uint_fast64_t *fired;  /* of rules, by their numbers */
    atomic_uint_fast64_t *struck; /* of faults: how often they had their effect */
    atomic_bool *on;              /* of faults */
    atomic_uint_fast64_t *open;   /* of routes: members on all loops */
};

struct mock {
    struct mock_config config;
    uv_mutex_t mutex;
    struct tally *newest;
    struct mock_loop *loops;
    size_t count;
};

struct mock_loop {
    struct mock *mock;
    struct endpoint *ep; /* NULL: not begun, or ended */
    struct script *script;
    const struct mock_plan *plan;
    struct tally *tally;
    struct list runs;
    struct list leaving; /* members that have gone, by `leaving` */
    unsigned depth;      /* mock_enter() without mock_leave() */
    bool has_ended;      /* mock_end(): no route's clock starts any more */
    struct chance chance;
    struct message message; /* the one that was received */
    struct match match;     /* for the rules' matchers */
    struct match fault_match;
    struct candidates candidates;
    struct made made;
    struct bytes text;
    struct conn **crowd; /* scratch: to whom something is sent */
    size_t crowd_capacity;
    uint64_t notes_at_ms; /* when the second began in which so many lines were logged */
    unsigned notes;
    unsigned notes_left_out;
    struct list received; /* what is kept for mock_received() */
    size_t received_bytes;
    bool received_more; /* than is kept */
    size_t waiting;     /* bytes of all that waits; waiting_take() */
    size_t crowd_count; /* named rooms, and */
    size_t place_count; /* who is in them, once for each */
};

struct run {
    struct list hook; /* mock_loop.runs */
    struct mock_loop *loop;
    const struct plan_route *route; /* NULL: the file has it no more */
    char *path;                     /* its route's text */
    struct room room;
    struct list members;
    struct list parted; /* members that have gone, and whose rules still wait */
    void *crowds;       /* named rooms: a tree by their names */
    struct list clocks; /* alarms of rules that are everybody's */
    size_t waiting;     /* bytes of firings that wait, of clocks */
    size_t held_back;   /* messages that wait in the members' outboxes */
};

/* What the file may ask of a connection's request, and nothing else: most connections are idle. */
struct origin {
    struct http1 *head;
    char *address;
    struct route_parts *parts;
};

struct member {
    struct list hook;    /* run.members */
    struct list leaving; /* mock_loop.leaving */
    struct run *run;
    struct conn *conn;   /* NULL: it has gone */
    struct store *store; /* NULL: nothing was set */
    struct peer peer;
    struct origin *origin; /* what the peer points into; NULL: nothing is asked */
    struct list alarms;
    struct list places;    /* its places in named rooms */
    struct outbox *outbox; /* what is held back by faults; NULL: nothing was ever */
    size_t waiting;        /* bytes of what waits, firings and messages */
    uint64_t since_ms;     /* when its clocks began, the loop's time */
    uint64_t heard_at_ms;  /* when the rules will see the last message that it said, */
    unsigned hearing;      /* of so many that they have not seen yet */
    unsigned room_count;   /* named rooms that it is in */
    uint32_t *seen;        /* by faults of the route: the messages that they looked at */
    unsigned state;
    bool parted; /* it is in run.parted */
};

/* A named room. */
struct crowd {
    struct run *run;
    struct list places;
    size_t count; /* of places */
    const char *name;
    size_t size;
    char text[]; /* the name */
};

struct place {
    struct list in_crowd;
    struct list in_member;
    struct crowd *crowd;
    struct member *member;
};

/* A timer. It owns itself once it is stopped: its memory goes when its handle is closed. */
struct alarm {
    uv_timer_t timer;
    struct list hook; /* member.alarms or run.clocks */
    struct run *run;
    struct member *member; /* NULL: a run's */
    void (*ring)(struct alarm *a);
    const struct rule *rule; /* of a clock, or of the firing that waits */
    struct held *held;       /* a firing, or a message, that waits; NULL: none */
    size_t held_size;        /* that waiting_take() was told */
    struct script *script;   /* the firing's, kept while it waits */
};

/* A rule at work. */
struct firing {
    struct mock_loop *loop;
    struct run *run;
    struct member *member; /* NULL: nobody's: a clock of the route */
    const struct rule *rule;
    struct script *script; /* the rule's */
    struct scope scope;
};

/* ---- mock.c ---- */

/* Around everything that may carry out rules. */
void mock_enter(struct mock_loop *l);
void mock_leave(struct mock_loop *l);

/* The mock's loop that the endpoint is. */
struct mock_loop *mock_loop_of(const struct endpoint *ep);

/* A line for whoever looks at the server: where in the script's file (NULL: nowhere), and what. Few
 * a second; the others are counted. */
void mock_note(struct mock_loop *l, const struct script *script, const struct node *at,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Whether another such line would be written, for those that cost much to make; if not, it is
 * counted. */
bool mock_may_note(struct mock_loop *l);

/* ---- tally.c ---- */

/* The tally of that version of the file, for one more loop. NULL if memory is out. */
struct tally *tally_use(struct mock *mock, const struct script *script, unsigned version);

/* The loop uses it no more. NULL is allowed. */
void tally_drop(struct mock *mock, struct tally *t);

/* ---- run.c ---- */

struct run *run_new(struct mock_loop *l, const struct plan_route *route);
void run_free(struct run *run);

/* What members that have gone wait for is given up. */
void run_forget_parted(struct run *run);

/* Frees it if the file has it no more and nobody is left in it: no member, nothing that waits. */
void run_free_if_gone(struct run *run);

/* The run of a path of the request; NULL: there is none. *nomem as route_takes(). */
struct run *run_for(struct mock_loop *l, struct http1_str target, struct route_parts *parts,
                    bool *nomem);

/* The run of that route's text, or NULL. */
struct run *run_named(struct mock_loop *l, const char *path);

/* Starts the clocks of the route's rules, and of a member's: of one that is not new
 * those `after` a time that is over are not started. TB_OK or TB_ENOMEM. */
int run_start_clocks(struct run *run);
int member_start_clocks(struct member *m, bool is_new);

/* Rings the member's clocks `after` a time that is over, but did not ring yet. */
void member_ring_due(struct member *m);

/* ---- member.c ---- */

void member_free(struct member *m);

/* It has gone: `at: close`, and then its memory, when none of its rules waits any more. */
void member_part(struct member *m);

/* Something that it waited for has come to its end. */
void member_free_if_done(struct member *m);

/* ---- firing.c ---- */

/* Whether the member is in a state that the rule asks for. */
static inline bool rule_is_for(const struct rule *rule, const struct member *m) {
    return rule->states == 0 || (rule->states >> m->state & 1) != 0;
}

/* Carries out a rule that no message has triggered. */
void fire(struct run *run, struct member *m, const struct rule *rule);

/* The first rule that the message triggers, and those that say `continue`. Returns whether there
 * was one. */
bool fire_for_message(struct member *m, struct message *message);

/* The member has gone: of what waits, only what others get of it goes on. */
void fire_for_others_only(struct member *m);

/* Rules of the trigger, in the member's state. */
void fire_all(struct member *m, enum trigger trigger);

/* ---- alarm.c ---- */

/* In so many milliseconds; the alarm is the member's, or, where that is NULL, the run's. NULL if
 * memory is out. */
struct alarm *alarm_set(struct run *run, struct member *m, uint64_t ms,
                        void (*ring)(struct alarm *a));

/* The same, with what is held until then, which becomes the alarm's: a copy of the message and the
 * captures. NULL if memory is out, or if too much waits already; *why says which. */
struct alarm *alarm_hold(struct run *run, struct member *m, uint64_t ms,
                         void (*ring)(struct alarm *a), const struct message *message,
                         const struct captures *captures, const char **why);
void alarm_again(struct alarm *a, uint64_t ms);
void alarm_stop(struct alarm *a);
void alarms_stop(struct list *alarms);

/* The clocks among them: what a rule's firing or an outbox waits for goes on. */
void alarms_stop_clocks(struct list *alarms);

/* A time of the span. */
uint64_t alarm_time(struct mock_loop *l, const struct span *span);

/* ---- waiting.c ---- */

/* Takes so many bytes from what may wait, of the member or, where that is NULL, of the run's
 * clocks. False: that would be too much, and nothing was taken. */
bool waiting_take(struct run *run, struct member *m, size_t size);
void waiting_give(struct run *run, struct member *m, size_t size);

/* ---- crowd.c: named rooms ---- */

enum {
    ROOMS_MAX = 1000,         /* of one connection */
    ROOM_NAME_SIZE_MAX = 256, /* in bytes */
    LOOP_ROOMS_MAX = 100000,
    LOOP_PLACES_MAX = 1000000, /* one for each member of each room */
};

/* NULL, or why the member is not in the room now. */
const char *crowd_join(struct member *m, const char *name, size_t n);
void crowd_leave(struct member *m, const char *name, size_t n);
void crowd_leave_all(struct member *m);
struct crowd *crowd_find(struct run *run, const char *name, size_t n);

/* ---- post.c: who gets what ---- */

/* To one member: past the faults. */
void post_to(struct member *m, const struct made *made);

/* Closes the connection, behind what a fault holds back. */
void post_close(struct member *m, uint16_t code, const char *reason);

/* To everybody on the run, on all loops, but for `except` (which may be NULL); to those in a named
 * room; to the connection of that number. */
void post_everybody(struct run *run, const struct made *made, const struct member *except);
void post_room(struct run *run, const struct made *made, const char *name, size_t n);
void post_conn(struct run *run, const struct made *made, uint64_t id);

/* ---- faults.c ---- */

/* Whether a fault of the route is on, so that messages have to go past them one by one. */
bool faults_are_on(const struct run *run);

/* Sends, or does not. */
void faults_say(struct member *m, const struct made *made);

/* What the client said, on its way to the rules: they see it now, later, changed, twice, or not at
 * all. */
void faults_hear(struct member *m, struct message *message);

/* A status to refuse a handshake with, or 0. */
unsigned faults_refuse(struct run *run, struct scope *scope);

/* Whether a ping with that data is to be left unanswered. */
bool faults_no_pong(struct member *m, const uint8_t *p, size_t n);

void outbox_free(struct outbox *o);

/* Switches a fault of the loop's plan, everywhere. False: there is none of that name. */
bool mock_switch(struct mock_loop *l, const char *id, bool on);

/* ---- entrance.c ---- */

/* The behaviour's on_request. */
const struct conn_terms *entrance_judge(struct conn *c, const struct http1 *request);

/* What entrance_judge() left in conn_data() until the connection is open. NULL is allowed. */
struct visit;
void visit_free(struct visit *v);

/* ---- received.c ---- */

/* Only where config.keep_received is not 0. */
void received_keep(struct mock_loop *l, const struct message *message);
void received_forget(struct mock_loop *l);

#endif
