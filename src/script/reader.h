/* script/reader.h - from a file's tree to the program's own tables.
 *
 * A reader is what every reading function shares: the document, the arena that the result is built
 * in, the names that the file gives to its variables, and the one message of what is wrong. All
 * reading functions return TB_OK; TB_EINVAL, and the message is written; or TB_ENOMEM.
 */
#ifndef TB_SCRIPT_READER_H
#define TB_SCRIPT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "script/node.h"

struct names;

struct reader {
    const struct document *doc;
    struct arena *arena;
    struct names *names;
    struct bytes *message;
    const char *const *clients; /* of the scenario that is read, NULL behind the last; else NULL */
    const char *const *faults;  /* of the server that was read, NULL behind the last; else NULL */
    bool no_handshake;          /* a matcher here is asked of messages alone: no request is there */
    bool reads_head;            /* set by whoever reads header.* or query.* */
    bool reads_address;         /* set by whoever reads conn.addr */
    bool takes_chance;          /* set by whoever leaves something to chance */
    unsigned counters; /* of matchers and rules that count (`times`): the next one's number */
    /* The key whose value a field's read() was called for, until that reads a map itself. */
    const struct node *key;
};

/* "FILE:LINE:COLUMN: error: …" (document_refuse()). */
int reader_refuse(struct reader *r, const struct node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int reader_refuse_at(struct reader *r, const struct node *at, size_t offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* "expected WHAT, not 'text'", "not a list", "and nothing stands here": what stands there is said,
 * whatever it is. */
int reader_refuse_kind(struct reader *r, const struct node *node, const char *what);

/* "unknown WHAT 'text' (did you mean 'nearest'?)" of a scalar; where no name is near and they are
 * few, "(KNOWN: all of them)". */
int reader_refuse_unknown(struct reader *r, const struct node *at, const char *what,
                          const char *known, const char *const *names, size_t count);

/* For messages: a scalar's text, cut where it is long, or the kind of what is none. In the arena
 * or the document; never NULL. */
const char *reader_shown(struct reader *r, const struct node *node);

/* A scalar for which nothing was written at all, not even quotes: the value of "key:". */
bool reader_is_nothing(const struct node *node);

/* A key that a map may have, and who reads its value into the struct that `into` points at. */
struct field {
    const char *name;
    int (*read)(struct reader *r, const struct node *value, void *into);
    bool required;
};

/* Reads a map by its table, which a row without a name ends, in the order in which the keys stand.
 * An unknown key is refused with the nearest known one, or with all of them where they are few;
 * `what` names one in messages: "a rule", "a handshake" ("unknown key 'x' in a rule", "a rule needs
 * 'y'", "expected a rule, not a list"). */
int reader_map(struct reader *r, const struct node *map, const struct field *fields,
               const char *what, void *into);

/* Calls read for a list's items, or for a single value that is no list as for a list of one. */
int reader_each(struct reader *r, const struct node *list,
                int (*read)(struct reader *r, const struct node *item, void *into), void *into);

/* Wants a scalar; `what` says what was expected instead: "a duration". Nothing at all is an empty
 * text. */
int reader_scalar(struct reader *r, const struct node *node, const char *what);
int reader_list(struct reader *r, const struct node *node, const char *what);
int reader_mapping(struct reader *r, const struct node *node, const char *what);

/* The scalars of a list, or a single one, in the arena; *texts ends with NULL. */
int reader_texts(struct reader *r, const struct node *node, const char *const **texts);

/* The name of a file, in the arena: a relative one counts from the folder of the file that is read.
 */
int reader_path(struct reader *r, const struct node *node, const char **path);

/* Whether it is a bare no, false or off, in any case. */
bool reader_is_no(const struct node *node);

/* yes, no, true, false, on, off, in any case. */
int reader_bool(struct reader *r, const struct node *node, bool *value);

/* A whole number from min to max. */
int reader_number(struct reader *r, const struct node *node, uint64_t min, uint64_t max,
                  uint64_t *value);

/* One of `words`, which NULL ends: its index. An unknown one is refused with the nearest. */
int reader_choice(struct reader *r, const struct node *node, const char *const *words,
                  unsigned *index);

/* A time, or a range of them: "20ms", "20ms..80ms". */
struct span {
    uint64_t min_ms;
    uint64_t max_ms; /* >= min_ms */
};

int reader_span(struct reader *r, const struct node *node, struct span *span);

/* A time that is no range. */
int reader_duration(struct reader *r, const struct node *node, uint64_t *ms);

/* "1KB" (both ends of the range are that), or "0..125". */
struct size_range {
    uint64_t min;
    uint64_t max;
};

int reader_size(struct reader *r, const struct node *node, uint64_t *bytes);
int reader_size_range(struct reader *r, const struct node *node, struct size_range *range);

/* "16KB/s": bytes a second; at least 1. */
int reader_rate(struct reader *r, const struct node *node, uint64_t *bytes_per_s);

/* "30%", "0.5%": in millionths, 0 to 1,000,000. */
int reader_percent(struct reader *r, const struct node *node, uint32_t *millionths);

/* A close code that may stand on the wire (RFC 6455 s.7.4). */
int reader_close_code(struct reader *r, const struct node *node, uint16_t *code);

#endif
