/* script/script.h - a file of Taburet's, whole: checked and compiled.
 *
 * Owns everything that was read from it. Read-only but for what regexes need while they run: a
 * script belongs to one thread, and a server with several threads has it once for each.
 */
#ifndef TB_SCRIPT_SCRIPT_H
#define TB_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "script/names.h"
#include "script/node.h"
#include "script/scope.h"

struct mock_plan;
struct suite;

struct script {
    struct arena *arena;
    struct document *doc;
    struct names *names;
    struct store vars;              /* `vars`; --var sets more */
    const struct mock_plan *server; /* `server`; NULL: the file has none */
    const struct suite *suite;      /* `defaults` and `scenarios`; never NULL */
    bool reads_head;                /* something looks at header.* or query.* after the handshake */
    bool reads_address;             /* something looks at conn.addr */
    bool takes_chance;              /* a run depends on its seed */
    unsigned refs;
    unsigned counters; /* how many counters a run of it needs (script/matcher.h) */
    bool has_seed;
    uint64_t seed; /* `seed` */
};

/* Reads a file ("-" is standard input), or text, whose name is the file's in messages and whose
 * relative paths count from there. TB_OK; TB_EINVAL, and *message says what is wrong, without a
 * final newline; or TB_ENOMEM. */
int script_load(const char *path, struct script **script, struct bytes *message);
int script_parse(const char *name, const char *text, size_t n, struct script **script,
                 struct bytes *message);

/* One more reference; returns the script. */
struct script *script_ref(struct script *script);

/* Gives a reference back; the last one frees. NULL is allowed. */
void script_unref(struct script *script);

/* Sets a variable of the file: "name=value" of --var. TB_OK; TB_EINVAL, and *message says what is
 * wrong (the nearest name); or TB_ENOMEM. */
int script_set(struct script *script, const char *assignment, struct bytes *message);

/* The article's server and scenarios, which are examples/article.yaml, in the program itself. */
extern const char script_article[];
extern const size_t script_article_size;

#endif
