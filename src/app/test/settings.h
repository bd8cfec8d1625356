/* app/test/settings.h - what the command line of `taburet test` says.
 *
 * Owns the table of options and their defaults, and checks whatever can be wrong with them; reads
 * no file. The flags that say whom to reach, and how, are app/dial/flags.h's.
 */
#ifndef TB_APP_TEST_SETTINGS_H
#define TB_APP_TEST_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/dial/flags.h"
#include "base/options.h"

enum { TEST_JOBS_MAX = 256 };

struct test_settings {
    struct dial_flags dial;
    struct option_list files;
    const char *url; /* NULL: what the file says */
    bool mock;       /* against the file's own, whatever the file says */
    bool both;
    const char *filter; /* NULL: all */
    uint64_t repeat;
    uint64_t jobs;
    bool fail_fast;
    struct option_list vars;
    uint64_t seed;
    bool has_seed;
    bool tap;
    const char *junit;  /* NULL: none */
    const char *record; /* a folder; NULL: none */
    const char *from;   /* a recording to be made into scenarios; NULL: none */
    bool quiet;
    bool help;
};

extern const struct option test_options[];

/* Reads the command line. TB_OK; or TB_EINVAL or TB_ENOMEM, and *message says in one line (for a
 * config file in several) what is wrong. Release in any case. */
int test_settings_read(struct test_settings *s, int argc, char **argv, struct bytes *message);
void test_settings_release(struct test_settings *s);

#endif
