/* transcript_file.h - reads examples that stand in Markdown, as tests/transcripts/README.md
 * describes: a heading `## name` begins an example, each fenced block below it is a part of it,
 * everything else is prose. What the blocks mean is the caller's business.
 */
#ifndef TB_TESTS_UNIT_TRANSCRIPT_FILE_H
#define TB_TESTS_UNIT_TRANSCRIPT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* A fenced block: ```lang, the text, ```. */
struct transcript_block {
    const char *lang; /* what stands behind the opening fence; "" if nothing does */
    const char *text; /* its lines as they are, each with its newline */
    unsigned line;    /* of the file, where the text begins, from 1 */
};

struct transcript {
    const char *name;
    unsigned line; /* of the heading */
    struct transcript_block *blocks;
    size_t block_count;
};

struct transcript_file {
    const char *path;
    struct transcript *items;
    size_t count;
    char *content; /* what all the strings point into */
};

/* Reads a file. False, with a message on stderr, if it cannot be read, holds a NUL, leaves a
 * fence open, or has a block before the first heading. *f is then empty. `path` is kept. */
bool transcript_file_load(struct transcript_file *f, const char *path);
void transcript_file_release(struct transcript_file *f);

/* The first block of that language, or NULL. */
const struct transcript_block *transcript_block(const struct transcript *t, const char *lang);

#endif
