/* trace_fixture.h - what the tests of conn/trace.h share. */
#ifndef TB_TESTS_UNIT_TRACE_FIXTURE_H
#define TB_TESTS_UNIT_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/bytes.h"
#include "conn/conn_state.h"
#include "conn/trace.h"

/* A console and a recording, each a file without a name, and a connection that never was. */
struct fixture {
    int console_fd;
    int record_fd;
    struct log *console;
    struct log *record;
    struct trace *trace;
    struct conn *c;
    struct bytes text; /* what stood on the console */
};

void set_up(struct fixture *f, enum log_format format, enum log_level level);
void tear_down(struct fixture *f);

/* What stands in a file, with a NUL behind it. */
void read_file(int fd, struct bytes *out);

/* What stands on the console; valid until the next call. */
const char *console(struct fixture *f);

/* The line of that number in the recording, parsed; 0 is the first. NULL if there is none. */
json_t *recorded(struct fixture *f, unsigned number);

/* The only event so far: what it is, when it was and whose it is are checked; its other fields must
 * be just these. */
void assert_event(struct fixture *f, const char *ev, const char *fields);

/* A message that a client sent in two frames; and: it is traced. */
struct ws_event message_of(uint8_t opcode, const void *p, size_t n);
void received(struct fixture *f, uint8_t opcode, const void *p, size_t n);

#endif
