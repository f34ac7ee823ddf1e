#include "config.h"
#include <stdio.h>

#include "common/tap.h"
#include "common/testdata.h"
#include "common/util.h"
#include "pool.h"

#define NOW 1000.0

/* The allocations of one scenario, by the letter a step begins with. */
struct live {
    struct rset *by_letter[128];
    struct rset *other[64];
    size_t nother;
};

static void live_fini (struct live *l)
{
    for (size_t i = 0; i < ARRAY_SIZE (l->by_letter); i++)
        rset_free (l->by_letter[i]);
    while (l->nother > 0)
        rset_free (l->other[--l->nother]);
}

static void live_keep (struct live *l, const char *step, struct rset *R)
{
    if (step[1] == ':')
        l->by_letter[(int)step[0]] = R;
    else
        l->other[l->nother++] = R;
}

/* Compare with the captured R, where T stands for the start time. */
static bool same_R (json_t *want, const struct rset *R)
{
    json_t *o = json_deep_copy (want);
    json_t *execution = json_object_get (o, "execution");
    const char *s;
    struct text t = TEXT_INIT;
    json_t *got;
    bool same;

    if (json_is_string (json_object_get (execution, "starttime")))
        json_object_set_new (execution, "starttime", json_real (NOW));
    if ((s = testdata_str (execution, "expiration"))) {
        double expiration = NOW + strtod (s + 2, NULL);
        json_object_set_new (execution, "expiration", json_real (expiration));
    }
    rset_encode (R, &t);
    got = json_loads (t.buf, 0, NULL);
    same = json_equal (o, got);
    if (!same)
        diag ("got %s", t.buf);
    json_decref (got);
    json_decref (o);
    text_fini (&t);
    return same;
}

/* What the vectors have led to, in all orders. */
static struct {
    size_t allocated;
    size_t denied;
} counts;

static void check_step (struct pool *p, struct live *l, const char *run, json_t *step)
{
    const char *name = testdata_str (step, "step");
    json_t *request = json_object_get (step, "request");
    json_t *o = json_object_get (request, "constraints");
    const char *denied = testdata_str (step, "denied");
    double duration = json_number_value (json_object_get (request, "duration"));
    struct jobspec_request req;
    struct constraint *c = NULL;
    flux_error_t error = { "" };
    struct text t = TEXT_INIT;
    struct rset *R = NULL;
    int r;

    if (jobspec_decode_request (json_object_get (request, "resources"), &req, &error) < 0
        || (o && constraint_parse (o, &c, &error) < 0))
        bail_out ("%s: %s", name, error.text);
    r = pool_alloc (p, &req, c, NOW, duration, &R, &error);
    if (denied) {
        counts.denied++;
        ok (r == -EOVERFLOW, "%s: %s is denied", run, name);
        is (error.text, denied, "%s: %s: the note", run, name);
    }
    else if (json_is_true (json_object_get (step, "pending")))
        ok (r == -ENOSPC, "%s: %s waits", run, name);
    else if (ok (r == 0, "%s: %s gets resources", run, name)) {
        counts.allocated++;
        ok (same_R (json_object_get (step, "R"), R), "%s: %s: R", run, name);
        rset_dumps (R, &t);
        is (t.buf, testdata_str (step, "summary"), "%s: %s: summary", run, name);
        live_keep (l, name, R);
    }
    text_fini (&t);
    constraint_free (c);
}

static void check_scenario (json_t *all, enum pool_policy policy, const char *run, json_t *s)
{
    struct live l = { 0 };
    struct rset *inventory;
    struct pool *p;
    json_t *step;
    bool blocked = false;
    size_t i;

    if (rset_parse (all, &inventory, NULL) < 0 || pool_create (inventory, policy, &p) < 0)
        bail_out ("no pool");
    json_array_foreach (json_object_get (s, "steps"), i, step) {
        const char *letter = testdata_str (step, "free");

        if (letter) {
            struct rset **R = &l.by_letter[(int)*letter];
            ok (pool_release (p, *R) == 0, "%s: free %s", run, letter);
            rset_free (*R);
            *R = NULL;
            continue;
        }
        /* Behind a blocked head nothing is tried: that is the queue's rule. */
        if (blocked && json_is_true (json_object_get (step, "pending")))
            continue;
        check_step (p, &l, run, step);
        blocked = json_is_true (json_object_get (step, "pending"));
    }
    live_fini (&l);
    pool_destroy (p);
}

static void vectors (void)
{
    json_t *doc = testdata_vectors ("R-alloc.json");
    json_t *run, *s;
    size_t i, j;

    json_array_foreach (json_object_get (doc, "runs"), i, run) {
        const char *order = testdata_str (run, "order");
        enum pool_policy policy = *order == 'w'   ? POOL_WORST_FIT
                                  : *order == 'f' ? POOL_FIRST_FIT
                                                  : POOL_BEST_FIT;

        json_array_foreach (json_object_get (run, "scenarios"), j, s) {
            char name[64];
            snprintf (name, sizeof (name), "%s %s", order, testdata_str (s, "scenario"));
            check_scenario (json_object_get (doc, "all"), policy, name, s);
        }
    }
    is_int (counts.allocated, 106, "every allocation of the vectors was made");
    is_int (counts.denied, 30, "every denial was heard");
    json_decref (doc);
}

static struct pool *make_pool (const char *ranks, const char *cores, enum pool_policy policy)
{
    char text[256];
    struct rset *r;
    struct pool *p;

    snprintf (text,
              sizeof (text),
              "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"%s\",\"children\":"
              "{\"core\":\"%s\"}}]}}",
              ranks,
              cores);
    if (rset_parse_text (text, strlen (text), &r, NULL) < 0
        || pool_create (r, policy, &p) < 0)
        bail_out ("no pool");
    return p;
}

/* Whatever is allocated and freed in whatever order, no id is given twice and
 * the end is as the beginning.
 */
static void random_allocations_never_overlap (enum pool_policy policy, unsigned int seed)
{
    enum { JOBS = 200, STEPS = 20000 };
    struct pool *p = make_pool ("0-15", "0-7", policy);
    struct rset *jobs[JOBS] = { 0 };
    struct rset *taken;
    size_t busy = 0;
    bool good = true;

    srand (seed);
    for (int i = 0; i < STEPS && good; i++) {
        int k = rand () % JOBS;

        if (jobs[k]) {
            busy -= rset_count (jobs[k], RSET_CORE);
            good = pool_release (p, jobs[k]) == 0;
            rset_free (jobs[k]);
            jobs[k] = NULL;
        }
        else {
            struct jobspec_request req = {
                .nnodes = rand () % 3,
                .nslots = 1 + rand () % 4,
                .slot_cores = 1 + rand () % 2,
                .exclusive = rand () % 8 == 0,
            };
            flux_error_t error;
            int r = pool_alloc (p, &req, NULL, NOW, 0, &jobs[k], &error);

            good = r == 0 || r == -ENOSPC;
            if (r == 0)
                busy += rset_count (jobs[k], RSET_CORE);
        }
        if (i % 100 == 0) {
            good = good && pool_allocated (p, &taken) == 0
                   && rset_count (taken, RSET_CORE) == busy;
            rset_free (taken);
        }
    }
    ok (good, "policy %d: nothing is given twice (seed %u)", policy, seed);
    for (int k = 0; k < JOBS; k++) {
        if (jobs[k])
            pool_release (p, jobs[k]);
        rset_free (jobs[k]);
    }
    ok (pool_allocated (p, &taken) == 0 && rset_nnodes (taken) == 0,
        "policy %d: all of it comes back",
        policy);
    rset_free (taken);
    pool_destroy (p);
}

static void nodes_that_are_down_are_not_used (void)
{
    struct pool *p = make_pool ("0-2", "0-3", POOL_WORST_FIT);
    struct jobspec_request req = { .nnodes = 3, .nslots = 1, .slot_cores = 1 };
    struct idset *ids = idset_decode ("1,7");
    struct rset *R, *down;
    flux_error_t error;

    pool_set_up (p, ids, false);
    ok (pool_alloc (p, &req, NULL, NOW, 0, &R, &error) == -ENOSPC, "a job waits for it");
    ok (pool_down (p, &down) == 0 && rset_nnodes (down) == 1
            && rset_rank_at (down, 0) == 1,
        "it is listed as down");
    rset_free (down);
    pool_set_up (p, ids, true);
    ok (pool_alloc (p, &req, NULL, NOW, 0, &R, &error) == 0, "up again, it is used");
    rset_free (R);
    idset_destroy (ids);
    pool_destroy (p);
}

static void slots_of_nodes_that_are_up (void)
{
    struct pool *p = make_pool ("0-3", "0-3", POOL_WORST_FIT);
    struct jobspec_request req = { .nslots = 100, .slot_cores = 3 };
    struct idset *ranks = idset_decode ("1");

    is_int (pool_slots_up (p, &req, NULL), 4, "of 3 of 4 cores: one on each node");
    req.slot_cores = 2;
    is_int (pool_slots_up (p, &req, NULL), 8, "of 2 cores: two on each node");
    pool_set_up (p, ranks, false);
    is_int (pool_slots_up (p, &req, NULL), 6, "none on a node that is down");
    req.slot_gpus = 1;
    is_int (pool_slots_up (p, &req, NULL), 0, "none with a gpu");
    idset_destroy (ranks);
    pool_destroy (p);
}

static void claims_after_a_restart (void)
{
    struct pool *p = make_pool ("0-1", "0-3", POOL_WORST_FIT);
    struct pool *q = make_pool ("0-1", "0-3", POOL_WORST_FIT);
    struct pool *small = make_pool ("0", "0-3", POOL_WORST_FIT);
    struct jobspec_request req = { .nnodes = 2, .nslots = 1, .slot_cores = 2 };
    struct idset *ids = idset_decode ("1");
    struct rset *R, *taken;

    ok (pool_alloc (p, &req, NULL, NOW, 0, &R, NULL) == 0, "a job runs");
    ok (pool_claim (q, R) == 0, "a new scheduler takes over its resources");
    ok (pool_claim (q, R) == -EBUSY, "once");
    ok (pool_claim (small, R) == -ENOENT, "but not if they are gone");
    ok (pool_allocated (small, &taken) == 0 && rset_nnodes (taken) == 0,
        "then nothing is taken");
    rset_free (taken);
    ok (pool_shrink (q, ids) == 0 && rset_nnodes (pool_all (q)) == 1, "a rank leaves");
    ok (pool_allocated (q, &taken) == 0 && rset_count (taken, RSET_CORE) == 2,
        "what is taken on the others stays taken");
    rset_free (taken);
    ok (pool_release (q, R) == 0, "a free that names the lost rank");
    ok (pool_allocated (q, &taken) == 0 && rset_nnodes (taken) == 0, "frees the rest");
    rset_free (taken);
    rset_free (R);
    idset_destroy (ids);
    pool_destroy (p);
    pool_destroy (q);
    pool_destroy (small);
}

int main (void)
{
    vectors ();
    random_allocations_never_overlap (POOL_WORST_FIT, 1);
    random_allocations_never_overlap (POOL_FIRST_FIT, 2);
    random_allocations_never_overlap (POOL_BEST_FIT, 3);
    nodes_that_are_down_are_not_used ();
    slots_of_nodes_that_are_up ();
    claims_after_a_restart ();
    return done_testing ();
}
