/* script/phrase.h - what others said, in a sentence for a person: safe, on one line, and short. */
#ifndef TB_SCRIPT_PHRASE_H
#define TB_SCRIPT_PHRASE_H

#include <stddef.h>

#include "base/bytes.h"

/* Bytes that are shown; what is longer is cut at a character, and ends with … . */
enum { PHRASE_SIZE_MAX = 120 };

/* Appends p[0..n), escaped (TEXT_ONE_LINE) and cut; and: in such quotes. TB_OK or TB_ENOMEM. */
int phrase_cut(struct bytes *out, const void *p, size_t n);
int phrase_quoted(struct bytes *out, char quote, const void *p, size_t n);

#endif
