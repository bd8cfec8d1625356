/* app/test/selection.h - which scenarios are run, and against what.
 *
 * Owns the files, compiled, and the list of their scenarios in the order in which they stand there.
 * Everything that can be wrong with a file is found here, before anything is run.
 */
#ifndef TB_APP_TEST_SELECTION_H
#define TB_APP_TEST_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/test/settings.h"
#include "base/bytes.h"
#include "script/scenario/scenario.h"
#include "script/script.h"

/* What a scenario is run against. */
enum target { TARGET_MOCK, TARGET_SERVER, TARGET_COUNT };

/* "mock", "server". */
extern const char *const target_names[];

struct test_file {
    const char *path;
    struct script *script;
    bool is_target[TARGET_COUNT];
    struct bytes url; /* of the server, terminated; empty: each scenario says its own */
    bool url_wins;    /* it stands for whole URLs of the file, too */
};

struct test_case {
    const struct test_file *file;
    const struct scenario *scenario;
    size_t index; /* in the file, from 0 */
};

struct selection {
    struct test_file *files;
    size_t file_count;
    struct test_case *cases;
    size_t count;
    uint64_t seed; /* of the whole run */
};

/* Reads the files and chooses. An exit code, EXIT_OK to go on; else *message says what is wrong. */
int selection_make(struct selection *s, const struct test_settings *settings,
                   struct bytes *message);
void selection_release(struct selection *s);

/* The name of the file for a person, not safe. */
const char *test_file_name(const struct test_file *file);

/* The first step that only the file's own mock can answer: what it is called; NULL: there is none.
 */
const char *scenario_needs_mock(const struct scenario *scenario);

#endif
