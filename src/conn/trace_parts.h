/* conn/trace_parts.h - what the two renderers of the trace, text and JSON, have in common. */
#ifndef TB_CONN_TRACE_PARTS_H
#define TB_CONN_TRACE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http1.h"

/* A message in either direction. */
struct trace_message {
    uint8_t opcode;
    const uint8_t *data; /* unmasked and inflated */
    size_t size;
    uint64_t wire; /* bytes on the wire, headers included */
    uint32_t frames;
};

/* A header whose value is nobody's business: Authorization, Cookie and their kin. */
bool trace_is_secret(struct http1_str header_name);

#endif
