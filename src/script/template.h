/* script/template.h - text with ${…} in it, compiled once and expanded without parsing.
 *
 * `${name}` is a variable, `${expression}` arithmetic (+ - * / %, brackets, numbers), and
 * `${…:-default}` has a default where that has no value: text up to the next }, maybe empty, in
 * which templates may stand. `$${` is a literal `${`; a $ that no { follows stands for itself.
 *
 *     text                      the message
 *     json                      all of it, as it stands in the message, if it is JSON
 *     json.items[0].name        what a path (script/path.h) leads to; of several, the first. A
 *                               string's characters, anything else as it stands in the message
 *     n                         how often the rule has fired before
 *     conn.id, conn.addr        only in a server, as the next three
 *     path.NAME                 what the route's {NAME} caught
 *     query.NAME                the first of that name, decoded
 *     header.NAME               of the handshake, in any case; several are joined with ", "
 *     env.NAME                  looked up at each expansion
 *     now, now.ms               RFC 3339 in UTC with milliseconds; milliseconds since 1970
 *     uuid                      version 4
 *     fake.name, fake.email, fake.word
 *     random(a,b)               from a to b; whole if both are, else up to but without b
 *     fake.int(a,b)             the same, of whole numbers only
 *     fake.float(a,b)           the same, never whole
 *     NAME                      the file's own (script/names.h): what the last match caught, else
 *                               what `set` and `save` stored, else `vars`
 *     CLIENT.NAME               in a scenario: what that client has set or saved
 *
 * In NAMEs of a path, query and header may stand hyphens: `${header.user-agent}`. All chance comes
 * from the scope.
 *
 * Arithmetic is in whole numbers of 64 bits where both sides are whole and the result fits
 * (division gives a whole number only without a remainder), else in doubles, which are written as
 * briefly as they can be read back. What is no number in arithmetic, a division by zero, or a range
 * whose a is larger than its b, has no value.
 */
#ifndef TB_SCRIPT_TEMPLATE_H
#define TB_SCRIPT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "script/node.h"
#include "script/scope.h"

struct reader;
struct template;

/* What an expansion may come to, in bytes; how deep brackets and defaults may stand in each other.
 */
enum { TEMPLATE_SIZE_MAX = 16 * 1024 * 1024, TEMPLATE_DEPTH_MAX = 32 };

/* Compiles the text of a scalar into the reader's arena. As reading functions do; a mistake is
 * shown where it stands in the text. */
int template_read(struct reader *r, const struct node *node, const struct template **t);

/* The same of a piece of the node's text. */
int template_read_part(struct reader *r, const struct node *node, size_t offset, size_t n,
                       const struct template **t);

/* Its text, if there is nothing to expand; else NULL. Terminated. */
const char *template_literal(const struct template *t, size_t *n);

/* Whether all of it is one ${…}. */
bool template_is_single(const struct template *t);

/* Appends it as a JSON value. Of a single one: json and json.PATH as they stand in the message,
 * what reads as a number, true, false or null as that, what has no value as null, and anything else
 * as a string. Of any other: a string. As template_expand() otherwise; the size is that of the
 * JSON. */
int template_expand_json(const struct template *t, struct scope *s, struct bytes *out);

/* Whether all of it is ${text}, without a default. */
bool template_is_text(const struct template *t);

/* Whether ${text} stands in it, a default included: what is expanded may have the message's bytes.
 */
bool template_uses_text(const struct template *t);

/* Appends the expanded text. What has no value expands to nothing, and s->missing names the first
 * such (NULL: there is none). TB_OK, TB_ENOMEM, or TB_ERANGE: it came to more than
 * TEMPLATE_SIZE_MAX; *out is unchanged then. */
int template_expand(const struct template *t, struct scope *s, struct bytes *out);

#endif
