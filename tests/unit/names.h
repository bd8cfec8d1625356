/* names.h - a name server for tests: stands in front of the system's getaddrinfo().
 *
 *     four.test     127.0.0.1
 *     six.test      ::1
 *     both.test     127.0.0.1, then ::1
 *     stuck.test    127.0.0.1, but not before names_unstick()
 *     broken.test   fails with EAI_SYSTEM and EMFILE
 *     memory.test   fails with EAI_MEMORY
 *     *.test        no such name
 *
 * Everything else is the system's affair. What waits here gives up after 20 s.
 */
#ifndef TB_TESTS_UNIT_NAMES_H
#define TB_TESTS_UNIT_NAMES_H

#include <stdbool.h>

/* Forgets the counts. No lookup may be under way. */
void names_reset(void);

/* Wait until so many lookups of these names hang, or were answered, or so many answers (also of the
 * system) were freed. False if it does not happen. */
bool names_await_stuck(unsigned n);
bool names_await_answered(unsigned n);
bool names_await_freed(unsigned n);

/* Lets the lookups that hang go on. */
void names_unstick(void);

/* How many names of .test were asked for. */
unsigned names_asked(void);

#endif
