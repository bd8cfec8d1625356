/* app/dial/flags.h - the options of every verb that dials out, as they were typed.
 *
 * Owns their table, which a verb inserts in its own as a group, and their defaults. Where curl has
 * a flag for it, ours has its name and its meaning. What becomes of the values is app/dial/plan.h's
 * business; what is shown, recorded and written is the verb's.
 */
#ifndef TB_APP_DIAL_FLAGS_H
#define TB_APP_DIAL_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/options.h"

enum dial_color { DIAL_COLOR_AUTO, DIAL_COLOR_ALWAYS, DIAL_COLOR_NEVER };
enum dial_format { DIAL_FORMAT_TEXT, DIAL_FORMAT_JSON };

/* --deflate[=PARAMS] and --no-deflate; the last one counts. */
struct dial_deflate {
    const char *params; /* NULL or "": as the defaults are */
    int off;            /* not 0: it is not offered */
};

/* Strings and lists point into argv, or into what `config` owns. */
struct dial_flags {
    struct option_list headers;
    const char *user_agent; /* NULL: our own; "": none */
    const char *user;       /* USER:PASSWORD */
    const char *bearer;
    struct option_list cookies;
    const char *origin;
    struct option_list subprotocols;

    bool insecure;
    const char *ca_file;
    const char *cert; /* FILE or FILE:PASSWORD */
    const char *key_file;
    const char *passphrase;

    struct option_list resolve;
    struct option_list connect_to;
    const char *unix_path;
    const char *interface;
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    const char *proxy;   /* "": none, whatever the environment says */
    const char *noproxy; /* NULL: what the environment says */

    bool location;
    uint64_t max_redirects;
    uint64_t connect_timeout_ms; /* over TCP, proxy, TLS and HTTP: endpoint_config.handshake_ms */
    uint64_t max_time_ms;        /* over all; 0: none */
    uint64_t retries;
    uint64_t retry_delay_ms; /* 0: longer and longer */

    struct dial_deflate deflate;
    uint64_t max_message; /* bytes, after inflating */

    unsigned verbose;
    const char *output; /* NULL: standard output */
    bool silent;
    bool show_error; /* errors, even if silent */
    struct config config;
    const char *record;
    int output_format; /* enum dial_format */
    int color;         /* enum dial_color */
};

/* Headings and rows; offsets count from a struct dial_flags:
 *   {NULL, 0, OPTION_GROUP, offsetof(struct connect_settings, dial), .group = dial_flags_options}
 */
extern const struct option dial_flags_options[];

/* Of these the rows that say whom to reach, and how: for a verb that shows, records and persists in
 * ways of its own. */
extern const struct option dial_flags_reach[];

/* Sets the defaults. */
void dial_flags_init(struct dial_flags *f);

/* Frees what options_release() of the verb's table does not: the strings of -K. */
void dial_flags_release(struct dial_flags *f);

#endif
