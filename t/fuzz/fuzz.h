/* fuzz.h - what reads bytes from outside, each as a target for fuzzing.
 *
 * A target takes any bytes and checks, with must (), what must hold for all of
 * them: usually that writing what was read and reading it again changes
 * nothing, or that another reader (jansson, or a naive one) agrees.  The
 * process dies if something does not hold.
 *
 * Two programs are made of the targets:
 *   fuzz_test      any compiler: seeds, the corpus, and some thousand mutations
 *                  of them from a fixed random seed, as a part of make check
 *   fuzz           libFuzzer, for scripts/fuzz
 *
 * Seeds are taken from t/vectors where those exist, else named by the target.
 * Inputs that showed a defect once are files in t/fuzz/corpus/TARGET.
 */

#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

/* Where in the vectors seeds are: every member of that name, anywhere in the
 * file.  key NULL: every string.
 */
struct fuzz_source {
    const char *file;
    const char *key;
    enum {
        FUZZ_STRING, /* the characters */
        FUZZ_HEX,    /* the bytes they spell */
        FUZZ_JSON,   /* the value as JSON text */
    } kind;
};

struct fuzz_target {
    const char *name;
    void (*one) (const char *data, size_t size);
    const struct fuzz_source *sources; /* ends with a zeroed one; or NULL */
    const char *const *seeds;          /* NULL-terminated, or NULL */
    const char *const *words;          /* worth inserting; NULL-terminated, or NULL */
};

extern const struct fuzz_target *const fuzz_targets[]; /* NULL-terminated */

const struct fuzz_target *fuzz_find (const char *name); /* or NULL */

/* Give every seed of the target to add ().  Exits if the vectors are not
 * there; $SRCDIR is the top of the source tree.
 */
void fuzz_seeds (const struct fuzz_target *t,
                 void (*add) (void *arg, const char *data, size_t size),
                 void *arg);

/* ---- for targets ------------------------------------------------------------ */

/* Bytes of an input as choices: 0 when there are none left. */
struct fuzz_dice {
    const char *p;
    const char *end;
};

static inline unsigned int fuzz_roll (struct fuzz_dice *d, unsigned int sides)
{
    return d->p == d->end ? 0 : (unsigned char)*d->p++ % sides;
}

/* The input as a C string in memory of its exact size, so that sanitizers see
 * every read beyond it; ends at the first NUL.
 */
char *fuzz_string (const char *data, size_t size);

/* The same bytes in memory of their exact size. */
char *fuzz_bytes (const char *data, size_t size);

/* The input as the JSON readers of this house would have it, or NULL. */
json_t *fuzz_json (const char *data, size_t size);

/* The text of o, sorted and compact. */
char *fuzz_dump (const json_t *o);

#endif /* !T_FUZZ_FUZZ_H */
