#include "names.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { LIMIT_S = 20 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned asked, stuck, answered, freed;
    bool go_on;
} names = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void count_one(unsigned *count) {
    pthread_mutex_lock(&names.mutex);
    (*count)++;
    pthread_cond_broadcast(&names.changed);
    pthread_mutex_unlock(&names.mutex);
}

static bool await(const unsigned *count, unsigned n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LIMIT_S;
    pthread_mutex_lock(&names.mutex);
    int err = 0;
    while (*count < n && err == 0) {
        err = pthread_cond_timedwait(&names.changed, &names.mutex, &until);
    }
    bool reached = *count >= n;
    pthread_mutex_unlock(&names.mutex);
    return reached;
}

static void hang(void) {
    struct timespec until;
    count_one(&names.stuck);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LIMIT_S;
    pthread_mutex_lock(&names.mutex);
    int err = 0;
    while (!names.go_on && err == 0) {
        err = pthread_cond_timedwait(&names.changed, &names.mutex, &until);
    }
    pthread_mutex_unlock(&names.mutex);
}

/* ---- the system's functions ---- */

static int ask_system(const char *node, const char *service, const struct addrinfo *hints,
                      struct addrinfo **list) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, list);
}

/* The addresses that the hints allow. */
static int answer(const char *const *addresses, const struct addrinfo *hints,
                  struct addrinfo **list) {
    int err = EAI_NONAME;
    struct addrinfo **end = list;
    *list = NULL;
    for (; *addresses != NULL; addresses++) {
        err = ask_system(*addresses, NULL, hints, end);
        while (err == 0 && *end != NULL) {
            end = &(*end)->ai_next;
        }
    }
    return *list != NULL ? 0 : err;
}

static int answer_name(const char *name, const struct addrinfo *hints, struct addrinfo **list) {
    static const char *const four[] = {"127.0.0.1", NULL};
    static const char *const six[] = {"::1", NULL};
    static const char *const both[] = {"127.0.0.1", "::1", NULL};
    if (strcmp(name, "stuck.test") == 0) {
        hang();
    }
    if (strcmp(name, "four.test") == 0 || strcmp(name, "stuck.test") == 0) {
        return answer(four, hints, list);
    }
    if (strcmp(name, "six.test") == 0) {
        return answer(six, hints, list);
    }
    if (strcmp(name, "both.test") == 0) {
        return answer(both, hints, list);
    }
    errno = EMFILE;
    return strcmp(name, "broken.test") == 0   ? EAI_SYSTEM
           : strcmp(name, "memory.test") == 0 ? EAI_MEMORY
                                              : EAI_NONAME;
}

static bool is_ours(const char *name) {
    size_t n = name == NULL ? 0 : strlen(name);
    return n > 5 && strcmp(name + n - 5, ".test") == 0;
}

/* The system's names of the parameters are not for others. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list) {
    if (!is_ours(node) || (hints->ai_flags & AI_NUMERICHOST) != 0) {
        return ask_system(node, service, hints, list);
    }
    count_one(&names.asked);
    int err = answer_name(node, hints, list);
    count_one(&names.answered);
    return err;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
void freeaddrinfo(struct addrinfo *list) {
    void (*real)(struct addrinfo *);
    *(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
    real(list);
    count_one(&names.freed);
}

/* ---- what tests ask for ---- */

void names_reset(void) {
    pthread_mutex_lock(&names.mutex);
    names.asked = names.stuck = names.answered = names.freed = 0;
    names.go_on = false;
    pthread_mutex_unlock(&names.mutex);
}

bool names_await_stuck(unsigned n) {
    return await(&names.stuck, n);
}

bool names_await_answered(unsigned n) {
    return await(&names.answered, n);
}

bool names_await_freed(unsigned n) {
    return await(&names.freed, n);
}

void names_unstick(void) {
    pthread_mutex_lock(&names.mutex);
    names.go_on = true;
    pthread_cond_broadcast(&names.changed);
    pthread_mutex_unlock(&names.mutex);
}

unsigned names_asked(void) {
    pthread_mutex_lock(&names.mutex);
    unsigned n = names.asked;
    pthread_mutex_unlock(&names.mutex);
    return n;
}
