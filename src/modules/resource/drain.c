#include "config.h"
#include <stdbool.h>
#include <stdio.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "drain.h"

struct record {
    bool drained;
    double timestamp;
    char *reason; /* may be NULL */
};

struct drain {
    uint32_t size;
    struct record ranks[];
};

struct drain *drain_create (uint32_t size)
{
    struct drain *d = calloc (1, sizeof (*d) + size * sizeof (d->ranks[0]));

    if (d)
        d->size = size;
    return d;
}

void drain_destroy (struct drain *d)
{
    if (d) {
        for (uint32_t i = 0; i < d->size; i++)
            free (d->ranks[i].reason);
        free (d);
    }
}

bool drain_test (const struct drain *d, uint32_t rank)
{
    return rank < d->size && d->ranks[rank].drained;
}

/* Name the ranks of the set whose state is the one that must not be. */
static int refuse (const struct drain *d,
                   const struct idset *ranks,
                   bool drained,
                   const char *what,
                   flux_error_t *error)
{
    struct idset *bad = idset_create (0, IDSET_FLAG_AUTOGROW);
    unsigned int id;
    char *s;
    int r = 0;

    if (!bad)
        return -ENOMEM;
    for (id = idset_first (ranks); id != IDSET_INVALID_ID; id = idset_next (ranks, id)) {
        if (drain_test (d, id) == drained && idset_set (bad, id) < 0)
            r = -ENOMEM;
    }
    if (r == 0 && !idset_empty (bad)) {
        s = idset_encode (bad, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS);
        errprintf (error,
                   "rank%s %s %s drained",
                   idset_count (bad) > 1 ? "s" : "",
                   s ? s : "?",
                   what);
        free (s);
        r = -EEXIST;
    }
    idset_destroy (bad);
    return r;
}

static int set_one (struct record *rec,
                    double timestamp,
                    const char *reason,
                    enum drain_mode mode)
{
    bool was = rec->drained;
    char *copy = NULL;

    if (was && mode == DRAIN_UPDATE && rec->reason)
        return 0;
    if (reason && !(copy = strdup (reason)))
        return -ENOMEM;
    free (rec->reason);
    rec->reason = copy;
    rec->drained = true;
    if (!was || mode == DRAIN_FORCE)
        rec->timestamp = timestamp;
    return 0;
}

int drain_set (struct drain *d,
               const struct idset *ranks,
               double timestamp,
               const char *reason,
               enum drain_mode mode,
               flux_error_t *error)
{
    unsigned int id;
    int r = 0;

    must (idset_empty (ranks) || idset_last (ranks) < d->size);
    if (mode == DRAIN_STRICT)
        r = refuse (d, ranks, true, "already", error);
    for (id = idset_first (ranks); id != IDSET_INVALID_ID && r == 0;
         id = idset_next (ranks, id))
        r = set_one (&d->ranks[id], timestamp, reason, mode);
    return r;
}

int drain_clear (struct drain *d, const struct idset *ranks, int force, flux_error_t *error)
{
    unsigned int id;
    int r;

    must (idset_empty (ranks) || idset_last (ranks) < d->size);
    if (!force && (r = refuse (d, ranks, false, "not", error)) < 0)
        return r;
    for (id = idset_first (ranks); id != IDSET_INVALID_ID; id = idset_next (ranks, id)) {
        free (d->ranks[id].reason);
        d->ranks[id] = (struct record){ 0 };
    }
    return 0;
}

static bool same (const struct record *a, const struct record *b)
{
    const char *x = a->reason ? a->reason : "";
    const char *y = b->reason ? b->reason : "";

    return a->drained == b->drained && a->timestamp == b->timestamp && !strcmp (x, y);
}

/* Groups are found by comparing with the ranks that follow: this is asked for
 * by people, and few ranks are drained.
 */
void drain_encode (const struct drain *d, struct text *out)
{
    struct idset *done = idset_create (0, IDSET_FLAG_AUTOGROW);
    bool first = true;

    text_putc (out, '{');
    for (uint32_t i = 0; done && i < d->size; i++) {
        const struct record *rec = &d->ranks[i];
        const char *reason = rec->reason ? rec->reason : "";
        struct idset *group;
        char *s = NULL;

        if (!rec->drained || idset_test (done, i))
            continue;
        if ((group = idset_create (0, IDSET_FLAG_AUTOGROW))) {
            for (uint32_t k = i; k < d->size; k++) {
                if (same (rec, &d->ranks[k]))
                    idset_set (group, k);
            }
            s = idset_encode (group, IDSET_FLAG_RANGE);
            idset_add (done, group);
            idset_destroy (group);
        }
        if (!s) {
            out->error = -ENOMEM;
            break;
        }
        text_printf (out, "%s\"%s\":{\"timestamp\":", first ? "" : ",", s);
        text_put_real (out, rec->timestamp);
        text_puts (out, ",\"reason\":");
        text_put_json_string (out, reason, strlen (reason));
        text_putc (out, '}');
        free (s);
        first = false;
    }
    text_putc (out, '}');
    if (!done)
        out->error = -ENOMEM;
    idset_destroy (done);
}
