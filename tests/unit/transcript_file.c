#include "transcript_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char fence[] = "```";
static const char heading[] = "## ";

static bool begins_with(const char *line, const char *prefix) {
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

static bool complain(const struct transcript_file *f, unsigned line, const char *what) {
    fprintf(stderr, "%s:%u: %s\n", f->path, line, what);
    return false;
}

/* One more element at the end of an array, or NULL. */
static void *grow(void *items, size_t *count, size_t size) {
    void *grown = realloc(items, (*count + 1) * size);
    if (grown != NULL) {
        memset((char *)grown + *count * size, 0, size);
        (*count)++;
    }
    return grown;
}

static struct transcript *add_transcript(struct transcript_file *f) {
    struct transcript *items = grow(f->items, &f->count, sizeof(*items));
    if (items == NULL) {
        return NULL;
    }
    f->items = items;
    return &items[f->count - 1];
}

static struct transcript_block *add_block(struct transcript *t) {
    struct transcript_block *blocks = grow(t->blocks, &t->block_count, sizeof(*blocks));
    if (blocks == NULL) {
        return NULL;
    }
    t->blocks = blocks;
    return &blocks[t->block_count - 1];
}

static char *read_all(FILE *in) {
    size_t cap = 1 << 16;
    size_t n = 0;
    char *text = malloc(cap);
    while (text != NULL) {
        n += fread(text + n, 1, cap - n - 1, in);
        if (n < cap - 1) {
            break;
        }
        char *grown = realloc(text, cap *= 2);
        if (grown == NULL) {
            free(text);
        }
        text = grown;
    }
    if (text == NULL || ferror(in)) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

/* Ends the line with a NUL instead of its newline; gives the start of the next one. */
static char *end_line(char *line) {
    char *end = line + strcspn(line, "\n");
    if (*end == '\0') {
        return end;
    }
    *end = '\0';
    return end + 1;
}

/* Reads the block that the fence at `at` opens; gives the line behind its closing fence, or NULL.
 */
static char *read_block(struct transcript_file *f, char *at, unsigned *line) {
    unsigned opened = *line;
    if (f->count == 0) {
        complain(f, opened, "a block before the first heading");
        return NULL;
    }
    struct transcript_block *block = add_block(&f->items[f->count - 1]);
    if (block == NULL) {
        return NULL;
    }
    char *text = end_line(at);
    *block = (struct transcript_block){at + strlen(fence), text, opened + 1};
    char *close = text;
    for ((*line)++; !begins_with(close, fence); (*line)++) {
        close += strcspn(close, "\n");
        if (*close == '\0') {
            complain(f, opened, "the block is not closed");
            return NULL;
        }
        close++;
    }
    char *next = end_line(close);
    *close = '\0';
    (*line)++;
    return next;
}

static bool parse(struct transcript_file *f) {
    char *at = f->content;
    unsigned line = 1;
    while (*at != '\0') {
        if (begins_with(at, fence)) {
            at = read_block(f, at, &line);
            if (at == NULL) {
                return false;
            }
            continue;
        }
        char *next = end_line(at);
        if (begins_with(at, heading)) {
            struct transcript *t = add_transcript(f);
            if (t == NULL) {
                return complain(f, line, "memory is out");
            }
            t->name = at + strlen(heading);
            t->line = line;
        }
        at = next;
        line++;
    }
    return true;
}

bool transcript_file_load(struct transcript_file *f, const char *path) {
    *f = (struct transcript_file){.path = path};
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        perror(path);
        return false;
    }
    f->content = read_all(in);
    bool whole = f->content != NULL && strlen(f->content) == (size_t)ftell(in);
    fclose(in);
    if (!whole) {
        complain(f, 0, "not a text that can be read");
    }
    if (!whole || !parse(f)) {
        transcript_file_release(f);
        return false;
    }
    return true;
}

void transcript_file_release(struct transcript_file *f) {
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].blocks);
    }
    free(f->items);
    free(f->content);
    *f = (struct transcript_file){0};
}

const struct transcript_block *transcript_block(const struct transcript *t, const char *lang) {
    for (size_t i = 0; i < t->block_count; i++) {
        if (strcmp(t->blocks[i].lang, lang) == 0) {
            return &t->blocks[i];
        }
    }
    return NULL;
}
