/* What a record takes from R (job-list.md 4.3). */

#include "config.h"
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/util.h"

#include "record.h"

struct rank_cores {
    unsigned int rank;
    struct idset *cores;
};

struct parsed {
    struct idset *ranks;
    struct hostlist *hosts; /* NULL: no nodelist given */
    int64_t ncores;
    double expiration;
    /* cores of each rank, kept only from the first rank that is repeated on */
    struct rank_cores *seen;
    size_t nseen;
};

static void parsed_fini (struct parsed *p)
{
    idset_destroy (p->ranks);
    hostlist_destroy (p->hosts);
    for (size_t i = 0; i < p->nseen; i++)
        idset_destroy (p->seen[i].cores);
    free (p->seen);
}

static void idsetp (struct idset **ids)
{
    idset_destroy (*ids);
}

static struct idset *decode_ids (struct jview v)
{
    const char *s;
    size_t len;

    return jview_plain (v, &s, &len) ? idset_ndecode (s, len) : NULL;
}

/* Remember what each rank of an entry has. */
static int
remember (struct parsed *p, const struct idset *ranks, const struct idset *cores)
{
    unsigned int rank;

    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        struct rank_cores *seen = realloc (p->seen, (p->nseen + 1) * sizeof (*seen));

        if (!seen)
            return -ENOMEM;
        p->seen = seen;
        if (!(seen[p->nseen].cores = idset_copy (cores)))
            return -ENOMEM;
        seen[p->nseen++].rank = rank;
    }
    return 0;
}

/* Does one of these ranks have one of these cores already? */
static bool
overlaps (const struct parsed *p, const struct idset *ranks, const struct idset *cores)
{
    for (size_t i = 0; i < p->nseen; i++) {
        if (idset_test (ranks, p->seen[i].rank)
            && idset_has_intersection (p->seen[i].cores, cores))
            return true;
    }
    return false;
}

/* The ids of a child; absent is none.  All children must be id sets. */
static int decode_children (struct jview children, struct idset **cores)
{
    struct jview key, value;
    struct jiter it;

    if (!jview_is (children, JVIEW_OBJECT))
        return -EINVAL;
    jiter_init (&it, children);
    while (jiter_next (&it, &key, &value)) {
        struct idset *ids = decode_ids (value);

        if (!ids)
            return -EINVAL;
        if (jview_equal (key, "core")) {
            idset_destroy (*cores);
            *cores = ids;
        }
        else
            idset_destroy (ids);
    }
    if (!*cores && !(*cores = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    return 0;
}

static int parse_entry (struct parsed *p, struct jview entry, bool repeats)
{
    _cleanup_ (idsetp)
    struct idset *ranks = decode_ids (jview_get (entry, "rank"));
    _cleanup_ (idsetp)
    struct idset *cores = NULL;
    int r;

    if (!ranks)
        return -EINVAL;
    if ((r = decode_children (jview_get (entry, "children"), &cores)) < 0)
        return r;
    if (repeats) {
        if (overlaps (p, ranks, cores))
            return -EINVAL;
        if ((r = remember (p, ranks, cores)) < 0)
            return r;
    }
    p->ncores += (int64_t)idset_count (ranks) * idset_count (cores);
    return idset_add (p->ranks, ranks) < 0 ? -ENOMEM : 0;
}

/* Ranks that occur in two entries are legal, but rare: only then must the
 * cores of each be compared.
 */
static bool has_repeats (struct jview R_lite)
{
    _cleanup_ (idsetp)
    struct idset *all = idset_create (0, IDSET_FLAG_AUTOGROW);
    struct jview entry;
    struct jiter it;
    bool repeats = false;

    jiter_init (&it, R_lite);
    while (all && !repeats && jiter_next (&it, NULL, &entry)) {
        struct idset *ranks = decode_ids (jview_get (entry, "rank"));

        repeats =
            ranks && (idset_has_intersection (all, ranks) || idset_add (all, ranks) < 0);
        idset_destroy (ranks);
    }
    return repeats || !all;
}

static int parse_R_lite (struct parsed *p, struct jview R_lite)
{
    struct jview entry;
    struct jiter it;
    bool repeats;
    int r;

    if (!jview_is (R_lite, JVIEW_ARRAY))
        return -EINVAL;
    if (!(p->ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    repeats = jview_count (R_lite) > 1 && has_repeats (R_lite);
    jiter_init (&it, R_lite);
    while (jiter_next (&it, NULL, &entry)) {
        if ((r = parse_entry (p, entry, repeats)) < 0)
            return r;
    }
    return 0;
}

/* Hosts are given in rank order, one for each rank. */
static int parse_nodelist (struct parsed *p, struct jview nodelist)
{
    struct jview hosts;
    struct jiter it;

    if (!jview_present (nodelist))
        return 0;
    if (!jview_is (nodelist, JVIEW_ARRAY))
        return -EINVAL;
    if (!(p->hosts = hostlist_create ()))
        return -ENOMEM;
    jiter_init (&it, nodelist);
    while (jiter_next (&it, NULL, &hosts)) {
        _cleanup_ (freep)
        char *s = NULL;

        if (jview_strdup (hosts, &s) < 0 || hostlist_append (p->hosts, s) < 0)
            return -EINVAL;
    }
    return hostlist_count (p->hosts) == (int)idset_count (p->ranks) ? 0 : -EINVAL;
}

static int check_properties (const struct parsed *p, struct jview properties)
{
    struct jview value;
    struct jiter it;

    if (jview_present (properties) && !jview_is (properties, JVIEW_OBJECT))
        return -EINVAL;
    jiter_init (&it, properties);
    while (jiter_next (&it, NULL, &value)) {
        _cleanup_ (idsetp)
        struct idset *ids = decode_ids (value);

        if (!ids || idset_subtract (ids, p->ranks) < 0 || idset_count (ids) > 0)
            return -EINVAL;
    }
    return 0;
}

static int parse (struct parsed *p, struct jview R, const char **why)
{
    static const char *const keys[] = {
        "R_lite", "nodelist", "properties", "starttime", "expiration", "nslots",
    };
    struct jview v[6];
    int64_t version, nslots;
    double starttime;
    int r;

    *why = "version is not 1";
    if (jview_int (jview_get (R, "version"), &version) < 0 || version != 1)
        return -EINVAL;
    jview_pick (jview_get (R, "execution"), 6, keys, v);
    *why = "a number is not one";
    if ((jview_present (v[3]) && jview_number (v[3], &starttime) < 0)
        || (jview_present (v[4]) && jview_number (v[4], &p->expiration) < 0)
        || (jview_present (v[5]) && jview_int (v[5], &nslots) < 0))
        return -EINVAL;
    *why = "R_lite is invalid";
    if ((r = parse_R_lite (p, v[0])) < 0)
        return r;
    *why = "nodelist is invalid";
    if ((r = parse_nodelist (p, v[1])) < 0)
        return r;
    *why = "properties are invalid";
    return check_properties (p, v[2]);
}

/* s is malloced, or NULL (out of memory); it is used up. */
static int set_text (struct intern *pool, struct itext **slot, char *s)
{
    struct itext *t = s ? intern_get (pool, s, strlen (s)) : NULL;

    free (s);
    if (!t)
        return -ENOMEM;
    intern_set (pool, slot, t);
    return 0;
}

static void tasks_from_nodes (struct record *rec)
{
    if (rec->ntasks_from == NTASKS_PER_NODE)
        rec->ntasks = rec->nnodes * rec->ntasks_per;
}

static void tasks_from_cores (struct record *rec)
{
    if (rec->ntasks_from == NTASKS_PER_CORE)
        rec->ntasks = rec->ncores * rec->ntasks_per;
}

void record_keep_R (struct record *rec, const struct record *before)
{
    if (!before->R_valid)
        return;
    rec->nnodes = before->nnodes;
    tasks_from_nodes (rec);
    if (before->nodelist) {
        rec->ncores = before->ncores;
        tasks_from_cores (rec);
    }
}

int record_set_R (struct record *rec,
                  struct jview R,
                  struct intern *pool,
                  const char **why)
{
    _cleanup_ (parsed_fini)
    struct parsed p = { .ncores = 0 };
    int r;

    if ((r = parse (&p, R, why)) < 0
        || (r = set_text (pool, &rec->ranks,
                          idset_encode (p.ranks, IDSET_FLAG_BRACKETS | IDSET_FLAG_RANGE)))
               < 0)
        return r;
    rec->R_valid = 1;
    rec->expiration = p.expiration > 0. ? p.expiration : 0.;
    rec->nnodes = idset_count (p.ranks);
    tasks_from_nodes (rec);
    if (!p.hosts)
        return 0;
    rec->ncores = p.ncores;
    tasks_from_cores (rec);
    return set_text (pool, &rec->nodelist, hostlist_encode (p.hosts));
}
