#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"
#include "meter.h"
#include "modes.h"

extern char **environ;

/* Its stdout is the pipe's end `out`, or ours where out < 0. */
static pid_t spawn(char **command, int out) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        (out >= 0 && posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) != 0)) {
        fail_errno("posix_spawn_file_actions");
    }
    int error = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
    if (error != 0) {
        fail("%s: %s", command[0], strerror(error));
    }
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void reap(pid_t pid) {
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail("the program did not end with 0");
    }
}

/* Reads up to the end of the first line; returns how many bytes came. */
static size_t read_line(int fd, char *line, size_t size) {
    size_t n = 0;
    do {
        ssize_t got = read(fd, line + n, size - n);
        if (got <= 0) {
            fail("the program ended before it had written a line");
        }
        n += (size_t)got;
    } while (!memchr(line, '\n', n) && n < size);
    return n;
}

static void await_listening(int fd) {
    char line[512];
    size_t n = read_line(fd, line, sizeof line);
    if (n < 9 || memcmp(line, "listening", 9) != 0) {
        fail("the server began with: %.*s", (int)n, line);
    }
}

static void await_echo(int fd) {
    char line[512];
    size_t n = read_line(fd, line, sizeof line);
    if (n != 3 || memcmp(line, "hi\n", 3) != 0) {
        fail("the client wrote: %.*s", (int)n, line);
    }
}

/* Microseconds until `await` has read what it waits for; *pid and *fd, of the program's stdout, are
 * the caller's. */
static double start_us(char **command, void (*await)(int fd), pid_t *pid, int *fd) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        fail_errno("pipe2");
    }
    int64_t start = clock_now_ns();
    *pid = spawn(command, ends[1]);
    close(ends[1]);
    await(ends[0]);
    *fd = ends[0];
    return (double)(clock_now_ns() - start) / 1000;
}

static double server_once_us(char **command) {
    pid_t pid;
    int fd;
    double us = start_us(command, await_listening, &pid, &fd);
    if (kill(pid, SIGTERM) != 0) {
        fail_errno("SIGTERM");
    }
    reap(pid);
    close(fd);
    return us;
}

/* The client leaves by itself. */
static double client_once_us(char **command) {
    pid_t pid;
    int fd;
    double us = start_us(command, await_echo, &pid, &fd);
    reap(pid);
    close(fd);
    return us;
}

static double shell_once_us(void) {
    char *command[] = {"sh", "-c", ":", NULL};
    int64_t start = clock_now_ns();
    reap(spawn(command, -1));
    return (double)(clock_now_ns() - start) / 1000;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned n) {
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void mode_startup(const struct options *o) {
    double *server = zalloc_or_fail(o->rounds, sizeof *server);
    double *shell = zalloc_or_fail(o->rounds, sizeof *shell);
    for (unsigned i = 0; i < o->rounds; i++) {
        server[i] = server_once_us(o->command);
        shell[i] = shell_once_us();
    }
    double server_us = median(server, o->rounds);
    double shell_us = median(shell, o->rounds);
    printf("{\"mode\":\"startup\",\"runs\":%u,\"listening_us\":%.0f,\"listening_min_us\":%.0f,"
           "\"listening_max_us\":%.0f,\"shell_us\":%.0f,\"ratio\":%.2f}\n",
           o->rounds, server_us, server[0], server[o->rounds - 1], shell_us, server_us / shell_us);
    free(server);
    free(shell);
}

void mode_first_echo(const struct options *o) {
    double *client = zalloc_or_fail(o->rounds, sizeof *client);
    for (unsigned i = 0; i < o->rounds; i++) {
        client[i] = client_once_us(o->command);
    }
    double client_us = median(client, o->rounds);
    printf("{\"mode\":\"first-echo\",\"runs\":%u,\"echo_us\":%.0f,\"echo_min_us\":%.0f,"
           "\"echo_max_us\":%.0f}\n",
           o->rounds, client_us, client[0], client[o->rounds - 1]);
    free(client);
}
