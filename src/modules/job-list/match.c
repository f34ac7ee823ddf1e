#include "config.h"

#include "match_private.h"

#define UID_ANY UINT32_MAX

/* ---- matching -------------------------------------------------------------------- */

static bool match_userid (const struct match *m, uint32_t userid, uint64_t *cost)
{
    for (size_t i = 0; i < m->count; i++) {
        ++*cost;
        if (m->userids[i] == UID_ANY || m->userids[i] == userid)
            return true;
    }
    return false;
}

static bool match_name (const struct match *m, const struct itext *name, uint64_t *cost)
{
    for (size_t i = 0; i < m->count; i++) {
        ++*cost;
        if (m->texts[i] == name)
            return true;
    }
    return false;
}

static bool match_queue (const struct match *m, const struct record *rec, uint64_t *cost)
{
    const struct queue_stats *q = rec->queue;

    for (size_t i = 0; i < m->count; i++) {
        ++*cost;
        if (q && (m->texts[i] == q->name || m->texts[i] == q->parent))
            return true;
    }
    return false;
}

/* Each costs one, until one matches. */
static struct verdict judge_few_hosts (const struct match *m, struct hostlist *nodes)
{
    struct verdict v = { false, 0 };
    const char *host;

    for (host = hostlist_first (m->hosts); host && !v.match;
         host = hostlist_next (m->hosts)) {
        v.cost++;
        v.match = hostlist_find (nodes, host) >= 0;
    }
    return v;
}

/* The same, as if they had been looked at in their order. */
static struct verdict judge_many_hosts (const struct match *m, struct hostlist *nodes)
{
    struct verdict v = { false, hostlist_count (m->hosts) };
    const char *node;

    for (node = hostlist_first (nodes); node; node = hostlist_next (nodes)) {
        const struct host *host = table_get_str (&m->by_name, node);

        if (host && host->order <= v.cost)
            v = (struct verdict){ true, host->order };
    }
    return v;
}

static struct verdict judge_hosts (const struct match *m, const struct itext *nodelist)
{
    struct verdict v = { false, 0 };
    struct hostlist *nodes = hostlist_decode (nodelist->s);

    if (nodes && hostlist_count (m->hosts) > MATCH_HOSTS_FEW)
        v = judge_many_hosts (m, nodes);
    else if (nodes)
        v = judge_few_hosts (m, nodes);
    hostlist_destroy (nodes);
    return v;
}

static struct verdict judge_ranks (const struct match *m, const struct itext *ranks)
{
    struct verdict v = { false, 0 };
    struct idset *ids = idset_decode (ranks->s);

    if (!ids)
        return v;
    v.cost = idset_count (ids) < idset_count (m->ranks) ? idset_count (ids)
                                                        : idset_count (m->ranks);
    v.match = idset_has_intersection (ids, m->ranks);
    idset_destroy (ids);
    return v;
}

/* Texts are pooled: the same text has the same verdict, and is judged once. */
static bool match_set (struct match *m, const struct itext *text, uint64_t *cost)
{
    struct verdict v, *kept;

    if (!text)
        return false;
    if (!(kept = table_get_u64 (&m->verdicts, (uintptr_t)text))) {
        v = m->op == OP_HOSTLIST ? judge_hosts (m, text) : judge_ranks (m, text);
        if ((kept = malloc (sizeof (*kept)))) {
            *kept = v;
            if (table_put_u64 (&m->verdicts, (uintptr_t)text, kept) < 0)
                free (kept);
        }
    }
    else
        v = *kept;
    *cost += v.cost;
    return v.match;
}

static double time_of (enum op op, const struct record *rec)
{
    switch (op) {
        case OP_T_SUBMIT:
            return rec->t_submit;
        case OP_T_DEPEND:
            return rec->t_depend;
        case OP_T_PRIORITY:
            return rec->t_priority;
        case OP_T_SCHED:
            return rec->t_sched;
        case OP_T_RUN:
            return rec->t_run;
        case OP_T_CLEANUP:
            return rec->t_cleanup;
        default:
            return rec->t_inactive;
    }
}

static bool match_time (const struct match *m, double t)
{
    if (t == 0.)
        return false;
    switch (m->compare) {
        case GT:
            return t > m->t;
        case LT:
            return t < m->t;
        case GE:
            return t >= m->t;
        case LE:
            return t <= m->t;
    }
    return false;
}

static bool match_all (const struct match *m, const struct record *rec, uint64_t *cost)
{
    for (size_t i = 0; i < m->count; i++) {
        if (!match_record (m->children[i], rec, cost))
            return false;
    }
    return true;
}

static bool match_any (const struct match *m, const struct record *rec, uint64_t *cost)
{
    for (size_t i = 0; i < m->count; i++) {
        if (match_record (m->children[i], rec, cost))
            return true;
    }
    return m->count == 0;
}

bool match_record (struct match *m, const struct record *rec, uint64_t *cost)
{
    switch (m->op) {
        case OP_ALL:
            ++*cost;
            return true;
        case OP_USERID:
            return match_userid (m, rec->userid, cost);
        case OP_NAME:
            return match_name (m, rec->name, cost);
        case OP_QUEUE:
            return match_queue (m, rec, cost);
        case OP_STATES:
            ++*cost;
            return rec->state & m->mask;
        case OP_RESULTS:
            ++*cost;
            return rec->state == STATE_INACTIVE && (rec->result & m->mask);
        case OP_HOSTLIST:
            return match_set (m, rec->nodelist, cost);
        case OP_RANKS:
            return match_set (m, rec->ranks, cost);
        case OP_AND:
            return match_all (m, rec, cost);
        case OP_OR:
            return match_any (m, rec, cost);
        case OP_NOT:
            return !match_all (m, rec, cost);
        default:
            ++*cost;
            return match_time (m, time_of (m->op, rec));
    }
}

/* ---- which states could match ----------------------------------------------------- */

enum maybe { NO, MAYBE, YES };

static enum maybe at_least (int state, int min)
{
    return state >= min ? MAYBE : NO;
}

static enum maybe could_match (const struct match *m, int state);

static enum maybe could_all (const struct match *m, int state)
{
    enum maybe worst = YES;

    for (size_t i = 0; i < m->count; i++) {
        enum maybe one = could_match (m->children[i], state);

        if (one < worst)
            worst = one;
    }
    return worst;
}

static enum maybe could_any (const struct match *m, int state)
{
    enum maybe best = m->count == 0 ? YES : NO;

    for (size_t i = 0; i < m->count; i++) {
        enum maybe one = could_match (m->children[i], state);

        if (one > best)
            best = one;
    }
    return best;
}

static enum maybe could_match (const struct match *m, int state)
{
    switch (m->op) {
        case OP_ALL:
            return YES;
        case OP_STATES:
            return (m->mask & state) ? YES : NO;
        case OP_RESULTS:
            return m->mask ? at_least (state, STATE_INACTIVE) : NO;
        case OP_T_INACTIVE:
            return at_least (state, STATE_INACTIVE);
        case OP_T_CLEANUP:
            return at_least (state, STATE_CLEANUP);
        case OP_T_RUN:
            return at_least (state, STATE_RUN);
        case OP_T_PRIORITY:
        case OP_T_SCHED:
            return at_least (state, STATE_PRIORITY);
        case OP_T_DEPEND:
            return at_least (state, STATE_DEPEND);
        case OP_AND:
            return could_all (m, state);
        case OP_OR:
            return could_any (m, state);
        case OP_NOT:
            return YES - could_all (m, state);
        default:
            return MAYBE;
    }
}

bool match_states (const struct match *m, int states)
{
    for (int state = STATE_DEPEND; state <= STATE_INACTIVE; state <<= 1) {
        if ((states & state) && could_match (m, state) != NO)
            return true;
    }
    return false;
}
