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

enum { MAX_WATCHERS = 24, MAX_PENDING = 512 };

static const char *const key_name[SIM_KEYS] = { "a", "b.c", "d.x" };

struct sim_event {
    struct sim_space *space;
    int state;
    bool created;
};

struct sim_lookup {
    struct watch_lookup *l;
    struct sim_space *space;
    int key;
    int state; /* -1: not read yet */
};

struct sim {
    unsigned int seed;
    bool lag;    /* the kvs may be behind */
    bool faults; /* lookups and loads may fail */
    bool guests;
    struct watch_engine *engine;
    struct sim_space space[SIM_SPACES];
    struct sim_watcher watcher[MAX_WATCHERS];
    int nwatchers;
    struct sim_event event[SIM_SPACES * SIM_STATES];
    int nevents, next_event;
    struct sim_lookup lookup[MAX_PENDING];
    int nlookups;
    struct watch_load *load[MAX_PENDING];
    int nloads;
    int next_chunk;
    bool good;
};

static unsigned int rnd (struct sim *s, unsigned int n)
{
    return rand_r (&s->seed) % n;
}

static void check (struct sim *s, bool cond, const char *what)
{
    if (!cond && s->good)
        diag ("%s", what);
    s->good = s->good && cond;
}

/* Values */

void sim_chunk_text (const struct sim_value *v, int i, char buf[16])
{
    snprintf (buf, 16, "%c%d", v->type == SIM_VAL ? 'v' : 'c', v->chunk[i]);
}

static void chunk_ref (int chunk, struct blobref *ref)
{
    memset (ref, 0, sizeof (*ref));
    ref->kind = BLOBREF_SHA1;
    memcpy (ref->bytes, &chunk, sizeof (chunk));
}

struct treeobj *sim_value_object (const struct sim_value *v)
{
    struct blobref refs[SIM_CHUNKS];
    struct treeobj *o = NULL;
    char buf[16];
    int r = 0;

    switch (v->type) {
        case SIM_ABSENT:
            return NULL;
        case SIM_VAL:
            sim_chunk_text (v, 0, buf);
            r = treeobj_val_new (buf, strlen (buf), &o);
            break;
        case SIM_VALREF:
            for (int i = 0; i < v->n; i++)
                chunk_ref (v->chunk[i], &refs[i]);
            r = treeobj_valref_new (refs, v->n, &o);
            break;
        case SIM_DIR:
            r = treeobj_dir_new (&o);
            break;
        case SIM_SYMLINK:
            r = treeobj_symlink_new (NULL, "nowhere", &o);
            break;
    }
    must (r == 0);
    return o;
}

/* For the judge, as the engine wraps it; the kvs of this world answers with
 * what is between {"val": and }.
 */
char *sim_value_text (const struct sim_value *v, int flags, int *errnum)
{
    struct text t = TEXT_INIT;
    char buf[16];

    if (v->type == SIM_ABSENT)
        return NULL;
    text_puts (&t, "{\"val\":");
    if (flags & WATCH_F_TREEOBJ) {
        struct treeobj *o = sim_value_object (v);
        treeobj_write (o, &t);
        treeobj_put (o);
    }
    else if (v->type == SIM_DIR || v->type == SIM_SYMLINK) {
        text_fini (&t);
        if (v->type == SIM_DIR)
            *errnum = EISDIR;
        return NULL; /* a dangling symlink is a missing key */
    }
    else {
        text_puts (&t, "{\"ver\":1,\"type\":\"val\",\"data\":\"");
        for (int i = 0; i < v->n; i++) {
            sim_chunk_text (v, i, buf);
            text_puts (&t, buf);
        }
        text_puts (&t, "\"}");
    }
    text_putc (&t, '}');
    return text_take (&t, NULL);
}

/* The world changes */

static struct sim_state *space_grow (struct sim *s, struct sim_space *sp, bool created)
{
    struct sim_state *st;

    if (sp->count == SIM_STATES)
        return NULL;
    st = &sp->state[sp->count];
    if (sp->count > 0)
        *st = st[-1];
    st->named = 0;
    s->event[s->nevents++] = (struct sim_event){ sp, sp->count, created };
    sp->count++;
    return st;
}

static void op_on (struct sim *s, struct sim_value *v)
{
    int n = v->type == SIM_VALREF || v->type == SIM_VAL ? v->n : 0;

    switch (rnd (s, 20)) {
        case 0:
            v->type = SIM_ABSENT;
            break;
        case 1:
            *v = (struct sim_value){ .type = SIM_VAL, .n = 1 };
            v->chunk[0] = rnd (s, 2) ? s->next_chunk++ : 0;
            break;
        case 2: /* "fake append": another array */
            v->type = SIM_VALREF;
            v->n = 1 + rnd (s, n + 2);
            for (int i = 0; i < v->n; i++)
                v->chunk[i] = s->next_chunk++;
            break;
        case 3:
            v->type = rnd (s, 2) ? SIM_DIR : SIM_SYMLINK;
            break;
        default: /* append */
            if (n == 0) {
                v->type = rnd (s, 2) ? SIM_VAL : SIM_VALREF;
                v->n = 1;
                v->chunk[0] = s->next_chunk++;
            }
            else if (n < SIM_CHUNKS - 4) {
                v->type = SIM_VALREF;
                v->chunk[v->n++] = rnd (s, 8) ? s->next_chunk++ : 7;
            }
    }
    if (v->n > SIM_CHUNKS)
        v->n = SIM_CHUNKS;
}

static void commit (struct sim *s, struct sim_space *sp)
{
    struct sim_state *st = space_grow (s, sp, false);

    if (!st)
        return;
    st->seq++;
    if (rnd (s, 12) == 0) /* unlink d, which names d only */
        st->value[2].type = SIM_ABSENT;
    else {
        for (int n = 1 + rnd (s, 3); n > 0; n--) {
            int key = rnd (s, SIM_KEYS);

            st->named |= 1u << key;
            op_on (s, &st->value[key]);
        }
    }
}

/* A name is free again only some time after the removal: long enough for all
 * to have heard of it.
 */
static void create_or_remove (struct sim *s, struct sim_space *sp)
{
    bool exists = sp->state[sp->count - 1].exists;
    struct sim_state *st;

    if (!exists && sp->seen < sp->count - 1 && sp->count > 1)
        return;
    if (!(st = space_grow (s, sp, !exists)))
        return;
    memset (st, 0, sizeof (*st));
    st->exists = !exists;
    st->owner = rnd (s, 2) ? 100 : 0;
    sp->view = sp->count - 1;
}

static void change (struct sim *s)
{
    struct sim_space *sp = &s->space[rnd (s, SIM_SPACES)];

    if (!sp->state[sp->count - 1].exists || rnd (s, 15) == 0)
        create_or_remove (s, sp);
    else
        commit (s, sp);
    if (!s->lag || rnd (s, 3) == 0)
        sp->view = sp->count - 1;
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

    must (s->nlookups < MAX_PENDING);
    p->l = l;
    p->space = space_find (s, l->ns);
    p->state = l->rootref ? atoi (l->rootref + 25) : -1;
    for (p->key = 0; strcmp (key_name[p->key], l->key) != 0;)
        p->key++;
    for (int i = 0; i < s->nlookups - 1 && l->rootref && !s->lag; i++) {
        struct sim_lookup *o = &s->lookup[i];
        if (o->l->rootref && o->space == p->space && o->key == p->key
            && o->state == p->state && o->l->flags == l->flags
            && o->l->want_obj == l->want_obj
            && o->l->cred.userid == l->cred.userid)
            check (s, false, "one root is looked up twice for the same thing");
    }
}

static void take_load (struct sim *s, struct watch_load *l)
{
    for (int i = 0; i < s->nloads; i++)
        check (s, !blobref_equal (&s->load[i]->ref, &l->ref), "a blob is loaded twice");
    s->load[s->nloads++] = l;
    must (s->nloads < MAX_PENDING);
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
    if (f->errnum == EIO)
        w->cut = true;
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
            case WATCH_VALUE:
            case WATCH_CHUNK:
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
        watch_engine_removed (s->engine, ev->space->name);
    else if (ev->created)
        watch_engine_created (s->engine, ev->space->name, st->owner, st->seq, ref);
    else
        watch_engine_setroot (s->engine,
                              ev->space->name,
                              st->owner,
                              st->seq,
                              ref,
                              keys,
                              nkeys);
    carry_out (s);
}

static void answer_with (struct sim *s, struct sim_lookup *p, int errnum)
{
    const struct sim_state *st = &p->space->state[p->state];
    const struct sim_value *v = &st->value[p->key];
    struct watch_result result = { .errnum = errnum, .rootseq = st->seq };
    char *text = NULL;
    char ref[48];

    root_format (s, p->space, p->state, ref);
    result.rootref = ref;
    if (!errnum && p->l->want_obj) {
        result.obj = sim_value_object (v);
        result.text = result.obj ? "" : NULL;
    }
    else if (!errnum && (text = sim_value_text (v, p->l->flags, &result.errnum))) {
        result.text = text + strlen ("{\"val\":");
        result.len = strlen (result.text) - 1;
    }
    watch_engine_lookup_done (s->engine, p->l, &result);
    treeobj_put (result.obj);
    free (text);
    carry_out (s);
}

static void lookup (struct sim *s)
{
    int i;
    struct sim_lookup p;
    const struct sim_state *st;
    int errnum = 0;

    if (s->nlookups == 0)
        return;
    i = rnd (s, s->nlookups);
    if (s->lookup[i].state < 0) {
        s->lookup[i].state = s->lookup[i].space->view;
        if (rnd (s, 2))
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
    else if (s->faults && rnd (s, 50) == 0)
        errnum = EIO;
    answer_with (s, &p, errnum);
}

static void load (struct sim *s)
{
    struct watch_load *l;
    char data[16];
    int i, chunk;

    if (s->nloads == 0)
        return;
    i = rnd (s, s->nloads);
    l = s->load[i];
    s->load[i] = s->load[--s->nloads];
    memcpy (&chunk, l->ref.bytes, sizeof (chunk));
    snprintf (data, sizeof (data), "c%d", chunk);
    watch_engine_load_done (s->engine,
                            l,
                            s->faults && rnd (s, 40) == 0 ? EIO : 0,
                            data,
                            strlen (data));
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
        WATCH_F_STREAM,
        WATCH_F_STREAM | WATCH_F_WAITCREATE,
        WATCH_F_WATCH | WATCH_F_APPEND,
        WATCH_F_WATCH | WATCH_F_APPEND | WATCH_F_WAITCREATE,
        WATCH_F_WATCH | WATCH_F_APPEND | WATCH_F_SENTINEL,
        WATCH_F_WATCH | WATCH_F_APPEND | WATCH_F_SENTINEL | WATCH_F_WAITCREATE,
    };

    if (rnd (s, 2)) /* half of them follow a log */
        return flags[10 + rnd (s, 4)];
    return flags[rnd (s, ARRAY_SIZE (flags))];
}

static void watch (struct sim *s)
{
    struct sim_watcher *w;
    struct watch_request req = { 0 };

    if (s->nwatchers == MAX_WATCHERS)
        return;
    w = &s->watcher[s->nwatchers++];
    w->space = &s->space[rnd (s, SIM_SPACES)];
    w->key = rnd (s, SIM_KEYS);
    w->flags = random_flags (s);
    w->cred = (struct watch_cred){ 0, WATCH_ROLE_OWNER };
    if (s->guests && rnd (s, 2))
        w->cred = (struct watch_cred){ rnd (s, 2) ? 100 : 200, 2 };
    snprintf (w->sender, sizeof (w->sender), "client%d", rnd (s, 3));
    w->matchtag = s->nwatchers;
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
    check (s, watch_engine_add (s->engine, &req) == 0, "a watch was refused");
    carry_out (s);
}

static void leave (struct sim *s)
{
    struct watch_cred owner = { 0, WATCH_ROLE_OWNER };
    struct sim_watcher *w;

    if (s->nwatchers == 0)
        return;
    w = &s->watcher[rnd (s, s->nwatchers)];
    if (rnd (s, 4) > 0) {
        bool was_open = !w->ended;

        watch_engine_cancel (s->engine, w->sender, w->matchtag, owner);
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
        watch_engine_disconnect (s->engine, w->sender, owner);
        carry_out (s);
        for (int i = 0; i < s->nwatchers; i++) {
            if (strcmp (s->watcher[i].sender, w->sender) == 0)
                check (s, s->watcher[i].ended, "a watch outlives its client");
        }
    }
}

static void step (struct sim *s)
{
    unsigned int n = rnd (s, 100);

    if (n < 14)
        change (s);
    else if (n < 20)
        watch (s);
    else if (n < 21)
        leave (s);
    else if (n < 45)
        event (s);
    else if (n < 70)
        lookup (s);
    else if (n < 98)
        load (s);
    else {
        struct sim_space *sp = &s->space[rnd (s, SIM_SPACES)];

        sp->view = sp->count - 1;
    }
}

static void settle (struct sim *s)
{
    for (int i = 0; i < SIM_SPACES; i++)
        s->space[i].view = s->space[i].count - 1;
    while (s->next_event < s->nevents || s->nlookups > 0 || s->nloads > 0) {
        event (s);
        lookup (s);
        load (s);
    }
}

static void show (const struct sim_watcher *w)
{
    diag ("watcher of %s %s flags %d uid %d from state %d: ended %d errnum %d cut %d",
          w->space->name,
          key_name[w->key],
          w->flags,
          (int)w->cred.userid,
          w->bound,
          w->ended,
          w->errnum,
          w->cut);
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
        diag ("  state %d exists %d owner %d seq %d%s type %d:%s",
              i,
              st->exists,
              (int)st->owner,
              (int)st->seq,
              st->named & (1u << w->key) ? " named" : "",
              v->type,
              t.buf ? t.buf : "");
        text_fini (&t);
    }
}

static void judge (struct sim *s)
{
    size_t open = 0;

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
    s->next_chunk = 8;
    s->lag = rnd (s, 3) == 0;
    s->faults = rnd (s, 4) == 0;
    s->guests = rnd (s, 3) == 0;
    s->engine = watch_engine_new (same_json);
    for (int i = 0; i < SIM_SPACES; i++) {
        snprintf (s->space[i].name, sizeof (s->space[i].name), "ns%d", i);
        s->space[i].count = 1;
        s->space[i].seen = -1;
        s->space[i].state[0].exists = i == 0;
    }
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
