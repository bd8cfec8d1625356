#include "dial_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "http_heads.h"

struct dial_rig rig;

static const struct option verb[] = {
    {NULL, 0, OPTION_GROUP, .offset = offsetof(struct dial_rig, flags),
     .group = dial_flags_options},
    {.name = NULL},
};

/* The proxies of whoever runs the tests are none of theirs. */
static void clear_environment(void) {
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
}

void rig_init(struct dial_rig *r) {
    clear_environment();
    *r = (struct dial_rig){.plan = NULL};
    dial_flags_init(&r->flags);
}

void rig_release(struct dial_rig *r) {
    dial_plan_free(r->plan);
    options_release(verb, r);
    dial_flags_release(&r->flags);
    option_list_release(&r->operands);
    bytes_release(&r->message);
    bytes_release(&r->notes);
    bytes_release(&r->request);
    http1_free(r->response);
    rig_init(r);
}

int rig_plan(struct dial_rig *r, const char *const *words) {
    char *argv[32];
    int argc = 0;
    rig_release(r);
    while (words[argc] != NULL) {
        memcpy(&argv[argc], &words[argc], sizeof argv[argc]); /* never written to */
        argc++;
    }
    int err = options_parse(verb, argc, argv, r, &r->operands, &r->message);
    if (err != TB_OK) {
        return err == TB_EINVAL ? 2 : 1;
    }
    assert_true(r->operands.count > 0);
    const char *url = r->operands.items[r->operands.count - 1];
    return dial_plan_new(&r->flags, url, "1.2", &r->plan, &r->message, &r->notes);
}

const char *rig_message(struct dial_rig *r) {
    assert_int_equal(bytes_append(&r->message, "", 1), TB_OK);
    return (const char *)r->message.data;
}

void rig_refuses(struct dial_rig *r, int code, const char *expected, const char *const *words) {
    int got = rig_plan(r, words);
    assert_string_equal(rig_message(r), expected);
    assert_int_equal(got, code);
    assert_null(r->plan);
}

const char *rig_request(struct dial_rig *r) {
    struct ws_request request = dial_plan_target(r->plan)->request;
    memset(request.key, 'A', sizeof request.key);
    bytes_clear(&r->request);
    assert_int_equal(ws_request_write(&request, &r->request), TB_OK);
    assert_int_equal(bytes_append(&r->request, "", 1), TB_OK);
    return (const char *)r->request.data;
}

const char *rig_header(struct dial_rig *r, const char *name) {
    static char value[4096];
    size_t count;
    struct http1 *head = head_parse(HTTP1_REQUEST, rig_request(r));
    struct http1_str found = http1_header(head, name, &count);
    assert_true(count <= 1);
    if (count == 1) {
        snprintf(value, sizeof value, "%.*s", (int)found.n, found.p);
    }
    http1_free(head);
    return count == 1 ? value : NULL;
}

struct client_refusal rig_answer(struct dial_rig *r, const char *text, const char *body) {
    char whole[4096];
    snprintf(whole, sizeof whole, "HTTP/1.1 %s\r\n\r\n", text);
    http1_free(r->response);
    r->response = head_parse(HTTP1_RESPONSE, whole);
    return (struct client_refusal){.failure = CLIENT_REFUSED,
                                   .why = "refused",
                                   .response = r->response,
                                   .body = (const uint8_t *)body,
                                   .body_size = body != NULL ? strlen(body) : 0};
}

int rig_set_up(void **state) {
    (void)state;
    rig_init(&rig);
    return 0;
}

int rig_tear_down(void **state) {
    (void)state;
    rig_release(&rig);
    return 0;
}

const struct client_target *target(void) {
    return dial_plan_target(rig.plan);
}

void assert_header(const char *name, const char *expected) {
    const char *value = rig_header(&rig, name);
    if (expected == NULL) {
        assert_null(value);
    } else {
        assert_non_null(value);
        assert_string_equal(value, expected);
    }
}
