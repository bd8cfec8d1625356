/* base/terminal.h - the terminal that the program runs in, and giving it back as it was.
 *
 * Owns one guard: whoever puts the terminal into another mode asks for it first, and then a crash,
 * a signal that ends the program, or an exit() restores it. What the program handles itself
 * (SIGINT, SIGTERM, SIGHUP) is its own affair.
 */
#ifndef TB_BASE_TERMINAL_H
#define TB_BASE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Pasted text comes between two marks, so that it can be told from typed text. */
#define TERMINAL_PASTE_ON "\x1b[?2004h"
#define TERMINAL_PASTE_OFF "\x1b[?2004l"

bool terminal_is(int fd);

/* Columns; 80 where the terminal does not say, or fd is none. */
unsigned terminal_width(int fd);

/* Writes p[0..n) to any descriptor, waiting for a slow reader also where it does not block. TB_OK
 * or TB_ESYS (errno is set). */
int terminal_write(int fd, const void *p, size_t n);

/* Remembers the mode of terminal in_fd. From now on the signals of a crash (SIGSEGV, SIGBUS,
 * SIGABRT, SIGFPE, SIGILL, SIGSYS, SIGTRAP) and those that end a program by default (SIGQUIT,
 * SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2), where nobody handles them, and
 * exit() restore it and switch the marks of pasted text off on out_fd; the signal then does what it
 * does by default. One guard at a time. TB_OK or TB_ESYS. */
int terminal_guard(int in_fd, int out_fd);

/* Restores what terminal_guard() found, unless another job has the terminal now. Does nothing
 * without a guard. Async-signal-safe. */
void terminal_restore(void);

/* terminal_restore(), and the guard is gone, its signal handlers too. */
void terminal_unguard(void);

#endif
