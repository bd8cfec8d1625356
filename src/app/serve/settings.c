#include "app/serve/settings.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "proto/http1.h"

enum { PORT_DEFAULT = 4000, PORT_NOT_GIVEN = 65536 };

#define NOT_GIVEN UINT64_MAX
#define SEED_MAX ((UINT64_C(1) << 53) - 1)

#define SMALL_LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define AT(field) .offset = offsetof(struct settings, field)
#define DAY_MS (24ULL * 60 * 60 * 1000)
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

const struct option settings_options[] = {
    {"host", 0, OPTION_LIST, AT(hosts), .arg = "HOST",
     .help = "Listen on this name or address; may be repeated. Default: localhost, that is "
             "127.0.0.1 and ::1"},
    {"port", 'p', OPTION_NUMBER, AT(port), .arg = "PORT",
     .help = "Listen on this port; 0 takes any free one. Default: 4000", .max = 65535},
    {"unix", 0, OPTION_STRING, AT(unix_path), .arg = "PATH",
     .help = "Listen on this Unix socket; on a port as well only if --host or --port is given"},
    {"every", 0, OPTION_DURATION, AT(every_ms), .arg = "DURATION",
     .help = "Let every 'every' rule fire this often, whatever the file says; 0 is never",
     .max = DAY_MS},
    {"var", 0, OPTION_LIST, AT(vars), .arg = "NAME=VALUE",
     .help = "Set a variable of the file; may be repeated"},
    {"seed", 0, OPTION_NUMBER, AT(seed), .arg = "N",
     .help = "Have the same chance and fake data as the run whose log named this seed",
     .max = SEED_MAX},
    {"from", 0, OPTION_STRING, AT(from), .arg = "RECORDING",
     .help = "Answer as the server did whose conversations were recorded there; --print shows the "
             "file that is made of them ('taburet test --from' makes scenarios)"},
    {"print", 0, OPTION_FLAG, AT(print),
     .help = "Print the file that --from makes, to go on with by hand, and serve nothing"},
    {"print-article", 0, OPTION_FLAG, AT(print_article),
     .help = "Print the file that is served without FILE, to begin one of your own with"},
    {"echo", 0, OPTION_FLAG, AT(echo),
     .help = "Send every message back to its sender alone, unchanged, and nothing else"},
    {"threads", 0, OPTION_NUMBER, AT(threads), .arg = "N",
     .help = "Serve on this many threads. Default: 1", .min = 1, .max = 64},
    {"tls-cert", 0, OPTION_STRING, AT(tls_cert), .arg = "FILE",
     .help = "Serve wss:// with this certificate chain (PEM); needs --tls-key"},
    {"tls-key", 0, OPTION_STRING, AT(tls_key), .arg = "FILE",
     .help = "The certificate's private key (PEM)"},
    {"allow-origin", 0, OPTION_LIST, AT(origins), .arg = "ORIGIN",
     .help = "Refuse browsers' pages of any other Origin with 403; may be repeated. Default: any "
             "Origin is welcome"},
    {"subprotocol", 0, OPTION_LIST, AT(subprotocols), .arg = "NAME",
     .help = "Agree to this subprotocol when a client offers it; may be repeated"},
    {"no-deflate", 0, OPTION_FLAG, AT(no_deflate),
     .help = "Do not agree to permessage-deflate (compression)"},
    {"max-connections", 0, OPTION_NUMBER, AT(max_connections), .arg = "N",
     .help = "Answer 503 beyond this many. Default: 10000, or what the limit of descriptors allows",
     .min = 1, .max = 10000000},
    {"max-message-size", 0, OPTION_SIZE, AT(max_message), .arg = "SIZE",
     .help = "Close with 1009 beyond this, after inflating. Default: 1M", .min = 1, .max = GIB},
    {"max-fragments", 0, OPTION_NUMBER, AT(max_fragments), .arg = "N",
     .help = "Close with 1008 beyond this many frames in a message. Default: 131072", .min = 1,
     .max = UINT32_MAX},
    {"max-backlog", 0, OPTION_SIZE, AT(max_backlog), .arg = "SIZE",
     .help = "What may wait for a client that does not read. Default: 64K more than two of the "
             "largest messages, but 1M at least",
     .min = 1, .max = GIB},
    {"slow", 0, OPTION_CHOICE, AT(slow), .choices = "close|drop",
     .help = "What happens to a client beyond its backlog: it is closed with 1008, or messages are "
             "left out for it. Default: close"},
    {"ping-interval", 0, OPTION_DURATION, AT(ping_interval_ms), .arg = "DURATION",
     .help = "Ping every client this often; 0 is never. Default: 20s", .max = DAY_MS},
    {"ping-timeout", 0, OPTION_DURATION, AT(ping_timeout_ms), .arg = "DURATION",
     .help = "Drop a client that is silent this long after a ping; 0 is never. Default: 20s",
     .max = DAY_MS},
    {"handshake-timeout", 0, OPTION_DURATION, AT(handshake_ms), .arg = "DURATION",
     .help = "Time for TLS and the HTTP upgrade together. Default: 10s", .min = 1, .max = DAY_MS},
    {"record", 0, OPTION_STRING, AT(record), .arg = "FILE",
     .help = "Append everything that happens to this file, as JSON lines"},
    {"log-format", 0, OPTION_CHOICE, AT(log_format), .choices = "text|json",
     .help = "Lines for a person or for a script. Default: text"},
    {"verbose", 'v', OPTION_COUNT, AT(verbose),
     .help = "Show handshakes and messages; twice: every frame, too"},
    {"quiet", 'q', OPTION_FLAG, AT(quiet), .help = "Show only where it listens"},
    {"help", 'h', OPTION_FLAG, AT(help), .help = "Print this"},
    {.name = NULL},
};

static void set_defaults(struct settings *s) {
    *s = (struct settings){
        .port = PORT_NOT_GIVEN,
        .every_ms = NOT_GIVEN,
        .seed = NOT_GIVEN,
        .threads = 1,
        .max_message = MIB,
        .max_fragments = 131072,
        .ping_interval_ms = 20000,
        .ping_timeout_ms = 20000,
        .handshake_ms = 10000,
    };
}

static int refuse(struct bytes *message, const char *text) {
    bytes_append_str(message, text);
    return TB_EINVAL;
}

/* A subprotocol is a token (RFC 6455 s.4.1 no. 10): whoever offered another one could not be
 * answered. */
static int check_subprotocols(const struct settings *s, struct bytes *message) {
    for (size_t i = 0; i < s->subprotocols.count; i++) {
        const char *name = s->subprotocols.items[i];
        if (!http1_str_is_token((struct http1_str){.p = name, .n = strlen(name)})) {
            bytes_append_str(message, "option '--subprotocol' needs a name without spaces, commas "
                                      "and the like, not '");
            text_escape(message, name, strlen(name), TEXT_ONE_LINE);
            return refuse(message, "'");
        }
    }
    return TB_OK;
}

static int check_hosts(const struct settings *s, struct bytes *message) {
    for (size_t i = 0; i < s->hosts.count; i++) {
        if (s->hosts.items[i][0] == '\0') {
            return refuse(message, "option '--host' needs a name or an address, not ''");
        }
        if (strcmp(s->hosts.items[i], "*") == 0) {
            return refuse(message, "option '--host' takes no '*': 0.0.0.0 is every IPv4 address of "
                                   "this machine, :: every IPv6 address");
        }
    }
    return TB_OK;
}

static size_t scheme_length(const char *origin) {
    bool begins_well = origin[0] >= 'a' && origin[0] <= 'z';
    return begins_well ? strspn(origin, SMALL_LETTERS DIGITS "+-.") : 0;
}

/* Whether a browser could send it: "null", or a scheme and a host in small letters, perhaps with a
 * port, and no path (RFC 6454 s.6.2). Some applications' pages have no host: "file://". */
static bool is_origin(const char *origin) {
    if (strcmp(origin, "null") == 0 || strcmp(origin, "file://") == 0) {
        return true;
    }
    size_t scheme = scheme_length(origin);
    if (scheme == 0 || strncmp(origin + scheme, "://", 3) != 0) {
        return false;
    }
    const char *host = origin + scheme + 3;
    size_t n = strlen(host);
    return n > 0 && strspn(host, SMALL_LETTERS DIGITS "-._~%[]:") == n;
}

/* One that never comes would quietly refuse every page. */
static int check_origins(const struct settings *s, struct bytes *message) {
    for (size_t i = 0; i < s->origins.count; i++) {
        const char *origin = s->origins.items[i];
        if (!is_origin(origin)) {
            bytes_append_str(message, "option '--allow-origin' needs an origin such as "
                                      "https://example.org, or null, not '");
            text_escape(message, origin, strlen(origin), TEXT_ONE_LINE);
            return refuse(message, "' (without the option any Origin is welcome)");
        }
    }
    return TB_OK;
}

/* Whoever reads well must not be closed for two answers of the largest size, which come at once. */
static uint64_t default_backlog(uint64_t max_message) {
    uint64_t two = 2 * max_message + 64 * KIB;
    return two > MIB ? two : MIB;
}

/* What the table cannot say: options that go together. */
static int check(struct settings *s, struct bytes *message) {
    if ((s->tls_cert == NULL) != (s->tls_key == NULL)) {
        return refuse(message, "options '--tls-cert' and '--tls-key' go together");
    }
    if (s->quiet && s->verbose > 0) {
        return refuse(message, "options '--quiet' and '--verbose' exclude each other");
    }
    if (s->echo + (s->files.count > 0) + (s->from != NULL) > 1) {
        return refuse(message, "a file, '--from' and '--echo' exclude each other");
    }
    if (s->print && s->from == NULL) {
        return refuse(message, "option '--print' is for the file that '--from RECORDING' makes");
    }
    s->has_every = s->every_ms != NOT_GIVEN;
    s->has_seed = s->seed != NOT_GIVEN;
    s->says_where = s->hosts.count > 0 || s->port != PORT_NOT_GIVEN || s->unix_path != NULL;
    if (s->files.count > 1 && (s->says_where || s->record != NULL)) {
        return refuse(message,
                      "several files are several servers: where each listens and records is "
                      "for the files to say, not for --host, --port, --unix or --record");
    }
    s->tcp = s->unix_path == NULL || s->hosts.count > 0 || s->port != PORT_NOT_GIVEN;
    if (s->port == PORT_NOT_GIVEN) {
        s->port = PORT_DEFAULT;
    }
    if (s->max_backlog == 0) {
        s->max_backlog = default_backlog(s->max_message);
    }
    int err = check_hosts(s, message);
    err = err == TB_OK ? check_origins(s, message) : err;
    return err == TB_OK ? check_subprotocols(s, message) : err;
}

int settings_read(struct settings *s, int argc, char **argv, struct bytes *message) {
    set_defaults(s);
    int err = options_parse(settings_options, argc, argv, s, &s->files, message);
    return err == TB_OK ? check(s, message) : err;
}

void settings_release(struct settings *s) {
    options_release(settings_options, s);
    option_list_release(&s->files);
}
