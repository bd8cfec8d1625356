#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/blob.h"
#include "failing_alloc.h"

#define THREADS 4
#define ROUNDS 20000

static void a_new_blob_has_its_size_and_one_reference(void **state) {
    (void)state;
    struct blob *b = blob_new(1000);
    assert_non_null(b);
    assert_int_equal(b->size, 1000);
    assert_int_equal(atomic_load(&b->refs), 1);
    memset(b->data, 'x', b->size);
    blob_unref(b);
}

static void an_empty_blob_is_a_blob(void **state) {
    (void)state;
    struct blob *b = blob_new(0);
    assert_non_null(b);
    assert_int_equal(b->size, 0);
    blob_unref(b);
}

static void no_blob_is_given_back_without_harm(void **state) {
    (void)state;
    blob_unref(NULL);
}

static void each_reference_must_be_given_back(void **state) {
    (void)state;
    struct blob *b = blob_new(1);
    assert_non_null(b);
    assert_ptr_equal(blob_ref(b), b);
    assert_ptr_equal(blob_ref(b), b);
    assert_int_equal(atomic_load(&b->refs), 3);
    blob_unref(b);
    blob_unref(b);
    assert_int_equal(atomic_load(&b->refs), 1);
    b->data[0] = 1;
    blob_unref(b);
}

static void a_size_that_overflows_is_out_of_memory(void **state) {
    (void)state;
    const size_t hostile[] = {SIZE_MAX, SIZE_MAX - sizeof(struct blob),
                              SIZE_MAX - sizeof(struct blob) + 1, (size_t)PTRDIFF_MAX};
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        assert_null(blob_new(hostile[i]));
    }
}

static void failed_allocation_gives_no_blob(void **state) {
    (void)state;
    fail_alloc_at(0);
    struct blob *b = blob_new(10);
    fail_alloc_off();
    assert_null(b);
}

struct reader {
    struct blob *blob;
    unsigned sum;
};

/* Reads, and takes and gives back references of its own; at last gives back the one that it was
 * started with. */
static void *read_shared(void *arg) {
    struct reader *r = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct blob *mine = blob_ref(r->blob);
        r->sum += mine->data[0];
        blob_unref(mine);
    }
    blob_unref(r->blob);
    return NULL;
}

static void the_last_of_many_threads_frees(void **state) {
    (void)state;
    struct blob *b = blob_new(1);
    assert_non_null(b);
    b->data[0] = 1;
    pthread_t threads[THREADS];
    struct reader readers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.blob = blob_ref(b), .sum = 0};
        assert_int_equal(pthread_create(&threads[i], NULL, read_shared, &readers[i]), 0);
    }
    blob_unref(b);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(readers[i].sum, ROUNDS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_blob_has_its_size_and_one_reference),
        cmocka_unit_test(an_empty_blob_is_a_blob),
        cmocka_unit_test(no_blob_is_given_back_without_harm),
        cmocka_unit_test(each_reference_must_be_given_back),
        cmocka_unit_test(a_size_that_overflows_is_out_of_memory),
        cmocka_unit_test(failed_allocation_gives_no_blob),
        cmocka_unit_test(the_last_of_many_threads_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
