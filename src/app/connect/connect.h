/* app/connect/connect.h - the verb `connect`: a client, for a person and for a pipe. */
#ifndef TB_APP_CONNECT_CONNECT_H
#define TB_APP_CONNECT_CONNECT_H

#include "app/command.h"

extern const struct command connect_command;

#endif
