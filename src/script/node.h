/* script/node.h - what a YAML file says, as a tree that remembers where everything stood.
 *
 * Owns the file's text and the tree. Every scalar is text: what it means is its reader's business.
 * Knows YAML and nothing of Taburet. Aliases (*name) stand for what they name; tags (!!int), merge
 * keys, complex keys and a second document are refused, and so is what is deeper than
 * NODE_DEPTH_MAX, larger than FILE_SIZE_MAX, or has more than NODE_COUNT_MAX nodes, aliases counted
 * as often as they are used. A key that comes twice is refused.
 */
#ifndef TB_SCRIPT_NODE_H
#define TB_SCRIPT_NODE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum { NODE_DEPTH_MAX = 64, NODE_COUNT_MAX = 1000000, FILE_SIZE_MAX = 16 * 1024 * 1024 };

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    unsigned line;    /* from 1 */
    unsigned column;  /* from 1, in characters */
    size_t byte;      /* from 0, in the file: for document_refuse() */
    bool quoted;      /* text, whatever it looks like: it stood in quotes or in a block (| >) */
    bool unsaid;      /* a value for which not even a ':' stands: that of b in { a: 1, b } */
    const char *text; /* a scalar's, or a key's; terminated, and without a NUL in it */
    size_t size;
    const struct node *first; /* the first item of a list, the first key of a map, or NULL */
    const struct node *next;  /* the next item, or the next key, or NULL */
    const struct node *value; /* a key's */
    size_t count;             /* items, or keys */
};

struct document;

/* Reads a regular file, or "-", standard input. TB_OK; TB_EINVAL, and *message says what is wrong,
 * safe for a terminal: "cannot read 'FILE' (why)", or as document_refuse() does; or TB_ENOMEM. */
int document_load(const char *path, struct document **doc, struct bytes *message);

/* The same of text[0..n), which is copied; `name` is the file's in messages. */
int document_parse(const char *name, const char *text, size_t n, struct document **doc,
                   struct bytes *message);

/* NULL is allowed. */
void document_free(struct document *doc);

/* The whole; an empty file is an empty map. */
const struct node *document_root(const struct document *doc);

/* The name of the file, for messages. */
const char *document_name(const struct document *doc);

/* The value of a map's key, or NULL. */
const struct node *node_get(const struct node *map, const char *key);

/* Appends the line of the file where it stands, without its indentation, safe for a terminal, cut
 * where it is long. TB_OK or TB_ENOMEM. */
int document_line(const struct document *doc, const struct node *at, struct bytes *out);

/* "a list", "a mapping", "text": what a person calls it. */
const char *node_kind_name(const struct node *node);

/* Puts into *message, which is cleared:
 *
 *     FILE:LINE:COLUMN: error: what is wrong
 *         the line of the file, escaped (TEXT_ONE_LINE), cut around the place where it is long
 *         ^
 *
 * without a final newline; an empty line of the file is not shown. `offset` is a byte of the
 * scalar's text (0: its beginning): the place is exact where the scalar stands as it is read, on
 * one line or in a block of the | kind, and up to the first escape of a quoted one; it is the
 * scalar's beginning otherwise. What fmt prints is escaped as one line, and cut behind 2 KiB.
 * Returns TB_EINVAL, or TB_ENOMEM. */
int document_refuse(const struct document *doc, const struct node *at, size_t offset,
                    struct bytes *message, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
int document_refusev(const struct document *doc, const struct node *at, size_t offset,
                     struct bytes *message, const char *fmt, va_list ap)
    __attribute__((format(printf, 5, 0)));

#endif
