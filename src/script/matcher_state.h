/* script/matcher_state.h - what a matcher is made of; for the files of matcher.h only.
 *
 * A matcher is a tree of conditions. They are asked of a subject: the message, or a value in its
 * JSON or in the handshake. A mapping is what all of its keys say; each path of `json` and each
 * name of `header` and `query` is a condition of its own.
 */
#ifndef TB_SCRIPT_MATCHER_STATE_H
#define TB_SCRIPT_MATCHER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/json_index.h"
#include "script/matcher.h"
#include "script/message.h"
#include "script/phrase.h"
#include "script/reader.h"

struct path;
struct pattern;
struct template;

enum matcher_kind {
    MATCHER_ALL, /* of a mapping, or of `all` */
    MATCHER_ANY,
    MATCHER_NOT,
    /* of a message or of a value */
    MATCHER_TEXT,
    MATCHER_CONTAINS,
    MATCHER_STARTS,
    MATCHER_ENDS,
    MATCHER_REGEX,
    /* of a value alone */
    MATCHER_EXISTS,
    /* of a message alone */
    MATCHER_BINARY,
    MATCHER_TYPE,
    MATCHER_SIZE,
    MATCHER_FROM,
    MATCHER_JSON,
    MATCHER_HEADER,
    MATCHER_QUERY,
    MATCHER_PATH,
    MATCHER_CHANCE,
    MATCHER_TIMES,
    MATCHER_KINDS
};

struct matcher {
    enum matcher_kind kind;
    bool implicit;      /* a TYPE that nobody wrote */
    bool any_type;      /* a `type` stands beside it: it looks at messages of whichever type */
    bool counts;        /* it is, or has in it, `chance` or `times` */
    bool has_existence; /* it is, or has in it, `exists` */
    const struct node *node;
    struct matcher *first; /* what it combines, or asks of a value; NULL: nothing */
    struct matcher *next;
    union {
        struct { /* TEXT, CONTAINS, STARTS, ENDS */
            const struct template *template;
            const char *literal; /* NULL: it is filled in each time */
            size_t size;
        } text;
        struct { /* REGEX */
            struct pattern *pattern;
            const unsigned *slots; /* of its named groups */
            size_t group_count;
            const char *required; /* what it needs as a literal; NULL: nothing is known */
            size_t required_size;
        } regex;
        bool exists;
        struct { /* BINARY */
            const uint8_t *bytes;
            const bool *any;
            size_t size;
        } binary;
        unsigned types; /* a bit an enum message_type */
        struct size_range size;
        bool from_client;
        const struct path *path; /* JSON; NULL: any JSON will do */
        const char *name;        /* HEADER, QUERY */
        uint32_t millionths;     /* CHANCE */
        struct {                 /* TIMES */
            unsigned number;
            unsigned limit;
        } times;
    } of;
};

/* What a condition is asked of. */
enum subject_kind {
    SUBJECT_MESSAGE,
    SUBJECT_JSON,      /* a value in the message's JSON */
    SUBJECT_HANDSHAKE, /* a value in the handshake */
    SUBJECT_NO_JSON,   /* no such value */
    SUBJECT_NO_HANDSHAKE
};

struct subject {
    enum subject_kind kind;
    bool ready;   /* p[0..n) is there; of JSON, it is made when it is asked for */
    bool decoded; /* it stands in match.decoded */
    const uint8_t *p;
    size_t n;
    const struct json_index *json;
    size_t at;
};

static inline bool subject_is_absent(const struct subject *s) {
    return s->kind == SUBJECT_NO_JSON || s->kind == SUBJECT_NO_HANDSHAKE;
}

/* ---- matcher_subject.c ---- */

/* The message of the scope; there may be none, which is empty. */
void subject_of_message(struct subject *s, struct match *x);

/* A value of the message's JSON, where it can be read. */
void subject_of_json(struct subject *s, const struct json_index *json, size_t at);

/* What HEADER, QUERY and PATH look at. False: memory is out. */
bool subject_of_handshake(struct subject *s, struct match *x, const struct matcher *m);

/* A string's characters, of other JSON its text; of the message its bytes. False: memory is out, or
 * it is absent. */
bool subject_bytes(struct subject *s, struct match *x);

/* Lets p[0..n) stand until match_clear(). False: memory is out. */
bool subject_keep(struct subject *s, struct match *x);

/* Whether a value is what a scalar of a file says. */
bool subject_is_scalar(struct subject *s, struct match *x, const uint8_t *p, size_t n);

/* ---- matcher_match.c ---- */

void match_out_of_memory(struct match *x);

/* Whether it holds; what was caught meanwhile is taken back if not. */
bool matcher_holds(const struct matcher *m, struct match *x, struct subject *s);

/* Whether bytes are looked at in a message of its type. */
bool matcher_takes_type(const struct matcher *m, const struct message *message);

/* What TEXT, CONTAINS, STARTS and ENDS want. False: memory is out, it is too large, or a variable
 * has no value, which is then *missing (may be NULL). */
bool matcher_wanted(const struct matcher *m, struct match *x, const uint8_t **p, size_t *n,
                    const char **missing);

/* To look without leaving a trace: nothing counts, no chance is taken, and what is caught, given
 * up or lacks memory is forgotten by look_end(). */
struct look {
    struct captures captures;
    bool gave_up;
    bool nomem;
    bool looking;
};

void look_begin(struct look *look, struct match *x);
void look_end(const struct look *look, struct match *x);

/* ---- matcher.c, matcher_value.c: reading ---- */

/* Which keys a mapping may have. */
enum vocabulary { VOCABULARY_MESSAGE, VOCABULARY_HANDSHAKE, VOCABULARY_VALUE };

/* A matcher that is read, whole. */
struct reading {
    bool typed;    /* `type` stands somewhere in it */
    size_t groups; /* named groups of its regexes */
};

/* A mapping that is read: `into` of its fields. */
struct building {
    struct reading *reading;
    enum vocabulary vocabulary;
    struct matcher *made;
    struct matcher *last; /* of its conditions, or NULL */
};

/* A new condition at the end; NULL: memory is out. */
struct matcher *building_add(struct reader *r, struct building *b, enum matcher_kind kind,
                             const struct node *node);

/* A matcher of that vocabulary. As reading functions do. */
int matcher_read_any(struct reader *r, struct reading *reading, enum vocabulary vocabulary,
                     const struct node *node, struct matcher **m);

/* ---- fields of mappings: `into` is a struct building ---- */
int building_text(struct reader *r, const struct node *value, void *into);
int building_contains(struct reader *r, const struct node *value, void *into);
int building_starts(struct reader *r, const struct node *value, void *into);
int building_ends(struct reader *r, const struct node *value, void *into);
int building_regex(struct reader *r, const struct node *value, void *into);
int building_exists(struct reader *r, const struct node *value, void *into);
int building_binary(struct reader *r, const struct node *value, void *into);
int building_json(struct reader *r, const struct node *value, void *into);
int building_header(struct reader *r, const struct node *value, void *into);
int building_query(struct reader *r, const struct node *value, void *into);
int building_path(struct reader *r, const struct node *value, void *into);

/* Refuses a key's value for which nothing was written. */
int building_check_said(struct reader *r, const struct node *key, const struct node *value);

/* Refuses the first key of a value's mapping that is not known, nor nearly: a nested value was
 * meant. */
int building_check_value_keys(struct reader *r, const struct node *map, const char *const *known,
                              size_t count);

/* What TEXT, CONTAINS, STARTS and ENDS want: a template. */
int matcher_read_wanted(struct reader *r, const struct node *node, struct matcher *m);

/* ---- matcher_phrase.c: pieces of sentences; TB_OK or TB_ENOMEM ---- */

/* Appends what TEXT, CONTAINS, STARTS, ENDS or REGEX want, as the file says it, in quotes. */
int phrase_wanted(struct bytes *out, const struct matcher *m);

/* Appends what a value is to be: in quotes, unless it reads as a number, true, false or null, which
 * is those in JSON and the string of that content, too. */
int phrase_scalar(struct bytes *out, const void *p, size_t n);

/* Appends "$.path", "the header 'x'", "the query's 'x'", "the path". */
int phrase_place(struct bytes *out, const struct matcher *m);

/* Appends "5", "0..125". */
int phrase_size(struct bytes *out, struct size_range range);

/* Types' names with articles, as in "a text"; and as in "it is text". */
extern const char *const phrase_types[];
extern const char *const phrase_type_is[];

/* Appends the names of those types: "a ping or a pong". */
int phrase_types_or(struct bytes *out, unsigned types, const char *const *names);

/* ---- matcher_words.c ---- */

/* Appends what a value does that matches: "has 'x' in it". */
int matcher_describe_value(const struct matcher *m, struct bytes *out);

/* ---- matcher_near.c ---- */

/* matcher_nearness() of a part of it. */
unsigned matcher_near(const struct matcher *m, struct match *x, struct subject *s);

/* How many bytes both begin with, and end with. */
size_t common_front(const uint8_t *p, size_t n, const uint8_t *q, size_t m);
size_t common_end(const uint8_t *p, size_t n, const uint8_t *q, size_t m);

#endif
