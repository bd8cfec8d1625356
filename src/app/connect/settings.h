/* app/connect/settings.h - what the command line of `taburet connect` says.
 *
 * Owns the table of options and their defaults, and checks whatever can be wrong with them; knows
 * nothing of sockets. The flags that every dialling verb has are app/dial/flags.h's.
 */
#ifndef TB_APP_CONNECT_SETTINGS_H
#define TB_APP_CONNECT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/dial/flags.h"
#include "base/options.h"
#include "conn/wire.h"

struct connect_settings {
    struct dial_flags dial;
    struct option_list urls; /* --url */
    const char *url;

    struct option_list data; /* TEXT or @FILE */
    const char *separator;   /* NULL: none was given */
    struct bytes ending;     /* of a message, in and out: what --separator and -0 say; empty: no
                                framing */
    struct option_list expect;
    uint64_t expect_close; /* CLOSE_NOT_GIVEN: none */
    uint64_t wait_ms;      /* OPTION_FOREVER_MS: for ever; WAIT_NOT_GIVEN */
    uint64_t max_messages; /* 0: any number */
    uint64_t close_code;
    const char *close_reason;
    uint64_t ping_interval_ms; /* 0: none */
    uint64_t ping_timeout_ms;
    const char *reconnect; /* NULL: no; "" or N,DELAY */
    uint64_t reconnect_tries;
    uint64_t reconnect_delay_ms;
    uint64_t fragment;
    const char *mask;
    const char *rsv;
    const char *opcode;
    struct wire_shape shape; /* what those four say */

    int form;         /* enum order_form: what -d and a line of input mean */
    int input_format; /* enum dial_format */
    int pretty;       /* -1: where a terminal shows it; 0, 1 */
    int timestamps;   /* enum show_times */
    bool null_terminated;
    bool raw;
    bool force;
    bool one_message;
    bool no_close;
    bool show_pings;
    bool inhibit_pongs;
    bool help;
};

#define WAIT_NOT_GIVEN (UINT64_MAX - 1)
#define CLOSE_NOT_GIVEN UINT64_MAX

extern const struct option connect_options[];

/* Reads the command line. TB_OK; or TB_EINVAL or TB_ENOMEM, and *message says in one line (for a
 * config file in several) what is wrong. Release in any case. */
int connect_settings_read(struct connect_settings *s, int argc, char **argv, struct bytes *message);
void connect_settings_release(struct connect_settings *s);

#endif
