#include "script/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/text.h"
#include "script/reader.h"

/* Words that templates know, whole or in front of a point. */
static const char *const reserved[] = {"text",   "json", "n",   "conn", "path",   "query",
                                       "header", "env",  "now", "uuid", "random", "fake"};
enum { RESERVED_COUNT = sizeof(reserved) / sizeof(*reserved) };

/* What is shown of a name at the most. */
enum { SHOWN_MAX = 80 };

struct name {
    char *text;
    size_t size;
    size_t hash;
    bool defined;
    const struct node *at; /* where it was read first; NULL: it was not */
    size_t offset;
};

/* Found by their hashes: places has twice the capacity, a power of two, and says the number of the
 * name behind which it comes, plus 1; 0 is a free place. */
struct names {
    struct name *items;
    unsigned *places;
    size_t count;
    size_t capacity;
};

/* ---- the table ---- */

struct names *names_new(void) {
    return calloc(1, sizeof(struct names));
}

void names_free(struct names *names) {
    if (names == NULL) {
        return;
    }
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].text);
    }
    free(names->items);
    free(names->places);
    free(names);
}

size_t names_count(const struct names *names) {
    return names->count;
}

const char *names_text(const struct names *names, unsigned slot) {
    return names->items[slot].text;
}

/* FNV-1a. */
static size_t hash(const char *name, size_t n) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (uint8_t)name[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(h ^ h >> 32);
}

/* Where the name stands, or the free place where it would. There is room for one more. */
static unsigned *place_of(const struct names *names, const char *name, size_t n, size_t h) {
    size_t mask = names->capacity * 2 - 1;
    for (size_t i = h & mask;; i = (i + 1) & mask) {
        unsigned *place = &names->places[i];
        const struct name *there = *place == 0 ? NULL : &names->items[*place - 1];
        if (there == NULL ||
            (there->hash == h && there->size == n && memcmp(there->text, name, n) == 0)) {
            return place;
        }
    }
}

static struct name *find(const struct names *names, const char *name, size_t n) {
    unsigned place = names->items == NULL ? 0 : *place_of(names, name, n, hash(name, n));
    return place == 0 ? NULL : &names->items[place - 1];
}

static void find_places_anew(struct names *names) {
    size_t mask = names->capacity * 2 - 1;
    for (size_t k = 0; k < names->count; k++) {
        size_t i = names->items[k].hash & mask;
        while (names->places[i] != 0) {
            i = (i + 1) & mask;
        }
        names->places[i] = (unsigned)k + 1;
    }
}

static bool make_room(struct names *names) {
    if (names->items != NULL && names->count < names->capacity) {
        return true;
    }
    size_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;
    struct name *items = calloc(capacity, sizeof(*items));
    unsigned *places = calloc(capacity * 2, sizeof(*places));
    if (items == NULL || places == NULL) {
        free(items);
        free(places);
        return false;
    }
    if (names->items != NULL) {
        memcpy(items, names->items, names->count * sizeof(*items));
    }
    free(names->items);
    free(names->places);
    names->items = items;
    names->places = places;
    names->capacity = capacity;
    find_places_anew(names);
    return true;
}

/* The name's entry, which is made if there is none; NULL if memory is out. */
static struct name *enter(struct names *names, const char *name, size_t n) {
    struct name *known = find(names, name, n);
    if (known != NULL || !make_room(names)) {
        return known;
    }
    char *text = malloc(n + 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, name, n);
    text[n] = '\0';
    size_t h = hash(name, n);
    *place_of(names, name, n, h) = (unsigned)names->count + 1;
    struct name *made = &names->items[names->count++];
    *made = (struct name){.text = text, .size = n, .hash = h};
    return made;
}

int names_find(const struct names *names, const char *name) {
    const struct name *known = find(names, name, strlen(name));
    return known != NULL && known->defined ? (int)(known - names->items) : -1;
}

/* ---- what a file says ---- */

bool names_is_name(const char *name, size_t n) {
    if (n == 0 || ascii_is_digit(name[0])) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_alpha(name[i]) && !ascii_is_digit(name[i]) && name[i] != '_') {
            return false;
        }
    }
    return true;
}

bool names_is_reserved(const char *name, size_t n) {
    for (size_t i = 0; i < RESERVED_COUNT; i++) {
        if (strlen(reserved[i]) == n && memcmp(reserved[i], name, n) == 0) {
            return true;
        }
    }
    return false;
}

int names_define(struct reader *r, const struct node *at, const char *name, size_t n,
                 unsigned *slot) {
    int shown = n < SHOWN_MAX ? (int)n : SHOWN_MAX;
    if (!names_is_name(name, n)) {
        return reader_refuse(r, at,
                             "'%.*s' is no name for a variable: letters, digits and _, and no "
                             "digit first",
                             shown, name);
    }
    if (names_is_reserved(name, n)) {
        return reader_refuse(r, at,
                             "'%.*s' has a meaning in templates and cannot be a variable's name",
                             shown, name);
    }
    struct name *entry = enter(r->names, name, n);
    if (entry == NULL) {
        return TB_ENOMEM;
    }
    entry->defined = true;
    *slot = (unsigned)(entry - r->names->items);
    return TB_OK;
}

int names_refer(struct reader *r, const struct node *at, size_t offset, const char *name, size_t n,
                unsigned *slot) {
    struct name *entry = enter(r->names, name, n);
    if (entry == NULL) {
        return TB_ENOMEM;
    }
    if (entry->at == NULL) {
        entry->at = at;
        entry->offset = offset;
    }
    *slot = (unsigned)(entry - r->names->items);
    return TB_OK;
}

static int refuse_undefined(struct reader *r, const struct name *name) {
    const struct names *names = r->names;
    const char **known = calloc(names->count + RESERVED_COUNT, sizeof(*known));
    size_t count = 0;
    if (known == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].defined) {
            known[count++] = names->items[i].text;
        }
    }
    for (size_t i = 0; i < RESERVED_COUNT; i++) {
        known[count++] = reserved[i];
    }
    const char *nearest = text_nearest(name->text, known, count);
    int shown = name->size < SHOWN_MAX ? (int)name->size : SHOWN_MAX;
    free(known);
    if (nearest != NULL) {
        return reader_refuse_at(r, name->at, name->offset,
                                "nothing sets the variable '%.*s' (did you mean '%s'?)", shown,
                                name->text, nearest);
    }
    return reader_refuse_at(r, name->at, name->offset, "nothing sets the variable '%.*s'", shown,
                            name->text);
}

int names_check(struct reader *r) {
    /* Numbers are given in the order in which names appear. */
    for (size_t i = 0; i < r->names->count; i++) {
        if (!r->names->items[i].defined) {
            return refuse_undefined(r, &r->names->items[i]);
        }
    }
    return TB_OK;
}
