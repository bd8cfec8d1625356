/* app/serve/site.h - one server of the program: what it serves, and where.
 *
 * Owns a file, compiled once for each thread, the mock that runs it, the sockets that it listens
 * on, and their TLS. Without a file it is the article's server, or, with --echo, an echo.
 */
#ifndef TB_APP_SERVE_SITE_H
#define TB_APP_SERVE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/recording.h"
#include "app/serve/page.h"
#include "app/serve/server.h"
#include "app/serve/settings.h"
#include "base/bytes.h"
#include "net/bind.h"
#include "net/tls.h"
#include "script/script.h"

struct mock;
struct trace;

/* Where it listens: hosts on one port. */
struct site_place {
    const char *const *hosts;
    size_t host_count;
    const char *unix_path; /* and/or this socket; NULL: none */
    uint16_t port;
    bool tcp;
    bool secure;
    struct bindings bindings;
};

struct site {
    const struct settings *settings;
    const char *path;    /* of its file, or of a recording; NULL: none */
    char made_name[300]; /* for messages about what was made of a recording */
    uint64_t seed;
    struct bytes text;       /* the file's, as it is in force */
    struct script **scripts; /* one a thread; NULL: it only echoes */
    const char **hosts;      /* of the file's places */
    struct site_place *places;
    size_t place_count;
    struct tls_context *tls; /* NULL: nobody needs it */
    struct recording recording;
    struct trace *trace;
    struct page page;
    struct endpoint_config config;
    struct mock *mock; /* NULL: it only echoes */
    struct server *server;
    size_t part; /* of the server's */
};

/* The steps of a start, in their order. Each returns an exit code, EXIT_OK to go on; otherwise
 * *message says what is wrong. *notes gets what the user should know all the same, a line each. */
int site_load(struct site *site, const struct settings *settings, const char *path,
              struct bytes *message);
int site_bind(struct site *site, struct bytes *message, struct bytes *notes);
int site_open(struct site *site, struct log *console, struct bytes *message);
int site_begin(struct site *site, struct server *server, size_t part, struct bytes *message);

/* What --from makes of a recording, as a text. An exit code and *message, as above. */
int site_make(const char *recording, struct bytes *text, struct bytes *message);

/* Whether a site has a port that another one wanted, too, and was refused. */
bool site_shares_place(const struct site *site, const struct site *refused);

/* A line an address, on the console. */
void site_announce(const struct site *site);

/* Ends what the mock has on a loop; on that loop's thread. */
void site_end(struct site *site, size_t thread);

/* The server's loops have ended, its endpoints are still there. */
void site_release(struct site *site);

/* Compiles the file's text, for all threads: in *scripts, an array that is the caller's. TB_OK, or
 * as script_parse() does. */
int site_compile(const struct site *site, const char *text, size_t n, struct script ***scripts,
                 struct bytes *message);
void site_free_scripts(struct script **scripts, size_t count);

#endif
