/* conn/trace_text.h - the events of a server's trace as log lines for a person.
 *
 * What a peer said is escaped. When memory is out, a line is left short.
 */
#ifndef TB_CONN_TRACE_TEXT_H
#define TB_CONN_TRACE_TEXT_H

#include "base/bytes.h"
#include "conn/trace.h"

/* The view of a text console: its context is the struct log. */
extern const struct trace_view trace_text_view;

/* The name of an opcode: "text", "close", "reserved". */
const char *trace_opcode_name(uint8_t opcode);

/* Appends the sentence that says that messages were left out. */
void trace_text_dropped(struct bytes *line, const struct conn *c, uint64_t messages);

#endif
