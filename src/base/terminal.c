#include "base/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"

/* Whatever ends a program by default and can be handled; SIGINT, SIGTERM and SIGHUP are asked for
 * by whoever talks, and SIGPIPE is ignored. */
static const int fatal[] = {SIGSEGV, SIGBUS,  SIGABRT, SIGFPE,  SIGILL,
                            SIGSYS,  SIGTRAP, SIGQUIT, SIGALRM, SIGVTALRM,
                            SIGPROF, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2};
#define FATAL_COUNT (sizeof(fatal) / sizeof(fatal[0]))

/* A signal handler has no other way to know. */
static struct {
    volatile sig_atomic_t on;
    int in_fd;
    int out_fd;
    struct termios mode;
    bool handled[FATAL_COUNT]; /* by us */
} guard;

/* For the signal handler: the stack may be what ran out. */
static uint8_t other_stack[64 * 1024];

bool terminal_is(int fd) {
    return isatty(fd) == 1;
}

unsigned terminal_width(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int terminal_write(int fd, const void *p, size_t n) {
    const uint8_t *at = p;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written >= 0) {
            at += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return TB_ESYS;
        }
    }
    return TB_OK;
}

/* The mode is then the other job's, and setting it would stop this process. */
static bool is_in_background(int fd) {
    pid_t foreground = tcgetpgrp(fd);
    return foreground > 0 && foreground != getpgrp();
}

void terminal_restore(void) {
    if (!guard.on || is_in_background(guard.in_fd)) {
        return;
    }
    int saved = errno;
    tcsetattr(guard.in_fd, TCSANOW, &guard.mode);
    /* Once, whatever comes of it: who crashes does not wait. */
    ssize_t ignored = write(guard.out_fd, TERMINAL_PASTE_OFF, strlen(TERMINAL_PASTE_OFF));
    (void)ignored;
    errno = saved;
}

/* The kernel has put the default action back (SA_RESETHAND). */
static void on_fatal(int signal_number) {
    terminal_restore();
    raise(signal_number);
}

static void handle(size_t i) {
    struct sigaction old;
    struct sigaction ours = {.sa_handler = on_fatal,
                             .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)};
    if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
        guard.handled[i] = sigaction(fatal[i], &ours, NULL) == 0;
    }
}

static void prepare_once(void) {
    static bool prepared;
    stack_t old;
    if (prepared) {
        return;
    }
    prepared = true;
    atexit(terminal_restore);
    if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE) != 0) {
        const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};
        sigaltstack(&stack, NULL);
    }
}

int terminal_guard(int in_fd, int out_fd) {
    if (tcgetattr(in_fd, &guard.mode) != 0) {
        return TB_ESYS;
    }
    guard.in_fd = in_fd;
    guard.out_fd = out_fd;
    guard.on = 1;
    prepare_once();
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        handle(i);
    }
    return TB_OK;
}

void terminal_unguard(void) {
    terminal_restore();
    guard.on = 0;
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        if (guard.handled[i]) {
            signal(fatal[i], SIG_DFL);
            guard.handled[i] = false;
        }
    }
}
