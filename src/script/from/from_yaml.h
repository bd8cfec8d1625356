/* script/from/from_yaml.h - YAML as a person would write it, for what is made out of recordings.
 *
 * A scalar stands on one line: plain where nothing in it means anything to YAML, else in quotes.
 * What a terminal could obey is always an escape, so the file can be looked at as it is. A writer
 * remembers that memory was out and writes nothing more; its owner looks at the end.
 */
#ifndef TB_SCRIPT_FROM_FROM_YAML_H
#define TB_SCRIPT_FROM_FROM_YAML_H

#include <stddef.h>

#include "base/bytes.h"

struct yaml_out {
    struct bytes *out;
    int err; /* TB_OK, or TB_ENOMEM: the text is not whole */
};

/* Appends what printf would print, as it stands. */
void yaml_put(struct yaml_out *y, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A scalar of the text p[0..n), which is valid UTF-8. */
void yaml_text(struct yaml_out *y, const void *p, size_t n);

/* The same where templates are filled in: what looks like one stays what it is. */
void yaml_template(struct yaml_out *y, const void *p, size_t n);

/* Bytes as hexadecimal in quotes, with spaces between them if they are few. */
void yaml_hex(struct yaml_out *y, const void *p, size_t n);

/* Bytes as base64, in quotes. */
void yaml_base64(struct yaml_out *y, const void *p, size_t n);

/* "# …" on a line of its own, behind so many spaces. What fmt prints is escaped as one line. */
void yaml_comment(struct yaml_out *y, unsigned indent, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
