#include "app/test/selection.h"

#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "base/err.h"
#include "base/file.h"
#include "base/pattern.h"
#include "base/text.h"
#include "script/chance.h"
#include "script/scenario/player.h"
#include "script/template.h"

const char *const target_names[] = {"mock", "server"};

static int code_of(int err, struct bytes *message) {
    if (err == TB_ENOMEM) {
        bytes_clear(message);
        bytes_append_str(message, "cannot start (out of memory)");
        return EXIT_SYSTEM;
    }
    return err == TB_OK ? EXIT_OK : EXIT_USAGE;
}

const char *test_file_name(const struct test_file *file) {
    return file_shown_name(file->path);
}

static int refuse(const struct test_file *file, struct bytes *message, const char *why) {
    const char *name = test_file_name(file);
    bytes_clear(message);
    int err = text_escape(message, name, strlen(name), TEXT_ONE_LINE);
    err = err == TB_OK ? bytes_append_str(message, why) : err;
    return err == TB_OK ? TB_EINVAL : err;
}

/* ---- where the server is ---- */

/* What a wish says, as far as the file's variables tell. TB_OK, or TB_ENOMEM. */
static int expand(const struct script *script, const struct template *t, struct bytes *out) {
    struct chance chance;
    chance_init(&chance, 0);
    struct scope scope = {.vars = &script->vars, .chance = &chance};
    bytes_clear(out);
    int err = template_expand(t, &scope, out);
    if (err == TB_ERANGE || (err == TB_OK && scope.missing != NULL)) {
        bytes_clear(out);
        err = TB_OK;
    }
    return err == TB_OK ? bytes_append(out, "", 1) : err;
}

/* Whether it says by itself to which server. */
static int look_at_wish(const struct script *script, const struct dial_wish *wish, bool *absolute) {
    struct bytes url = BYTES_INIT;
    int err = TB_OK;
    if (wish->url != NULL && !*absolute) {
        err = expand(script, wish->url, &url);
        *absolute = err == TB_OK && player_url_is_absolute((const char *)url.data);
    }
    bytes_release(&url);
    return err;
}

static int look_at_steps(const struct script *script, const struct steps *steps, bool *absolute) {
    int err = TB_OK;
    for (size_t i = 0; err == TB_OK && i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        if (step->verb == STEP_ALL) {
            err = look_at_steps(script, &step->all.steps, absolute);
        } else if (step->verb == STEP_CONNECT) {
            err = look_at_wish(script, &step->connect.wish, absolute);
        }
    }
    return err;
}

static int look_at_scenario(const struct script *script, const struct scenario *scenario,
                            bool *absolute) {
    int err = look_at_wish(script, &scenario->settings.wish, absolute);
    for (size_t i = 0; err == TB_OK && i < scenario->client_count; i++) {
        err = look_at_wish(script, &scenario->clients[i].wish, absolute);
    }
    return err == TB_OK ? look_at_steps(script, &scenario->steps, absolute) : err;
}

/* Whether every scenario says by itself to which server. */
static int look_at_scenarios(const struct script *script, bool *absolute) {
    int err = TB_OK;
    *absolute = script->suite->count > 0;
    for (size_t i = 0; err == TB_OK && *absolute && i < script->suite->count; i++) {
        *absolute = false;
        err = look_at_scenario(script, &script->suite->scenarios[i], absolute);
    }
    return err;
}

static int find_server(struct test_file *file, const struct test_settings *s, bool *has_server) {
    const struct script *script = file->script;
    const struct dial_wish *wish = &script->suite->defaults.wish;
    int err = TB_OK;
    if (s->url != NULL) {
        *has_server = file->url_wins = true;
        return bytes_append(&file->url, s->url, strlen(s->url) + 1);
    }
    *has_server = false;
    if (wish->url != NULL) {
        err = expand(script, wish->url, &file->url);
        *has_server = err == TB_OK && player_url_is_absolute((const char *)file->url.data);
    }
    if (!*has_server) {
        bytes_clear(&file->url);
    }
    return err;
}

static int choose_targets(struct test_file *file, const struct test_settings *s,
                          struct bytes *message) {
    bool has_mock = file->script->server != NULL;
    bool has_server;
    int err = find_server(file, s, &has_server);
    if (err == TB_OK && !has_server && (!has_mock || s->both)) {
        err = look_at_scenarios(file->script, &has_server);
    }
    if (err != TB_OK) {
        return err;
    }
    if ((s->mock || s->both) && !has_mock) {
        return refuse(file, message, ": there is no 'server' in it, and so no mock");
    }
    if (s->both && !has_server) {
        return refuse(file, message,
                      ": against which server, besides the mock? (--url URL, or 'url' in "
                      "'defaults')");
    }
    if (!has_mock && !has_server) {
        return refuse(file, message,
                      ": there is no 'server' in it, and nothing says which server to test "
                      "(--url URL, or 'url' in 'defaults')");
    }
    file->is_target[TARGET_SERVER] = has_server && !s->mock;
    file->is_target[TARGET_MOCK] = s->both || !file->is_target[TARGET_SERVER];
    return TB_OK;
}

/* ---- files ---- */

static int load_file(struct test_file *file, const struct test_settings *s, struct bytes *message) {
    int err = script_load(file->path, &file->script, message);
    for (size_t i = 0; err == TB_OK && i < s->vars.count; i++) {
        err = script_set(file->script, s->vars.items[i], message);
    }
    if (err == TB_OK && file->script->suite->count == 0) {
        err = refuse(file, message, ": there are no scenarios in it");
    }
    return err == TB_OK ? choose_targets(file, s, message) : err;
}

static int load_files(struct selection *sel, const struct test_settings *s, struct bytes *message) {
    int err = TB_OK;
    sel->files = calloc(s->files.count, sizeof *sel->files);
    if (sel->files == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; err == TB_OK && i < s->files.count; i++) {
        sel->files[i].path = s->files.items[i];
        sel->file_count++;
        err = load_file(&sel->files[i], s, message);
    }
    return err;
}

/* ---- scenarios ---- */

static int add_cases(struct selection *sel, const struct test_file *file, struct pattern *filter) {
    const struct suite *suite = file->script->suite;
    struct test_case *more = realloc(sel->cases, (sel->count + suite->count) * sizeof *more);
    if (more == NULL) {
        return TB_ENOMEM;
    }
    sel->cases = more;
    for (size_t i = 0; i < suite->count; i++) {
        const struct scenario *scenario = &suite->scenarios[i];
        if (filter == NULL ||
            pattern_search(filter, scenario->name, strlen(scenario->name)) == PATTERN_FOUND) {
            more[sel->count++] = (struct test_case){file, scenario, i};
        }
    }
    return TB_OK;
}

static int make_filter(const char *text, struct pattern **filter, struct bytes *message) {
    struct bytes why = BYTES_INIT;
    int err = pattern_new(text, filter, &why);
    if (err == TB_EINVAL) {
        bytes_appendf(message, "option '--filter': %.*s", (int)why.len, (const char *)why.data);
    }
    bytes_release(&why);
    return err;
}

static int choose_cases(struct selection *sel, const struct test_settings *s,
                        struct bytes *message) {
    struct pattern *filter = NULL;
    int err = s->filter != NULL ? make_filter(s->filter, &filter, message) : TB_OK;
    for (size_t i = 0; err == TB_OK && i < sel->file_count; i++) {
        err = add_cases(sel, &sel->files[i], filter);
    }
    if (err == TB_OK && sel->count == 0 && s->filter != NULL) {
        bytes_append_str(message, "no scenario has a name in which '");
        text_escape(message, s->filter, strlen(s->filter), TEXT_ONE_LINE);
        bytes_append_str(message, "' matches (--filter)");
        err = TB_EINVAL;
    }
    pattern_free(filter);
    return err;
}

/* One seed for all files, so that the one that is printed has everything again. */
static int choose_seed(struct selection *sel, const struct test_settings *s) {
    if (s->has_seed) {
        sel->seed = s->seed;
        return TB_OK;
    }
    for (size_t i = 0; i < sel->file_count; i++) {
        if (sel->files[i].script->has_seed) {
            sel->seed = sel->files[i].script->seed;
            return TB_OK;
        }
    }
    return chance_seed(&sel->seed);
}

int selection_make(struct selection *s, const struct test_settings *settings,
                   struct bytes *message) {
    *s = (struct selection){.files = NULL};
    int err = load_files(s, settings, message);
    err = err == TB_OK ? choose_cases(s, settings, message) : err;
    if (err == TB_OK && choose_seed(s, settings) != TB_OK) {
        bytes_append_str(message, "the system has no random numbers for a seed (--seed gives one)");
        return EXIT_SYSTEM;
    }
    return code_of(err, message);
}

void selection_release(struct selection *s) {
    for (size_t i = 0; i < s->file_count; i++) {
        script_unref(s->files[i].script);
        bytes_release(&s->files[i].url);
    }
    free(s->files);
    free(s->cases);
    *s = (struct selection){.files = NULL};
}

/* ---- what only a mock can do ---- */

static const char *find_mocks_step(const struct steps *steps) {
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        if (step->verb == STEP_FAULT || step->verb == STEP_VERIFY) {
            return step_verb_names[step->verb];
        }
        const char *name = step->verb == STEP_ALL ? find_mocks_step(&step->all.steps) : NULL;
        if (name != NULL) {
            return name;
        }
    }
    return NULL;
}

const char *scenario_needs_mock(const struct scenario *scenario) {
    return find_mocks_step(&scenario->steps);
}
