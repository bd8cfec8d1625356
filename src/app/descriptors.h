/* app/descriptors.h - how many files and sockets the program may have open at once. */
#ifndef TB_APP_DESCRIPTORS_H
#define TB_APP_DESCRIPTORS_H

#include <stdint.h>

/* Asks the system for as many descriptors as it lets us have, and says how many those are. */
uint64_t descriptors_raise(void);

#endif
