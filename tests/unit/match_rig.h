/* match_rig.h - a matcher out of a line of YAML, and messages and a handshake for it.
 *
 * The matcher is the value of "m: MATCHER", the one line of a file named test.yaml.
 */
#ifndef TB_TESTS_UNIT_MATCH_RIG_H
#define TB_TESTS_UNIT_MATCH_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "script/chance.h"
#include "script/matcher.h"
#include "script/message.h"
#include "script/names.h"
#include "script/reader.h"
#include "script/scope.h"

enum { RIG_COUNTERS = 8 };

struct match_rig {
    struct document *doc;
    struct reader reader;
    struct bytes complaint; /* the reader's, terminated after rig_read() */
    const struct matcher *matcher;
    struct message message;
    struct store own;
    struct chance chance;
    struct http1 *head;
    struct peer peer;
    struct scope scope;
    struct match match;
    atomic_uint counters[RIG_COUNTERS];
    struct bytes words; /* of rig_describes() and rig_why() */
};

extern struct match_rig rig;

/* A test's setup and teardown: no matcher, no message. */
int rig_set_up(void **state);
int rig_tear_down(void **state);
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

/* Names that matchers may read: ${known} and ${unset}; known has a value. */
#define RIG_KNOWN "42"

/* Reads it in place of the last one. What matcher_read() returned. */
int rig_read(const char *yaml);
int rig_read_handshake(const char *yaml);

/* It must be read; and: must be refused at that column, with this message. */
void rig_wants(const char *yaml);
void rig_refuses(const char *yaml, unsigned column, const char *message);

/* The message that is looked at from now on. */
void rig_say(enum message_type type, const void *p, size_t n);
void rig_text(const char *text);

/* The request's head, without its first line's version: "GET /path", "a: b\r\n". */
void rig_request(const char *target, const char *headers);

/* Whether the message matches, and its nearness says the same. */
bool rig_matches(void);

/* A matcher, a text message, and whether they go together. */
struct rig_row {
    const char *matcher;
    const char *message;
    bool matches;
};

void rig_check(const struct rig_row *rows, size_t count);
#define RIG_CHECK(rows) rig_check(rows, sizeof(rows) / sizeof *(rows))

/* What a named group caught; NULL: nothing. The text is good until the next call. */
const char *rig_caught(const char *name);

const char *rig_describes(void);
const char *rig_why(void);

#endif
