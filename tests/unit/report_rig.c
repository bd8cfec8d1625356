#include "report_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"

struct report_rig rig;

static const char text[] = "taburet: 1\n"
                           "scenarios:\n"
                           "- name: \"a <b> # \\e[31m\"\n"
                           "  clients: [alice, bob]\n"
                           "  steps:\n"
                           "  - { as: alice, send: hi }\n"
                           "  - { as: alice, expect: hi }\n"
                           "  - { as: bob, expect: ho }\n";

int rig_set_up(void **state) {
    struct bytes message = BYTES_INIT;
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig.file.path = "a&b.yaml";
    rig.file.is_target[TARGET_MOCK] = true;
    if (script_parse(rig.file.path, text, sizeof text - 1, &rig.file.script, &message) != TB_OK) {
        print_error("%.*s\n", (int)message.len, (char *)message.data);
        return -1;
    }
    rig.selection = (struct selection){.files = &rig.file, .file_count = 1};
    rig.c = (struct test_case){.file = &rig.file, .scenario = rig.file.script->suite->scenarios};
    rig.info = (struct report_info){.files = 1, .total = 2, .repeat = 1, .seed = 7};
    rig.finding = calloc(1, sizeof *rig.finding);
    if (rig.finding == NULL) {
        return -1;
    }
    rig.finding->c = &rig.c;
    bytes_release(&message);
    return 0;
}

int rig_tear_down(void **state) {
    (void)state;
    finding_free(rig.finding);
    sheet_release(&rig.sheet);
    script_unref(rig.file.script);
    return 0;
}

static struct play_result *new_result(enum target target) {
    struct outcome *o = &rig.finding->outcomes[target];
    play_result_free(o->result);
    o->result = calloc(1, sizeof *o->result);
    assert_non_null(o->result);
    rig.file.is_target[target] = true;
    o->ran = true;
    o->result->duration_us = 12345;
    o->result->transcript.most = 10;
    o->result->failure.came.most = 10;
    return o->result;
}

void rig_pass(enum target target) {
    new_result(target)->passed = true;
}

static void add(struct play_events *events, const char *came, bool sent) {
    struct play_event *e = play_events_add(events, PLAY_TEXT, came, strlen(came));
    assert_non_null(e);
    e->client = "alice";
    e->sent = sent;
    e->at_us = 1500;
}

void rig_fail(enum target target, size_t step, const char *why, const char *came) {
    struct play_result *r = new_result(target);
    struct play_failure *f = &r->failure;
    f->step = &rig.c.scenario->steps.items[step];
    f->node = f->step->node;
    f->client = rig.c.scenario->client_names[f->step->actor];
    f->kind = f->why = why;
    add(&r->transcript, "hi", true);
    if (came != NULL) {
        add(&r->transcript, came, false);
        add(&f->came, came, false);
        f->has_nearest = true;
    }
    assert_int_equal(bytes_append_str(&f->awaited, "the text \"hi\""), TB_OK);
    assert_int_equal(bytes_append_str(&f->why_not, "it is another"), TB_OK);
    assert_int_equal(bytes_append_str(&f->diff, "- hi\n+ ho\n"), TB_OK);
    r->unread = 1;
}

static const char *sheet_text(void) {
    static char copy[16384];
    assert_false(rig.sheet.nomem);
    snprintf(copy, sizeof copy, "%.*s", (int)rig.sheet.text.len,
             rig.sheet.text.len > 0 ? (const char *)rig.sheet.text.data : "");
    return copy;
}

void assert_sheet(const char *expected) {
    assert_string_equal(sheet_text(), expected);
    sheet_release(&rig.sheet);
}

void assert_sheet_has(const char *piece) {
    if (strstr(sheet_text(), piece) == NULL) {
        fail_msg("'%s' is not in: %s", piece, sheet_text());
    }
}

void assert_survives_without_memory(const struct report_kind *kind) {
    unsigned n = 0;
    do {
        sheet_release(&rig.sheet);
        fail_alloc_at(n);
        kind->finding(&rig.sheet, &rig.info, rig.finding);
        fail_alloc_off();
        assert_true(n >= alloc_count() || rig.sheet.nomem);
    } while (n++ < alloc_count());
    assert_false(rig.sheet.nomem);
}
