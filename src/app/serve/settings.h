/* app/serve/settings.h - what the command line of `taburet serve` says.
 *
 * Owns the table of options and their defaults; knows nothing of sockets.
 */
#ifndef TB_APP_SERVE_SETTINGS_H
#define TB_APP_SERVE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

struct settings {
    struct option_list hosts; /* none: localhost, unless only a Unix socket is asked for */
    uint64_t port;
    const char *unix_path;
    uint64_t every_ms;
    bool echo;
    uint64_t threads;
    const char *tls_cert;
    const char *tls_key;
    struct option_list origins;
    struct option_list subprotocols;
    bool no_deflate;
    uint64_t max_connections; /* 0: as many as the descriptors allow, 10,000 at most */
    uint64_t max_message;
    uint64_t max_fragments;
    uint64_t max_backlog;
    int slow; /* enum slow_policy */
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t handshake_ms;
    const char *record;
    int log_format; /* enum log_format */
    unsigned verbose;
    bool quiet;
    bool help;
    bool tcp; /* listen on hosts and port */
};

extern const struct option settings_options[];

/* Reads the command line. TB_OK; or TB_EINVAL or TB_ENOMEM, and *message says in one line what is
 * wrong. Release in any case. */
int settings_read(struct settings *s, int argc, char **argv, struct bytes *message);
void settings_release(struct settings *s);

#endif
