/* drive/modes.h - what the driver can do to a server. Each mode runs once, prints one JSON line
 * with its figures on stdout, and ends the run by fail() if the server did anything wrong. */
#ifndef DRIVE_MODES_H
#define DRIVE_MODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    pid_t pid;
    uint16_t port;
    unsigned clients;
    unsigned depth;
    size_t size;
    double warmup_s;
    double seconds;
    unsigned rounds;
    unsigned total;
    unsigned parallel;
    bool canned; /* the server answers with frames of 'x': the floor, which reads nothing */
    bool held;   /* stop the server while a burst is sent, so that it finds all of it at once */
    char **command;
};

/* Each client sends `depth` messages in one write, waits for them all to come back, and again. */
void mode_echo(const struct options *o);

/* Each client sends one message; each must get every client's message exactly once; and again. */
void mode_fanout(const struct options *o);

/* Opens connections, sends one message over each, and lets them rest. */
void mode_idle(const struct options *o);

/* Opens, upgrades and resets connections, `parallel` at a time. */
void mode_handshakes(const struct options *o);

/* Starts a server again and again, until it says that it listens; and a shell that does nothing. */
void mode_startup(const struct options *o);

/* Starts a client again and again, until the echo of "hi" stands on its stdout. */
void mode_first_echo(const struct options *o);

#endif
