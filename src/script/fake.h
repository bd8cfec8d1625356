/* script/fake.h - people and words that do not exist, and numbers for things, all from chance.
 *
 * What a seed gives stays the same for ever. Each function appends one: TB_OK or TB_ENOMEM.
 */
#ifndef TB_SCRIPT_FAKE_H
#define TB_SCRIPT_FAKE_H

#include "base/bytes.h"

struct chance;

int fake_word(struct chance *c, struct bytes *out);  /* "lantern" */
int fake_name(struct chance *c, struct bytes *out);  /* "Ada Novak" */
int fake_email(struct chance *c, struct bytes *out); /* "ada.novak7@example.org" */
int fake_uuid(struct chance *c, struct bytes *out);  /* version 4 (RFC 9562 s.5.4) */

#endif
