#include "app/test/test.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "app/descriptors.h"
#include "app/test/keep.h"
#include "app/test/press.h"
#include "app/test/runner.h"
#include "app/test/selection.h"
#include "app/test/settings.h"
#include "base/err.h"
#include "script/from/from.h"

/* Everything that one run holds; released in the reverse order. */
struct run {
    struct test_settings settings;
    struct bytes message; /* what went wrong */
    struct bytes notes;
    struct selection selection;
    struct dialler diallers[TARGET_COUNT];
    struct keep keep;
    struct press press;
    bool printed; /* the press has something to release */
};

/* ---- what may fail before anything is run ---- */

static int select_cases(struct run *r) {
    return selection_make(&r->selection, &r->settings, &r->message);
}

/* The URL of a server, to check the flags with. */
static const char *server_url(const struct run *r) {
    for (size_t i = 0; i < r->selection.file_count; i++) {
        const struct test_file *file = &r->selection.files[i];
        if (file->is_target[TARGET_SERVER] && file->url.len > 0) {
            return (const char *)file->url.data;
        }
    }
    return NULL;
}

static bool is_target(const struct run *r, enum target target) {
    for (size_t i = 0; i < r->selection.file_count; i++) {
        if (r->selection.files[i].is_target[target]) {
            return true;
        }
    }
    return false;
}

static int make_diallers(struct run *r) {
    int code = EXIT_OK;
    for (int i = 0; i < TARGET_COUNT && code == EXIT_OK; i++) {
        bool to_mock = i == TARGET_MOCK;
        if (is_target(r, (enum target)i)) {
            code = dialler_init(&r->diallers[i], &r->settings.dial, to_mock,
                                to_mock ? NULL : server_url(r), &r->message, &r->notes);
        }
    }
    return code;
}

static int open_keep(struct run *r) {
    const char *folder = r->settings.record;
    return folder != NULL ? keep_open(&r->keep, folder, &r->message) : EXIT_OK;
}

static int open_press(struct run *r) {
    r->printed = true;
    return press_open(&r->press, &r->settings, &r->selection, &r->message);
}

static void tell_notes(struct run *r) {
    const char *note = (const char *)r->notes.data;
    size_t left = r->notes.len;
    while (left > 0) {
        const char *newline = memchr(note, '\n', left);
        size_t n = newline == NULL ? left : (size_t)(newline - note);
        command_error("%.*s", (int)n, note);
        n += newline != NULL;
        note += n;
        left -= n;
    }
    bytes_clear(&r->notes);
}

/* ---- the run ---- */

static void on_start(void *ctx, const struct test_case *c, uint64_t round) {
    struct run *r = ctx;
    press_start(&r->press, c, round);
}

static void on_step(void *ctx, const struct test_case *c, enum target target,
                    const struct step *step, const char *client) {
    struct run *r = ctx;
    const struct report_event e = {.c = c, .target = target, .client = client, .step = step};
    press_event(&r->press, &e);
}

static void on_log(void *ctx, const struct test_case *c, enum target target, const char *client,
                   const struct bytes *text) {
    struct run *r = ctx;
    const struct report_event e = {.c = c, .target = target, .client = client, .text = text};
    press_event(&r->press, &e);
}

static bool on_finding(void *ctx, struct finding *f) {
    struct run *r = ctx;
    bool heard = press_finding(&r->press, f);
    finding_free(f);
    return heard;
}

/* A run that has tested nothing is no success. */
static int refuse_nothing(struct run *r) {
    uint64_t skipped = r->press.sum.verdicts[VERDICT_SKIPPED];
    if (skipped == 1) {
        bytes_append_str(&r->message, "nothing was run: the only scenario was skipped");
    } else {
        bytes_appendf(&r->message, "nothing was run: all %" PRIu64 " scenarios were skipped",
                      skipped);
    }
    return EXIT_USAGE;
}

static bool has_run(const struct report_sum *sum) {
    return sum->verdicts[VERDICT_PASSED] + sum->verdicts[VERDICT_FAILED] > 0;
}

/* A sum is told however it ended. */
static const char *why_stopped(const struct runner_end *end) {
    return end->interrupted   ? "interrupted"
           : end->timed_out   ? "the time was up (--max-time)"
           : end->broken      ? "the system refused"
           : end->not_run > 0 ? "stopped at the first failure (--fail-fast)"
                              : NULL;
}

static int code_of(struct run *r, const struct runner_end *end) {
    return end->interrupted                            ? EXIT_INTERRUPTED
           : end->broken                               ? EXIT_SYSTEM
           : end->timed_out                            ? EXIT_TIME
           : r->press.sum.verdicts[VERDICT_FAILED] > 0 ? EXIT_EXPECTED
           : has_run(&r->press.sum)                    ? EXIT_OK
                                                       : refuse_nothing(r);
}

static int play(struct run *r) {
    const struct runner_config config = {
        .selection = &r->selection,
        .settings = &r->settings,
        .diallers = r->diallers,
        .keep = r->settings.record != NULL ? &r->keep : NULL,
        .ctx = r,
        .on_start = on_start,
        .on_step = on_step,
        .on_log = on_log,
        .on_finding = on_finding,
    };
    uint64_t began_us = uv_hrtime() / 1000;
    (void)descriptors_raise();
    tell_notes(r);
    press_begin(&r->press);
    const struct runner_end end = runner_run(&config, &r->message);
    r->press.sum.duration_us = uv_hrtime() / 1000 - began_us;
    r->press.sum.not_run = end.not_run;
    r->press.sum.stopped = why_stopped(&end);
    int code = press_end(&r->press, &r->message);
    return code != EXIT_OK ? code : code_of(r, &end);
}

static int prepare_and_play(struct run *r) {
    static int (*const steps[])(struct run * r) = {select_cases, make_diallers, open_keep,
                                                   open_press, play};
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == EXIT_OK; i++) {
        code = steps[i](r);
    }
    return code;
}

/* ---- a recording made into scenarios ---- */

static int print_scenarios(struct run *r) {
    struct from *recording = NULL;
    struct bytes yaml = BYTES_INIT;
    int err = from_read(r->settings.from, &recording, &r->message);
    if (err == TB_OK && r->message.len > 0) {
        bytes_append(&r->notes, r->message.data, r->message.len);
        bytes_clear(&r->message);
        tell_notes(r);
    }
    err = err == TB_OK ? from_write_scenarios(recording, &yaml) : err;
    int code = err == TB_OK ? EXIT_OK : err == TB_ENOMEM ? EXIT_SYSTEM : EXIT_USAGE;
    if (err == TB_OK &&
        (fwrite(yaml.data, 1, yaml.len, stdout) != yaml.len || fflush(stdout) != 0)) {
        bytes_append_str(&r->message, "cannot write the output");
        code = EXIT_OUTPUT;
    } else if (err == TB_ENOMEM) {
        bytes_clear(&r->message);
        bytes_append_str(&r->message, "out of memory");
    }
    from_free(recording);
    bytes_release(&yaml);
    return code;
}

/* ---- the verb ---- */

static void run_release(struct run *r) {
    if (r->printed) {
        press_release(&r->press);
    }
    keep_release(&r->keep);
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        dialler_release(&r->diallers[i]);
    }
    selection_release(&r->selection);
    test_settings_release(&r->settings);
    bytes_release(&r->notes);
    bytes_release(&r->message);
}

static int run(int argc, char **argv) {
    struct run r = {.printed = false};
    int err = test_settings_read(&r.settings, argc, argv, &r.message);
    int code = err == TB_OK ? EXIT_OK : err == TB_ENOMEM ? EXIT_SYSTEM : EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN);
    if (err == TB_OK && r.settings.help) {
        command_print_help(&test_command);
    } else if (err == TB_OK && r.settings.from != NULL) {
        code = print_scenarios(&r);
    } else if (err == TB_OK) {
        code = prepare_and_play(&r);
    }
    if (r.message.len > 0 || err == TB_ENOMEM) {
        command_tell(err == TB_ENOMEM ? err : TB_EINVAL, &r.message);
    }
    run_release(&r);
    return code;
}

static const char about[] =
    "Runs the scenarios of files (docs/format.md): what clients do, and what they expect. Each is\n"
    "run against a fresh mock of the file's own 'server', on a free port of this machine; with\n"
    "--url, or where 'defaults' has a 'url', against that server; with --both against both, and\n"
    "where they part is told.\n\n"
    "A scenario ends with the first step that fails. Then the line of the file is shown, what was\n"
    "awaited, what came instead, and the last of the conversation.\n\n"
    "Durations: 20ms, 5s, 2m, 1h; a bare number is seconds. Ctrl+C ends the scenarios that run, "
    "and\n"
    "tells what there is.\n";

static const struct command_note examples[] = {
    {"taburet test chat.yaml", "Against the file's own mock"},
    {"taburet test --url wss://staging.example.org/chat chat.yaml", "Against the real server"},
    {"taburet test --both --url ws://localhost:8080 chat.yaml", "Is the mock still like it?"},
    {"taburet test --junit report.xml --record failed *.yaml", "In a CI job"},
    {"taburet test --filter login --repeat 50 --jobs 8 chat.yaml", "Does it fail sometimes?"},
    {"taburet test --from session.jsonl > session.yaml", "Make scenarios of a recording"},
    {.label = NULL},
};

static const struct command_note exit_codes[] = {
    {"0", "No scenario failed, and some passed"},
    {"1", "The system refused"},
    {"2", "A bad option or file, or no scenario was run (all were skipped)"},
    {"3", "A bad URL"},
    {"23", "Could not write the output"},
    {"28", "The time was up (--max-time)"},
    {"103", "A scenario failed"},
    {"130", "Interrupted"},
    {.label = NULL},
};

const struct command test_command = {
    .name = "test",
    .operands = "FILE...",
    .summary = "Run scenarios against a mock or a server",
    .about = about,
    .options = test_options,
    .examples = examples,
    .exit_codes = exit_codes,
    .run = run,
};
