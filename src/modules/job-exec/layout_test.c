#include "config.h"
#include <stdio.h>

#include "common/tap.h"
#include "common/util.h"
#include "layout.h"

#define R(lite, nslots)                                                       \
    "{\"version\":1,\"execution\":{\"R_lite\":[" lite "],\"nslots\":" nslots "}}"
#define LITE(rank, core)                                                      \
    "{\"rank\":\"" rank "\",\"children\":{\"core\":\"" core "\"}}"

static void layouts (void)
{
    static const struct {
        const char *name;
        const char *R;
        struct jobspec js;
        const char *taskmap; /* NULL: refused */
        const char *mapping;
    } cases[] = {
        { "one task",
          R (LITE ("0", "0"), "1"),
          { .request.slot_cores = 1, .per_slot = 1 },
          "[[0,1,1,1]]",
          "(vector,(0,1,1))" },
        { "2 nodes x 2",
          R (LITE ("3,7", "0-1"), "4"),
          { .request.slot_cores = 1, .per_slot = 1 },
          "[[0,2,2,1]]",
          "(vector,(0,2,2))" },
        { "5 slots on 2+2+1 cores",
          R (LITE ("0-1", "0-1") "," LITE ("2", "0"), "5"),
          { .request.slot_cores = 1, .per_slot = 1 },
          "[[0,2,2,1],[2,1,1,1]]",
          "(vector,(0,2,2),(2,1,1))" },
        { "fewer tasks than slots go to the largest nodes",
          R (LITE ("0", "0") "," LITE ("1", "0-3"), "5"),
          { .request.slot_cores = 1, .ntasks_total = 3 },
          "[[0,1,1,1],[1,1,2,1]]",
          "(vector,(0,1,1),(1,1,2))" },
        { "an idle node is in no run",
          R (LITE ("0", "0") "," LITE ("1", "0-3"), "2"),
          { .request.slot_cores = 1, .ntasks_total = 1 },
          "[[1,1,1,1]]",
          "(vector,(1,1,1))" },
        { "more tasks than slots: round and round",
          R (LITE ("0-1", "0"), "2"),
          { .request.slot_cores = 1, .ntasks_total = 5 },
          "[[0,1,3,1],[1,1,2,1]]",
          "(vector,(0,1,3),(1,1,2))" },
        { "tasks of two cores",
          R (LITE ("0", "0-3") "," LITE ("1", "0-1"), "3"),
          { .request.slot_cores = 2, .per_slot = 1 },
          "[[0,1,2,1],[1,1,1,1]]",
          "(vector,(0,1,2),(1,1,1))" },
        { "3 per node",
          R (LITE ("0-1", "0-7"), "2"),
          { .request.slot_cores = 8,
            .per_slot = 1,
            .per_resource = JOBSPEC_PER_NODE,
            .per_resource_count = 3 },
          "[[0,2,3,1]]",
          "(vector,(0,2,3))" },
        { "2 per core",
          R (LITE ("0", "0-1") "," LITE ("1", "0"), "3"),
          { .request.slot_cores = 1,
            .per_slot = 1,
            .per_resource = JOBSPEC_PER_CORE,
            .per_resource_count = 2 },
          "[[0,1,4,1],[1,1,2,1]]",
          "(vector,(0,1,4),(1,1,2))" },
        { "two tasks per slot",
          R (LITE ("0", "0"), "1"),
          { .request.slot_cores = 1, .per_slot = 2 },
          NULL,
          NULL },
        { "a million tasks",
          R (LITE ("0", "0"), "1"),
          { .request.slot_cores = 1, .ntasks_total = 1000000 },
          NULL,
          NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct layout l = { 0 };
        struct text t = TEXT_INIT;
        struct rset *r;
        flux_error_t error = { "" };
        int rc;

        if (rset_parse_text (cases[i].R, strlen (cases[i].R), &r, &error) < 0)
            bail_out ("%s", error.text);
        rc = layout_create (&cases[i].js, r, &l, &error);
        rset_free (r);
        if (!cases[i].taskmap) {
            ok (rc == -EINVAL && error.text[0], "%s: refused: %s", cases[i].name, error.text);
            continue;
        }
        if (!ok (rc == 0, "%s: laid out", cases[i].name))
            continue;
        layout_taskmap (&l, &t);
        is (t.buf, cases[i].taskmap, "%s: taskmap", cases[i].name);
        text_clear (&t);
        layout_pmi_mapping (&l, &t);
        is (t.buf, cases[i].mapping, "%s: PMI mapping", cases[i].name);
        text_fini (&t);
        layout_fini (&l);
    }
}

/* Other numbers: 4 tasks on 2 nodes, 5 on 3. */
static void schemes (void)
{
    static const char two[] = R (LITE ("0-1", "0-1"), "4");
    static const char three[] = R (LITE ("0-1", "0-1") "," LITE ("2", "0"), "5");
    static const struct {
        const char *R;
        const char *scheme;
        const char *value;
        const char *taskmap; /* NULL: refused with mapping as the sentence */
        const char *mapping;
    } cases[] = {
        { two, "block", "", "[[0,2,2,1]]", "(vector,(0,2,2))" },
        { two, "cyclic", "", "[[0,2,1,2]]", "(vector,(0,2,1),(0,2,1))" },
        { two, "cyclic", "2", "[[0,2,2,1]]", "(vector,(0,2,2))" },
        { three, "cyclic", "", "[[0,3,1,1],[0,2,1,1]]", "(vector,(0,3,1),(0,2,1))" },
        { three, "cyclic", "9", "[[0,2,2,1],[2,1,1,1]]", "(vector,(0,2,2),(2,1,1))" },
        { two, "manual", "[[1,1,1,1],[0,1,3,1]]", "[[1,1,1,1],[0,1,3,1]]",
          "(vector,(1,1,1),(0,1,3))" },
        { two, "manual", "{\"version\":1,\"map\":[[0,2,1,2]]}", "[[0,2,1,2]]",
          "(vector,(0,2,1),(0,2,1))" },
        { two, "block", "1", NULL, "block taskmap does not accept a value (got 1)" },
        { two, "cyclic", "0", NULL, "invalid cyclic value: 0" },
        { two, "cyclic", "x", NULL, "invalid cyclic value: x" },
        { two, "foo", "", NULL, "failed to map tasks with scheme=foo" },
        { two, "manual", "", NULL, "invalid taskmap: " },
        { two, "manual", "[[0,1,4,1]]", NULL, "invalid taskmap: got 1 nodes, expected 2" },
        { two, "manual", "[[0,2,1,1]]", NULL,
          "invalid taskmap: got 2 total tasks, expected 4" },
        { two, "manual", "[[0,2,1]]", NULL,
          "invalid taskmap: a block is not [nodeid,nnodes,ppn,repeat]" },
        { two, "manual", "[[0,65536,65536,65536]]", NULL,
          "invalid taskmap: a block is not [nodeid,nnodes,ppn,repeat]" },
    };
    static const struct jobspec js = { .request.slot_cores = 1, .per_slot = 1 };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        const char *scheme = cases[i].scheme, *value = cases[i].value;
        struct layout l = { 0 };
        struct text t = TEXT_INIT;
        struct rset *r;
        flux_error_t error = { "" };
        int rc;

        if (rset_parse_text (cases[i].R, strlen (cases[i].R), &r, &error) < 0
            || layout_create (&js, r, &l, &error) < 0)
            bail_out ("%s", error.text);
        rset_free (r);
        rc = layout_remap (&l, scheme, value, &error);
        if (!cases[i].taskmap) {
            ok (rc == -EINVAL, "%s:%s is refused", scheme, value);
            is (error.text, cases[i].mapping, "with a sentence");
        }
        else if (ok (rc == 0, "%s:%s", scheme, value)) {
            layout_taskmap (&l, &t);
            is (t.buf, cases[i].taskmap, "taskmap");
            text_clear (&t);
            layout_pmi_mapping (&l, &t);
            is (t.buf, cases[i].mapping, "PMI mapping");
        }
        text_fini (&t);
        layout_fini (&l);
    }
}

int main (void)
{
    layouts ();
    schemes ();
    return done_testing ();
}
