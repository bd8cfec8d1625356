/* sockets.h - plain sockets of this machine that a client under test connects to, or cannot. A
 * test that asks for what the machine does not have is over with a failed assertion. */
#ifndef TB_TESTS_UNIT_SOCKETS_H
#define TB_TESTS_UNIT_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this machine has ::1. */
bool sockets_have_ipv6(void);

/* A socket at the address; *port: 0 for any that is free, and it is the bound one afterwards. */
int socket_listen(const char *address, uint16_t *port);

/* The same, but nobody listens: connecting is refused for as long as it is open. */
int socket_refuse(const char *address, uint16_t *port);

/* The same, but connecting neither works nor fails: the queue is full. *filler is the connection
 * that fills it. */
int socket_hang(const char *address, uint16_t *port, int *filler);

/* A Unix socket; `is_full`: with a full queue, which *filler fills. */
int socket_listen_unix(const char *path, bool is_full, int *filler);

/* The connection that waits at a listening socket, accepted; -1: none. */
int socket_accept(int fd);

/* How many descriptors the process has. The first loop opens some that stay: they are counted from
 * the first call on. */
unsigned sockets_open(void);

#endif
