#include "app/test/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/test/trial.h"
#include "base/err.h"
#include "net/loop.h"

enum { SIGNALS = 3 };

struct runner;

/* A scenario that runs, against one target after the other. */
struct job {
    struct runner *runner;
    struct finding *finding; /* NULL: it is free */
    enum target target;
    struct trial trial;
    bool runs; /* the trial */
};

struct runner {
    const struct runner_config *config;
    struct bytes *message;
    struct runner_end end;
    struct loop loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t limit;
    struct job *jobs;
    size_t job_count;
    uint64_t total;
    uint64_t begun;
    uint64_t handed;      /* over, in order */
    struct finding *done; /* that wait for those before them; by their numbers */
    bool stopping;        /* no other one is begun */
    bool abandoned;       /* and those that run are ended */
    bool deaf;            /* nobody hears any more */
    bool ended;
};

static void fill_jobs(struct runner *r);

/* ---- the end of it all ---- */

static void stop_all(struct runner *r, const char *why) {
    r->stopping = r->abandoned = true;
    for (size_t i = 0; i < r->job_count; i++) {
        if (r->jobs[i].runs) {
            trial_stop(&r->jobs[i].trial, why);
        }
    }
}

static bool is_idle(const struct runner *r) {
    for (size_t i = 0; i < r->job_count; i++) {
        if (r->jobs[i].finding != NULL) {
            return false;
        }
    }
    return true;
}

static void end_if_idle(struct runner *r) {
    if (r->ended || !is_idle(r) || (r->begun < r->total && !r->stopping)) {
        return;
    }
    r->ended = true;
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *)&r->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&r->limit, NULL);
    loop_end(&r->loop);
}

static void break_off(struct runner *r) {
    r->end.broken = true;
    stop_all(r, "the system refused");
}

/* ---- handing over ---- */

static void queue(struct runner *r, struct finding *f) {
    struct finding **at = &r->done;
    while (*at != NULL && (*at)->number < f->number) {
        at = &(*at)->next;
    }
    f->next = *at;
    *at = f;
}

static void hand_over(struct runner *r, struct finding *f) {
    if (r->deaf) {
        finding_free(f);
    } else if (!r->config->on_finding(r->config->ctx, f)) {
        r->deaf = true;
        stop_all(r, "nobody hears it");
    }
}

static void hand_over_all(struct runner *r) {
    while (r->done != NULL && r->done->number == r->handed) {
        struct finding *f = r->done;
        r->done = f->next;
        r->handed++;
        hand_over(r, f);
    }
}

static void finish_job(struct job *j) {
    struct runner *r = j->runner;
    struct finding *f = j->finding;
    j->finding = NULL;
    finding_compare(f);
    if (r->config->settings->fail_fast && finding_verdict(f) == VERDICT_FAILED) {
        r->stopping = true;
    }
    queue(r, f);
    hand_over_all(r);
}

/* ---- a trial ---- */

static void on_step(void *ctx, const struct step *step, const char *client) {
    struct job *j = ctx;
    const struct runner_config *config = j->runner->config;
    config->on_step(config->ctx, j->finding->c, j->target, step, client);
}

static void on_log(void *ctx, const char *client, const struct bytes *text) {
    struct job *j = ctx;
    const struct runner_config *config = j->runner->config;
    config->on_log(config->ctx, j->finding->c, j->target, client, text);
}

static void keep_recording(struct job *j) {
    struct runner *r = j->runner;
    struct outcome *o = &j->finding->outcomes[j->target];
    if (r->config->keep == NULL || outcome_verdict(o) != VERDICT_FAILED) {
        return;
    }
    int error = log_flush_all(j->trial.recording.log);
    struct bytes why = BYTES_INIT;
    if (error != 0) {
        bytes_appendf(&why, "cannot record in a temporary file (%s)", strerror(error));
    } else if (keep_file(r->config->keep, j->finding, j->target, j->trial.recording.fd,
                         &o->recording, &why) == TB_OK) {
        bytes_release(&why);
        return;
    }
    if (!r->end.broken) {
        bytes_append(r->message, why.data, why.len);
    }
    bytes_release(&why);
    break_off(r);
}

static void run_next_target(struct job *j);

static void on_trial_done(void *ctx, struct trial *t) {
    struct job *j = ctx;
    struct runner *r = j->runner;
    struct outcome *o = &j->finding->outcomes[j->target];
    j->runs = false;
    *o = t->outcome;
    keep_recording(j);
    trial_release(t);
    j->target++;
    run_next_target(j);
    fill_jobs(r);
    end_if_idle(r);
}

/* Each run of each scenario has another chance, which does not hang on what else is run. */
static uint64_t seed_of(const struct runner *r, const struct finding *f) {
    uint64_t seed = r->config->selection->seed;
    return seed + f->c->index * UINT64_C(0x9e3779b97f4a7c15) +
           f->round * UINT64_C(0xbf58476d1ce4e5b9);
}

static void start_trial(struct job *j) {
    struct runner *r = j->runner;
    const struct test_settings *s = r->config->settings;
    const struct trial_config config = {
        .loop = &r->loop,
        .c = j->finding->c,
        .target = j->target,
        .dialler = dialler_for_player(&r->config->diallers[j->target]),
        .seed = seed_of(r, j->finding),
        .max_message = s->dial.max_message,
        .connect_timeout_ms = s->dial.connect_timeout_ms,
        .records = r->config->keep != NULL,
        .remembers_met = s->both,
        .ctx = j,
        .on_step = on_step,
        .on_log = on_log,
        .on_done = on_trial_done,
    };
    struct bytes why = BYTES_INIT;
    j->runs = true;
    if (trial_start(&j->trial, &config, &why) != TB_OK) {
        if (!r->end.broken) {
            bytes_append(r->message, why.data, why.len);
        }
        break_off(r);
        if (j->trial.endpoints == 0) {
            j->runs = false;
            j->finding->skip = "the system refused";
            trial_release(&j->trial);
            j->target = TARGET_COUNT;
        }
    }
    bytes_release(&why);
}

/* ---- a scenario ---- */

static bool is_run_against(const struct job *j) {
    const struct finding *f = j->finding;
    bool foreign = j->target == TARGET_SERVER && f->left_out != NULL;
    return f->c->file->is_target[j->target] && f->skip == NULL && !foreign;
}

static void run_next_target(struct job *j) {
    while (j->target < TARGET_COUNT && (!is_run_against(j) || j->runner->abandoned)) {
        j->target++;
    }
    if (j->target < TARGET_COUNT) {
        start_trial(j);
    }
    if (j->target == TARGET_COUNT) {
        finish_job(j);
    }
}

static bool begin(struct job *j) {
    struct runner *r = j->runner;
    const struct selection *sel = r->config->selection;
    struct finding *f = calloc(1, sizeof *f);
    if (f == NULL) {
        bytes_append_str(r->message, "cannot run a scenario (out of memory)");
        break_off(r);
        return false;
    }
    f->number = r->begun++;
    f->c = &sel->cases[f->number % sel->count];
    f->round = f->number / sel->count;
    f->skip = f->c->scenario->skip;
    f->left_out = f->c->file->is_target[TARGET_SERVER] ? scenario_needs_mock(f->c->scenario) : NULL;
    j->finding = f;
    j->target = TARGET_MOCK;
    r->config->on_start(r->config->ctx, f->c, f->round);
    run_next_target(j);
    return true;
}

static void fill_jobs(struct runner *r) {
    for (size_t i = 0; i < r->job_count; i++) {
        while (r->jobs[i].finding == NULL && !r->stopping && r->begun < r->total) {
            if (!begin(&r->jobs[i])) {
                return;
            }
        }
    }
}

/* ---- what comes from the system ---- */

/* The second signal does not wait for goodbyes. */
static void on_signal(uv_signal_t *handle, int number) {
    struct runner *r = handle->data;
    (void)number;
    if (r->end.interrupted) {
        _exit(EXIT_INTERRUPTED);
    }
    r->end.interrupted = true;
    stop_all(r, "interrupted");
    end_if_idle(r);
}

static void on_limit(uv_timer_t *timer) {
    struct runner *r = timer->data;
    r->end.timed_out = true;
    stop_all(r, "the time was up (--max-time)");
    end_if_idle(r);
}

static void listen_to_system(struct runner *r) {
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&r->loop.uv, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&r->loop.uv, &r->limit);
    r->limit.data = r;
    if (r->config->settings->dial.max_time_ms > 0) {
        uv_timer_start(&r->limit, on_limit, r->config->settings->dial.max_time_ms, 0);
    }
}

/* ---- the run ---- */

static bool init(struct runner *r) {
    r->jobs = calloc(r->job_count, sizeof *r->jobs);
    int err = r->jobs != NULL ? loop_init(&r->loop) : TB_ENOMEM;
    if (err != TB_OK) {
        bytes_appendf(r->message, "cannot start (%s)",
                      err == TB_ESYS ? strerror(errno) : tb_err_text(err));
        return false;
    }
    for (size_t i = 0; i < r->job_count; i++) {
        r->jobs[i].runner = r;
    }
    return true;
}

struct runner_end runner_run(const struct runner_config *config, struct bytes *message) {
    struct runner r = {.config = config, .message = message};
    r.total = config->settings->repeat * config->selection->count;
    r.job_count = config->settings->jobs < r.total ? config->settings->jobs : r.total;
    if (!init(&r)) {
        free(r.jobs);
        r.end.broken = true;
        r.end.not_run = r.total;
        return r.end;
    }
    listen_to_system(&r);
    fill_jobs(&r);
    end_if_idle(&r);
    loop_run(&r.loop);
    loop_release(&r.loop);
    while (r.done != NULL) {
        struct finding *f = r.done;
        r.done = f->next;
        hand_over(&r, f);
    }
    free(r.jobs);
    r.end.not_run = r.total - r.begun;
    return r.end;
}
