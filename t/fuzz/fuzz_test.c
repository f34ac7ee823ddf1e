/* fuzz_test.c - every fuzz target with its seeds, the corpus, and mutations.
 *
 *   fuzz_test [TARGET [SEED [COUNT]]]     mutations from another random seed
 *   fuzz_test TARGET FILE                 one input, to debug it
 *
 * The input that kills a target is left in the current directory, as
 * fuzz-TARGET.input.
 */

#include "config.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/tap.h"
#include "fuzz.h"

#define MUTATIONS 10000
#define SIZE_MAX_ 4096
#define SECONDS_MAX 10 /* of one input */

struct input {
    char *data;
    size_t size;
};

struct inputs {
    struct input *v;
    size_t count;
    size_t cap;
};

static void inputs_add (void *arg, const char *data, size_t size)
{
    struct inputs *in = arg;

    if (in->count == in->cap) {
        in->cap = in->cap ? in->cap * 2 : 64;
        in->v = realloc (in->v, in->cap * sizeof (in->v[0]));
        must (in->v != NULL);
    }
    in->v[in->count++] = (struct input){ fuzz_bytes (data, size), size };
}

static void inputs_fini (struct inputs *in)
{
    for (size_t i = 0; i < in->count; i++)
        free (in->v[i].data);
    free (in->v);
}

static bool add_file (struct inputs *in, const char *path)
{
    static char buf[1 << 20];
    FILE *f = fopen (path, "r");

    if (!f)
        return false;
    inputs_add (in, buf, fread (buf, 1, sizeof (buf), f));
    fclose (f);
    return true;
}

static size_t add_corpus (struct inputs *in, const char *name)
{
    const char *srcdir = getenv ("SRCDIR");
    struct dirent **v;
    char path[4096];
    size_t count = 0;
    int n;

    snprintf (path, sizeof (path), "%s/t/fuzz/corpus/%s", srcdir ? srcdir : "..", name);
    n = scandir (path, &v, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (v[i]->d_name[0] != '.') {
            snprintf (path, sizeof (path), "%s/t/fuzz/corpus/%s/%s",
                      srcdir ? srcdir : "..", name, v[i]->d_name);
            count += add_file (in, path);
        }
        free (v[i]);
    }
    if (n >= 0)
        free (v);
    return count;
}

/* ---- mutations -------------------------------------------------------------- */

static uint64_t state;

/* splitmix64 */
static uint32_t rnd (uint32_t n)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % n;
}

struct buf {
    char data[SIZE_MAX_];
    size_t size;
};

/* Replace n bytes at pos by others; what does not fit falls off the end. */
static void replace (struct buf *b, size_t pos, size_t n, const char *data, size_t size)
{
    size_t tail = b->size - pos - n;
    char *copy;

    if (size > SIZE_MAX_ - pos)
        size = SIZE_MAX_ - pos;
    if (tail > SIZE_MAX_ - pos - size)
        tail = SIZE_MAX_ - pos - size;
    copy = fuzz_bytes (data, size);
    memmove (b->data + pos + size, b->data + pos + n, tail);
    memcpy (b->data + pos, copy, size);
    b->size = pos + size + tail;
    free (copy);
}

static const char *const numbers[] = {
    "0",
    "-1",
    "1",
    "255",
    "4294967295",
    "2147483648",
    "9223372036854775807",
    "18446744073709551616",
    "-9223372036854775809",
    "1e308",
    "1e999",
    "0.1",
    "-0.0",
};

static void mutate_word (const struct fuzz_target *t, struct buf *b)
{
    size_t pos = rnd (b->size + 1);
    const char *word = numbers[rnd (ARRAY_SIZE (numbers))];
    size_t n = 0;

    if (t->words && rnd (4) > 0) {
        while (t->words[n])
            n++;
        word = t->words[rnd (n)];
    }
    replace (b, pos, 0, word, strlen (word));
}

static void mutate_number (struct buf *b)
{
    size_t start = rnd (b->size);
    size_t end;

    while (start < b->size && (b->data[start] < '0' || b->data[start] > '9'))
        start++;
    for (end = start; end < b->size && b->data[end] >= '0' && b->data[end] <= '9';)
        end++;
    if (end > start) {
        const char *word = numbers[rnd (ARRAY_SIZE (numbers))];

        replace (b, start, end - start, word, strlen (word));
    }
}

static void mutate (const struct fuzz_target *t, const struct inputs *in, struct buf *b)
{
    static const char bytes[] = "\0\1\x7f\x80\xff{}[]\",:\\\n .-09";
    size_t pos = b->size ? rnd (b->size) : 0;
    size_t n = b->size ? rnd (b->size - pos < 32 ? b->size - pos + 1 : 32) : 0;
    const struct input *other;
    char c;

    switch (b->size ? rnd (9) : 8) {
        case 0:
            b->data[pos] ^= 1 << rnd (8);
            break;
        case 1:
            b->data[pos] = bytes[rnd (sizeof (bytes) - 1)];
            break;
        case 2:
            c = bytes[rnd (sizeof (bytes) - 1)];
            replace (b, pos, 0, &c, 1);
            break;
        case 3:
            replace (b, pos, n, "", 0);
            break;
        case 4: /* a part twice */
            replace (b, rnd (b->size), 0, b->data + pos, n);
            break;
        case 5:
            mutate_word (t, b);
            break;
        case 6:
            mutate_number (b);
            break;
        case 7:
            b->size = pos;
            break;
        case 8: /* the end of another one */
            other = &in->v[rnd (in->count)];
            n = other->size ? rnd (other->size) : 0;
            replace (b, pos, rnd (2) ? b->size - pos : 0, other->data + n,
                     other->size - n);
            break;
    }
}

/* ---- running ---------------------------------------------------------------- */

static const struct fuzz_target *current;
static const char *current_data;
static size_t current_size;

static void on_death (int signum)
{
    static char path[64];
    int fd;

    snprintf (path, sizeof (path), "fuzz-%s.input", current->name);
    fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write (fd, current_data, current_size) != (ssize_t)current_size)
        path[0] = '\0';
    printf ("Bail out! %s: %s; the input is in %s\n", current->name,
            signum == SIGALRM ? "took too long" : strsignal (signum), path);
    fflush (stdout);
    signal (signum == SIGALRM ? SIGABRT : signum, SIG_DFL);
    raise (signum == SIGALRM ? SIGABRT : signum);
}

static void run (const struct fuzz_target *t, const char *data, size_t size)
{
    char *copy = fuzz_bytes (data, size);

    current = t;
    current_data = copy;
    current_size = size;
    alarm (SECONDS_MAX);
    t->one (copy, size);
    alarm (0);
    free (copy);
}

static void run_mutations (const struct fuzz_target *t, const struct inputs *in, size_t n)
{
    static struct buf b;

    for (size_t i = 0; i < n; i++) {
        const struct input *from = &in->v[rnd (in->count)];

        b.size = 0;
        replace (&b, 0, 0, from->data, from->size);
        for (int k = rnd (6); k >= 0; k--)
            mutate (t, in, &b);
        run (t, b.data, b.size);
    }
}

static void run_target (const struct fuzz_target *t, uint64_t seed, size_t count)
{
    struct inputs in = { 0 };
    size_t found;

    state = seed;
    fuzz_seeds (t, inputs_add, &in);
    found = add_corpus (&in, t->name);
    for (size_t i = 0; i < in.count; i++)
        run (t, in.v[i].data, in.v[i].size);
    if (in.count > 0)
        run_mutations (t, &in, count);
    ok (in.count > 0, "%s: %zu seeds, %zu inputs of the corpus, %zu mutations", t->name,
        in.count - found, found, count);
    inputs_fini (&in);
}

int main (int argc, char *argv[])
{
    static const int deaths[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM };
    uint64_t seed = argc > 2 ? strtoull (argv[2], NULL, 0) : 1;
    size_t count = argc > 3 ? strtoull (argv[3], NULL, 0) : MUTATIONS;
    struct inputs in = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE (deaths); i++)
        signal (deaths[i], on_death);
    setvbuf (stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !fuzz_find (argv[1]))
        bail_out ("%s: no such target", argv[1]);
    if (argc == 3 && add_file (&in, argv[2])) {
        run (fuzz_find (argv[1]), in.v[0].data, in.v[0].size);
        ok (true, "%s: %s", argv[1], argv[2]);
        inputs_fini (&in);
        return done_testing ();
    }
    for (size_t i = 0; fuzz_targets[i]; i++) {
        if (argc == 1 || fuzz_targets[i] == fuzz_find (argv[1]))
            run_target (fuzz_targets[i], seed, count);
    }
    return done_testing ();
}
