#include "script/fake.h"

#include <stdint.h>

#include "base/ascii.h"
#include "base/err.h"
#include "script/chance.h"

/* Runs are had again by their seeds: a word in a table is never moved, and none is added. */

static const char *const first_names[] = {
    "Ada",   "Adam",  "Alice",  "Amina",  "Anna",  "Anton", "Aris",   "Aziz",  "Ben",   "Bilal",
    "Boris", "Carla", "Carlos", "Chen",   "Clara", "Daria", "David",  "Diego", "Elena", "Elif",
    "Emil",  "Emma",  "Eric",   "Fatima", "Felix", "Finn",  "Greta",  "Hana",  "Hugo",  "Ida",
    "Igor",  "Ines",  "Ivan",   "Jana",   "Jin",   "Jonas", "Julia",  "Kai",   "Kofi",  "Lara",
    "Leo",   "Lin",   "Lucas",  "Maria",  "Marko", "Maya",  "Mei",    "Mina",  "Nadia", "Nina",
    "Noah",  "Olga",  "Oscar",  "Paul",   "Petra", "Priya", "Rafael", "Rosa",  "Sami",  "Sara",
    "Sofia", "Taras", "Tom",    "Yara",
};

static const char *const family_names[] = {
    "Adler",  "Ahmed",  "Alvarez",  "Andersen", "Bauer",  "Becker",  "Berg",     "Bianchi",
    "Bondar", "Brandt", "Brown",    "Castro",   "Chen",   "Costa",   "Cruz",     "Dahl",
    "Diaz",   "Evans",  "Fischer",  "Garcia",   "Gomez",  "Green",   "Haas",     "Hansen",
    "Hill",   "Ito",    "Ivanenko", "Jansen",   "Jones",  "Kaya",    "Keller",   "Khan",
    "Kim",    "Koval",  "Kowalski", "Lang",     "Larsen", "Lee",     "Lewis",    "Lopez",
    "Marino", "Martin", "Mensah",   "Meyer",    "Moreno", "Moretti", "Nakamura", "Novak",
    "Olsen",  "Patel",  "Petrov",   "Reyes",    "Rossi",  "Sato",    "Silva",    "Singh",
    "Smith",  "Tanaka", "Torres",   "Vogel",    "Walker", "Wang",    "Weber",    "Wood",
};

static const char *const words[] = {
    "acorn",   "amber",   "anchor", "apple",  "apron",   "arrow",    "autumn", "badge",   "bamboo",
    "banner",  "barley",  "basket", "beacon", "bench",   "berry",    "birch",  "blanket", "bottle",
    "branch",  "breeze",  "bridge", "bronze", "bucket",  "button",   "cabin",  "camel",   "candle",
    "canyon",  "carbon",  "carpet", "castle", "cedar",   "cherry",   "circle", "clover",  "coast",
    "cobalt",  "comet",   "copper", "coral",  "cotton",  "crystal",  "daisy",  "delta",   "desert",
    "diamond", "dolphin", "dragon", "eagle",  "ember",   "engine",   "falcon", "feather", "fern",
    "field",   "flame",   "flint",  "forest", "fossil",  "fountain", "galaxy", "garden",  "ginger",
    "glacier", "granite", "grape",  "hammer", "harbor",  "harvest",  "hazel",  "hollow",  "honey",
    "horizon", "island",  "ivory",  "jacket", "jasmine", "jungle",   "kettle", "lagoon",  "lantern",
    "laurel",  "lemon",   "lily",   "linen",  "lizard",  "lotus",    "magnet", "mango",   "maple",
    "marble",  "meadow",  "melon",  "meteor", "mirror",  "morning",  "mosaic", "nectar",  "needle",
    "nickel",  "ocean",   "olive",  "onyx",   "orange",  "orbit",    "orchid", "otter",   "oyster",
    "paper",   "pebble",  "pencil", "pepper", "piano",   "pillow",   "planet", "plum",    "pocket",
    "pond",    "puzzle",  "quartz", "rabbit",
};

/* Reserved for examples: what is sent there arrives nowhere (RFC 2606 s.3). */
static const char *const domains[] = {"example.com", "example.net", "example.org"};

#define PICK(c, table) pick(c, table, sizeof(table) / sizeof(*(table)))

static const char *pick(struct chance *c, const char *const *table, size_t count) {
    return table[chance_between(c, 0, count - 1)];
}

int fake_word(struct chance *c, struct bytes *out) {
    return bytes_append_str(out, PICK(c, words));
}

int fake_name(struct chance *c, struct bytes *out) {
    const char *first = PICK(c, first_names);
    const char *family = PICK(c, family_names);
    return bytes_appendf(out, "%s %s", first, family);
}

int fake_email(struct chance *c, struct bytes *out) {
    const char *first = PICK(c, first_names);
    const char *family = PICK(c, family_names);
    unsigned number = (unsigned)chance_between(c, 1, 99);
    return bytes_appendf(out, "%c%s.%c%s%u@%s", ascii_lower(*first), first + 1,
                         ascii_lower(*family), family + 1, number, PICK(c, domains));
}

int fake_uuid(struct chance *c, struct bytes *out) {
    uint64_t high = chance_next(c);
    uint64_t low = chance_next(c);
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    low = low >> 2 | UINT64_C(1) << 63;
    return bytes_appendf(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
                         (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff),
                         (unsigned)(low >> 48),
                         (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}
