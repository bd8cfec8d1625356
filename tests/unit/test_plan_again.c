#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "certificate.h"
#include "dial_rig.h"
#include "failing_alloc.h"

static enum dial_redirect redirect(const char *answer) {
    struct client_refusal refusal = rig_answer(&rig, answer, NULL);
    bytes_clear(&rig.message);
    return dial_plan_redirect(rig.plan, &refusal, &rig.message);
}

/* ---- redirects ---- */

static void a_redirect_is_followed_if_asked(void **state) {
    (void)state;
    static const char *const answers[] = {
        "301 Moved\r\nLocation: /b",
        "302 Found\r\nlocation: b?q",
        "303 Other\r\nLocation: //h/b",
        "307 Temporary\r\nLocation: http://h/b",
        "308 Permanent\r\nLocation: ws://h:80/b",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        ASSERT_PLAN("ws://h/a", "-L");
        assert_int_equal(redirect(answers[i]), DIAL_FOLLOW);
        assert_int_equal(strncmp(target()->url, "ws://h/b", 8), 0);
        assert_int_equal(strncmp(target()->request.target, "/b", 2), 0);
        ASSERT_PLAN("ws://h/a");
        assert_int_equal(redirect(answers[i]), DIAL_STAY);
        assert_string_equal(target()->url, "ws://h/a");
    }
}

static void other_answers_are_no_redirects(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/a", "-L");
    assert_int_equal(redirect("302 Found"), DIAL_STAY);
    assert_int_equal(redirect("200 OK\r\nLocation: /b"), DIAL_STAY);
    assert_int_equal(redirect("404 Not Found\r\nLocation: /b"), DIAL_STAY);
    const struct client_refusal lost = {.failure = CLIENT_LOST, .why = "lost"};
    assert_int_equal(dial_plan_redirect(rig.plan, &lost, &rig.message), DIAL_STAY);
}

static void a_wrong_redirect_is_told(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/a", "-L");
    assert_int_equal(redirect("302 Found\r\nLocation: ftp://x"), DIAL_WRONG);
    assert_string_equal(rig_message(&rig), "cannot follow the redirect: bad URL 'ftp://x': the "
                                           "scheme 'ftp' is none of ws, wss, http and https");
    assert_int_equal(redirect("302 Found\r\nLocation: /b\r\nLocation: /c"), DIAL_WRONG);
    assert_string_equal(rig_message(&rig), "cannot follow the redirect: the server's answer has "
                                           "more than one Location");
    assert_int_equal(redirect("302 Found\r\nLocation: ws+unix:/tmp/x"), DIAL_WRONG);
    assert_string_equal(target()->url, "ws://h/a");
}

static void redirects_have_an_end(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/a", "-L", "--max-redirs", "2");
    assert_int_equal(redirect("302 Found\r\nLocation: /b"), DIAL_FOLLOW);
    assert_int_equal(redirect("302 Found\r\nLocation: /a"), DIAL_FOLLOW);
    assert_int_equal(redirect("302 Found\r\nLocation: /b"), DIAL_WRONG);
    assert_string_equal(rig_message(&rig), "gave up after 2 redirects (--max-redirs)");
    ASSERT_PLAN("ws://h/a", "-L", "--max-redirs", "0");
    assert_int_equal(redirect("302 Found\r\nLocation: /b"), DIAL_WRONG);
}

static void a_redirect_may_lead_into_tls_and_out(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/a", "-L");
    assert_int_equal(redirect("302 Found\r\nLocation: wss://h/"), DIAL_FOLLOW);
    assert_non_null(target()->tls);
    assert_int_equal(target()->port, 443);
    assert_int_equal(redirect("302 Found\r\nLocation: http://h/"), DIAL_FOLLOW);
    assert_null(target()->tls);
}

/* Tomcat CVE-2026-42498 and curl's CVE-2022-27774 and -27776. */
static void cve_2026_42498_credentials_stay_home(void **state) {
    (void)state;
    static const char *const away[] = {"ws://other/", "wss://h/",     "ws://h:81/",
                                       "wss://h:80/", "ws://h.evil/", "//h@other/"};
    for (size_t i = 0; i < sizeof away / sizeof away[0]; i++) {
        char answer[128];
        snprintf(answer, sizeof answer, "302 Found\r\nLocation: %s", away[i]);
        ASSERT_PLAN("ws://h/a", "-L", "-u", "me:pw", "-b", "a=b", "-H", "X: y");
        assert_header("Authorization", "Basic bWU6cHc=");
        assert_int_equal(redirect(answer), DIAL_FOLLOW);
        assert_string_not_equal(target()->url, "ws://h/a");
        assert_header("X", "y");
        assert_header("Cookie", NULL);
        const char *login = rig_header(&rig, "Authorization");
        assert_true(login == NULL || strcmp(login, "Basic aDo=") == 0); /* the Location's own */
        ASSERT_PLAN("ws://h/a", "-L", "-H", "Authorization: x", "-H", "Cookie: a=b");
        assert_int_equal(redirect(answer), DIAL_FOLLOW);
        assert_header("Cookie", NULL);
        login = rig_header(&rig, "Authorization");
        assert_true(login == NULL || strcmp(login, "Basic aDo=") == 0);
        ASSERT_PLAN("ws://me:pw@h/a", "-L");
        assert_int_equal(redirect(answer), DIAL_FOLLOW);
        login = rig_header(&rig, "Authorization");
        assert_true(login == NULL || strcmp(login, "Basic aDo=") == 0);
    }
}

static void credentials_are_kept_at_home_and_come_back(void **state) {
    (void)state;
    ASSERT_PLAN("ws://me:pw@h/a", "-L", "-b", "a=b", "-H", "Cookie: c=d");
    assert_int_equal(redirect("302 Found\r\nLocation: ws://H:80/b"), DIAL_FOLLOW);
    assert_header("Authorization", "Basic bWU6cHc=");
    assert_header("Cookie", "c=d");
    assert_int_equal(redirect("302 Found\r\nLocation: ws://other/b"), DIAL_FOLLOW);
    assert_header("Authorization", NULL);
    assert_int_equal(redirect("302 Found\r\nLocation: /c"), DIAL_FOLLOW);
    assert_header("Authorization", NULL);
    assert_int_equal(redirect("302 Found\r\nLocation: ws://h/a"), DIAL_FOLLOW);
    assert_header("Authorization", "Basic bWU6cHc=");
}

static void a_given_host_is_for_that_host(void **state) {
    (void)state;
    ASSERT_PLAN("ws://h/a", "-L", "-H", "Host: virtual");
    assert_int_equal(redirect("302 Found\r\nLocation: wss://h/"), DIAL_FOLLOW);
    assert_header("Host", "virtual");
    assert_int_equal(redirect("302 Found\r\nLocation: wss://other/"), DIAL_FOLLOW);
    assert_header("Host", "other");
}

static void each_redirect_finds_its_way(void **state) {
    (void)state;
    ASSERT_PLAN("ws://a/", "-L", "-x", "p", "--noproxy", "b");
    assert_string_equal(target()->proxy->host, "p");
    assert_int_equal(redirect("302 Found\r\nLocation: ws://b/"), DIAL_FOLLOW);
    assert_null(target()->proxy);
    assert_string_equal(target()->route.host, "b");
    ASSERT_PLAN("ws://a/", "-L", "--connect-to", "b::c:9");
    assert_int_equal(redirect("302 Found\r\nLocation: ws://b/"), DIAL_FOLLOW);
    assert_string_equal(target()->route.host, "c");
    assert_int_equal(target()->route.port, 9);
}

static void our_certificate_stays_with_its_host(void **state) {
    (void)state;
    char folder[] = "/tmp/taburet-plan-XXXXXX";
    char secret[] = "secret";
    const struct certificate ours = {.name = "ours", .from = -60, .to = 3600};
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    EVP_PKEY *pkey = certificate_write_key("key", EVP_EC_gen("P-256"), secret);
    assert_non_null(pkey);
    X509_free(certificate_write("cert", &ours, pkey, NULL, NULL));
    EVP_PKEY_free(pkey);
    ASSERT_REFUSED(EXIT_USAGE,
                   "cannot use the private key 'key' (the private key is encrypted; use --pass)",
                   "wss://h", "-E", "cert", "--key", "key");
    ASSERT_PLAN("wss://h", "-E", "cert", "--key", "key", "--pass", "secret");
    ASSERT_PLAN("ws://h", "-L", "-k", "-E", "cert:secret", "--key", "key");
    assert_int_equal(redirect("302 Found\r\nLocation: wss://h/"), DIAL_FOLLOW);
    const struct tls_context *home = target()->tls;
    assert_int_equal(redirect("302 Found\r\nLocation: wss://other/"), DIAL_FOLLOW);
    assert_non_null(target()->tls);
    assert_ptr_not_equal(target()->tls, home);
    assert_int_equal(redirect("302 Found\r\nLocation: wss://h/"), DIAL_FOLLOW);
    assert_ptr_equal(target()->tls, home);
    unlink("cert");
    unlink("key");
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
}

/* ---- retries ---- */

static bool retry(const struct client_refusal *refusal, uint64_t *delay) {
    return dial_plan_retry(rig.plan, refusal, delay);
}

static void trouble_that_may_pass_is_tried_again(void **state) {
    (void)state;
    static const struct {
        enum client_failure failure;
        bool again;
    } rows[] = {
        {CLIENT_NO_PROXY_NAME, true}, {CLIENT_NO_NAME, true},      {CLIENT_NO_CONNECTION, true},
        {CLIENT_TLS_FAILED, true},    {CLIENT_TIMED_OUT, true},    {CLIENT_SEND_FAILED, true},
        {CLIENT_LOST, true},          {CLIENT_NOT_TRUSTED, false}, {CLIENT_BROKE_RULE, false},
        {CLIENT_SYSTEM, false},
    };
    uint64_t delay;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct client_refusal refusal = {.failure = rows[i].failure, .why = "x"};
        ASSERT_PLAN("h", "--retry", "1");
        assert_int_equal(retry(&refusal, &delay), rows[i].again);
        ASSERT_PLAN("h");
        assert_false(retry(&refusal, &delay));
    }
}

static void some_answers_are_tried_again(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        bool again;
    } rows[] = {{"408 x", true},  {"429 x", true},  {"500 x", true},  {"502 x", true},
                {"503 x", true},  {"504 x", true},  {"400 x", false}, {"401 x", false},
                {"404 x", false}, {"501 x", false}, {"302 x", false}, {"200 x", false}};
    uint64_t delay;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ASSERT_PLAN("h", "--retry", "1");
        struct client_refusal refusal = rig_answer(&rig, rows[i].answer, NULL);
        assert_int_equal(retry(&refusal, &delay), rows[i].again);
    }
}

static const struct client_refusal lost = {.failure = CLIENT_LOST, .why = "lost"};

static void pauses_grow_to_ten_minutes(void **state) {
    (void)state;
    uint64_t delay = 0, expected = 1000;
    ASSERT_PLAN("h", "--retry", "12");
    for (int i = 0; i < 12; i++) {
        assert_true(retry(&lost, &delay));
        assert_int_equal(delay, expected);
        expected = expected * 2 < 600000 ? expected * 2 : 600000;
    }
    assert_int_equal(delay, 600000);
    assert_false(retry(&lost, &delay));
    dial_plan_restart(rig.plan);
    assert_true(retry(&lost, &delay));
    assert_int_equal(delay, 1000);
}

static void a_pause_can_be_given(void **state) {
    (void)state;
    uint64_t delay = 0;
    ASSERT_PLAN("h", "--retry", "2", "--retry-delay", "30ms");
    assert_true(retry(&lost, &delay));
    assert_true(retry(&lost, &delay));
    assert_int_equal(delay, 30);
}

static void a_server_may_ask_for_a_longer_pause(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        uint64_t delay;
    } rows[] = {
        {"503 x\r\nRetry-After: 7", 7000},
        {"503 x\r\nRetry-After: 0", 1000},
        {"503 x\r\nRetry-After: soon", 1000},
        {"503 x\r\nRetry-After: -7", 1000},
        {"503 x\r\nRetry-After: 7\r\nRetry-After: 8", 1000},
        {"503 x\r\nRetry-After: 99999999999999999999999999", 6ULL * 60 * 60 * 1000},
    };
    uint64_t delay;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ASSERT_PLAN("h", "--retry", "1");
        struct client_refusal refusal = rig_answer(&rig, rows[i].answer, NULL);
        assert_true(retry(&refusal, &delay));
        assert_int_equal(delay, rows[i].delay);
    }
}

static void each_try_begins_at_the_first_url(void **state) {
    (void)state;
    uint64_t delay;
    ASSERT_PLAN("ws://h/a", "-L", "--retry", "1", "--max-redirs", "1");
    assert_int_equal(redirect("302 Found\r\nLocation: /b"), DIAL_FOLLOW);
    assert_true(retry(&lost, &delay));
    assert_string_equal(target()->url, "ws://h/a");
    assert_int_equal(redirect("302 Found\r\nLocation: /b"), DIAL_FOLLOW);
    dial_plan_restart(rig.plan);
    assert_string_equal(target()->url, "ws://h/a");
}

/* ---- memory ---- */

static void memory_may_run_out_in_a_redirect(void **state) {
    (void)state;
    ASSERT_PLAN("ws://a:b@h/", "-L", "-b", "a=b", "-x", "http://a:b@p");
    struct client_refusal refusal = rig_answer(&rig, "302 Found\r\nLocation: /b", NULL);
    unsigned n = 0;
    do {
        dial_plan_restart(rig.plan);
        bytes_release(&rig.message);
        fail_alloc_at(n);
        enum dial_redirect result = dial_plan_redirect(rig.plan, &refusal, &rig.message);
        fail_alloc_off();
        assert_int_equal(result, n < alloc_count() ? DIAL_WRONG : DIAL_FOLLOW);
        assert_string_equal(target()->url, result == DIAL_FOLLOW ? "ws://h/b" : "ws://h/");
    } while (n++ < alloc_count());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_redirect_is_followed_if_asked),
        TEST(other_answers_are_no_redirects),
        TEST(a_wrong_redirect_is_told),
        TEST(redirects_have_an_end),
        TEST(a_redirect_may_lead_into_tls_and_out),
        TEST(cve_2026_42498_credentials_stay_home),
        TEST(credentials_are_kept_at_home_and_come_back),
        TEST(a_given_host_is_for_that_host),
        TEST(each_redirect_finds_its_way),
        TEST(our_certificate_stays_with_its_host),
        TEST(trouble_that_may_pass_is_tried_again),
        TEST(some_answers_are_tried_again),
        TEST(pauses_grow_to_ten_minutes),
        TEST(a_pause_can_be_given),
        TEST(a_server_may_ask_for_a_longer_pause),
        TEST(each_try_begins_at_the_first_url),
        TEST(memory_may_run_out_in_a_redirect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
