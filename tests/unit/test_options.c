#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/options.h"
#include "failing_alloc.h"

enum slow { SLOW_CLOSE, SLOW_DROP };

struct tls {
    const char *cacert;
    struct option_list pins;
    bool insecure;
};

struct dial {
    int family;
    struct tls tls;
    uint64_t retry;
};

struct settings {
    bool echo;
    bool quiet;
    unsigned verbose;
    const char *record;
    struct option_list hosts;
    uint64_t port;
    uint64_t any;
    uint64_t max_backlog;
    uint64_t max_size;
    uint64_t every;
    uint64_t timeout;
    int slow;
    int color;
    int kind;
    int stamps;
    const char *reconnect;
    uint64_t wait;
    uint64_t linger;
    struct option_list called;
    struct dial dial;
};

#define AT(field) .offset = offsetof(struct settings, field)

static const struct option table[] = {
    {"host", 0, OPTION_LIST, AT(hosts), .arg = "ADDRESS",
     .help = "where to listen; repeatable (default: localhost)"},
    {"port", 'p', OPTION_NUMBER, AT(port), .arg = "PORT", .help = "0: any free one (default: 4000)",
     .max = 65535},
    {"any", 0, OPTION_NUMBER, AT(any), .arg = "N", .help = "any number"},
    {"max-backlog", 0, OPTION_SIZE, AT(max_backlog), .arg = "SIZE",
     .help = "bytes that may wait for a slow reader before --slow applies, counted for each "
             "connection on its own (default: 1M)",
     .min = 1024, .max = 1 << 30},
    {"max-size", 0, OPTION_SIZE, AT(max_size), .arg = "SIZE", .help = "any size"},
    {"every", 0, OPTION_DURATION, AT(every), .arg = "DURATION", .help = "0: never (default: 5s)",
     .max = 3600000},
    {"timeout", 0, OPTION_DURATION, AT(timeout), .arg = "DURATION", .help = "any time"},
    {"echo", 'e', OPTION_FLAG, AT(echo), .help = "send every message back to its sender alone"},
    {"slow", 0, OPTION_CHOICE, AT(slow), .help = "what becomes of a slow reader",
     .choices = "close|drop"},
    {"color", 0, OPTION_CHOICE, AT(color), .arg = "WHEN", .help = "colours",
     .choices = "auto|always|never"},
    {"a-name-that-needs-a-line-of-its-own", 0, OPTION_STRING, AT(record), .arg = "FILE",
     .help = "stands below"},
    {"record", 'r', OPTION_STRING, AT(record), .arg = "FILE", .help = "write a recording"},
    {"verbose", 'v', OPTION_COUNT, AT(verbose), .help = "show more; -vv shows every frame"},
    {"quiet", 'q', OPTION_FLAG, AT(quiet), .help = "show only what went wrong"},
    {.name = NULL},
};

#define TLS(field) .offset = offsetof(struct tls, field)
#define DIAL(field) .offset = offsetof(struct dial, field)

static const struct option tls_table[] = {
    {"cacert", 0, OPTION_STRING, TLS(cacert), .arg = "FILE", .help = "whom to trust"},
    {"pin", 0, OPTION_LIST, TLS(pins), .arg = "HASH", .help = "repeatable"},
    {"insecure", 'k', OPTION_FLAG, TLS(insecure), .help = "trust everybody"},
    {.name = NULL},
};

static const struct option dial_table[] = {
    {"ipv4", '4', OPTION_SET, DIAL(family), .help = "IPv4 only", .value = 4},
    {"ipv6", '6', OPTION_SET, DIAL(family), .help = "IPv6 only", .value = 6},
    {.kind = OPTION_GROUP, .group = tls_table, DIAL(tls), .help = "TLS"},
    {.kind = OPTION_GROUP, .help = "Patience"},
    {"retry", 0, OPTION_NUMBER, DIAL(retry), .arg = "N", .help = "again"},
    {.name = NULL},
};

/* Remembers what it was called with; "bad" is refused. */
static int call(const struct option *whole, void *settings, void *slot, const char *argument,
                struct bytes *message) {
    struct settings *s = settings;
    assert_string_equal(whole[0].name, "text");
    assert_ptr_equal(slot, &s->called);
    if (strcmp(argument, "bad") == 0) {
        assert_int_equal(bytes_append_str(message, "called with bad"), TB_OK);
        return TB_EINVAL;
    }
    s->called.count++;
    return TB_OK;
}

/* What `table` does not have, and groups in groups. */
static const struct option grouped[] = {
    {"text", 't', OPTION_SET, AT(kind), .help = "a line is text", .value = 0},
    {"hex", 0, OPTION_SET, AT(kind), .help = "a line is hexadecimal", .value = 7},
    {"data", 'd', OPTION_LIST, AT(hosts), .arg = "TEXT", .help = "send; --execute is the same"},
    {"execute", 0, OPTION_LIST, AT(hosts), .arg = "TEXT", .flags = OPTION_ALIAS},
    {"reconnect", 'r', OPTION_STRING, AT(reconnect), .arg = "N,DELAY", .help = "come back",
     .flags = OPTION_OPTIONAL},
    {"timestamps", 0, OPTION_CHOICE, AT(stamps), .choices = "no|relative|absolute", .help = "when",
     .flags = OPTION_OPTIONAL, .value = 1},
    {"wait", 0, OPTION_DURATION, AT(wait), .arg = "SEC", .help = "-1 is for ever",
     .flags = OPTION_FOREVER},
    {"linger", 0, OPTION_DURATION, AT(linger), .arg = "SEC", .help = "-1 is for ever",
     .flags = OPTION_FOREVER, .max = 60000},
    {"call", 'c', OPTION_CALL, AT(called), .arg = "WHAT", .help = "calls", .call = call},
    {.kind = OPTION_GROUP, .group = dial_table, AT(dial), .help = "Dialling"},
    {.name = NULL},
};

struct run {
    const struct option *table;
    int err;
    struct settings settings;
    struct option_list operands;
    struct bytes message;
};

/* The arguments end with a NULL. */
static struct run parse_with(const struct option *rows, const char *const *args) {
    struct run r = {.table = rows,
                    .settings = {.port = 4000, .every = 5000, .slow = SLOW_DROP, .kind = -1}};
    int argc = 0;
    while (args[argc] != NULL) {
        argc++;
    }
    char *argv[16];
    assert_true(argc < 16);
    memcpy(argv, args, sizeof(*argv) * ((size_t)argc + 1));
    r.err = options_parse(rows, argc, argv, &r.settings, &r.operands, &r.message);
    return r;
}

static struct run parse(const char *const *args) {
    return parse_with(table, args);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})
#define PARSE_GROUPED(...) parse_with(grouped, (const char *const[]){__VA_ARGS__, NULL})

static void release(struct run *r) {
    options_release(r->table, &r->settings);
    option_list_release(&r->operands);
    bytes_release(&r->message);
}

static void assert_parsed(const struct run *r) {
    if (r->err != TB_OK) {
        fail_msg("%.*s", (int)r->message.len, (const char *)r->message.data);
    }
    assert_int_equal(r->message.len, 0);
}

static void assert_list(const struct option_list *list, const char *const *expected) {
    for (size_t i = 0; i < list->count; i++) {
        assert_non_null(expected[i]);
        assert_string_equal(list->items[i], expected[i]);
    }
    assert_null(expected[list->count]);
}

#define ASSERT_LIST(list, ...) assert_list(list, (const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(struct run r, const char *expected) {
    assert_int_equal(r.err, TB_EINVAL);
    assert_int_equal(bytes_append(&r.message, "", 1), TB_OK);
    assert_string_equal((const char *)r.message.data, expected);
    release(&r);
}

static void without_arguments_the_defaults_stand(void **state) {
    (void)state;
    struct run r = PARSE(NULL);
    assert_parsed(&r);
    assert_int_equal(r.settings.port, 4000);
    assert_int_equal(r.settings.every, 5000);
    assert_int_equal(r.settings.slow, SLOW_DROP);
    assert_false(r.settings.echo);
    assert_int_equal(r.operands.count, 0);
    release(&r);
}

static void each_kind_sets_its_value(void **state) {
    (void)state;
    struct run r = PARSE("--echo", "--verbose", "--record=file", "--port=0", "--max-backlog=64K",
                         "--every=1.5s", "--slow=close", "--color=never", "--host=a");
    assert_parsed(&r);
    assert_true(r.settings.echo);
    assert_false(r.settings.quiet);
    assert_int_equal(r.settings.verbose, 1);
    assert_string_equal(r.settings.record, "file");
    assert_int_equal(r.settings.port, 0);
    assert_int_equal(r.settings.max_backlog, 65536);
    assert_int_equal(r.settings.every, 1500);
    assert_int_equal(r.settings.slow, SLOW_CLOSE);
    assert_int_equal(r.settings.color, 2);
    ASSERT_LIST(&r.settings.hosts, "a");
    release(&r);
}

static void four_spellings_mean_the_same(void **state) {
    (void)state;
    struct run runs[] = {PARSE("--port=80"), PARSE("--port", "80"), PARSE("-p80"),
                         PARSE("-p", "80")};
    for (size_t i = 0; i < 4; i++) {
        assert_parsed(&runs[i]);
        assert_int_equal(runs[i].settings.port, 80);
        assert_int_equal(runs[i].operands.count, 0);
        release(&runs[i]);
    }
}

static void letters_may_stand_together(void **state) {
    (void)state;
    struct run r = PARSE("-vqvep80", "-v", "-qrfile=name");
    assert_parsed(&r);
    assert_int_equal(r.settings.verbose, 3);
    assert_true(r.settings.quiet);
    assert_true(r.settings.echo);
    assert_int_equal(r.settings.port, 80);
    assert_string_equal(r.settings.record, "file=name");
    release(&r);
}

static void a_list_keeps_its_order_and_a_value_the_last_word(void **state) {
    (void)state;
    struct run r = PARSE("--host=a", "--port=1", "--host", "b", "--host=", "--port=2", "--host=d",
                         "--host=e", "--record", "");
    assert_parsed(&r);
    ASSERT_LIST(&r.settings.hosts, "a", "b", "", "d", "e");
    assert_int_equal(r.settings.port, 2);
    assert_string_equal(r.settings.record, "");
    release(&r);
}

static void operands_stand_anywhere(void **state) {
    (void)state;
    struct run r = PARSE("one", "--port", "80", "two", "-v", "-", "", "--", "--port=x", "-q", "--");
    assert_parsed(&r);
    ASSERT_LIST(&r.operands, "one", "two", "-", "", "--port=x", "-q", "--");
    assert_int_equal(r.settings.port, 80);
    assert_false(r.settings.quiet);
    release(&r);
}

static void an_argument_may_look_like_an_option(void **state) {
    (void)state;
    struct run r = PARSE("--record", "--echo", "-r", "--", "--host=--port", "-v");
    assert_parsed(&r);
    assert_string_equal(r.settings.record, "--");
    assert_false(r.settings.echo);
    ASSERT_LIST(&r.settings.hosts, "--port");
    assert_int_equal(r.settings.verbose, 1);
    release(&r);
}

static void an_unknown_option_is_named_with_the_nearest(void **state) {
    (void)state;
    assert_refused(PARSE("--prot"), "unknown option '--prot' (did you mean '--port'?)");
    assert_refused(PARSE("--prot=80"), "unknown option '--prot' (did you mean '--port'?)");
    assert_refused(PARSE("--echo-all"), "unknown option '--echo-all'");
    assert_refused(PARSE("--verbatim"), "unknown option '--verbatim'");
    assert_refused(PARSE("--=x"), "unknown option '--'");
    assert_refused(PARSE("-x"), "unknown option '-x'");
    assert_refused(PARSE("-vx"), "unknown option '-x'");
    assert_refused(PARSE("-host=a"), "unknown option '-host' (did you mean '--host'?)");
    assert_refused(PARSE("-0"), "unknown option '-0'");
}

static void an_argument_is_missing_or_too_much(void **state) {
    (void)state;
    assert_refused(PARSE("--port"), "option '--port' needs an argument");
    assert_refused(PARSE("-p"), "option '--port' needs an argument");
    assert_refused(PARSE("-vr"), "option '--record' needs an argument");
    assert_refused(PARSE("--echo=yes"), "option '--echo' takes no argument");
    assert_refused(PARSE("--verbose="), "option '--verbose' takes no argument");
}

static void a_number_keeps_to_its_limits(void **state) {
    (void)state;
    assert_refused(PARSE("--port=70000"),
                   "option '--port' needs a number from 0 to 65535, not '70000'");
    assert_refused(PARSE("-p-1"), "option '--port' needs a number from 0 to 65535, not '-1'");
    assert_refused(PARSE("-p", "x"), "option '--port' needs a number from 0 to 65535, not 'x'");
    assert_refused(PARSE("--port="), "option '--port' needs a number from 0 to 65535, not ''");
    assert_refused(PARSE("--any=x"), "option '--any' needs a number such as 10, not 'x'");
    assert_refused(PARSE("--any=18446744073709551616"),
                   "option '--any' cannot be as large as '18446744073709551616'");
    struct run r = PARSE("--any=18446744073709551615", "--port=65535");
    assert_parsed(&r);
    assert_true(r.settings.any == UINT64_MAX);
    release(&r);
}

static void a_size_keeps_to_its_limits(void **state) {
    (void)state;
    const char *limits = "option '--max-backlog' needs a size from 1K to 1G, not '%s'";
    const char *const wrong[] = {"1023", "1.1G", "1T", "-1K", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char message[128];
        snprintf(message, sizeof(message), limits, wrong[i]);
        assert_refused(PARSE("--max-backlog", wrong[i]), message);
    }
    assert_refused(PARSE("--max-size=big"),
                   "option '--max-size' needs a size such as 64K, not 'big'");
    assert_refused(PARSE("--max-size=9999999999G"),
                   "option '--max-size' cannot be as large as '9999999999G'");
    struct run r = PARSE("--max-backlog=1G", "--max-size=0");
    assert_parsed(&r);
    assert_int_equal(r.settings.max_backlog, 1 << 30);
    assert_int_equal(r.settings.max_size, 0);
    release(&r);
}

static void a_duration_keeps_to_its_limits(void **state) {
    (void)state;
    assert_refused(
        PARSE("--every=2h"),
        "option '--every' needs a duration such as 20ms, 5s or 2m from 0 to 1h, not '2h'");
    assert_refused(
        PARSE("--every=5S"),
        "option '--every' needs a duration such as 20ms, 5s or 2m from 0 to 1h, not '5S'");
    assert_refused(PARSE("--timeout=x"),
                   "option '--timeout' needs a duration such as 20ms, 5s or 2m, not 'x'");
    assert_refused(PARSE("--timeout=99999999h"),
                   "option '--timeout' cannot be as large as '99999999h'");
    struct run r = PARSE("--every=1h", "--timeout=20ms");
    assert_parsed(&r);
    assert_int_equal(r.settings.every, 3600000);
    assert_int_equal(r.settings.timeout, 20);
    release(&r);
}

static void a_choice_is_one_of_its_words(void **state) {
    (void)state;
    assert_refused(PARSE("--slow=x"), "option '--slow' takes close or drop, not 'x'");
    assert_refused(PARSE("--slow=clos"), "option '--slow' takes close or drop, not 'clos'");
    assert_refused(PARSE("--slow=close|drop"),
                   "option '--slow' takes close or drop, not 'close|drop'");
    assert_refused(PARSE("--slow", ""), "option '--slow' takes close or drop, not ''");
    assert_refused(PARSE("--color=red"), "option '--color' takes auto, always or never, not 'red'");
}

static void what_was_typed_is_safe_in_the_message(void **state) {
    (void)state;
    assert_refused(PARSE("--\x1b[2J\n"), "unknown option '--\\x1b[2J\\n'");
    assert_refused(PARSE("-\xd1\x97"), "unknown option '-\xd1\x97'");
    assert_refused(PARSE("-v\xff"), "unknown option '-\\xff'");
    assert_refused(PARSE("--slow=\xe2\x80\xae"),
                   "option '--slow' takes close or drop, not '\\u{202e}'");
}

static void what_was_collected_before_an_error_can_be_released(void **state) {
    (void)state;
    struct run r = PARSE("one", "--host=a", "--host=b", "--bad");
    assert_int_equal(r.err, TB_EINVAL);
    ASSERT_LIST(&r.operands, "one");
    ASSERT_LIST(&r.settings.hosts, "a", "b");
    release(&r);
    assert_null(r.settings.hosts.items);
    assert_int_equal(r.settings.hosts.count, 0);
    assert_null(r.operands.items);
    assert_int_equal(r.operands.count, 0);
}

static void fail_each_allocation_of(const char *const *args, int expected) {
    unsigned n = 0;
    do {
        fail_alloc_at(n);
        struct run r = parse(args);
        fail_alloc_off();
        assert_int_equal(r.err, n < alloc_count() ? TB_ENOMEM : expected);
        release(&r);
    } while (n++ < alloc_count());
    assert_true(n > 2);
}

static void each_failed_allocation_is_reported(void **state) {
    (void)state;
    fail_each_allocation_of(
        (const char *const[]){"one", "--host=a", "two", "--host=b", "--", "three", NULL}, TB_OK);
    fail_each_allocation_of((const char *const[]){"--prot", NULL}, TB_EINVAL);
    fail_each_allocation_of((const char *const[]){"--slow=x", NULL}, TB_EINVAL);
}

static void help_is_two_columns_of_at_most_80(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_print_help(table, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text, "      --host ADDRESS      where to listen; repeatable (default: localhost)\n"
              "  -p, --port PORT         0: any free one (default: 4000)\n"
              "      --any N             any number\n"
              "      --max-backlog SIZE  bytes that may wait for a slow reader before --slow\n"
              "                          applies, counted for each connection on its own\n"
              "                          (default: 1M)\n"
              "      --max-size SIZE     any size\n"
              "      --every DURATION    0: never (default: 5s)\n"
              "      --timeout DURATION  any time\n"
              "  -e, --echo              send every message back to its sender alone\n"
              "      --slow close|drop   what becomes of a slow reader\n"
              "      --color WHEN        colours\n"
              "      --a-name-that-needs-a-line-of-its-own FILE\n"
              "                          stands below\n"
              "  -r, --record FILE       write a recording\n"
              "  -v, --verbose           show more; -vv shows every frame\n"
              "  -q, --quiet             show only what went wrong\n");
    free(text);
}

static char *help_of(const struct option *rows) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_print_help(rows, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void help_has_headings_and_no_aliases(void **state) {
    (void)state;
    char *text = help_of(grouped);
    assert_string_equal(text, "  -t, --text                 a line is text\n"
                              "      --hex                  a line is hexadecimal\n"
                              "  -d, --data TEXT            send; --execute is the same\n"
                              "  -r, --reconnect[=N,DELAY]  come back\n"
                              "      --timestamps[=no|relative|absolute]\n"
                              "                             when\n"
                              "      --wait SEC             -1 is for ever\n"
                              "      --linger SEC           -1 is for ever\n"
                              "  -c, --call WHAT            calls\n"
                              "\nDialling:\n"
                              "  -4, --ipv4                 IPv4 only\n"
                              "  -6, --ipv6                 IPv6 only\n"
                              "\nTLS:\n"
                              "      --cacert FILE          whom to trust\n"
                              "      --pin HASH             repeatable\n"
                              "  -k, --insecure             trust everybody\n"
                              "\nPatience:\n"
                              "      --retry N              again\n");
    free(text);
}

static void a_table_may_begin_with_a_heading(void **state) {
    (void)state;
    const struct option rows[] = {
        {.kind = OPTION_GROUP, .help = "First"},
        {"one", 0, OPTION_FLAG, .help = "the first"},
        {.kind = OPTION_GROUP, .group = tls_table},
        {.name = NULL},
    };
    char *text = help_of(rows);
    assert_string_equal(text, "First:\n"
                              "      --one          the first\n"
                              "      --cacert FILE  whom to trust\n"
                              "      --pin HASH     repeatable\n"
                              "  -k, --insecure     trust everybody\n");
    free(text);
}

static void options_of_groups_are_set_in_their_place(void **state) {
    (void)state;
    struct run r = PARSE_GROUPED("--cacert=a", "--pin", "b", "-k6", "--pin=c", "--retry=3");
    assert_parsed(&r);
    assert_string_equal(r.settings.dial.tls.cacert, "a");
    ASSERT_LIST(&r.settings.dial.tls.pins, "b", "c");
    assert_true(r.settings.dial.tls.insecure);
    assert_int_equal(r.settings.dial.family, 6);
    assert_int_equal(r.settings.dial.retry, 3);
    release(&r);
    assert_null(r.settings.dial.tls.pins.items);
    assert_refused(PARSE_GROUPED("--cacrt=x"),
                   "unknown option '--cacrt' (did you mean '--cacert'?)");
}

static void rows_that_set_one_value_override_each_other(void **state) {
    (void)state;
    struct run r = PARSE_GROUPED("-4", "-6", "-4", "--hex");
    assert_parsed(&r);
    assert_int_equal(r.settings.dial.family, 4);
    assert_int_equal(r.settings.kind, 7);
    release(&r);
    r = PARSE_GROUPED("--hex", "-t");
    assert_parsed(&r);
    assert_int_equal(r.settings.kind, 0);
    release(&r);
    assert_refused(PARSE_GROUPED("--hex=1"), "option '--hex' takes no argument");
}

static void an_optional_argument_comes_only_with_an_equals_sign(void **state) {
    (void)state;
    struct run r = PARSE_GROUPED("--reconnect", "5", "--timestamps", "absolute", "-rt");
    assert_parsed(&r);
    assert_string_equal(r.settings.reconnect, "");
    assert_int_equal(r.settings.stamps, 1);
    assert_int_equal(r.settings.kind, 0);
    ASSERT_LIST(&r.operands, "5", "absolute");
    release(&r);
    r = PARSE_GROUPED("--reconnect=5,1s", "--timestamps=absolute");
    assert_parsed(&r);
    assert_string_equal(r.settings.reconnect, "5,1s");
    assert_int_equal(r.settings.stamps, 2);
    release(&r);
    r = PARSE_GROUPED(NULL);
    assert_null(r.settings.reconnect);
    release(&r);
    assert_refused(PARSE_GROUPED("--timestamps="),
                   "option '--timestamps' takes no, relative or absolute, not ''");
}

static void a_duration_may_be_for_ever_where_its_row_says_so(void **state) {
    (void)state;
    struct run r = PARSE_GROUPED("--wait", "-1", "--linger=-1");
    assert_parsed(&r);
    assert_true(r.settings.wait == OPTION_FOREVER_MS);
    assert_true(r.settings.linger == OPTION_FOREVER_MS);
    release(&r);
    assert_refused(PARSE_GROUPED("--wait=-2"), "option '--wait' needs a duration such as 20ms, 5s "
                                               "or 2m, or -1 (for ever), not '-2'");
    assert_refused(PARSE_GROUPED("--linger=2m"),
                   "option '--linger' needs a duration such as 20ms, 5s or 2m from 0 to 1m, or -1 "
                   "(for ever), not '2m'");
    assert_refused(PARSE("--timeout=-1"),
                   "option '--timeout' needs a duration such as 20ms, 5s or 2m, not '-1'");
}

static void an_alias_adds_to_the_same_list(void **state) {
    (void)state;
    struct run r = PARSE_GROUPED("-da", "--execute", "b", "--data=c");
    assert_parsed(&r);
    ASSERT_LIST(&r.settings.hosts, "a", "b", "c");
    release(&r);
    assert_refused(PARSE_GROUPED("--execute"), "option '--execute' needs an argument");
}

static void a_call_is_made_in_the_order_of_the_line(void **state) {
    (void)state;
    struct run r = PARSE_GROUPED("--call=a", "-cb", "-c", "bad", "--call=c");
    assert_int_equal(r.settings.called.count, 2);
    assert_refused(r, "called with bad");
}

static int set_named(struct settings *s, const char *name, const char *value,
                     struct bytes *message) {
    bytes_clear(message);
    int err = options_set(grouped, s, name, strlen(name), value, message);
    return bytes_append(message, "", 1) == TB_OK ? err : TB_ENOMEM;
}

static void one_option_is_set_by_its_name(void **state) {
    (void)state;
    struct settings s = {.kind = -1};
    struct bytes message = BYTES_INIT;
    assert_int_equal(set_named(&s, "cacert", "a", &message), TB_OK);
    assert_int_equal(set_named(&s, "--retry", "2", &message), TB_OK);
    assert_int_equal(set_named(&s, "-t", NULL, &message), TB_OK);
    assert_int_equal(set_named(&s, "-d", "b", &message), TB_OK);
    assert_int_equal(set_named(&s, "reconnect", NULL, &message), TB_OK);
    assert_string_equal(s.dial.tls.cacert, "a");
    assert_int_equal(s.dial.retry, 2);
    assert_int_equal(s.kind, 0);
    ASSERT_LIST(&s.hosts, "b");
    assert_string_equal(s.reconnect, "");
    options_release(grouped, &s);
    const char *const wrong[][3] = {
        {"cacrt", "a", "unknown option 'cacrt' (did you mean 'cacert'?)"},
        {"-cacert", "a", "unknown option '-cacert' (did you mean 'cacert'?)"},
        {"-x", NULL, "unknown option '-x'"},
        {"--", NULL, "unknown option '--'"},
        {"-", NULL, "unknown option '-'"},
        {"", NULL, "unknown option ''"},
        {"t", NULL, "unknown option 't'"},
        {"cacert", NULL, "option 'cacert' needs an argument"},
        {"--hex", "1", "option 'hex' takes no argument"},
        {"retry", "x", "option 'retry' needs a number such as 10, not 'x'"},
        {"timestamps", "x", "option 'timestamps' takes no, relative or absolute, not 'x'"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(set_named(&s, wrong[i][0], wrong[i][1], &message), TB_EINVAL);
        assert_string_equal((const char *)message.data, wrong[i][2]);
    }
    bytes_release(&message);
}

static void a_walk_gives_every_row_with_its_place(void **state) {
    (void)state;
    struct option_walk w;
    option_walk_init(&w, grouped);
    const struct option *o;
    while ((o = option_walk_next(&w)) != NULL && o != &tls_table[1]) {
        assert_ptr_not_equal(o, &dial_table[3]);
    }
    assert_ptr_equal(o, &tls_table[1]);
    assert_int_equal(w.offset, offsetof(struct settings, dial.tls.pins));
    assert_ptr_equal(option_walk_next(&w), &tls_table[2]);
    assert_ptr_equal(option_walk_next(&w), &dial_table[3]);
    assert_ptr_equal(option_walk_next(&w), &dial_table[4]);
    assert_null(option_walk_next(&w));
    assert_null(option_walk_next(&w));
}

static void groups_that_hold_themselves_come_to_an_end(void **state) {
    (void)state;
    struct option endless[] = {
        {.kind = OPTION_GROUP, .help = "Again"},
        {.name = NULL},
    };
    endless[0].group = endless;
    struct option_walk w;
    option_walk_init(&w, endless);
    unsigned rows = 0;
    while (option_walk_next(&w) != NULL) {
        rows++;
    }
    assert_int_equal(rows, OPTION_DEPTH);
}

/* Every word comes through whole, whatever the length of the line that it falls on. */
static void help_is_wrapped_between_words_only(void **state) {
    (void)state;
    for (size_t len = 1; len < 100; len++) {
        char help[128];
        memset(help, 'x', len);
        memcpy(help + len, " yy z", 6);
        const struct option one[] = {{"name", 'n', OPTION_FLAG, .help = help}, {.name = NULL}};
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        options_print_help(one, out);
        assert_int_equal(fclose(out), 0);
        assert_memory_equal(text, "  -n, --name  ", 14);
        help[len] = '\0';
        assert_memory_equal(text + 14, help, len);
        size_t on_first = len + 14 + 5 <= 80 ? 5 : len + 14 + 3 <= 80 ? 3 : 0;
        assert_memory_equal(text + 14 + len, " yy z", on_first);
        assert_int_equal(text[14 + len + on_first], '\n');
        const char *below[] = {"yy z\n", NULL, NULL, "z\n", NULL, ""};
        const char *rest = text + 14 + len + on_first + 1;
        assert_string_equal(rest + strspn(rest, " "), below[on_first]);
        assert_int_equal(strspn(rest, " "), on_first == 5 ? 0 : 14);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_the_defaults_stand),
        cmocka_unit_test(each_kind_sets_its_value),
        cmocka_unit_test(four_spellings_mean_the_same),
        cmocka_unit_test(letters_may_stand_together),
        cmocka_unit_test(a_list_keeps_its_order_and_a_value_the_last_word),
        cmocka_unit_test(operands_stand_anywhere),
        cmocka_unit_test(an_argument_may_look_like_an_option),
        cmocka_unit_test(an_unknown_option_is_named_with_the_nearest),
        cmocka_unit_test(an_argument_is_missing_or_too_much),
        cmocka_unit_test(a_number_keeps_to_its_limits),
        cmocka_unit_test(a_size_keeps_to_its_limits),
        cmocka_unit_test(a_duration_keeps_to_its_limits),
        cmocka_unit_test(a_choice_is_one_of_its_words),
        cmocka_unit_test(what_was_typed_is_safe_in_the_message),
        cmocka_unit_test(what_was_collected_before_an_error_can_be_released),
        cmocka_unit_test(each_failed_allocation_is_reported),
        cmocka_unit_test(help_is_two_columns_of_at_most_80),
        cmocka_unit_test(help_has_headings_and_no_aliases),
        cmocka_unit_test(a_table_may_begin_with_a_heading),
        cmocka_unit_test(options_of_groups_are_set_in_their_place),
        cmocka_unit_test(rows_that_set_one_value_override_each_other),
        cmocka_unit_test(an_optional_argument_comes_only_with_an_equals_sign),
        cmocka_unit_test(a_duration_may_be_for_ever_where_its_row_says_so),
        cmocka_unit_test(an_alias_adds_to_the_same_list),
        cmocka_unit_test(a_call_is_made_in_the_order_of_the_line),
        cmocka_unit_test(one_option_is_set_by_its_name),
        cmocka_unit_test(a_walk_gives_every_row_with_its_place),
        cmocka_unit_test(groups_that_hold_themselves_come_to_an_end),
        cmocka_unit_test(help_is_wrapped_between_words_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
