/* watch_sim.c - the engine of kvs-watch in random worlds.
 *
 * Commits, new and removed namespaces, watches, cancels, disconnects, answers
 * and faults come in any legal order.  At the end all that is under way
 * arrives, and each watcher's responses are judged (watch_judge.c).
 *
 * usage: watch_sim [SEED [COUNT]]
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/tap.h"
#include "common/util.h"
#include "watch_sim.h"

static const char *const key_name[SIM_KEYS] = { "a", "b.c", "d.x" };

/* Memory that runs out: the linker leads all allocations here. */
static long oom_countdown = -1;

void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t size);
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t size);
char *__wrap_strdup (const char *s);

static bool oom (void)
{
    return oom_countdown >= 0 && oom_countdown-- == 0;
}

void *__wrap_malloc (size_t size)
{
    return oom () ? NULL : __real_malloc (size);
}

void *__wrap_calloc (size_t n, size_t size)
{
    return oom () ? NULL : __real_calloc (n, size);
}

void *__wrap_realloc (void *p, size_t size)
{
    return oom () ? NULL : __real_realloc (p, size);
}

char *__wrap_strdup (const char *s)
{
    char *copy = __wrap_malloc (strlen (s) + 1);

    return copy ? strcpy (copy, s) : NULL;
}

/* Call the engine, perhaps short of memory. */
#define ENGINE(s, call)                         \
    do {                                        \
        if ((s)->oom && sim_rnd ((s), 30) == 0) \
            oom_countdown = sim_rnd ((s), 12);  \
        call;                                   \
        oom_countdown = -1;                     \
    } while (0)

static void check (struct sim *s, bool cond, const char *what)
{
    if (!cond && s->good)
        diag ("%s", what);
    s->good = s->good && cond;
}

/* What the engine wants */

static struct sim_space *space_find (struct sim *s, const char *name)
{
    for (int i = 0; i < SIM_SPACES; i++) {
        if (strcmp (s->space[i].name, name) == 0)
            return &s->space[i];
    }
    never ("unknown namespace");
}

static void root_format (struct sim *s, struct sim_space *sp, int state, char buf[48])
{
    snprintf (buf, 48, "sha1-%020d%020d", (int)(sp - s->space), state);
}

static void take_lookup (struct sim *s, struct watch_lookup *l)
{
    struct sim_lookup *p = &s->lookup[s->nlookups++];

    must (s->nlookups < SIM_MAX_PENDING);
    p->l = l;
    p->space = space_find (s, l->ns);
    p->state = l->rootref ? atoi (l->rootref + 25) : -1;
    for (p->key = 0; strcmp (key_name[p->key], l->key) != 0;)
        p->key++;
    for (int i = 0; i < s->nlookups - 1 && l->rootref && !s->lag; i++) {
        struct sim_lookup *o = &s->lookup[i];
        if (o->l->rootref && o->space == p->space && o->key == p->key
            && o->state == p->state && o->l->flags == l->flags
            && o->l->want_obj == l->want_obj && o->l->cred.userid == l->cred.userid)
            check (s, false, "one root is looked up twice for the same thing");
    }
}

static void take_load (struct sim *s, struct watch_load *l)
{
    int chunk;

    for (int i = 0; i < s->nloads; i++)
        check (s, !blobref_equal (&s->load[i]->ref, &l->ref), "a blob is loaded twice");
    s->load[s->nloads++] = l;
    memcpy (&chunk, l->ref.bytes, sizeof (chunk));
    must (chunk < SIM_MAX_CHUNKS);
    s->loads[chunk]++;
    must (s->nloads < SIM_MAX_PENDING);
}

static void told (struct sim *s, struct watch_delivery *d, const char *what)
{
    struct sim_watcher *w = d->client;

    check (s, !w->ended, "a response came after the end");
    check (s, w->ntold < SIM_TOLD, "too many responses");
    if (w->ntold < SIM_TOLD)
        w->told[w->ntold++] = strdup (what);
}

static void finished (struct sim *s, struct watch_finish *f)
{
    struct sim_watcher *w = f->client;

    check (s, !w->ended, "a stream ended twice");
    w->ended = true;
    w->errnum = f->errnum;
    if (f->errnum == EIO || f->errnum == ENOMEM || f->errnum == ESTALE)
        w->cut = true;
}

static int client_of (const struct sim_watcher *w)
{
    return atoi (w->sender + strlen ("client"));
}

static bool is_throttled (const struct sim *s, const struct sim_watcher *w)
{
    return s->throttled[client_of (w)];
}

/* The engine forgets a client with its last watch. */
static bool has_open (const struct sim *s, int client)
{
    for (int i = 0; i < s->nwatchers; i++) {
        if (client_of (&s->watcher[i]) == client && !s->watcher[i].ended)
            return true;
    }
    return false;
}

static void take_chunk (struct sim *s, struct sim_watcher *w, size_t len)
{
    check (s, w->window == 0 || w->unacked < w->window, "a window is exceeded");
    w->unacked += len;
}

static void carry_out (struct sim *s)
{
    struct watch_action *a;

    while ((a = watch_engine_next (s->engine))) {
        struct watch_delivery *d = container_of (a, struct watch_delivery, action);

        switch (a->type) {
            case WATCH_LOOKUP:
                take_lookup (s, container_of (a, struct watch_lookup, action));
                continue;
            case WATCH_LOAD:
                take_load (s, container_of (a, struct watch_load, action));
                continue;
            case WATCH_CHUNK:
                check (s, !is_throttled (s, d->client),
                       "a chunk is sent to who does not read");
                take_chunk (s, d->client, d->bytes->len);
                /* fall through */
            case WATCH_VALUE:
                told (s, d, d->bytes->data);
                break;
            case WATCH_SENTINEL:
                told (s, d, SIM_SENTINEL);
                break;
            case WATCH_FINISH:
                finished (s, container_of (a, struct watch_finish, action));
                break;
        }
        watch_action_free (a);
    }
}

/* What reaches the engine */

static void event (struct sim *s)
{
    struct sim_event *ev;
    struct sim_state *st;
    const char *keys[SIM_KEYS + 1];
    size_t nkeys = 0;
    char ref[48];

    if (s->next_event == s->nevents)
        return;
    ev = &s->event[s->next_event++];
    st = &ev->space->state[ev->state];
    root_format (s, ev->space, ev->state, ref);
    ev->space->seen = ev->state;
    for (int i = 0; i < SIM_KEYS; i++) {
        if (st->named & (1u << i))
            keys[nkeys++] = key_name[i];
    }
    if (!st->exists)
        ENGINE (s, watch_engine_removed (s->engine, ev->space->name));
    else if (ev->created)
        ENGINE (s, watch_engine_created (s->engine, ev->space->name, st->owner, st->seq,
                                         ref));
    else
        ENGINE (s, watch_engine_setroot (s->engine, ev->space->name, st->owner, st->seq,
                                         ref, keys, nkeys));
    carry_out (s);
}

/* As our kvs does it: only the end of a valref, and perhaps the data with it. */
static void cut_to_tail (struct sim *s,
                         const struct sim_value *v,
                         const struct watch_lookup *l,
                         struct watch_answer *a)
{
    struct blobref refs[SIM_CHUNKS];
    size_t n = 0;
    char data[16];

    a->result.from = l->tail < (size_t)v->n ? l->tail : (size_t)v->n - 1;
    treeobj_putp (&a->result.obj);
    for (int i = a->result.from; i < v->n; i++)
        sim_chunk_ref (v->chunk[i], &refs[n++]);
    must (treeobj_valref_new (refs, n, &a->result.obj) == 0);
    a->result.blobs = a->blobs;
    for (size_t i = 0; l->want_data && i < n && sim_rnd (s, 8) > 0; i++) {
        sim_chunk_text (v, a->result.from + i, data);
        if (sim_rnd (s, 3) > 0)
            a->blobs[i] = bytes_new (data, strlen (data));
        a->result.nblobs++;
    }
}

/* As our kvs does it: a value may have a tag, and is not sent to who has it. */
static void cut_if_same (const struct watch_lookup *l,
                         const struct sim_value *v,
                         struct watch_answer *a)
{
    struct text t = TEXT_INIT;
    char buf[16];

    if (!l->unless || v->type == SIM_VAL || v->type == SIM_SYMLINK)
        return;
    text_printf (&t, "%d", v->type);
    for (int i = 0; i < v->n; i++) {
        sim_chunk_text (v, i, buf);
        text_puts (&t, buf);
    }
    if (t.len < sizeof (a->tag)) {
        strcpy (a->tag, t.buf);
        a->result.tag = a->tag;
        if (strcmp (a->tag, l->unless) == 0) {
            a->result.same = true;
            a->result.text = NULL;
        }
    }
    text_fini (&t);
}

static void answer_with (struct sim *s, struct sim_lookup *p, int errnum)
{
    const struct sim_state *st = &p->space->state[p->state];
    const struct sim_value *v = &st->value[p->key];
    struct watch_answer answer = { .result = { .errnum = errnum, .rootseq = st->seq } };
    struct watch_result *result = &answer.result;
    char *text = NULL;
    char ref[48];

    root_format (s, p->space, p->state, ref);
    result->rootref = ref;
    if (!errnum && p->l->want_obj) {
        result->obj = sim_value_object (v);
        result->text = result->obj ? "" : NULL;
        if (s->tails && v->type == SIM_VALREF)
            cut_to_tail (s, v, p->l, &answer);
    }
    else if (!errnum && (text = sim_value_text (v, p->l->flags, &result->errnum))) {
        result->text = text + strlen ("{\"val\":");
        result->len = strlen (result->text) - 1;
        if (s->tails)
            cut_if_same (p->l, v, &answer);
    }
    ENGINE (s, watch_engine_lookup_done (s->engine, p->l, result));
    watch_answer_fini (&answer);
    free (text);
    carry_out (s);
}

/* Was the namespace removed after that state, as everybody knows? */
static bool was_removed (const struct sim_space *sp, int state)
{
    for (int i = state; i <= sp->seen; i++) {
        if (!sp->state[i].exists)
            return true;
    }
    return false;
}

static void lookup (struct sim *s)
{
    int i;
    struct sim_lookup p;
    const struct sim_state *st;
    int errnum = 0;

    if (s->nlookups == 0)
        return;
    i = sim_rnd (s, s->nlookups);
    if (s->lookup[i].state < 0) {
        s->lookup[i].state = s->lookup[i].space->view;
        if (sim_rnd (s, 2))
            return; /* the answer comes later */
    }
    p = s->lookup[i];
    s->lookup[i] = s->lookup[--s->nlookups];
    st = &p.space->state[p.state];
    if (!p.l->rootref && !st->exists)
        errnum = ENOTSUP;
    else if (!p.l->rootref && !(p.l->cred.rolemask & WATCH_ROLE_OWNER)
             && p.l->cred.userid != st->owner)
        errnum = EPERM;
    else if (s->faults && sim_rnd (s, 50) == 0)
        errnum = EIO;
    else if (s->faults && p.l->rootref && was_removed (p.space, p.state) && sim_rnd (s, 2))
        errnum = ENOENT; /* its past roots are gone, too */
    answer_with (s, &p, errnum);
}

static void load (struct sim *s)
{
    struct watch_load *l;
    char data[16];
    int i, chunk, errnum;

    if (s->nloads == 0)
        return;
    i = sim_rnd (s, s->nloads);
    l = s->load[i];
    s->load[i] = s->load[--s->nloads];
    memcpy (&chunk, l->ref.bytes, sizeof (chunk));
    snprintf (data, sizeof (data), "c%d", chunk);
    errnum = s->faults && sim_rnd (s, 40) == 0 ? EIO : 0;
    ENGINE (s, watch_engine_load_done (s->engine, l, errnum, data, strlen (data)));
    carry_out (s);
}

/* What clients do */

static int random_flags (struct sim *s)
{
    static const int flags[] = {
        0,
        WATCH_F_WAITCREATE,
        WATCH_F_WATCH,
        WATCH_F_WATCH | WATCH_F_UNIQ,
        WATCH_F_WATCH | WATCH_F_FULL,
        WATCH_F_WATCH | WATCH_F_FULL | WATCH_F_WAITCREATE,
        WATCH_F_WATCH | WATCH_F_WAITCREATE,
        WATCH_F_WATCH | WATCH_F_TREEOBJ,
        WATCH_F_WATCH | WATCH_F_READDIR | WATCH_F_FULL,
        WATCH_F_WATCH | WATCH_F_READLINK,
        WATCH_F_WATCH | WATCH_F_UNIQ | WATCH_F_WAITCREATE | WATCH_F_TREEOBJ,
        WATCH_F_STREAM,
        WATCH_F_STREAM | WATCH_F_WAITCREATE,
        WATCH_F_WATCH | WATCH_F_APPEND,
        WATCH_F_WATCH | WATCH_F_APPEND | WATCH_F_WAITCREATE,
        WATCH_F_WATCH | WATCH_F_APPEND | WATCH_F_SENTINEL,
        WATCH_F_WATCH | WATCH_F_APPEND | WATCH_F_SENTINEL | WATCH_F_WAITCREATE,
    };

    if (sim_rnd (s, 2)) /* half of them follow a log */
        return flags[ARRAY_SIZE (flags) - 4 + sim_rnd (s, 4)];
    return flags[sim_rnd (s, ARRAY_SIZE (flags))];
}

static void watch (struct sim *s)
{
    struct sim_watcher *w;
    struct watch_request req = { 0 };
    int r;

    if (s->nwatchers == SIM_MAX_WATCHERS)
        return;
    w = &s->watcher[s->nwatchers];
    w->space = &s->space[sim_rnd (s, SIM_SPACES)];
    w->key = sim_rnd (s, SIM_KEYS);
    w->flags = random_flags (s);
    w->cred = (struct watch_cred){ 0, WATCH_ROLE_OWNER };
    if (s->guests && sim_rnd (s, 2))
        w->cred = (struct watch_cred){ sim_rnd (s, 2) ? 100 : 200, 2 };
    snprintf (w->sender, sizeof (w->sender), "client%d", sim_rnd (s, SIM_CLIENTS));
    if (!has_open (s, client_of (w)))
        s->throttled[client_of (w)] = false;
    w->matchtag = ++s->nwatchers;
    /* The engine remembers roots only while someone watches; of other
     * namespaces the kvs must know what the engine was told.
     */
    if (w->space->view < w->space->seen) {
        if (watch_engine_watches (s->engine, w->space->name, strlen (w->space->name)))
            w->bound = w->space->seen;
        else
            w->bound = w->space->view = w->space->seen;
    }
    else
        w->bound = w->space->view;
    w->error_bound = w->space->view;
    req.sender = w->sender;
    req.matchtag = w->matchtag;
    req.cred = w->cred;
    req.ns = w->space->name;
    req.key = key_name[w->key];
    req.flags = w->flags;
    req.client = w;
    if (sim_rnd (s, 3) == 0)
        req.window = w->window = 1 + sim_rnd (s, 12);
    ENGINE (s, r = watch_engine_add (s->engine, &req));
    carry_out (s);
    if (r == -ENOMEM && s->oom)
        w->ended = w->cut = true;
    else
        check (s, r == 0, "a watch was refused");
}

static void leave (struct sim *s)
{
    struct watch_cred owner = { 0, WATCH_ROLE_OWNER };
    struct sim_watcher *w;

    if (s->nwatchers == 0)
        return;
    w = &s->watcher[sim_rnd (s, s->nwatchers)];
    if (sim_rnd (s, 4) > 0) {
        bool was_open = !w->ended;

        ENGINE (s, watch_engine_cancel (s->engine, w->sender, w->matchtag, owner));
        carry_out (s);
        check (s, w->ended, "a cancelled watch goes on");
        check (s, !was_open || w->errnum == ENODATA, "a cancel ends with another error");
        w->cut |= was_open;
    }
    else {
        for (int i = 0; i < s->nwatchers; i++) {
            if (strcmp (s->watcher[i].sender, w->sender) == 0)
                s->watcher[i].cut |= !s->watcher[i].ended;
        }
        ENGINE (s, watch_engine_disconnect (s->engine, w->sender, owner));
        carry_out (s);
        for (int i = 0; i < s->nwatchers; i++) {
            if (strcmp (s->watcher[i].sender, w->sender) == 0)
                check (s, s->watcher[i].ended, "a watch outlives its client");
        }
    }
}

static void throttle (struct sim *s, int client, bool on)
{
    char sender[16];

    if (!has_open (s, client))
        return;
    s->throttled[client] = on;
    snprintf (sender, sizeof (sender), "client%d", client);
    ENGINE (s, watch_engine_throttle (s->engine, sender, on));
    carry_out (s);
}

static bool ack (struct sim *s, int i)
{
    struct sim_watcher *w = &s->watcher[i];
    size_t n = w->unacked;

    if (i >= s->nwatchers || w->window == 0 || n == 0 || w->ended)
        return false;
    w->unacked = 0;
    ENGINE (s, watch_engine_ack (s->engine, w->sender, w->matchtag, n));
    carry_out (s);
    return true;
}

static bool ack_all (struct sim *s)
{
    bool any = false;

    for (int i = 0; i < s->nwatchers; i++)
        any |= ack (s, i);
    return any;
}

static void step (struct sim *s)
{
    unsigned int n = sim_rnd (s, 100);

    if (n < 14)
        sim_change (s);
    else if (n < 20)
        watch (s);
    else if (n < 21)
        leave (s);
    else if (n < 45)
        event (s);
    else if (n < 47)
        throttle (s, sim_rnd (s, SIM_CLIENTS), sim_rnd (s, 2));
    else if (n < 54)
        (void)ack (s, sim_rnd (s, SIM_MAX_WATCHERS));
    else if (n < 73)
        lookup (s);
    else if (n < 98)
        load (s);
    else {
        struct sim_space *sp = &s->space[sim_rnd (s, SIM_SPACES)];

        sp->view = sp->count - 1;
    }
}

static void settle (struct sim *s)
{
    for (int i = 0; i < SIM_SPACES; i++)
        s->space[i].view = s->space[i].count - 1;
    for (int i = 0; i < SIM_CLIENTS; i++)
        throttle (s, i, false);
    while (ack_all (s) || s->next_event < s->nevents || s->nlookups > 0 || s->nloads > 0) {
        event (s);
        lookup (s);
        load (s);
    }
}

static void show (const struct sim_watcher *w)
{
    diag ("watcher of %s %s flags %d uid %d from state %d: ended %d errnum %d cut %d",
          w->space->name, key_name[w->key], w->flags, (int)w->cred.userid, w->bound,
          w->ended, w->errnum, w->cut);
    for (int i = 0; i < w->ntold; i++)
        diag ("  told %s", w->told[i]);
    for (int i = 0; i < w->space->count; i++) {
        const struct sim_state *st = &w->space->state[i];
        const struct sim_value *v = &st->value[w->key];
        struct text t = TEXT_INIT;
        char buf[16];

        for (int j = 0; v->type != SIM_ABSENT && j < v->n; j++) {
            sim_chunk_text (v, j, buf);
            text_printf (&t, " %s", buf);
        }
        diag ("  state %d exists %d owner %d seq %d%s type %d:%s", i, st->exists,
              (int)st->owner, (int)st->seq, st->named & (1u << w->key) ? " named" : "",
              v->type, t.buf ? t.buf : "");
        text_fini (&t);
    }
}

static bool may_be_told (const struct sim_watcher *w, int chunk)
{
    if (!(w->flags & (WATCH_F_APPEND | WATCH_F_STREAM)))
        return false;
    for (int i = 0; i < w->space->count; i++) {
        const struct sim_value *v = &w->space->state[i].value[w->key];

        for (int j = 0; v->type == SIM_VALREF && j < v->n; j++) {
            if (v->chunk[j] == chunk)
                return true;
        }
    }
    return false;
}

/* However often a watcher was paused, each blob was loaded for it once: unless too
 * much was kept for who was paused, which the engine counts.
 */
static void judge_loads (struct sim *s)
{
    int again = 0;

    for (int c = SIM_FIRST_CHUNK; c < s->next_chunk; c++) {
        int may = 0;

        for (int i = 0; s->loads[c] > 0 && i < s->nwatchers; i++)
            may += may_be_told (&s->watcher[i], c);
        again += s->loads[c] > may ? s->loads[c] - may : 0;
    }
    check (s, again <= (int)watch_engine_counters (s->engine)->forgotten,
           "a blob is loaded again");
    check (s, s->kept_max > 0 || watch_engine_counters (s->engine)->forgotten == 0,
           "what is loaded is forgotten");
}

static void judge (struct sim *s)
{
    size_t open = 0;

    judge_loads (s);

    for (int i = 0; i < s->nwatchers; i++) {
        struct sim_watcher *w = &s->watcher[i];

        open += !w->ended;
        if (!sim_judge (w)) {
            if (s->good)
                show (w);
            check (s, false, "responses that nothing explains");
        }
    }
    check (s, watch_engine_count (s->engine) == open, "the engine miscounts");
    watch_engine_shutdown (s->engine, ENOSYS);
    carry_out (s);
    for (int i = 0; i < s->nwatchers; i++)
        check (s, s->watcher[i].ended, "a watch survives the end");
    check (s, watch_engine_namespaces (s->engine) == 0, "something stays behind");
    check (s, watch_engine_counters (s->engine)->kept == 0, "something is kept for nobody");
}

static bool same_json (const char *a, const char *b)
{
    return strcmp (a, b) == 0;
}

static bool run (unsigned int seed)
{
    struct sim *s = calloc (1, sizeof (*s));
    bool good;

    must (s != NULL);
    s->seed = seed;
    s->good = true;
    s->engine = watch_engine_new (same_json);
    sim_begin (s);
    if (s->kept_max > 0)
        watch_engine_set_kept_max (s->engine, s->kept_max);
    for (int i = 0; i < 700 && s->good; i++)
        step (s);
    settle (s);
    judge (s);
    for (int i = 0; i < s->nwatchers; i++) {
        for (int j = 0; j < s->watcher[i].ntold; j++)
            free (s->watcher[i].told[j]);
    }
    watch_engine_free (s->engine);
    good = s->good;
    free (s);
    if (!good)
        diag ("reproduce with: watch_sim %u 1", seed);
    return good;
}

int main (int argc, char *argv[])
{
    unsigned int seed = argc > 1 ? strtoul (argv[1], NULL, 0) : 1;
    unsigned int count = argc > 2 ? strtoul (argv[2], NULL, 0) : 2000;
    unsigned int fresh = time (NULL);
    unsigned int bad = 0;

    for (unsigned int i = 0; i < count && bad < 3; i++)
        bad += !run (seed + i);
    ok (bad == 0, "every response is explained, in %u worlds from seed %u", count, seed);
    if (argc < 2)
        ok (run (fresh), "and in a fresh one, seed %u", fresh);
    return done_testing ();
}
