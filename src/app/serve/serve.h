/* app/serve/serve.h - `taburet serve`: the practice server. */
#ifndef TB_APP_SERVE_SERVE_H
#define TB_APP_SERVE_SERVE_H

#include "app/command.h"

extern const struct command serve_command;

#endif
