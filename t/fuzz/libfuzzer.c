/* libfuzzer.c - the targets for libFuzzer: FUZZ_TARGET=NAME fuzz [OPTIONS] [DIR...]
 *
 * fuzz --seeds NAME DIR writes the seeds of a target as files instead, and
 * fuzz --words NAME its dictionary; fuzz --list the names.
 */

#include "config.h"
#include <stdio.h>

#include "fuzz.h"

static const struct fuzz_target *target;

struct seeds {
    const char *dir;
    unsigned int count;
};

static void write_seed (void *arg, const char *data, size_t size)
{
    struct seeds *s = arg;
    char path[4096];
    FILE *f;

    snprintf (path, sizeof (path), "%s/seed-%04u", s->dir, s->count++);
    if (!(f = fopen (path, "w")) || fwrite (data, 1, size, f) != size
        || fclose (f) != 0) {
        perror (path);
        exit (1);
    }
}

static void write_words (void)
{
    for (size_t i = 0; target->words && target->words[i]; i++) {
        putchar ('"');
        for (const char *p = target->words[i]; *p; p++)
            printf ("\\x%02x", (unsigned char)*p);
        puts ("\"");
    }
}

static void find (const char *name)
{
    if (!(target = fuzz_find (name))) {
        fprintf (stderr, "fuzz: %s: no such target\n", name);
        exit (1);
    }
}

int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerInitialize (int *argc, char ***argv)
{
    const char *name = getenv ("FUZZ_TARGET");
    char **v = *argv;

    if (*argc == 2 && strcmp (v[1], "--list") == 0) {
        for (size_t i = 0; fuzz_targets[i]; i++)
            puts (fuzz_targets[i]->name);
        exit (0);
    }
    if (*argc == 3 && strcmp (v[1], "--words") == 0) {
        find (v[2]);
        write_words ();
        exit (0);
    }
    if (*argc == 4 && strcmp (v[1], "--seeds") == 0) {
        struct seeds s = { .dir = v[3] };

        find (v[2]);
        fuzz_seeds (target, write_seed, &s);
        exit (0);
    }
    if (!name) {
        fprintf (stderr, "fuzz: FUZZ_TARGET is not set\n");
        exit (1);
    }
    find (name);
    return 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    target->one ((const char *)data, size);
    return 0;
}
