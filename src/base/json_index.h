/* base/json_index.h - JSON text that was read once, so that every value in it is at hand.
 *
 * Nothing is turned into numbers or strings until it is asked for: a value is where it stands in
 * the text, so large numbers and their spelling stay as they came. What counts as JSON is RFC 8259
 * to the letter, as in base/json_text.h. Keeps no copy: the text must outlive the index.
 */
#ifndef TB_BASE_JSON_INDEX_H
#define TB_BASE_JSON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum json_kind {
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL
};

/* A value, or a key of an object. What an array or object holds follows it: an object's keys and
 * values in turn. */
struct json_value {
    enum json_kind kind;
    uint32_t offset; /* its first byte in the text */
    uint32_t size;   /* of its text, quotes and brackets included */
    uint32_t next;   /* the index of what follows it and all that it holds */
};

struct json_index {
    const char *text;
    struct json_value *values; /* values[0] is the whole */
    size_t count;
    size_t capacity;
};

enum { JSON_NONE = -1 };

#define JSON_INDEX_INIT                                                                            \
    { NULL, NULL, 0, 0 }

void json_index_release(struct json_index *x);

/* Reads text p[0..n), nested at most JSON_TEXT_DEPTH_MAX deep. The memory of an earlier text is
 * used again. TB_OK, TB_EINVAL (not JSON, or beyond 1 GiB) or TB_ENOMEM; after an error it is
 * empty. */
int json_index_read(struct json_index *x, const void *p, size_t n);

/* The number of members of an object or elements of an array; 0 for the others. */
size_t json_index_count(const struct json_index *x, size_t at);

/* The value of the object's member of that name (the last one, of a name that comes twice), or the
 * i-th element of the array (from 0; a negative one counts from the end); JSON_NONE if there is
 * none. */
ptrdiff_t json_index_member(const struct json_index *x, size_t object, const char *key, size_t n);
ptrdiff_t json_index_element(const struct json_index *x, size_t array, ptrdiff_t i);

/* Whether it is a string (or key) of the characters p[0..n), as json_index_append() shows it. */
bool json_index_string_is(const struct json_index *x, size_t at, const void *p, size_t n);

/* Appends what a template shows of a value: a string's characters (its escapes understood; an
 * escaped surrogate that has no partner becomes U+FFFD), anything else as it stands in the text.
 * TB_OK or TB_ENOMEM. */
int json_index_append(const struct json_index *x, size_t at, struct bytes *out);

#endif
