/* Queues: who may submit, and what is offered to the scheduler.
 *
 * Without configuration there is the anonymous queue, open.  Named ones begin
 * enabled and stopped, and while there are any the anonymous one is not
 * configured.  A queue that is taken out of the configuration stays as long as
 * active jobs name it, but offers nothing more to the scheduler; configured
 * again it begins anew.
 */

#include "config.h"

#include "engine_private.h"

/* ---- records ------------------------------------------------------------------- */

static struct queue *find (const struct jm *jm, const char *name)
{
    return *name ? table_get_str (&jm->queue_names, name) : jm->anonymous;
}

static void queue_free (struct jm *jm, struct queue *q)
{
    if (!q)
        return;
    if (*q->name)
        table_del_str (&jm->queue_names, q->name);
    list_del (&q->node);
    intern_put (&jm->pool, q->disable_reason);
    intern_put (&jm->pool, q->stop_reason);
    free (q);
}

/* Not configured yet. */
static struct queue *queue_new (struct jm *jm, const char *name)
{
    struct queue *q = calloc (1, sizeof (*q) + strlen (name) + 1);

    if (!q)
        return NULL;
    strcpy (q->name, name);
    list_init (&q->node);
    treap_init (&q->waiting, jm_alloc_order);
    if (*name && table_put_str (&jm->queue_names, q->name, q) < 0) {
        free (q);
        return NULL;
    }
    return q;
}

static void free_if_unused (struct jm *jm, struct queue *q)
{
    if (!q->configured && q->jobs == 0 && q != jm->anonymous)
        queue_free (jm, q);
}

/* As it is when it comes into the configuration. */
static void open_anew (struct jm *jm, struct queue *q)
{
    intern_set (&jm->pool, &q->disable_reason, NULL);
    intern_set (&jm->pool, &q->stop_reason, NULL);
    q->enable = true;
    q->start = q->sticky_start = q == jm->anonymous;
    q->configured = true;
}

int jm_queues_init (struct jm *jm)
{
    list_init (&jm->queues);
    list_init (&jm->leftovers);
    table_init (&jm->queue_names);
    if (!(jm->anonymous = queue_new (jm, "")))
        return -ENOMEM;
    open_anew (jm, jm->anonymous);
    list_append (&jm->queues, &jm->anonymous->node);
    return 0;
}

void jm_queues_fini (struct jm *jm)
{
    struct queue *q;

    queue_free (jm, jm->anonymous);
    while ((q = table_pop (&jm->queue_names))) {
        list_del (&q->node);
        intern_put (&jm->pool, q->disable_reason);
        intern_put (&jm->pool, q->stop_reason);
        free (q);
    }
    table_fini (&jm->queue_names);
}

/* ---- what jobs see of them --------------------------------------------------------- */

int jm_queue_join (struct jm *jm, struct job *job, struct jview vname)
{
    _cleanup_ (freep) char *name = NULL;
    struct queue *q = jm->anonymous;

    if (jview_is (vname, JVIEW_STRING)) {
        if (jview_strdup (vname, &name) < 0)
            return -ENOMEM;
        if (!(q = find (jm, name)) && !(q = queue_new (jm, name)))
            return -ENOMEM;
    }
    q->jobs++;
    job->queue = q;
    return 0;
}

void jm_queue_leave (struct jm *jm, struct job *job)
{
    struct queue *q = move_ptr (job->queue);

    if (q) {
        q->jobs--;
        free_if_unused (jm, q);
    }
}

int jm_queue_follow (struct jm *jm, struct job *job)
{
    struct jview jobspec = { job->jobspec->s, job->jobspec->len };
    struct queue *old = job->queue;
    int r;

    if (!old)
        return 0;
    if (job->alloc == ALLOC_WAITING) /* in the set of the old one */
        jm_alloc_withdraw (jm, job);
    r = jm_queue_join (jm, job, jview_path (jobspec, "attributes.system.queue"));
    if (r == 0) {
        old->jobs--;
        free_if_unused (jm, old);
    }
    return r;
}

bool jm_queue_is_started (const struct queue *q)
{
    return q->configured && q->start && (!q->parent || q->parent->start);
}

int jm_queue_check (const struct jm *jm, struct jview vname, struct text *why)
{
    _cleanup_ (text_fini) struct text name = TEXT_INIT;
    const struct queue *q;

    if (jview_present (vname) && jview_string (vname, &name) < 0)
        jview_put_compact (&name, vname);
    text_puts (&name, "");
    if (text_error (&name) < 0)
        return -ENOMEM;
    if (!jview_present (vname) && !jm->anonymous->configured) {
        text_puts (why, "a named queue is required");
        return -EINVAL;
    }
    if (jview_present (vname) && !(name.len > 0 && jm_queue (jm, name.buf))) {
        text_printf (why, "'%s' is not a valid queue", name.buf);
        return -EINVAL;
    }
    q = find (jm, name.buf);
    if (q->enable)
        return 0;
    text_printf (why, "job submission %s%s%sis disabled: %s", *q->name ? "to " : "",
                 q->name, *q->name ? " " : "",
                 q->disable_reason ? q->disable_reason->s : "");
    return -EINVAL;
}

/* ---- configuration ------------------------------------------------------------------ */

static int make_missing (struct jm *jm, const struct jm_queue_conf *conf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!find (jm, conf[i].name) && !queue_new (jm, conf[i].name)) {
            while (i-- > 0)
                free_if_unused (jm, find (jm, conf[i].name));
            return -ENOMEM;
        }
    }
    return 0;
}

static void take_out (struct jm *jm, struct queue *q)
{
    list_del (&q->node);
    if (!q->was_started)
        jm_alloc_forget_waiting (jm, q);
    if (treap_count (&q->waiting) > 0)
        list_append (&jm->leftovers, &q->node);
    q->configured = false;
    q->parent = NULL;
}

/* What the new configuration stops or starts. */
static void follow (struct jm *jm)
{
    struct queue *q = NULL;
    struct job *job = NULL;

    list_foreach (&jm->queues, q, node) {
        if (q->was_started && !jm_queue_is_started (q))
            jm_alloc_stop (jm, q);
    }
    list_foreach (&jm->active, job, active)
        jm_alloc_enqueue (jm, job);
}

int jm_queues_configure (struct jm *jm, const struct jm_queue_conf *conf, size_t n)
{
    static const struct jm_queue_conf none = { "", NULL };
    struct list old;
    struct queue *q = NULL;

    if (n == 0) {
        conf = &none;
        n = 1;
    }
    if (make_missing (jm, conf, n) < 0)
        return -ENOMEM;
    list_init (&old);
    list_foreach (&jm->queues, q, node)
        q->was_started = jm_queue_is_started (q);
    list_splice (&old, &jm->queues);
    for (size_t i = 0; i < n; i++) {
        q = find (jm, conf[i].name);
        if (!q->configured) {
            q->was_started = false;
            open_anew (jm, q);
        }
        list_del (&q->node);
        list_append (&jm->queues, &q->node);
        q->parent = conf[i].parent ? find (jm, conf[i].parent) : NULL;
    }
    list_foreach (&old, q, node) {
        take_out (jm, q);
        free_if_unused (jm, q);
    }
    follow (jm);
    return 0;
}

struct queue *jm_queue (const struct jm *jm, const char *name)
{
    struct queue *q = find (jm, name ? name : "");
    return q && q->configured ? q : NULL;
}

bool jm_queues_are_named (const struct jm *jm)
{
    return !jm->anonymous->configured;
}

struct queue *jm_next_queue (const struct jm *jm, const struct queue *q)
{
    const struct list *next = q ? q->node.next : jm->queues.next;

    return next == &jm->queues ? NULL : list_entry (next, struct queue, node);
}

/* ---- control ---------------------------------------------------------------------------- */

/* *slot becomes the text, or NULL. */
static int set_reason (struct jm *jm, struct itext **slot, const char *reason)
{
    struct itext *new = NULL;

    if (reason && !(new = intern_get (&jm->pool, reason, strlen (reason))))
        return -ENOMEM;
    intern_set (&jm->pool, slot, new);
    return 0;
}

int jm_queue_enable (struct jm *jm, struct queue *q, bool enable, const char *reason)
{
    int r;

    if (!enable && !reason)
        return -EINVAL;
    if ((r = set_reason (jm, &q->disable_reason, enable ? NULL : reason)) < 0)
        return r;
    q->enable = enable;
    return 0;
}

int jm_queue_start (struct jm *jm,
                    struct queue *q,
                    bool start,
                    const char *reason,
                    bool nocheckpoint)
{
    int r = 0;

    /* the stop before a shutdown is not why it will be stopped after it */
    bool keep = nocheckpoint && !start && !q->sticky_start;

    if (!keep && (r = set_reason (jm, &q->stop_reason, start ? NULL : reason)) < 0)
        return r;
    q->start = start;
    if (!nocheckpoint)
        q->sticky_start = start;
    if (!start)
        jm_alloc_stop (jm, q);
    return 0;
}
