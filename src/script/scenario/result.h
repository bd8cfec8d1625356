/* script/scenario/result.h - what came of a scenario: whether it passed, and if not, all that a
 * person needs to see why.
 *
 * Plain memory, which does not need the player any more; what points into the file needs the
 * script. Nothing in it is escaped but where it says so: what came from a peer is shown through
 * play_event_write().
 */
#ifndef TB_SCRIPT_SCENARIO_RESULT_H
#define TB_SCRIPT_SCENARIO_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct node;
struct step;

enum play_kind {
    PLAY_TEXT,
    PLAY_BINARY,
    PLAY_PING,
    PLAY_PONG,
    PLAY_RAW,     /* bytes of ours as they stood on the wire */
    PLAY_OPEN,    /* data: the URL */
    PLAY_REFUSED, /* data: why */
    PLAY_CLOSE    /* code; data: the reason */
};

/* Something of the conversation. */
struct play_event {
    enum play_kind kind;
    bool sent;          /* the client's; else the server's */
    bool ignored;       /* the file says that it is noise */
    uint16_t code;      /* of a close */
    uint64_t at_us;     /* since the scenario began */
    const char *client; /* the file's */
    size_t size;        /* of all of it */
    struct bytes data;  /* the first bytes */
};

/* Appends what it is, in one line that is safe for a terminal: `"hi"`, `4 bytes of binary: ca fe 00
 * 01`, `close 1000 "bye"`. TB_OK or TB_ENOMEM. */
int play_event_write(const struct play_event *e, struct bytes *out);

/* The last so many events. */
struct play_events {
    struct play_event *items;
    size_t count;
    size_t first;   /* the oldest of them */
    size_t most;    /* that are kept */
    uint64_t total; /* that there were */
};

/* The i-th of those that are kept, from the oldest. */
const struct play_event *play_events_at(const struct play_events *e, size_t i);

struct play_failure {
    const struct step *step; /* NULL: none of them; a client could not connect before the first */
    const struct node *node; /* the place in the file */
    const char *client;      /* whose; NULL: nobody's */
    const char *why;         /* one line, safe for a terminal: "nothing came within 2 s" */
    const char *kind;     /* the same for all failures of one kind, whatever `why` has measured */
    unsigned ending;      /* how the client was refused (HTTP's status) or closed; 0: neither */
    struct bytes reason;  /* of the close, as it came */
    struct bytes awaited; /* what should have come, in words, safe; empty: it waited for none */
    struct play_events came; /* since the wait began: the last of them */
    bool has_nearest;        /* one of those came near: */
    size_t nearest;          /* which */
    struct bytes why_not;    /* and why it is not the one, in one line, safe */
    struct bytes diff;       /* lines, safe, each with its \n; empty: it cannot be said so */
    struct bytes why_text;   /* what `why` points at, unless memory was out */
};

struct play_result {
    bool passed;
    struct play_failure failure; /* if it has not */
    uint64_t duration_us;
    uint64_t unread;               /* messages that no step looked at */
    struct play_events transcript; /* the end of the conversation of all clients */
};

/* NULL is allowed. */
void play_result_free(struct play_result *result);

/* ---- for the player ---- */

enum { PLAY_EVENT_DATA_MAX = 4096 /* bytes of a message that are kept to be shown */ };

/* Another event, with a copy of data[0..n), cut; the oldest makes room. NULL: memory is out, and it
 * is only counted. */
struct play_event *play_events_add(struct play_events *e, enum play_kind kind, const void *data,
                                   size_t n);
void play_events_release(struct play_events *e);

#endif
