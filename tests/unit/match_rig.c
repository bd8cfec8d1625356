#include "match_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "proto/http1.h"

struct match_rig rig;

int rig_set_up(void **state) {
    (void)state;
    memset(&rig, 0, sizeof(rig));
    chance_init(&rig.chance, 1);
    rig.peer.id = 1;
    rig.scope.chance = &rig.chance;
    rig.scope.own = &rig.own;
    rig.scope.peer = &rig.peer;
    match_init(&rig.match, &rig.scope, rig.counters);
    return 0;
}

static void forget_matcher(void) {
    match_clear(&rig.match);
    arena_free(rig.reader.arena);
    names_free(rig.reader.names);
    document_free(rig.doc);
    bytes_clear(&rig.complaint);
    rig.doc = NULL;
    rig.matcher = NULL;
    rig.reader = (struct reader){.message = &rig.complaint};
}

int rig_tear_down(void **state) {
    (void)state;
    forget_matcher();
    match_release(&rig.match);
    message_release(&rig.message);
    store_release(&rig.own);
    http1_free(rig.head);
    bytes_release(&rig.complaint);
    bytes_release(&rig.words);
    return 0;
}

static int define_names(void) {
    unsigned slot = 0;
    const struct node *root = document_root(rig.doc);
    int err = names_define(&rig.reader, root, "known", 5, &slot);
    err = err == TB_OK ? store_set(&rig.own, slot, RIG_KNOWN, strlen(RIG_KNOWN)) : err;
    return err == TB_OK ? names_define(&rig.reader, root, "unset", 5, &slot) : err;
}

static int parse(const char *yaml) {
    struct bytes text = BYTES_INIT;
    int err = bytes_appendf(&text, "m: %s\n", yaml);
    if (err == TB_OK) {
        err = document_parse("test.yaml", (const char *)text.data, text.len, &rig.doc,
                             &rig.complaint);
    }
    bytes_release(&text);
    if (err == TB_EINVAL) {
        fail_msg("%.*s", (int)rig.complaint.len, (const char *)rig.complaint.data);
    }
    return err;
}

static int prepare(const char *yaml) {
    forget_matcher();
    rig.reader.arena = arena_new();
    rig.reader.names = names_new();
    if (rig.reader.arena == NULL || rig.reader.names == NULL) {
        return TB_ENOMEM;
    }
    int err = parse(yaml);
    rig.reader.doc = rig.doc;
    return err == TB_OK ? define_names() : err;
}

static int finish(int err) {
    if (err == TB_OK) {
        err = names_check(&rig.reader);
    }
    return bytes_append(&rig.complaint, "", 1) == TB_OK ? err : TB_ENOMEM;
}

int rig_read(const char *yaml) {
    int err = prepare(yaml);
    if (err == TB_OK) {
        const struct node *node = node_get(document_root(rig.doc), "m");
        err = matcher_read(&rig.reader, node, &rig.matcher);
    }
    return finish(err);
}

int rig_read_handshake(const char *yaml) {
    int err = prepare(yaml);
    if (err == TB_OK) {
        const struct node *node = node_get(document_root(rig.doc), "m");
        err = matcher_read_handshake(&rig.reader, node, &rig.matcher);
    }
    return finish(err);
}

void rig_wants(const char *yaml) {
    if (rig_read(yaml) != TB_OK) {
        fail_msg("%s: %s", yaml, (const char *)rig.complaint.data);
    }
    assert_true(rig.reader.counters <= RIG_COUNTERS);
    for (size_t i = 0; i < RIG_COUNTERS; i++) {
        atomic_init(&rig.counters[i], 0);
    }
}

void rig_refuses(const char *yaml, unsigned column, const char *message) {
    char expected[600];
    if (rig_read(yaml) != TB_EINVAL) {
        fail_msg("%s: not refused", yaml);
    }
    char *end = strchr((char *)rig.complaint.data, '\n');
    if (end != NULL) {
        *end = '\0';
    }
    snprintf(expected, sizeof(expected), "test.yaml:1:%u: error: %s", column, message);
    assert_string_equal((const char *)rig.complaint.data, expected);
}

void rig_say(enum message_type type, const void *p, size_t n) {
    match_clear(&rig.match);
    message_set(&rig.message, type, true, p, n);
    rig.scope.message = &rig.message;
}

void rig_text(const char *text) {
    rig_say(MESSAGE_TEXT, text, strlen(text));
}

void rig_request(const char *target, const char *headers) {
    struct bytes head = BYTES_INIT;
    size_t used;
    http1_free(rig.head);
    rig.head = http1_new(HTTP1_REQUEST, &http1_default_limits);
    assert_non_null(rig.head);
    assert_int_equal(bytes_appendf(&head, "GET %s HTTP/1.1\r\n%s\r\n", target, headers), TB_OK);
    assert_int_equal(http1_feed(rig.head, head.data, head.len, &used), HTTP1_DONE);
    bytes_release(&head);
    rig.peer.head = rig.head;
}

bool rig_matches(void) {
    unsigned near = matcher_nearness(rig.matcher, &rig.match);
    bool matches = matcher_matches(rig.matcher, &rig.match);
    assert_true(near <= 1000);
    if (!rig.match.nomem && rig.reader.counters == 0) {
        assert_int_equal(near == 1000, matches);
    }
    return matches;
}

void rig_check(const struct rig_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        rig_wants(rows[i].matcher);
        rig_text(rows[i].message);
        if (rig_matches() != rows[i].matches) {
            fail_msg("%s: '%s' should%s match", rows[i].matcher, rows[i].message,
                     rows[i].matches ? "" : " not");
        }
    }
}

const char *rig_caught(const char *name) {
    static char text[200];
    int slot = names_find(rig.reader.names, name);
    for (size_t i = 0; i < rig.match.captures.count; i++) {
        if ((int)rig.match.captures.items[i].slot == slot) {
            size_t n = rig.match.captures.items[i].size;
            assert_true(n < sizeof(text));
            memcpy(text, rig.match.captures.items[i].p, n);
            text[n] = '\0';
            return text;
        }
    }
    return NULL;
}

const char *rig_describes(void) {
    bytes_clear(&rig.words);
    assert_int_equal(matcher_describe(rig.matcher, &rig.words), TB_OK);
    assert_int_equal(bytes_append(&rig.words, "", 1), TB_OK);
    return (const char *)rig.words.data;
}

const char *rig_why(void) {
    bytes_clear(&rig.words);
    assert_int_equal(matcher_why_not(rig.matcher, &rig.match, &rig.words), TB_OK);
    assert_int_equal(bytes_append(&rig.words, "", 1), TB_OK);
    return (const char *)rig.words.data;
}
