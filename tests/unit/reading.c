#include "reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json_write.h"

/* Whether YAML takes it as it is. */
static bool is_plain(const char *value) {
    size_t n = strlen(value);
    return n > 0 && strchr(" \"'*&!|>%@`#-?:[]{},", value[0]) == NULL && value[n - 1] != ' ' &&
           value[n - 1] != ':' && strstr(value, " #") == NULL && strstr(value, ": ") == NULL;
}

static int parse(struct reading *x, const char *value) {
    struct bytes text = BYTES_INIT;
    int err = bytes_append_str(&text, "t: ");
    if (err == TB_OK) {
        err = is_plain(value) ? bytes_append_str(&text, value)
                              : json_write_string(&text, value, strlen(value));
    }
    if (err == TB_OK) {
        err = bytes_append_str(&text, "\n");
    }
    if (err == TB_OK) {
        err = document_parse("test.yaml", (const char *)text.data, text.len, &x->doc, &x->message);
    }
    bytes_release(&text);
    if (err == TB_EINVAL) {
        fail_msg("%.*s", (int)x->message.len, (const char *)x->message.data);
    }
    return err;
}

bool reading_init(struct reading *x, const char *value) {
    *x = (struct reading){0};
    x->r.arena = arena_new();
    x->r.names = names_new();
    x->r.message = &x->message;
    if (x->r.arena == NULL || x->r.names == NULL || parse(x, value) != TB_OK) {
        return false;
    }
    x->r.doc = x->doc;
    x->node = node_get(document_root(x->doc), "t");
    assert_non_null(x->node);
    return true;
}

void reading_release(struct reading *x) {
    arena_free(x->r.arena);
    names_free(x->r.names);
    document_free(x->doc);
    bytes_release(&x->message);
}

void reading_says(struct reading *x, unsigned column, const char *text) {
    char expected[256];
    snprintf(expected, sizeof(expected), "test.yaml:1:%u: error: %s\n", column, text);
    assert_int_equal(bytes_append(&x->message, "", 1), TB_OK);
    char *line_end = strchr((char *)x->message.data, '\n');
    assert_non_null(line_end);
    line_end[1] = '\0';
    assert_string_equal((char *)x->message.data, expected);
}
