#include "meter.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) {
        fail_errno("the server's CPU clock");
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The sum of the numbers behind `label` in a /proc file of "label number" lines. */
static int64_t sum_labelled(const char *path, const char *label) {
    FILE *f = fopen(path, "re");
    if (!f) {
        return 0; /* a thread may end between readdir() and here */
    }
    char line[256];
    int64_t sum = 0;
    size_t n = strlen(label);
    while (fgets(line, sizeof line, f)) {
        int64_t value;
        if (strncmp(line, label, n) == 0 && sscanf(line + n, "%" SCNd64, &value) == 1) {
            sum += value;
        }
    }
    fclose(f);
    return sum;
}

static int64_t count_sleeps(pid_t pid) {
    char path[64 + sizeof(((struct dirent *)0)->d_name)];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks) {
        fail_errno(path);
    }
    int64_t sum = 0;
    for (struct dirent *e = readdir(tasks); e; e = readdir(tasks)) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, e->d_name);
            sum += sum_labelled(path, "voluntary_ctxt_switches:");
        }
    }
    closedir(tasks);
    return sum;
}

static char process_state(pid_t pid) {
    char path[64];
    char state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f) {
        fail_errno(path);
    }
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1) {
        fail("%s: not understood", path);
    }
    fclose(f);
    return state;
}

void meter_init(struct meter *m, pid_t pid) {
    m->pid = pid;
    if (clock_getcpuclockid(pid, &m->clock) != 0) {
        fail("no CPU clock for process %d", (int)pid);
    }
}

void meter_read(const struct meter *m, struct reading *r) {
    r->server_sleeps = count_sleeps(m->pid);
    r->driver_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    r->wall_ns = clock_now_ns();
    r->server_cpu_ns = clock_ns(m->clock);
}

int64_t meter_private_bytes(const struct meter *m) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)m->pid);
    int64_t kib = sum_labelled(path, "Private_Clean:") + sum_labelled(path, "Private_Dirty:");
    if (kib == 0) {
        fail("%s: not readable", path);
    }
    return kib * 1024;
}

void meter_hold(const struct meter *m) {
    if (kill(m->pid, SIGSTOP) != 0) {
        fail_errno("SIGSTOP");
    }
    while (process_state(m->pid) != 'T') {
        sched_yield();
    }
}

void meter_resume(const struct meter *m) {
    if (kill(m->pid, SIGCONT) != 0) {
        fail_errno("SIGCONT");
    }
}

int64_t clock_now_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}
