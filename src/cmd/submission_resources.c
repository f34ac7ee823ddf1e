/* submission_resources.c - what a job asks for (RFC 25, 14).
 *
 * Resources are counted by task (-n, -c, -g) or for the job as a whole
 * (--cores, --gpus-per-node, with --tasks-per-node or --tasks-per-core saying
 * how many tasks run there); not by both.
 */

#include "config.h"

#include "cmd.h"
#include "submission.h"

static json_t *vertex (const char *type, long long count)
{
    return submission_checked (
        json_pack ("{s:s s:I}", "type", type, "count", (json_int_t)count));
}

/* 'count' slots, each with so many cores and GPUs. */
static json_t *slot_vertex (long long count, long long cores, long long gpus)
{
    json_t *slot = vertex ("slot", count);
    json_t *with = submission_checked (json_array ());

    json_array_append_new (with, vertex ("core", cores));
    if (gpus)
        json_array_append_new (with, vertex ("gpu", gpus));
    json_object_set_new (slot, "with", with);
    json_object_set_new (slot, "label", json_string ("task"));
    return slot;
}

/* The slots by themselves, or on nodes. */
static json_t *graph (const struct submission *s, json_t *slot, bool exclusive)
{
    json_t *node;

    if (!s->nnodes)
        return submission_checked (json_pack ("[o]", slot));
    node = vertex ("node", s->nnodes);
    json_object_set_new (node, "with", submission_checked (json_pack ("[o]", slot)));
    if (exclusive)
        json_object_set_new (node, "exclusive", json_true ());
    return submission_checked (json_pack ("[o]", node));
}

static json_t *per_task (const struct submission *s, json_t **task_count)
{
    long long ntasks = s->ntasks ? s->ntasks : s->nnodes ? s->nnodes : 1;
    long long cores = s->cores_per_task ? s->cores_per_task : 1, slots = ntasks;

    if (s->nnodes > ntasks)
        cmd_die ("ERROR: node count must not be greater than task count");
    if (s->nnodes) {
        slots = (ntasks + s->nnodes - 1) / s->nnodes;
        if (slots * s->nnodes != ntasks) {
            json_decref (*task_count);
            *task_count =
                submission_checked (json_pack ("{s:I}", "total", (json_int_t)ntasks));
        }
    }
    return graph (s, slot_vertex (slots, cores, s->gpus_per_task),
                  s->exclusive || !s->ntasks);
}

static json_t *per_resource (const struct submission *s)
{
    long long slots = 1, cores = 1;

    if (s->ntasks || s->cores_per_task || s->gpus_per_task)
        cmd_die ("ERROR: --cores, --gpus-per-node and --tasks-per-* cannot be used with "
                 "-n, -c "
                 "and -g");
    if (!s->nnodes && !s->cores)
        cmd_die ("ERROR: must specify node count or core count");
    if (!s->nnodes && s->gpus_per_node)
        cmd_die ("ERROR: --gpus-per-node must be specified with a node count");
    if (s->tasks_per_node && s->tasks_per_core)
        cmd_die ("ERROR: specify only one of --tasks-per-node or --tasks-per-core");
    if (!s->nnodes)
        slots = s->cores;
    else if (s->cores) {
        if (s->cores % s->nnodes != 0)
            cmd_die ("ERROR: number of cores must be evenly divisible by node count");
        cores = s->cores / s->nnodes;
    }
    return graph (s, slot_vertex (slots, cores, s->gpus_per_node),
                  s->exclusive || !s->cores);
}

json_t *submission_resources (const struct submission *s, json_t **task_count)
{
    if (s->exclusive && !s->nnodes)
        cmd_die ("ERROR: exclusive can only be set with a node count");
    *task_count = submission_checked (json_pack ("{s:i}", "per_slot", 1));
    if (s->cores || s->gpus_per_node || s->tasks_per_node || s->tasks_per_core)
        return per_resource (s);
    return per_task (s, task_count);
}
