/* The index takes exactly the texts that base/json_text.h calls JSON. Each value in it is JSON too
 * and lies within the one that holds it; each member is found by its name, each element from either
 * end. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_index.h"
#include "base/json_text.h"
#include "base/text.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_utf8(const struct bytes *b) {
    uint32_t point;
    for (size_t i = 0; i < b->len;) {
        size_t size = text_decode(b->data + i, b->len - i, &point);
        require(size > 0);
        i += size;
    }
}

static void check_members(const struct json_index *x, size_t at, struct bytes *name) {
    for (size_t i = at + 1; i < x->values[at].next; i = x->values[i + 1].next) {
        bytes_clear(name);
        require(x->values[i].kind == JSON_KIND_STRING && x->values[i].next == i + 1);
        require(json_index_append(x, i, name) == TB_OK);
        require_utf8(name);
        require(json_index_string_is(x, i, name->data, name->len));
        ptrdiff_t found = json_index_member(x, at, (const char *)name->data, name->len);
        require(found > (ptrdiff_t)i && found < (ptrdiff_t)x->values[at].next);
        require(json_index_string_is(x, (size_t)found - 1, name->data, name->len));
    }
}

static void check_elements(const struct json_index *x, size_t at) {
    ptrdiff_t count = (ptrdiff_t)json_index_count(x, at);
    ptrdiff_t i = 0;
    for (size_t child = at + 1; child < x->values[at].next; child = x->values[child].next) {
        require(json_index_element(x, at, i) == (ptrdiff_t)child);
        require(json_index_element(x, at, i - count) == (ptrdiff_t)child);
        i++;
    }
    require(i == count && json_index_element(x, at, count) == JSON_NONE);
}

static void check_value(const struct json_index *x, size_t at, struct bytes *shown) {
    const struct json_value *v = &x->values[at];
    require(v->next > at && v->next <= x->count);
    for (size_t i = at + 1; i < v->next; i = x->values[i].next) {
        require(x->values[i].offset > v->offset);
        require(x->values[i].offset + x->values[i].size < v->offset + v->size);
    }
    if (v->kind == JSON_KIND_OBJECT) {
        check_members(x, at, shown);
    } else if (v->kind == JSON_KIND_ARRAY) {
        check_elements(x, at);
    } else if (v->next != at + 1 || !json_text_is_valid(x->text + v->offset, v->size)) {
        abort();
    }
    bytes_clear(shown);
    require(json_index_append(x, at, shown) == TB_OK && shown->len <= v->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json_index x;
    struct bytes shown = BYTES_INIT;
    int err = json_index_read(&x, data, size);
    require((err == TB_OK) == json_text_is_valid(data, size));
    require(err == TB_OK ? x.values[0].next == x.count : x.count == 0);
    for (size_t at = 0; at < x.count; at++) {
        check_value(&x, at, &shown);
    }
    bytes_release(&shown);
    return 0;
}
