#include "net/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Shared by the loop, the thread and, once there is an answer, the loop's mailbox; the last of
 * them to let go frees it. */
struct lookup {
    struct loop_task answered; /* the first member: the mailbox finds the lookup by it */
    pthread_t thread;          /* joined when it has answered, detached when it is cancelled */
    atomic_uint refs;
    uv_mutex_t mutex;
    struct loop *loop; /* guarded by the mutex; NULL: nobody wants to know any more */
    lookup_done *done;
    void *ctx;
    int family;
    int error; /* what the thread found, from here on; the mailbox passes it on */
    int system_error;
    struct addrinfo *addresses;
    char name[];
};

/* Gives references back. */
static void unref(struct lookup *l, unsigned count) {
    if (atomic_fetch_sub(&l->refs, count) != count) {
        return;
    }
    if (l->addresses != NULL) {
        freeaddrinfo(l->addresses);
    }
    uv_mutex_destroy(&l->mutex);
    free(l);
}

/* The loop cannot be released while the mutex is held: lookup_cancel() waits for it. */
static void report(struct lookup *l) {
    uv_mutex_lock(&l->mutex);
    if (l->loop != NULL) {
        atomic_fetch_add(&l->refs, 1);
        loop_post(l->loop, &l->answered);
    }
    uv_mutex_unlock(&l->mutex);
}

static void *run_thread(void *arg) {
    struct lookup *l = arg;
    const struct addrinfo hints = {.ai_family = l->family, .ai_socktype = SOCK_STREAM};
    l->error = getaddrinfo(l->name, NULL, &hints, &l->addresses);
    l->system_error = errno;
    report(l);
    unref(l, 1);
    return NULL;
}

/* Says whether somebody wanted to know until now. The thread has left loop_post() after this. */
static bool forget_loop(struct lookup *l) {
    uv_mutex_lock(&l->mutex);
    bool wanted = l->loop != NULL;
    l->loop = NULL;
    uv_mutex_unlock(&l->mutex);
    return wanted;
}

static void on_answered(struct loop_task *task) {
    struct lookup *l = (struct lookup *)task;
    unsigned refs = 1;
    if (forget_loop(l)) {
        pthread_join(l->thread, NULL); /* it has nothing left to do but to end */
        errno = l->system_error;
        l->done(l->ctx, l->error, l->error == 0 ? l->addresses : NULL);
        refs++; /* the loop's, which lookup_cancel() would have given back */
    }
    unref(l, refs);
}

static struct lookup *lookup_new(const char *name) {
    size_t size = strlen(name) + 1;
    struct lookup *l = calloc(1, sizeof *l + size);
    if (l == NULL || uv_mutex_init(&l->mutex) != 0) {
        free(l);
        return NULL;
    }
    memcpy(l->name, name, size);
    return l;
}

int lookup_start(struct lookup **lookup, struct loop *loop, const char *name, int family,
                 lookup_done *done, void *ctx) {
    struct lookup *l = lookup_new(name);
    if (l == NULL) {
        return TB_ENOMEM;
    }
    l->answered.run = on_answered;
    l->loop = loop;
    l->family = family;
    l->done = done;
    l->ctx = ctx;
    atomic_init(&l->refs, 2); /* the loop's and the thread's */
    *lookup = l;
    int err = pthread_create(&l->thread, NULL, run_thread, l);
    if (err != 0) {
        unref(l, 2);
        *lookup = NULL;
        errno = err;
        return TB_ESYS;
    }
    return TB_OK;
}

void lookup_cancel(struct lookup *lookup) {
    pthread_detach(lookup->thread);
    forget_loop(lookup);
    unref(lookup, 1);
}
