/* script/scenario/scenario.h - a file's scenarios, compiled: who takes part, and what each does and
 * expects, step by step.
 *
 * Owns nothing: all of it lives in the reader's arena, and is only read afterwards. What runs a
 * scenario is the player (script/scenario/player.h).
 */
#ifndef TB_SCRIPT_SCENARIO_SCENARIO_H
#define TB_SCRIPT_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "conn/conn.h"
#include "script/node.h"
#include "script/payload.h"
#include "script/reader.h"

struct check;
struct matcher;
struct path;
struct template;

enum {
    WITHIN_DEFAULT_MS = 5000, /* a wait's limit where the file sets none */
    SCENARIO_CLIENTS_MAX = 1000,
    UNORDERED_MAX = 256 /* messages that may come in any order */
};

/* ---- where a client connects to ---- */

struct header_line {
    const char *name;
    const struct template *value;
    const struct node *node; /* the value's place */
};

/* What a place of the file says about it. What it does not say, the next one outside says: the
 * step, the client, the scenario, the defaults. A list of headers or protocols counts whole. */
struct dial_wish {
    const struct template *url; /* NULL: not said */
    const struct node *url_node;
    bool says_headers;
    const struct header_line *headers;
    size_t header_count;
    bool says_protocols;
    const char *const *protocols; /* NULL behind the last */
};

/* ---- what a step does ---- */

enum step_verb {
    STEP_CONNECT,
    STEP_SEND,
    STEP_EXPECT,
    STEP_AWAIT,
    STEP_SILENCE,
    STEP_UNORDERED,
    STEP_EXPECT_CLOSE,
    STEP_CLOSE,
    STEP_PING,
    STEP_RESET,
    STEP_WAIT,
    STEP_BARRIER,
    STEP_LOG,
    STEP_SET,
    STEP_CHECK,
    STEP_FAULT,
    STEP_VERIFY,
    STEP_ALL,
    STEP_VERBS
};

/* The words of the file, in that order; NULL ends them. */
extern const char *const step_verb_names[];

/* A variable that gets a value of the message. */
struct save {
    unsigned slot;
    const struct path *path;
    const struct node *node; /* the path's place */
};

struct expectation {
    const struct matcher *matcher;
    const struct save *saves;
    size_t save_count;
};

struct expected_close {
    bool has_code;
    uint16_t code;                /* also WS_CLOSE_NO_STATUS and WS_CLOSE_ABNORMAL */
    const struct matcher *reason; /* of a text; NULL: any */
    bool has_closer;
    enum conn_closer closer;
};

struct step_value {
    unsigned slot;
    const struct template *value;
    const struct node *node; /* the value's place */
};

struct step_values {
    const struct step_value *items;
    size_t count;
};

struct step;

struct steps {
    const struct step *items;
    size_t count;
};

/* Who acts, where it is not one client. */
enum { STEP_NOBODY = -1, /* the scenario itself */ STEP_EACH = -2 /* whoever runs `all` */ };

struct step {
    enum step_verb verb;
    const struct node *node; /* the verb's place */
    int actor;               /* a client's number, or one of the above */
    uint64_t within_ms;      /* 0: the scenario's */
    union {
        struct {
            struct dial_wish wish;
            unsigned status; /* expect_status; 0: it must open */
        } connect;
        struct payloads send;
        struct expectation expect; /* await, too */
        uint64_t silence_ms;
        struct {
            const struct expectation *items;
            size_t count;
        } unordered;
        struct expected_close expect_close;
        struct {
            uint16_t code;
            const struct template *reason; /* NULL: none */
        } close;
        const struct template *ping; /* NULL: no data */
        struct span wait;
        const struct template *log;
        struct step_values set;
        const struct check *check;
        struct {
            const char *const *enable; /* NULL behind the last */
            const char *const *disable;
        } fault;
        struct {
            const struct matcher *matcher;
            bool has_times; /* else: at least once */
            uint64_t times;
        } verify;
        struct {
            struct steps steps;
            const unsigned *actors; /* NULL: every client */
            size_t actor_count;
        } all;
    };
};

/* ---- scenarios ---- */

struct scenario_client {
    const char *name;
    struct dial_wish wish;
    bool connects_itself; /* its own first step is to connect */
};

/* What `defaults` and a scenario may both say. */
struct scenario_settings {
    struct dial_wish wish;
    uint64_t within_ms; /* 0: not said */
    bool says_ignore;
    const struct matcher *const *ignore;
    size_t ignore_count;
};

struct scenario {
    const char *name;
    const struct node *node;
    const char *skip;                  /* why it is not to be run; NULL: it is */
    struct scenario_settings settings; /* the defaults are in it, but for the wish; within_ms > 0 */
    const struct scenario_client *clients; /* at least one */
    size_t client_count;
    const char *const *client_names; /* the same, NULL behind the last */
    struct step_values vars;
    struct steps steps;
};

struct suite {
    struct scenario_settings defaults; /* within_ms > 0 */
    const struct scenario *scenarios;
    size_t count;
};

/* Reads `defaults` and `scenarios`, either of which may be NULL. As reading functions do. */
int suite_read(struct reader *r, const struct node *defaults, const struct node *scenarios,
               const struct suite **suite);

/* Whether a step of the verb has a limit (`within`). */
bool step_verb_waits(enum step_verb verb);

/* Appends what the step does, for a person, in one short line: `expect a text with 'double' in
 * it`. TB_OK or TB_ENOMEM. */
int step_describe(const struct step *step, struct bytes *out);

#endif
