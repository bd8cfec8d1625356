/* script/names.h - the variables that a file names, each with a number.
 *
 * Owns the table. A name is known once something defines it (`vars`, `set`, `save`, a named group
 * of a regex); what is only ever read is a mistake, which names_check() tells when all is read.
 */
#ifndef TB_SCRIPT_NAMES_H
#define TB_SCRIPT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "script/node.h"

struct names;
struct reader;

/* Whether it could be a name: letters, digits and _, not beginning with a digit. */
bool names_is_name(const char *name, size_t n);

/* Whether it is a word that templates know themselves. */
bool names_is_reserved(const char *name, size_t n);

/* NULL if memory is out. */
struct names *names_new(void);
void names_free(struct names *names);

size_t names_count(const struct names *names);
const char *names_text(const struct names *names, unsigned slot);

/* The number of that name, which the file defines here: letters, digits and _, not beginning with a
 * digit, and none of the words that templates know themselves (text, json, n, conn, ...); `at` is
 * where, for messages. As reading functions do. */
int names_define(struct reader *r, const struct node *at, const char *name, size_t n,
                 unsigned *slot);

/* The number of a name that is read at that place: of the node's text, from byte `offset` on. */
int names_refer(struct reader *r, const struct node *at, size_t offset, const char *name, size_t n,
                unsigned *slot);

/* Refuses the first name that is read and that nothing defines, with the nearest that is. */
int names_check(struct reader *r);

/* The number of a name, or -1: for --var. */
int names_find(const struct names *names, const char *name);

#endif
