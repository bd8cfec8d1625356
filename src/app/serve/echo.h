/* app/serve/echo.h - every message back to its sender alone, unchanged: for benchmarks and for
 * conformance suites. */
#ifndef TB_APP_SERVE_ECHO_H
#define TB_APP_SERVE_ECHO_H

#include "conn/conn.h"

extern const struct conn_behaviour echo_behaviour;

#endif
