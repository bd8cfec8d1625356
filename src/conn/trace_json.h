/* conn/trace_json.h - the events of a trace as JSON; for conn/trace.c.
 *
 * Each function returns the event's own fields as a new object (NULL if memory is out), in the
 * vocabulary of docs/recordings.md.
 */
#ifndef TB_CONN_TRACE_JSON_H
#define TB_CONN_TRACE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "conn/trace.h"

json_t *trace_json_open(const struct conn *c, const struct trace_handshake *h);
json_t *trace_json_refused(const struct conn *c, const struct trace_handshake *h, const char *why);
json_t *trace_json_message(enum trace_from from, const struct trace_message *m);
json_t *trace_json_frame(enum trace_from from, const struct ws_head *head);
json_t *trace_json_control(enum trace_from from, const struct trace_control *k);
json_t *trace_json_violation(enum trace_from from, enum ws_violation v);
json_t *trace_json_close(const struct conn *c);

/* Appends the whole line, without a newline: time, connection (0: none), event, fields. What a
 * terminal could obey (text_is_unsafe()) is written as \u escapes. False if fields is NULL or
 * memory is out. */
bool trace_json_line(struct bytes *line, int64_t t_us, uint64_t conn, const char *ev,
                     const json_t *fields);

#endif
