/* drive/meter.h - what the kernel has charged to the server under test.
 *
 * CPU time comes from the process's CPU clock (nanoseconds, every thread), so a busy neighbour on
 * the machine makes the server slower but hardly dearer. */
#ifndef DRIVE_METER_H
#define DRIVE_METER_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct meter {
    pid_t pid;
    clockid_t clock;
};

/* One moment. The difference of two is a figure. */
struct reading {
    int64_t wall_ns;
    int64_t server_cpu_ns;
    int64_t driver_cpu_ns;
    int64_t server_sleeps; /* times that a thread of the server went to sleep by itself */
};

void meter_init(struct meter *m, pid_t pid);
void meter_read(const struct meter *m, struct reading *r);

/* Private_Clean + Private_Dirty of /proc/PID/smaps_rollup, in bytes. */
int64_t meter_private_bytes(const struct meter *m);

/* Stops the server (SIGSTOP) and returns when it stands still; lets it go on. */
void meter_hold(const struct meter *m);
void meter_resume(const struct meter *m);

int64_t clock_now_ns(void);

#endif
