#include "app/connect/settings.h"

#include <string.h>

#include "app/connect/order.h"
#include "app/connect/show.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/text.h"
#include "base/units.h"
#include "proto/close.h"
#include "proto/utf8.h"

#define AT(field) offsetof(struct connect_settings, field)
#define DAY_MS (24ULL * 60 * 60 * 1000)

enum { CLOSE_CODE_NONE = WS_CLOSE_NO_STATUS, RECONNECT_DELAY_MS = 1000 };

const struct option connect_options[] = {
    {"url", 0, OPTION_LIST, AT(urls), .arg = "URL",
     .help = "The URL, where it is not an argument of its own: in a file of options"},

    {.kind = OPTION_GROUP, .help = "What is sent"},
    {"data", 'd', OPTION_LIST, AT(data), .arg = "TEXT",
     .help = "Send this when the connection is open; @FILE sends what stands in the file, @- what "
             "stands in standard input, which is not read line by line then; may be repeated "
             "(also: --execute)"},
    {"execute", 0, OPTION_LIST, AT(data), .arg = "TEXT", .help = "As --data",
     .flags = OPTION_ALIAS},
    {"text", 't', OPTION_SET, AT(form), .help = "A line of input is a text message. The default",
     .value = ORDER_TEXT},
    {"binary", 0, OPTION_SET, AT(form),
     .help = "A line of input is a binary message; what comes as binary is written as it is",
     .value = ORDER_BINARY},
    {"hex", 0, OPTION_SET, AT(form),
     .help = "A line of input is a binary message in hexadecimal, and so is the output",
     .value = ORDER_HEX},
    {"base64", 0, OPTION_SET, AT(form),
     .help = "A line of input is a binary message in base64, and so is the output",
     .value = ORDER_BASE64},
    {"input-format", 0, OPTION_CHOICE, AT(input_format),
     .help = "json: each line of input is a command, such as {\"send\":{\"text\":\"hi\"}}. "
             "Default: text",
     .choices = "text|json"},
    {"null-terminated", '0', OPTION_FLAG, AT(null_terminated),
     .help = "Messages end with a NUL byte instead of a newline, in and out"},
    {"separator", 0, OPTION_STRING, AT(separator), .arg = "STRING",
     .help = "Messages end with this instead of a newline, in and out; \\n, \\r, \\t, \\0 and \\\\ "
             "are understood"},
    {"raw", 0, OPTION_FLAG, AT(raw),
     .help = "No framing: what a read of the input gives is a message, and messages are written "
             "with nothing between them; to a terminal only with --force"},
    {"force", 0, OPTION_FLAG, AT(force), .help = "Let --raw write to a terminal"},

    {.kind = OPTION_GROUP, .help = "When to leave"},
    {"wait", 0, OPTION_DURATION, AT(wait_ms), .arg = "SECONDS",
     .help = "Stay that long after the input has ended; -1 is for ever. Default: for ever in a "
             "terminal and with --max-messages, 10 s with --expect and --expect-close, else 1 s",
     .max = DAY_MS, .flags = OPTION_FOREVER},
    {"one-message", '1', OPTION_FLAG, AT(one_message), .help = "Leave after one message has come"},
    {"max-messages", 0, OPTION_NUMBER, AT(max_messages), .arg = "N",
     .help = "Leave after that many messages have come", .min = 1, .max = UINT64_MAX},
    {"expect", 0, OPTION_LIST, AT(expect), .arg = "PATTERN",
     .help = "Leave with exit code 0 once a message has come in which this regular expression "
             "matches, with 103 if none does in time; may be repeated: one after the other. "
             "'{ json: { $.ok: true } }' and the like is a matcher of a file"},
    {"expect-close", 0, OPTION_NUMBER, AT(expect_close), .arg = "CODE",
     .help = "Exit code 0 if the server closes with this code (1005: a close frame without a "
             "code, 1006: lost without one), else 103",
     .min = 1000, .max = 4999},
    {"close-code", 0, OPTION_NUMBER, AT(close_code), .arg = "CODE",
     .help = "Close with this code. Default: 1000", .min = 1000, .max = 4999},
    {"close-reason", 0, OPTION_STRING, AT(close_reason), .arg = "TEXT",
     .help = "Close with this reason, 123 bytes at most"},
    {"no-close", 0, OPTION_FLAG, AT(no_close),
     .help = "Leave without a close frame: end the TCP connection"},
    {"reconnect", 0, OPTION_STRING, AT(reconnect), .arg = "N,DELAY",
     .help = "Connect again after a connection that was open is lost, N times in a row at most "
             "(default: no end), after this "
             "time (default: 1s)",
     .flags = OPTION_OPTIONAL},

    {.kind = OPTION_GROUP, .help = "Pings"},
    {"ping-interval", 0, OPTION_DURATION, AT(ping_interval_ms), .arg = "SECONDS",
     .help = "Ping the server this often; 0 is never. Default: 0", .max = DAY_MS},
    {"ping-timeout", 0, OPTION_DURATION, AT(ping_timeout_ms), .arg = "SECONDS",
     .help = "Give up if nothing comes this long after such a ping; 0 is never. Default: 20s",
     .max = DAY_MS},
    {"show-ping-pong", 'P', OPTION_FLAG, AT(show_pings),
     .help = "Show pings and pongs, and their round trip"},

    {.kind = OPTION_GROUP, .help = "How messages are shown in a terminal"},
    {"pretty", 0, OPTION_SET, AT(pretty), .help = "Indent JSON. The default in a terminal",
     .value = 1},
    {"no-pretty", 0, OPTION_SET, AT(pretty), .help = "Show JSON as it came", .value = 0},
    {"timestamps", 0, OPTION_CHOICE, AT(timestamps),
     .help = "Show when things happen: in seconds since the connection was open (the default of "
             "this option), or by the clock",
     .choices = "none|relative|absolute", .flags = OPTION_OPTIONAL, .value = SHOW_RELATIVE_TIMES},

    {.kind = OPTION_GROUP, .help = "Misbehaving on purpose"},
    {"fragment", 0, OPTION_SIZE, AT(fragment), .arg = "N",
     .help = "Send messages in frames of N bytes", .min = 1, .max = INT64_MAX},
    {"mask", 0, OPTION_STRING, AT(mask), .arg = "HEX",
     .help = "Mask with this key of 4 bytes, such as 00000000; 'none' sends unmasked frames"},
    {"rsv", 0, OPTION_STRING, AT(rsv), .arg = "BITS",
     .help = "Set the reserved bits RSV1, RSV2, RSV3 of a message's first frame, such as 100"},
    {"opcode", 0, OPTION_STRING, AT(opcode), .arg = "N",
     .help = "Send messages with this opcode, 0 to 15"},
    {"inhibit-pongs", 0, OPTION_FLAG, AT(inhibit_pongs), .help = "Leave pings unanswered"},

    {NULL, 0, OPTION_GROUP, AT(dial), .group = dial_flags_options},
    {.kind = OPTION_GROUP, .help = "Help"},
    {"help", 'h', OPTION_FLAG, AT(help), .help = "Print the options"},
    {0},
};

static void set_defaults(struct connect_settings *s) {
    *s = (struct connect_settings){
        .wait_ms = WAIT_NOT_GIVEN,
        .expect_close = CLOSE_NOT_GIVEN,
        .close_code = WS_CLOSE_NORMAL,
        .close_reason = "",
        .ping_timeout_ms = 20000,
        .reconnect_tries = UINT64_MAX,
        .reconnect_delay_ms = RECONNECT_DELAY_MS,
        .pretty = -1,
    };
    dial_flags_init(&s->dial);
}

/* ---- what the table cannot say ---- */

static int refuse(struct bytes *message, const char *text) {
    int err = bytes_append_str(message, text);
    return err == TB_OK ? TB_EINVAL : err;
}

static int refuse_value(struct bytes *message, const char *text, const char *value) {
    bytes_append_str(message, text);
    bytes_append_str(message, ", not '");
    text_escape(message, value, strlen(value), TEXT_ONE_LINE);
    return refuse(message, "'");
}

static int check_mask(struct connect_settings *s, struct bytes *message) {
    struct bytes key = BYTES_INIT;
    size_t offset;
    int err = TB_OK;
    if (s->mask == NULL) {
        return TB_OK;
    }
    s->shape.has_mask = true;
    s->shape.masked = strcmp(s->mask, "none") != 0;
    if (s->shape.masked) {
        err = hex_decode(&key, s->mask, strlen(s->mask), &offset);
        if (err == TB_EINVAL || (err == TB_OK && key.len != sizeof s->shape.mask)) {
            err = refuse_value(message, "option '--mask' needs 4 bytes in hexadecimal, or none",
                               s->mask);
        } else if (err == TB_OK) {
            memcpy(s->shape.mask, key.data, sizeof s->shape.mask);
        }
    }
    bytes_release(&key);
    return err;
}

/* Three binary digits, in the order in which the bits stand in a frame. */
static int check_rsv(struct connect_settings *s, struct bytes *message) {
    if (s->rsv == NULL) {
        return TB_OK;
    }
    if (strlen(s->rsv) != 3 || strspn(s->rsv, "01") != 3) {
        return refuse_value(
            message, "option '--rsv' needs the three bits RSV1, RSV2, RSV3, such as 100", s->rsv);
    }
    s->shape.has_rsv = true;
    for (int i = 0; i < 3; i++) {
        s->shape.rsv = (uint8_t)(s->shape.rsv << 1 | (s->rsv[i] == '1'));
    }
    return TB_OK;
}

static int check_opcode(struct connect_settings *s, struct bytes *message) {
    uint64_t opcode;
    if (s->opcode == NULL) {
        return TB_OK;
    }
    if (units_count(s->opcode, 0, 15, &opcode) != TB_OK) {
        return refuse_value(message, "option '--opcode' needs a number from 0 to 15", s->opcode);
    }
    s->shape.has_opcode = true;
    s->shape.opcode = (uint8_t)opcode;
    return TB_OK;
}

static int check_shape(struct connect_settings *s, struct bytes *message) {
    s->shape.fragment = s->fragment;
    int err = check_mask(s, message);
    err = err == TB_OK ? check_rsv(s, message) : err;
    return err == TB_OK ? check_opcode(s, message) : err;
}

/* "", "N", "N,DELAY" or ",DELAY". */
static int check_reconnect(struct connect_settings *s, struct bytes *message) {
    char tries[24] = "";
    if (s->reconnect == NULL) {
        return TB_OK;
    }
    size_t n = strcspn(s->reconnect, ",");
    const char *delay = s->reconnect[n] == ',' ? s->reconnect + n + 1 : "";
    bool good = n < sizeof tries;
    if (good) {
        memcpy(tries, s->reconnect, n);
        good = n == 0 || units_count(tries, 1, UINT64_MAX - 1, &s->reconnect_tries) == TB_OK;
    }
    good = good && (delay[0] == '\0' || units_duration(delay, &s->reconnect_delay_ms) == TB_OK);
    return good ? TB_OK
                : refuse_value(message,
                               "option '--reconnect' needs a number of times and a pause, such as "
                               "5,2s",
                               s->reconnect);
}

static int check_close(const struct connect_settings *s, struct bytes *message) {
    if (!ws_close_code_is_valid((uint16_t)s->close_code)) {
        return refuse(message, "option '--close-code' needs a code that may be sent: 1000 to 1003, "
                               "1007 to 1014, 3000 to 4999 ('/close' in a terminal and a JSON "
                               "command send any)");
    }
    if (strlen(s->close_reason) > WS_CLOSE_REASON_MAX) {
        return refuse(message, "option '--close-reason' takes 123 bytes at most");
    }
    if (!utf8_is_valid((const uint8_t *)s->close_reason, strlen(s->close_reason))) {
        return refuse(message, "option '--close-reason' needs valid UTF-8");
    }
    return TB_OK;
}

/* A shell hands a line's end over only with difficulty, and a NUL not at all. */
static int read_separator(const char *text, struct bytes *out) {
    static const char names[] = "nrt0\\";
    static const char values[] = "\n\r\t\0\\";
    int err = TB_OK;
    for (; err == TB_OK && *text != '\0'; text++) {
        const char *name = text[0] == '\\' && text[1] != '\0' ? strchr(names, text[1]) : NULL;
        err = bytes_append(out, name == NULL ? text : values + (name - names), 1);
        text += name != NULL;
    }
    return err;
}

static int check_framing(struct connect_settings *s, struct bytes *message) {
    if (s->null_terminated + (s->separator != NULL) + s->raw > 1) {
        return refuse(message, "options '--null-terminated', '--separator' and '--raw' exclude "
                               "each other");
    }
    if (s->separator != NULL && s->separator[0] == '\0') {
        return refuse(message, "option '--separator' needs at least one character (--raw writes "
                               "nothing between messages)");
    }
    bool json = s->input_format == DIAL_FORMAT_JSON;
    if (json && (s->null_terminated || s->separator != NULL || s->raw)) {
        return refuse(message, "JSON commands come line by line: no '--null-terminated', "
                               "'--separator' or '--raw' with '--input-format json'");
    }
    if (s->null_terminated) {
        return bytes_append(&s->ending, "", 1);
    }
    return s->raw ? TB_OK : read_separator(s->separator == NULL ? "\n" : s->separator, &s->ending);
}

static int check(struct connect_settings *s, struct bytes *message) {
    if (s->one_message && s->max_messages == 0) {
        s->max_messages = 1;
    }
    int err = check_shape(s, message);
    err = err == TB_OK ? check_reconnect(s, message) : err;
    err = err == TB_OK ? check_close(s, message) : err;
    return err == TB_OK ? check_framing(s, message) : err;
}

static int take_url(struct connect_settings *s, const struct option_list *operands,
                    struct bytes *message) {
    const struct option_list *urls = s->urls.count > 0 ? &s->urls : operands;
    size_t count = s->urls.count + operands->count;
    if (count == 0) {
        return refuse(message, "no URL: 'taburet connect ws://localhost:4000' ('taburet connect "
                               "--help' lists the options)");
    }
    if (count > 1) {
        const char *second =
            operands->count > 0 ? operands->items[operands->count - 1] : urls->items[1];
        bytes_append_str(message, "unexpected argument '");
        text_escape(message, second, strlen(second), TEXT_ONE_LINE);
        return refuse(message, "' (one URL is enough)");
    }
    s->url = urls->items[0];
    return TB_OK;
}

int connect_settings_read(struct connect_settings *s, int argc, char **argv,
                          struct bytes *message) {
    struct option_list operands = {0};
    set_defaults(s);
    int err = options_parse(connect_options, argc, argv, s, &operands, message);
    if (err == TB_OK && !s->help) {
        err = take_url(s, &operands, message);
        err = err == TB_OK ? check(s, message) : err;
    }
    option_list_release(&operands);
    return err;
}

void connect_settings_release(struct connect_settings *s) {
    options_release(connect_options, s);
    bytes_release(&s->ending);
    dial_flags_release(&s->dial);
}
