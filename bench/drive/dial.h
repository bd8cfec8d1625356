/* drive/dial.h - opening connections to the server under test (127.0.0.1, RFC 6455 s.4.1). */
#ifndef DRIVE_DIAL_H
#define DRIVE_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The upgrade request, always the same. */
struct upgrade {
    char request[256];
    size_t length;
};

void upgrade_init(struct upgrade *u, uint16_t port);

/* Whether the n bytes are a complete answer; ends the run if they are a wrong one. */
bool upgrade_answered(const char *answer, size_t n);

/* A non-blocking socket whose connect() is under way. It closes with a reset, so that thousands of
 * runs leave no port behind in TIME_WAIT. */
int dial_start(uint16_t port);

/* Connects, upgrades and waits for the answer; returns the socket, non-blocking. */
int dial(uint16_t port);

/* Makes room for that many descriptors. */
void dial_reserve(unsigned connections);

#endif
