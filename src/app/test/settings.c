#include "app/test/settings.h"

#include "base/err.h"

#define AT(field) .offset = offsetof(struct test_settings, field)
#define HEADING(text)                                                                              \
    { .kind = OPTION_GROUP, .help = (text) }
#define NOT_GIVEN UINT64_MAX
#define SEED_MAX ((UINT64_C(1) << 53) - 1)
#define DAY_MS (24ULL * 60 * 60 * 1000)

const struct option test_options[] = {
    HEADING("What is tested"),
    {"url", 0, OPTION_STRING, AT(url), .arg = "URL",
     .help =
         "Run the scenarios against this server instead of the file's own mock. Its path and query "
         "are for clients for which the file names no path; a path of the file takes their "
         "place"},
    {"mock", 0, OPTION_FLAG, AT(mock),
     .help = "Run them against the file's own mock, though 'defaults' has a 'url'"},
    {"both", 0, OPTION_FLAG, AT(both),
     .help = "Run each against the mock and against the server, and say where they differ first"},
    {"var", 0, OPTION_LIST, AT(vars), .arg = "NAME=VALUE",
     .help = "Set a variable of the files; may be repeated"},
    {"seed", 0, OPTION_NUMBER, AT(seed), .arg = "N",
     .help = "Have the same chance and fake data as the run whose last line named this seed. "
             "Default: the file's 'seed', or another one each time",
     .max = SEED_MAX},

    HEADING("What is run"),
    {"filter", 0, OPTION_STRING, AT(filter), .arg = "PATTERN",
     .help = "Run only scenarios in whose name this regular expression matches"},
    {"repeat", 0, OPTION_NUMBER, AT(repeat), .arg = "N",
     .help = "Run everything that many times, one after the other. Default: 1", .min = 1,
     .max = 1000000},
    {"jobs", 0, OPTION_NUMBER, AT(jobs), .arg = "N",
     .help = "Run that many scenarios side by side, each with a mock of its own; they are reported "
             "in the order of the file all the same. Default: 1",
     .min = 1, .max = TEST_JOBS_MAX},
    {"fail-fast", 0, OPTION_FLAG, AT(fail_fast), .help = "Begin no other one once one has failed"},
    {"max-time", 'm', OPTION_DURATION, AT(dial.max_time_ms), .arg = "SEC",
     .help = "Time for everything; 0 is without end. Default: 0", .max = 365 * DAY_MS},
    {"connect-timeout", 0, OPTION_DURATION, AT(dial.connect_timeout_ms), .arg = "SEC",
     .help = "Time for TCP, proxy, TLS and the HTTP upgrade of a connection; a step's own limit "
             "counts, too. Default: 10s",
     .min = 1, .max = DAY_MS},

    HEADING("What is told"),
    {"tap", 0, OPTION_FLAG, AT(tap), .help = "Write TAP 14, for other programs"},
    {"output-format", 0, OPTION_CHOICE, AT(dial.output_format), .choices = "text|json",
     .help = "Write it for a person, or as one JSON line a scenario. Default: text"},
    {"junit", 0, OPTION_STRING, AT(junit), .arg = "FILE",
     .help = "Write a report in JUnit's XML to this file, besides"},
    {"record", 0, OPTION_STRING, AT(record), .arg = "DIR",
     .help = "Keep the conversation of each scenario that fails in this folder, as a recording"},
    {"verbose", 'v', OPTION_COUNT, AT(dial.verbose), .help = "Show each step as it begins"},
    {"quiet", 'q', OPTION_FLAG, AT(quiet), .help = "Show only what fails or differs, and the sum"},
    {"color", 0, OPTION_CHOICE, AT(dial.color), .choices = "auto|always|never",
     .help = "Highlight what is shown; auto: in a terminal, unless NO_COLOR is set. Default: auto"},
    {"no-color", 0, OPTION_SET, AT(dial.color), .value = DIAL_COLOR_NEVER,
     .help = "The same as --color never"},

    HEADING("Instead of a test"),
    {"from", 0, OPTION_STRING, AT(from), .arg = "RECORDING",
     .help = "Print the file of scenarios that was made of this recording ('taburet serve --from' "
             "serves a mock made of it)"},

    {.kind = OPTION_GROUP, AT(dial), .group = dial_flags_reach},
    HEADING("Help"),
    {"config", 'K', OPTION_CALL, AT(dial.config), .arg = "FILE", .call = config_read,
     .help = "Read options from this file, one a line"},
    {"help", 'h', OPTION_FLAG, AT(help), .help = "Print this"},
    {.name = NULL},
};

static void set_defaults(struct test_settings *s) {
    *s = (struct test_settings){.repeat = 1, .jobs = 1, .seed = NOT_GIVEN};
    dial_flags_init(&s->dial);
}

static int refuse(struct bytes *message, const char *text) {
    int err = bytes_append_str(message, text);
    return err == TB_OK ? TB_EINVAL : err;
}

static int check_targets(const struct test_settings *s, struct bytes *message) {
    if (s->mock && s->both) {
        return refuse(message, "options '--mock' and '--both' exclude each other");
    }
    if (s->mock && s->url != NULL) {
        return refuse(message, "options '--mock' and '--url' exclude each other (--both runs "
                               "against the mock and against the server)");
    }
    return TB_OK;
}

static int check(struct test_settings *s, struct bytes *message) {
    s->has_seed = s->seed != NOT_GIVEN;
    if (s->from != NULL && s->files.count > 0) {
        return refuse(message, "a file and '--from' exclude each other");
    }
    if (s->from == NULL && s->files.count == 0) {
        return refuse(message, "which file? ('taburet test FILE...')");
    }
    if (s->quiet && s->dial.verbose > 0) {
        return refuse(message, "options '--quiet' and '--verbose' exclude each other");
    }
    if (s->tap && s->dial.output_format == DIAL_FORMAT_JSON) {
        return refuse(message, "options '--tap' and '--output-format json' exclude each other");
    }
    return check_targets(s, message);
}

int test_settings_read(struct test_settings *s, int argc, char **argv, struct bytes *message) {
    set_defaults(s);
    int err = options_parse(test_options, argc, argv, s, &s->files, message);
    return err == TB_OK && !s->help ? check(s, message) : err;
}

void test_settings_release(struct test_settings *s) {
    options_release(test_options, s);
    option_list_release(&s->files);
    dial_flags_release(&s->dial);
}
