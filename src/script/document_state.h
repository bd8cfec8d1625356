/* script/document_state.h - the inside of a document, for the files that load it.
 *
 * Nobody else includes this: script/node.h is the door.
 */
#ifndef TB_SCRIPT_DOCUMENT_STATE_H
#define TB_SCRIPT_DOCUMENT_STATE_H

#include <yaml.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "script/node.h"

struct document {
    struct arena *arena; /* of the tree and the name */
    const char *name;
    struct bytes text; /* the file, whole; valid UTF-8 once it is checked */
    size_t start;      /* behind the byte order mark */
    const struct node *root;
};

/* ---- places (document_place.c) ---- */

/* A place, counted as people count: a line ends with LF, CR LF or CR, whatever else YAML takes for
 * a line's end. Moving forward costs what is moved over; moving back begins anew. */
struct place {
    size_t byte;
    size_t character; /* from 0, behind the byte order mark: libyaml's `index` */
    unsigned line;    /* from 1 */
    unsigned column;  /* from 1 */
};

void place_init(struct place *p, const struct document *doc);
void place_to_character(struct place *p, const struct document *doc, size_t character);

/* A byte inside of a character is at the character's place. */
void place_to_byte(struct place *p, const struct document *doc, size_t byte);

/* The line around a byte, without what ends it. */
void place_line(const struct document *doc, size_t byte, size_t *begin, size_t *end);

/* ---- refusals (document_error.c, document_yaml.c) ---- */

/* document_refuse(), of a place that is no node's. */
int document_refuse_byte(const struct document *doc, size_t byte, struct bytes *message,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int document_refuse_bytev(const struct document *doc, size_t byte, struct bytes *message,
                          const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

/* What libyaml has against the text, in our words. */
int document_refuse_yaml(const struct document *doc, const yaml_parser_t *parser,
                         struct bytes *message);

/* ---- the tree (document_build.c) ---- */

/* Makes the tree of a text that is checked. TB_OK, TB_EINVAL or TB_ENOMEM. */
int document_build(struct document *doc, struct bytes *message);

#endif
