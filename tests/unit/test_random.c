/* The kernel's generator stands behind a function of ours, which some tests count and refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/random.h"

#define KEYS 100000
#define KEY_SIZE 8

static unsigned generator_calls;
static int generator_errno;            /* it refuses with this, unless it is 0 */
static bool generator_is_interrupted;  /* once, and then gives 100 bytes at most */
static _Thread_local bool is_counting; /* numbers in place of chance */

ssize_t getrandom(void *p, size_t n, unsigned flags);

/* In the C library's place. While counting, each byte is the number of its call. */
ssize_t getrandom(void *p, size_t n, unsigned flags) {
    if (!is_counting) {
        return syscall(SYS_getrandom, p, n, flags);
    }
    generator_calls++;
    if (generator_is_interrupted && generator_calls == 1) {
        errno = EINTR;
        return -1;
    }
    if (generator_errno != 0) {
        errno = generator_errno;
        return -1;
    }
    n = generator_is_interrupted && n > 100 ? 100 : n;
    memset(p, (int)generator_calls, n);
    return (ssize_t)n;
}

struct body {
    void *(*run)(void *arg);
    void *arg;
};

static void *run_counting(void *arg) {
    const struct body *body = arg;
    is_counting = true;
    return body->run(body->arg);
}

/* Runs `run` in a new thread, and so with a pool that nobody has filled, and with the counting
 * generator. */
static void with_counting_generator(void *(*run)(void *), void *arg) {
    struct body body = {run, arg};
    generator_calls = 0;
    generator_errno = 0;
    generator_is_interrupted = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_counting, &body), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static int compare_keys(const void *a, const void *b) {
    return memcmp(a, b, KEY_SIZE);
}

static void no_key_comes_twice(void **state) {
    (void)state;
    uint8_t(*keys)[KEY_SIZE] = calloc(KEYS, KEY_SIZE);
    assert_non_null(keys);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(random_bytes(keys[i], KEY_SIZE), TB_OK);
    }
    qsort(keys, KEYS, KEY_SIZE, compare_keys);
    for (size_t i = 1; i < KEYS; i++) {
        assert_memory_not_equal(keys[i - 1], keys[i], KEY_SIZE);
    }
    free(keys);
}

/* Sizes below, at and above the pool's. A byte that is never written would stay as it was in
 * all of 16 rounds; by chance one does so once in 2^120. */
static void every_byte_asked_for_is_written_and_no_other(void **state) {
    (void)state;
    const size_t sizes[] = {1, 4, 16, 1000, 1023, 1024, 1025, 4096, 100001};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t n = sizes[i];
        uint8_t *seen = calloc(n, 1);
        uint8_t *p = calloc(n + 1, 1);
        assert_non_null(seen);
        assert_non_null(p);
        for (int round = 0; round < 16; round++) {
            p[n] = 0xa5;
            assert_int_equal(random_bytes(p, n), TB_OK);
            assert_int_equal(p[n], 0xa5);
            for (size_t k = 0; k < n; k++) {
                seen[k] |= p[k];
            }
        }
        assert_null(memchr(seen, 0, n));
        free(seen);
        free(p);
    }
}

static void *take_256_small_keys(void *arg) {
    unsigned *after = arg;
    uint8_t key[4];
    for (int i = 0; i < 256; i++) {
        if (random_bytes(key, sizeof(key)) != TB_OK || key[0] != 1) {
            return NULL;
        }
    }
    after[0] = generator_calls;
    if (random_bytes(key, sizeof(key)) == TB_OK && key[0] == 2) {
        after[1] = generator_calls;
    }
    return NULL;
}

static void a_pool_serves_256_mask_keys(void **state) {
    (void)state;
    unsigned after[2] = {0, 0};
    with_counting_generator(take_256_small_keys, after);
    assert_int_equal(after[0], 1);
    assert_int_equal(after[1], 2);
}

static void *ask_a_refusing_generator(void *arg) {
    int *results = arg;
    uint8_t p[2000];
    generator_errno = ENOSYS;
    results[0] = random_bytes(p, 4);
    results[1] = random_bytes(p, sizeof(p));
    generator_errno = 0;
    results[2] = random_bytes(p, 4);
    return NULL;
}

static void a_refusing_generator_is_an_error_and_not_weak_bytes(void **state) {
    (void)state;
    int results[3] = {1, 1, 1};
    with_counting_generator(ask_a_refusing_generator, results);
    assert_int_equal(results[0], TB_ESYS);
    assert_int_equal(results[1], TB_ESYS);
    assert_int_equal(results[2], TB_OK);
}

/* The first byte and the last come from different calls, and none is left out. */
static void *ask_an_interrupted_generator(void *arg) {
    uint8_t *p = arg;
    generator_is_interrupted = true;
    return random_bytes(p, 2000) == TB_OK ? p : NULL;
}

static void signals_and_short_reads_change_nothing(void **state) {
    (void)state;
    uint8_t p[2001] = {0};
    with_counting_generator(ask_an_interrupted_generator, p);
    assert_int_equal(generator_calls, 21);
    for (size_t i = 0; i < 2000; i++) {
        assert_int_equal(p[i], 2 + i / 100);
    }
    assert_int_equal(p[2000], 0);
}

static void read_exactly(int fd, uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t got = read(fd, p, n);
        assert_true(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

/* Returns the descriptor from which the child's first 16 bytes can be read. */
static int fork_child(pid_t *child) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        uint8_t key[16];
        bool sent = random_bytes(key, sizeof(key)) == TB_OK &&
                    write(fds[1], key, sizeof(key)) == (ssize_t)sizeof(key);
        _exit(sent ? 0 : 1);
    }
    close(fds[1]);
    return fds[0];
}

static void wait_for(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_forked_child_repeats_neither_parent_nor_sibling(void **state) {
    (void)state;
    uint8_t keys[3][16];
    assert_int_equal(random_bytes(keys[0], 1), TB_OK); /* the pool is not empty */
    for (size_t i = 0; i < 2; i++) {
        pid_t child;
        int fd = fork_child(&child);
        read_exactly(fd, keys[i], sizeof(keys[i]));
        close(fd);
        wait_for(child);
    }
    assert_int_equal(random_bytes(keys[2], sizeof(keys[2])), TB_OK);
    assert_memory_not_equal(keys[0], keys[1], 16);
    assert_memory_not_equal(keys[0], keys[2], 16);
    assert_memory_not_equal(keys[1], keys[2], 16);
}

static void *take_key(void *key) {
    return random_bytes(key, 16) == TB_OK ? key : NULL;
}

static void threads_do_not_share_bytes(void **state) {
    (void)state;
    pthread_t threads[8];
    uint8_t keys[8][16];
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_key, keys[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, keys[i]);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(keys[k], keys[i], 16);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_comes_twice),
        cmocka_unit_test(every_byte_asked_for_is_written_and_no_other),
        cmocka_unit_test(a_pool_serves_256_mask_keys),
        cmocka_unit_test(a_refusing_generator_is_an_error_and_not_weak_bytes),
        cmocka_unit_test(signals_and_short_reads_change_nothing),
        cmocka_unit_test(a_forked_child_repeats_neither_parent_nor_sibling),
        cmocka_unit_test(threads_do_not_share_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
