#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "watch_sim.h"

/* Where an explanation stands: the states up to 'at' are used, 'pos' of what
 * was told is explained.
 */
struct trial {
    const struct sim_watcher *w;
    int at;
    int pos;
    int count; /* log: chunks accounted */
    bool owed; /* log: a root that names the key was passed over */
    bool done; /* what was told ends here, rightly */
    char *last;
};

/* Explanations of logs that were found to fail. */
static bool failed[2][SIM_STATES][SIM_CHUNKS + 1][SIM_TOLD + 1][2];

static const struct sim_state *state_at (const struct trial *t, int i)
{
    return &t->w->space->state[i];
}

static const struct sim_value *value_at (const struct trial *t, int i)
{
    return &state_at (t, i)->value[t->w->key];
}

static bool named_at (const struct trial *t, int i)
{
    return state_at (t, i)->named & (1u << t->w->key);
}

static bool has (const struct trial *t, int flag)
{
    return (t->w->flags & flag) != 0;
}

/* The watcher ought to be told this next. */
static bool tell (struct trial *t, const char *what)
{
    const struct sim_watcher *w = t->w;

    if (t->pos == w->ntold) {
        t->done = w->cut;
        return w->cut;
    }
    if (strcmp (w->told[t->pos], what) != 0)
        return false;
    t->pos++;
    return true;
}

/* The stream ought to end here with errnum (-1: to be open still). */
static bool end (struct trial *t, int errnum)
{
    const struct sim_watcher *w = t->w;

    t->done = true;
    if (t->pos != w->ntold)
        return false;
    if (w->cut)
        return true;
    return errnum < 0 ? !w->ended : w->ended && w->errnum == errnum;
}

static bool is_last (const struct trial *t)
{
    return t->at + 1 == t->w->space->count;
}

/* Values */

static bool value_tell (struct trial *t, char *text)
{
    if (has (t, WATCH_F_UNIQ | WATCH_F_FULL)) {
        if (t->last && strcmp (t->last, text) == 0) {
            free (text);
            return true;
        }
        free (t->last);
        t->last = strdup (text);
    }
    bool good = tell (t, text);
    free (text);
    if (good && !t->done && !has (t, WATCH_F_WATCH))
        return end (t, 0);
    return good;
}

/* From a state with the key missing (waiting) or told. */
static bool value_follow (struct trial *t, bool waiting)
{
    while (!t->done) {
        char *text;
        int errnum = 0;

        if (is_last (t))
            return end (t, -1);
        t->at++;
        if (!state_at (t, t->at)->exists)
            return end (t, ENOTSUP);
        if (!named_at (t, t->at) && !has (t, WATCH_F_FULL))
            continue;
        text = sim_value_text (value_at (t, t->at), t->w->flags, &errnum);
        if (errnum)
            return end (t, errnum);
        if (!text && waiting)
            continue;
        if (!text)
            return end (t, ENOENT);
        waiting = false;
        if (!value_tell (t, text))
            return false;
    }
    return true;
}

static bool value_begin (struct trial *t)
{
    int errnum = 0;
    char *text = sim_value_text (value_at (t, t->at), t->w->flags, &errnum);

    if (errnum)
        return end (t, errnum);
    if (!text)
        return has (t, WATCH_F_WAITCREATE) ? value_follow (t, true) : end (t, ENOENT);
    if (!value_tell (t, text))
        return false;
    return t->done || value_follow (t, false);
}

/* Logs */

static bool log_follow (struct trial t);

static bool log_tell (struct trial *t, const struct sim_value *v, int from)
{
    char buf[16];

    for (int i = from; i < v->n && !t->done; i++) {
        sim_chunk_text (v, i, buf);
        if (!tell (t, buf))
            return false;
    }
    t->count = v->n;
    t->owed = false;
    return true;
}

/* The key exists, and did not before for this watcher. */
static bool log_first (struct trial t, bool sentinel)
{
    const struct sim_value *v = value_at (&t, t.at);
    bool stream = has (&t, WATCH_F_STREAM);

    if (v->type == SIM_DIR)
        return end (&t, EISDIR);
    if (v->type == SIM_SYMLINK)
        return end (&t, EINVAL);
    if (!log_tell (&t, v, 0))
        return false;
    if (!t.done && stream)
        return end (&t, ENODATA);
    if (!t.done && sentinel && has (&t, WATCH_F_SENTINEL) && !tell (&t, SIM_SENTINEL))
        return false;
    return t.done || log_follow (t);
}

static bool *log_memo (const struct trial *t, bool waiting)
{
    return &failed[waiting][t->at][t->count][t->pos][t->owed];
}

static bool log_wait (struct trial t)
{
    bool *memo = log_memo (&t, true);
    bool named;

    if (is_last (&t))
        return !t.owed && end (&t, -1);
    if (*memo)
        return false;
    t.at++;
    if (!state_at (&t, t.at)->exists)
        return !t.owed && end (&t, ENOTSUP);
    named = named_at (&t, t.at);
    if (value_at (&t, t.at)->type != SIM_ABSENT) {
        if ((named || t.owed) && log_first (t, false))
            return true;
    }
    else if (named) {
        struct trial still = t;

        still.owed = false;
        if (log_wait (still))
            return true;
    }
    t.owed |= named;
    if (log_wait (t))
        return true;
    *memo = true;
    return false;
}

/* At each state: it is read or passed over.  Growth may be read at any; what
 * ends the watch only where the key is named.
 */
static bool log_follow (struct trial t)
{
    bool *memo = log_memo (&t, false);
    const struct sim_value *v;
    bool named;

    if (is_last (&t))
        return !t.owed && end (&t, -1);
    if (*memo)
        return false;
    t.at++;
    if (!state_at (&t, t.at)->exists)
        return !t.owed && end (&t, ENOTSUP);
    named = named_at (&t, t.at);
    v = value_at (&t, t.at);
    struct trial reads = t;
    if (v->type == SIM_VALREF && v->n >= t.count) {
        if (log_tell (&reads, v, t.count) && (reads.done || log_follow (reads)))
            return true;
    }
    else if (named && end (&reads, v->type == SIM_ABSENT ? ENOENT : EINVAL))
        return true;
    t.owed |= named;
    if (log_follow (t))
        return true;
    *memo = true;
    return false;
}

static bool log_begin (struct trial *t)
{
    if (value_at (t, t->at)->type != SIM_ABSENT)
        return log_first (*t, true);
    if (!has (t, WATCH_F_WAITCREATE))
        return end (t, ENOENT);
    if (has (t, WATCH_F_SENTINEL) && !tell (t, SIM_SENTINEL))
        return false;
    return t->done || log_wait (*t);
}

static bool begin_at (const struct sim_watcher *w, int at)
{
    struct trial t = { .w = w, .at = at };
    const struct sim_state *s = state_at (&t, at);
    bool good;

    if (!s->exists) {
        if (!has (&t, WATCH_F_WAITCREATE))
            return end (&t, ENOTSUP);
        return is_last (&t) && end (&t, -1);
    }
    if (!(w->cred.rolemask & WATCH_ROLE_OWNER) && w->cred.userid != s->owner)
        return end (&t, EPERM);
    if (has (&t, WATCH_F_APPEND | WATCH_F_STREAM))
        return log_begin (&t);
    good = value_begin (&t);
    free (t.last);
    return good;
}

/* Of an error the kvs does not say which root it is about. */
static bool refused_at (const struct sim_watcher *w, const struct sim_value *v)
{
    int errnum = 0;

    if (!w->ended || w->ntold > 0)
        return false;
    if (w->flags & (WATCH_F_APPEND | WATCH_F_STREAM))
        return w->errnum == EISDIR && v->type == SIM_DIR;
    free (sim_value_text (v, w->flags, &errnum));
    return errnum != 0 && errnum == w->errnum;
}

bool sim_judge (const struct sim_watcher *w)
{
    if (w->cut && w->ntold == 0)
        return true;
    memset (failed, 0, sizeof (failed));
    for (int i = w->error_bound; i < w->bound; i++) {
        if (refused_at (w, &w->space->state[i].value[w->key]))
            return true;
    }
    for (int i = w->bound; i < w->space->count; i++) {
        if (begin_at (w, i))
            return true;
    }
    return false;
}
