/* app/test/test.h - `taburet test`: runs a file's scenarios, against its own mock or a server. */
#ifndef TB_APP_TEST_TEST_H
#define TB_APP_TEST_TEST_H

#include "app/command.h"

extern const struct command test_command;

#endif
