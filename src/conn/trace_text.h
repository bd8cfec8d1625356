/* conn/trace_text.h - the events of a trace as lines for a person; for conn/trace.c.
 *
 * Each function appends one line (several, separated by newlines, for a handshake) without the last
 * newline. What a peer said is escaped. When memory is out, the line is left short.
 */
#ifndef TB_CONN_TRACE_TEXT_H
#define TB_CONN_TRACE_TEXT_H

#include "base/bytes.h"
#include "conn/trace.h"
#include "conn/trace_parts.h"

void trace_text_open(struct bytes *line, const struct conn *c);
void trace_text_request(struct bytes *line, const struct conn *c, const struct http1 *request);
void trace_text_answer(struct bytes *line, const struct conn *c, const struct ws_answer *answer);

/* Nothing if the client asked for none. */
void trace_text_no_subprotocol(struct bytes *line, const struct conn *c,
                               const struct http1 *request);
void trace_text_refused(struct bytes *line, const struct conn *c, const struct http1 *request,
                        unsigned status, const char *why);
void trace_text_message(struct bytes *line, const struct conn *c, enum trace_from from,
                        const struct trace_message *m);
void trace_text_frame(struct bytes *line, const struct conn *c, enum trace_from from,
                      const struct ws_head *head);
void trace_text_control(struct bytes *line, const struct conn *c, enum trace_from from,
                        const char *what, const uint8_t *p, size_t n, int64_t rtt_us);
void trace_text_violation(struct bytes *line, const struct conn *c, enum ws_violation v);
void trace_text_dropped(struct bytes *line, const struct conn *c, uint64_t messages);
void trace_text_close(struct bytes *line, const struct conn *c);

#endif
