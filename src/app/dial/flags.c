#include "app/dial/flags.h"

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

#define AT(field) .offset = offsetof(struct dial_flags, field)
#define HEADING(text)                                                                              \
    { NULL, 0, OPTION_GROUP, .help = (text) }
#define DAY_MS (24ULL * 60 * 60 * 1000)
#define MIB (1024ULL * 1024)
#define GIB (1024 * MIB)

/* The slot is a struct dial_deflate. */
static int take_deflate(const struct option *table, void *settings, void *slot,
                        const char *argument, struct bytes *message) {
    (void)table, (void)settings, (void)message;
    *(struct dial_deflate *)slot = (struct dial_deflate){.params = argument, .off = 0};
    return TB_OK;
}

const struct option dial_flags_reach[] = {
    HEADING("What is asked for"),
    {"header", 'H', OPTION_LIST, AT(headers), .arg = "LINE",
     .help = "Send this header, 'Name: value', with the handshake; 'Name:' leaves out one of ours, "
             "'Name;' sends an empty one, @FILE reads one a line; may be repeated"},
    {"user-agent", 'A', OPTION_STRING, AT(user_agent), .arg = "NAME",
     .help = "Send this User-Agent; '' sends none. Default: taburet/VERSION"},
    {"user", 'u', OPTION_STRING, AT(user), .arg = "USER:PASSWORD",
     .help = "Log in with Basic authentication"},
    {"oauth2-bearer", 0, OPTION_STRING, AT(bearer), .arg = "TOKEN",
     .help = "Log in with this bearer token"},
    {"cookie", 'b', OPTION_LIST, AT(cookies), .arg = "DATA|FILE",
     .help = "Send these cookies, or those of a Netscape cookie file that are for the URL; DATA is "
             "'a=b; c=d'; may be repeated"},
    {"origin", 0, OPTION_STRING, AT(origin), .arg = "URL",
     .help = "Send this Origin, as a page of that site would. Default: none"},
    {"subprotocol", 0, OPTION_LIST, AT(subprotocols), .arg = "NAME",
     .help = "Offer this subprotocol; may be repeated, the first is liked best"},
    {"deflate", 0, OPTION_CALL, AT(deflate), .arg = "PARAMS", .flags = OPTION_OPTIONAL,
     .call = take_deflate,
     .help = "Offer permessage-deflate (compression), as is done by default; PARAMS are its "
             "parameters, such as 'server_no_context_takeover; client_max_window_bits=10'"},
    {"no-deflate", 0, OPTION_SET, AT(deflate.off), .value = 1,
     .help = "Do not offer permessage-deflate"},
    {"max-message-size", 0, OPTION_SIZE, AT(max_message), .arg = "SIZE",
     .help = "Close with 1009 beyond this, after inflating. Default: 16M", .min = 1, .max = GIB},

    HEADING("TLS"),
    {"insecure", 'k', OPTION_FLAG, AT(insecure),
     .help = "Verify neither the server's certificate nor its host name"},
    {"cacert", 0, OPTION_STRING, AT(ca_file), .arg = "FILE",
     .help = "Trust these certificates (PEM) instead of the system's"},
    {"cert", 'E', OPTION_STRING, AT(cert), .arg = "FILE[:PASS]",
     .help = "Our own certificate (PEM); \\: is a colon in the file's name"},
    {"key", 0, OPTION_STRING, AT(key_file), .arg = "FILE",
     .help = "Its private key (PEM). Default: it stands with the certificate"},
    {"pass", 0, OPTION_STRING, AT(passphrase), .arg = "PHRASE",
     .help = "The passphrase of the private key"},

    HEADING("The way there"),
    {"resolve", 0, OPTION_LIST, AT(resolve), .arg = "HOST:PORT:ADDR[,ADDR]",
     .help = "Take these addresses for that host and port; HOST * is every one; may be repeated"},
    {"connect-to", 0, OPTION_LIST, AT(connect_to), .arg = "HOST1:PORT1:HOST2:PORT2",
     .help = "Connect to the second instead of the first; an empty part of the first is any, of "
             "the second the same; may be repeated"},
    {"unix-socket", 0, OPTION_STRING, AT(unix_path), .arg = "PATH",
     .help = "Connect to this Unix socket instead of the URL's host"},
    {"interface", 0, OPTION_STRING, AT(interface), .arg = "NAME",
     .help = "Leave by this network device, or from this address of ours"},
    {"ipv4", '4', OPTION_SET, AT(family), .value = AF_INET, .help = "Use IPv4 addresses only"},
    {"ipv6", '6', OPTION_SET, AT(family), .value = AF_INET6, .help = "Use IPv6 addresses only"},
    {"proxy", 'x', OPTION_STRING, AT(proxy), .arg = "URL",
     .help =
         "Go through this proxy, [http|socks5h]://[USER:PASSWORD@]HOST[:PORT], port 1080 if "
         "none is given; socks5:// means socks5h://, the proxy resolves names; '' is none. "
         "Default: what https_proxy (wss), http_proxy (ws) or all_proxy in the environment say"},
    {"noproxy", 0, OPTION_STRING, AT(noproxy), .arg = "LIST",
     .help = "Go to these hosts without a proxy: names with all below them, addresses, networks, "
             "or *. Default: what no_proxy in the environment says"},
    {.name = NULL},
};

const struct option dial_flags_options[] = {
    {.kind = OPTION_GROUP, .group = dial_flags_reach},

    HEADING("Persistence"),
    {"location", 'L', OPTION_FLAG, AT(location),
     .help = "Follow redirects; credentials go to the URL's own scheme, host and port only"},
    {"max-redirs", 0, OPTION_NUMBER, AT(max_redirects), .arg = "N",
     .help = "Follow this many of them at most. Default: 50", .max = 10000},
    {"connect-timeout", 0, OPTION_DURATION, AT(connect_timeout_ms), .arg = "SEC",
     .help = "Time for TCP, proxy, TLS and the HTTP upgrade together. Default: 10s", .min = 1,
     .max = DAY_MS},
    {"max-time", 'm', OPTION_DURATION, AT(max_time_ms), .arg = "SEC",
     .help = "Time for everything; 0 is without end. Default: 0", .max = 365 * DAY_MS},
    {"retry", 0, OPTION_NUMBER, AT(retries), .arg = "N",
     .help = "Try this often again where the trouble may pass: no connection, no answer, or the "
             "status 408, 429, 500, 502, 503 or 504. Default: 0",
     .max = UINT32_MAX},
    {"retry-delay", 0, OPTION_DURATION, AT(retry_delay_ms), .arg = "SEC",
     .help = "Wait this long before each of them. Default: 1s, then twice as long each time, "
             "10 min at most",
     .max = DAY_MS},

    HEADING("What is shown"),
    {"verbose", 'v', OPTION_COUNT, AT(verbose),
     .help = "Show the handshake; twice: every frame, too"},
    {"output", 'o', OPTION_STRING, AT(output), .arg = "FILE",
     .help = "Write what comes to this file. Default: standard output"},
    {"silent", 's', OPTION_FLAG, AT(silent), .help = "Say nothing but what comes"},
    {"show-error", 'S', OPTION_FLAG, AT(show_error),
     .help = "With --silent: show errors all the same"},
    {"record", 0, OPTION_STRING, AT(record), .arg = "FILE",
     .help = "Append everything that happens to this file, as JSON lines"},
    {"output-format", 0, OPTION_CHOICE, AT(output_format), .choices = "text|json",
     .help = "Show it for a person, or as one JSON line an event. Default: text"},
    {"color", 0, OPTION_CHOICE, AT(color), .choices = "auto|always|never",
     .help = "Highlight what is shown; auto: in a terminal, unless NO_COLOR is set. Default: auto"},
    {"no-color", 0, OPTION_SET, AT(color), .value = DIAL_COLOR_NEVER,
     .help = "The same as --color never"},
    {"config", 'K', OPTION_CALL, AT(config), .arg = "FILE", .call = config_read,
     .help = "Read options from this file, one a line"},
    {.name = NULL},
};

void dial_flags_init(struct dial_flags *f) {
    *f = (struct dial_flags){
        .family = AF_UNSPEC,
        .max_redirects = 50,
        .connect_timeout_ms = 10000,
        .max_message = 16 * MIB,
        .color = DIAL_COLOR_AUTO,
    };
}

void dial_flags_release(struct dial_flags *f) {
    config_release(&f->config);
}
