#include "config.h"
#include <stdio.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "layout.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

/* A node while tasks are dealt out. */
struct seat {
    uint32_t node;
    uint32_t cores;
    uint32_t free; /* tasks that still fit in this round */
};

static int count_tasks (const struct jobspec *js,
                        const struct rset *R,
                        uint32_t *ntasks,
                        flux_error_t *error)
{
    int64_t n;

    if (js->per_resource == JOBSPEC_PER_NODE)
        n = js->per_resource_count * (int64_t)rset_nnodes (R);
    else if (js->per_resource == JOBSPEC_PER_CORE)
        n = js->per_resource_count * (int64_t)rset_count (R, RSET_CORE);
    else if (js->ntasks_total > 0)
        n = js->ntasks_total;
    else if (js->per_slot != 1)
        return fail (error, "per_slot count must be 1, got %lld", (long long)js->per_slot);
    else if ((n = rset_nslots (R)) == 0) {
        /* R of another origin: as many slots as cores allow */
        n = rset_count (R, RSET_CORE) / js->request.slot_cores;
    }
    if (n < 1 || n > LAYOUT_TASKS_MAX)
        return fail (error, "task count must be 1 to %d", LAYOUT_TASKS_MAX);
    *ntasks = n;
    return 0;
}

static int by_cores (const void *a, const void *b)
{
    const struct seat *x = a, *y = b;

    if (x->cores != y->cores)
        return x->cores > y->cores ? -1 : 1;
    return x->node < y->node ? -1 : 1;
}

static void refill (struct seat *seats, uint32_t nnodes, uint32_t cores_per_task)
{
    for (uint32_t i = 0; i < nnodes; i++) {
        seats[i].free = seats[i].cores / cores_per_task;
        if (seats[i].free == 0)
            seats[i].free = 1;
    }
}

static void deal (struct layout *l, struct seat *seats, uint32_t cores_per_task)
{
    uint32_t left = l->ntasks;

    while (left > 0) { /* once more means oversubscription */
        bool any = true;

        refill (seats, l->nnodes, cores_per_task);
        while (left > 0 && any) {
            any = false;
            for (uint32_t i = 0; i < l->nnodes && left > 0; i++) {
                if (seats[i].free == 0)
                    continue;
                seats[i].free--;
                l->ppn[seats[i].node]++;
                left--;
                any = true;
            }
        }
    }
}

static void deal_per_resource (struct layout *l, const struct jobspec *js, const struct rset *R)
{
    for (uint32_t i = 0; i < l->nnodes; i++) {
        l->ppn[i] = js->per_resource_count;
        if (js->per_resource == JOBSPEC_PER_CORE)
            l->ppn[i] *= idset_count (rset_ids_at (R, i, RSET_CORE));
    }
}

int layout_create (const struct jobspec *js,
                   const struct rset *R,
                   struct layout *ret,
                   flux_error_t *error)
{
    struct layout l = { .nnodes = rset_nnodes (R) };
    struct seat *seats;
    uint32_t task = 0;
    int r;

    if (l.nnodes == 0)
        return fail (error, "no resources");
    if ((r = count_tasks (js, R, &l.ntasks, error)) < 0)
        return r;
    l.ppn = calloc (l.nnodes, sizeof (l.ppn[0]));
    l.nodeid = calloc (l.ntasks, sizeof (l.nodeid[0]));
    seats = calloc (l.nnodes, sizeof (seats[0]));
    if (!l.ppn || !l.nodeid || !seats) {
        free (seats);
        layout_fini (&l);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < l.nnodes; i++) {
        seats[i].node = i;
        seats[i].cores = idset_count (rset_ids_at (R, i, RSET_CORE));
    }
    qsort (seats, l.nnodes, sizeof (seats[0]), by_cores);
    if (js->per_resource == JOBSPEC_PER_SLOT)
        deal (&l, seats, js->request.slot_cores);
    else
        deal_per_resource (&l, js, R);
    for (uint32_t i = 0; i < l.nnodes; i++) {
        for (uint32_t k = 0; k < l.ppn[i]; k++)
            l.nodeid[task++] = i;
    }
    free (seats);
    *ret = l;
    return 0;
}

void layout_fini (struct layout *l)
{
    free (l->ppn);
    free (l->nodeid);
    *l = (struct layout){ 0 };
}
