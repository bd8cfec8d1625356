#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "names.h"
#include "net/lookup.h"

struct fixture {
    struct loop loop;
    struct lookup *lookup;
    unsigned told;
    int error;
    int system_error;
    char address[INET6_ADDRSTRLEN];
    int family;
};

static void on_done(void *ctx, int error, const struct addrinfo *addresses) {
    struct fixture *f = ctx;
    f->system_error = errno;
    f->told++;
    f->error = error;
    f->lookup = NULL;
    assert_true((error == 0) == (addresses != NULL));
    if (addresses != NULL) {
        f->family = addresses->ai_family;
        assert_int_equal(getnameinfo(addresses->ai_addr, addresses->ai_addrlen, f->address,
                                     sizeof f->address, NULL, 0, NI_NUMERICHOST),
                         0);
    }
    loop_end(&f->loop);
}

static void set_up(struct fixture *f) {
    *f = (struct fixture){0};
    names_reset();
    assert_int_equal(loop_init(&f->loop), TB_OK);
}

static void look_up(struct fixture *f, const char *name, int family) {
    char copy[64];
    snprintf(copy, sizeof copy, "%s", name);
    assert_int_equal(lookup_start(&f->lookup, &f->loop, copy, family, on_done, f), TB_OK);
    memset(copy, 0, sizeof copy);
    assert_int_equal(f->told, 0);
}

static void the_addresses_of_a_name_are_told_on_the_loop(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    look_up(&f, "four.test", AF_UNSPEC);
    loop_run(&f.loop);
    assert_int_equal(f.told, 1);
    assert_int_equal(f.error, 0);
    assert_int_equal(f.family, AF_INET);
    assert_string_equal(f.address, "127.0.0.1");
    loop_release(&f.loop);
    assert_true(names_await_freed(1));
}

static void the_wanted_family_is_asked_for(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    look_up(&f, "four.test", AF_INET6);
    loop_run(&f.loop);
    assert_int_equal(f.error, EAI_ADDRFAMILY);
    loop_release(&f.loop);
}

static void a_failure_is_told_with_the_systems_reason(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    look_up(&f, "nosuch.test", AF_UNSPEC);
    loop_run(&f.loop);
    assert_int_equal(f.error, EAI_NONAME);
    loop_release(&f.loop);
    set_up(&f);
    look_up(&f, "broken.test", AF_UNSPEC);
    loop_run(&f.loop);
    assert_int_equal(f.error, EAI_SYSTEM);
    assert_int_equal(f.system_error, EMFILE);
    loop_release(&f.loop);
}

static void a_cancelled_lookup_that_hangs_holds_up_nothing(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    look_up(&f, "stuck.test", AF_UNSPEC);
    assert_true(names_await_stuck(1));
    lookup_cancel(f.lookup);
    loop_end(&f.loop);
    loop_run(&f.loop);
    loop_release(&f.loop);
    assert_int_equal(f.told, 0);
    memset(&f, 0xff, sizeof f); /* the thread has no business here any more */
    names_unstick();
    assert_true(names_await_freed(1));
}

/* The answer is in the mailbox, or on its way, when it is not wanted any more. */
static void a_cancelled_answer_is_not_told(void **state) {
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct fixture f;
        set_up(&f);
        look_up(&f, "four.test", AF_UNSPEC);
        if (i % 2 == 0) {
            names_await_answered(1);
        }
        lookup_cancel(f.lookup);
        loop_end(&f.loop);
        loop_run(&f.loop);
        loop_release(&f.loop);
        assert_int_equal(f.told, 0);
        assert_true(names_await_freed(1));
    }
}

static void a_failed_allocation_is_told(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f);
    fail_alloc_at(0);
    assert_int_equal(lookup_start(&f.lookup, &f.loop, "four.test", AF_UNSPEC, on_done, &f),
                     TB_ENOMEM);
    fail_alloc_off();
    loop_release(&f.loop);
    assert_int_equal(f.told, 0);
}

/* A stack as large as all the memory there can be. */
static void refuse_threads(pthread_attr_t *before) {
    pthread_attr_t attributes;
    assert_int_equal(pthread_getattr_default_np(before), 0);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, (size_t)1 << 47), 0);
    assert_int_equal(pthread_setattr_default_np(&attributes), 0);
    pthread_attr_destroy(&attributes);
}

static void a_thread_that_is_not_to_be_had_is_told(void **state) {
    (void)state;
    struct fixture f;
    pthread_attr_t before;
    set_up(&f);
    refuse_threads(&before);
    int err = lookup_start(&f.lookup, &f.loop, "four.test", AF_UNSPEC, on_done, &f);
    int why = errno;
    assert_int_equal(pthread_setattr_default_np(&before), 0);
    assert_int_equal(err, TB_ESYS);
    assert_int_equal(why, EAGAIN);
    assert_null(f.lookup);
    loop_release(&f.loop);
    assert_int_equal(f.told, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_addresses_of_a_name_are_told_on_the_loop),
        cmocka_unit_test(the_wanted_family_is_asked_for),
        cmocka_unit_test(a_failure_is_told_with_the_systems_reason),
        cmocka_unit_test(a_cancelled_lookup_that_hangs_holds_up_nothing),
        cmocka_unit_test(a_cancelled_answer_is_not_told),
        cmocka_unit_test(a_failed_allocation_is_told),
        cmocka_unit_test(a_thread_that_is_not_to_be_had_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
