/* watch_world.c - the namespaces of a simulation, and how they change. */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "watch_sim.h"

unsigned int sim_rnd (struct sim *s, unsigned int n)
{
    return rand_r (&s->seed) % n;
}

/* Values */

void sim_chunk_text (const struct sim_value *v, int i, char buf[16])
{
    snprintf (buf, 16, "%c%d", v->type == SIM_VAL ? 'v' : 'c', v->chunk[i]);
}

void sim_chunk_ref (int chunk, struct blobref *ref)
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
                sim_chunk_ref (v->chunk[i], &refs[i]);
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
/* Why v cannot be read so, or 0. */
static int unreadable (const struct sim_value *v, int flags)
{
    if (flags & WATCH_F_READDIR)
        return v->type == SIM_DIR ? 0 : ENOTDIR;
    if (flags & WATCH_F_READLINK)
        return v->type == SIM_SYMLINK ? 0 : EINVAL;
    return v->type == SIM_DIR ? EISDIR : 0;
}

char *sim_value_text (const struct sim_value *v, int flags, int *errnum)
{
    struct text t = TEXT_INIT;
    char buf[16];

    if (v->type == SIM_ABSENT)
        return NULL;
    if (!(flags & (WATCH_F_TREEOBJ | WATCH_F_READLINK)) && v->type == SIM_SYMLINK)
        return NULL; /* it dangles: a missing key */
    if (!(flags & WATCH_F_TREEOBJ) && (*errnum = unreadable (v, flags)) != 0)
        return NULL;
    text_puts (&t, "{\"val\":");
    if (flags & (WATCH_F_TREEOBJ | WATCH_F_READDIR | WATCH_F_READLINK)) {
        struct treeobj *o = sim_value_object (v);
        treeobj_write (o, &t);
        treeobj_put (o);
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

    switch (sim_rnd (s, 20)) {
        case 0:
            v->type = SIM_ABSENT;
            break;
        case 1:
            *v = (struct sim_value){ .type = SIM_VAL, .n = 1 };
            v->chunk[0] = sim_rnd (s, 2) ? s->next_chunk++ : 0;
            break;
        case 2: /* "fake append": another array */
            v->type = SIM_VALREF;
            v->n = 1 + sim_rnd (s, n + 2);
            for (int i = 0; i < v->n; i++)
                v->chunk[i] = s->next_chunk++;
            break;
        case 3:
            v->type = sim_rnd (s, 2) ? SIM_DIR : SIM_SYMLINK;
            break;
        default: /* append */
            if (n == 0) {
                v->type = sim_rnd (s, 2) ? SIM_VAL : SIM_VALREF;
                v->n = 1;
                v->chunk[0] = s->next_chunk++;
            }
            else if (n < SIM_CHUNKS - 4) {
                v->type = SIM_VALREF;
                v->chunk[v->n++] = sim_rnd (s, 8) ? s->next_chunk++ : 7;
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
    if (sim_rnd (s, 12) == 0) /* unlink d, which names d only */
        st->value[2].type = SIM_ABSENT;
    else {
        for (int n = 1 + sim_rnd (s, 3); n > 0; n--) {
            int key = sim_rnd (s, SIM_KEYS);

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
    st->owner = sim_rnd (s, 2) ? 100 : 0;
    sp->view = sp->count - 1;
}

void sim_change (struct sim *s)
{
    struct sim_space *sp = &s->space[sim_rnd (s, SIM_SPACES)];

    if (!sp->state[sp->count - 1].exists || sim_rnd (s, 15) == 0)
        create_or_remove (s, sp);
    else
        commit (s, sp);
    if (!s->lag || sim_rnd (s, 3) == 0)
        sp->view = sp->count - 1;
}

void sim_begin (struct sim *s)
{
    s->next_chunk = SIM_FIRST_CHUNK;
    s->lag = sim_rnd (s, 3) == 0;
    s->faults = sim_rnd (s, 4) == 0;
    s->guests = sim_rnd (s, 3) == 0;
    s->tails = sim_rnd (s, 2) == 0;
    s->oom = !s->lag && sim_rnd (s, 4) == 0;
    s->kept_max = sim_rnd (s, 2) ? 0 : 1 + sim_rnd (s, 20);
    for (int i = 0; i < SIM_SPACES; i++) {
        snprintf (s->space[i].name, sizeof (s->space[i].name), "ns%d", i);
        s->space[i].count = 1;
        s->space[i].seen = -1;
        s->space[i].state[0].exists = i == 0;
    }
}
