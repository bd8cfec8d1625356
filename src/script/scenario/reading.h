/* script/scenario/reading.h - what the files that read scenarios share; for this folder only. As
 * reading functions do, all of them.
 */
#ifndef TB_SCRIPT_SCENARIO_READING_H
#define TB_SCRIPT_SCENARIO_READING_H

#include "script/scenario/scenario.h"

/* The keys of a struct dial_wish: rows of a table of fields, whose `into` begins with one. */
#define DIAL_WISH_FIELDS                                                                           \
    {.name = "url", .read = dial_wish_read_url},                                                   \
        {.name = "headers", .read = dial_wish_read_headers}, {                                     \
        .name = "protocols", .read = dial_wish_read_protocols                                      \
    }

int dial_wish_read_url(struct reader *r, const struct node *value, void *into);
int dial_wish_read_headers(struct reader *r, const struct node *value, void *into);
int dial_wish_read_protocols(struct reader *r, const struct node *value, void *into);

/* A wait's limit, which is more than nothing. */
int limit_read(struct reader *r, const struct node *value, uint64_t *ms);

/* `vars` and `set`: a map of names and templates. */
int step_values_read(struct reader *r, const struct node *map, struct step_values *values);

/* A matcher, or a map of one that also has `save` and, where *within_ms is wanted, `within`. */
int expectation_read(struct reader *r, const struct node *node, struct expectation *e,
                     uint64_t *within_ms);

/* `save`: a map of names and paths. */
int saves_read(struct reader *r, const struct node *map, struct expectation *e);

/* The steps of a scenario whose clients are known; and those of an `all`. */
int steps_read(struct reader *r, const struct node *list, const struct scenario *scenario,
               struct steps *steps);
int steps_read_in(struct reader *r, const struct node *list, const struct scenario *scenario,
                  bool in_all, struct steps *steps);

/* A step that is being read. */
struct step_reading {
    struct dial_wish wish; /* of connect; first: its fields take it */
    struct step *step;
    const struct scenario *scenario;
    const struct node *map;
    const struct node *verb; /* the key, or the scalar that is all of the step; NULL: none yet */
    const struct node *as;
    const struct node *within;
    const struct node *save;
    bool in_all;
};

/* The keys of a step, for reader_map(); each takes a struct step_reading. */
extern const struct field step_fields[];

/* `- close`: a verb that needs no more said. */
int step_read_bare(struct reader *r, const struct node *item, struct step_reading *x);

/* Whether a step of the verb is done by a client. */
bool step_verb_is_of_client(enum step_verb verb);

/* The value of a key that says no more than that it is there: `close:`. */
bool is_nothing(const struct node *node);

/* The client of that name, or -1. */
int scenario_client_find(const struct scenario *scenario, const char *name);

#endif
