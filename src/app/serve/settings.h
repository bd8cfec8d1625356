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
    struct option_list files; /* none: the article's server */
    struct option_list vars;
    struct option_list hosts; /* none: localhost, unless only a Unix socket is asked for */
    struct option_list origins;
    struct option_list subprotocols;
    const char *from; /* a recording that is made into a file; NULL: none */
    const char *unix_path;
    const char *tls_cert;
    const char *tls_key;
    const char *record;
    uint64_t port;
    uint64_t every_ms; /* instead of the times of the files' `every` rules */
    uint64_t seed;
    uint64_t threads;
    uint64_t max_connections; /* 0: as many as the descriptors allow, 10,000 at most */
    uint64_t max_message;
    uint64_t max_fragments;
    uint64_t max_backlog;
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t handshake_ms;
    int slow;       /* enum slow_policy */
    int log_format; /* enum log_format */
    unsigned verbose;
    bool has_every;
    bool has_seed;
    bool echo;
    bool print; /* what --from makes is printed, not served */
    bool print_article;
    bool no_deflate;
    bool quiet;
    bool help;
    bool says_where; /* hosts, port or Unix socket were given: what a file says does not count */
    bool tcp;        /* listen on hosts and port */
};

extern const struct option settings_options[];

/* Reads the command line. TB_OK; or TB_EINVAL or TB_ENOMEM, and *message says in one line what is
 * wrong. Release in any case. */
int settings_read(struct settings *s, int argc, char **argv, struct bytes *message);
void settings_release(struct settings *s);

#endif
