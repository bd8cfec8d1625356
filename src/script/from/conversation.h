/* script/from/conversation.h - what a recording is made of, for the files of script/from/from.h.
 *
 * Everything stands in the recording's arena and is only read once it is there. Nobody else
 * includes this.
 */
#ifndef TB_SCRIPT_FROM_CONVERSATION_H
#define TB_SCRIPT_FROM_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/json_index.h"

enum from_side { FROM_NOBODY, FROM_CLIENT, FROM_SERVER };

enum from_kind { FROM_MESSAGE, FROM_PING, FROM_VIOLATION, FROM_CLOSE };

/* Something that happened on a connection. */
struct from_event {
    enum from_kind kind;
    enum from_side side;
    int64_t t_us;
    size_t number;       /* among all events of the recording */
    bool is_text;        /* of a MESSAGE; else it is binary */
    const uint8_t *data; /* of a message or a ping; a close's reason; a violation's rule */
    size_t size;
    unsigned code; /* of a CLOSE */
    const struct from_event *next;
};

/* A header line; both are texts without NUL. */
struct from_header {
    const char *name;
    const char *value;
    const struct from_header *next;
};

struct conversation {
    size_t number;        /* in the file, from 1 */
    size_t recording;     /* which one of the file; times begin anew in each */
    uint64_t conn;        /* in the recording that it is of */
    int64_t t_us;         /* when it opened, or was refused */
    bool is_begun;        /* its handshake is in the recording */
    bool by_client;       /* a client recorded it, not a server */
    unsigned status;      /* of the response; 0: there was none */
    const char *why;      /* it was refused for that; NULL: it was not */
    const char *origin;   /* "ws://host:port" that was dialled; NULL: only a path is known */
    const char *target;   /* path and query; NULL: not known, and it cannot be had again */
    const char *protocol; /* NULL: none */
    const struct from_header *request;
    const struct from_header *response;
    const struct from_event *events;
    struct from_event *last;
    struct conversation *next;
};

struct from {
    struct arena *arena;
    const char *name;    /* of the file, safe for a terminal */
    const char *started; /* the first recording's; NULL: not said */
    const struct conversation *first;
};

/* Whether a header line is about the connection alone, or one that programs add by themselves. */
bool from_header_is_noise(const struct from_header *h);

/* A value that the recording does not tell. */
bool from_header_is_masked(const struct from_header *h);

/* The first header of that name, or NULL. */
const struct from_header *from_header_find(const struct from_header *first, const char *name);

/* Whether a client could come with such a handshake again: it was one of WebSocket. */
bool conversation_can_come_again(const struct conversation *c);

/* ---- reading (conversation.c) ---- */

/* What is being read. */
struct from_reading {
    struct from *from;
    struct json_index line;
    struct bytes scratch;
    size_t recordings;         /* that began so far */
    size_t number;             /* of conversations so far */
    size_t events;             /* so far */
    struct conversation *last; /* of all */
    void *open;                /* a tree of the recording's conversations by `conn` */
    const char *wrong;         /* why TB_EINVAL */
};

/* Takes a line, which r->line has read. TB_OK; TB_EINVAL, and r->wrong says why; or TB_ENOMEM. */
int from_take_line(struct from_reading *r);

/* Whether it is a recording's first line. */
bool from_line_begins(const struct json_index *line);

/* Gives back what the tree of conversations takes. */
void from_forget(struct from_reading *r);

#endif
