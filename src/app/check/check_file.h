/* app/check/check_file.h - `taburet check`: whether a file is right, and nothing else. */
#ifndef TB_APP_CHECK_CHECK_FILE_H
#define TB_APP_CHECK_CHECK_FILE_H

#include "app/command.h"

extern const struct command check_command;

#endif
