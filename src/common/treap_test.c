#include "config.h"
#include <stdio.h>

#include "tap.h"
#include "treap.h"
#include "util.h"

struct item {
    int key;
    struct treap_node node;
};

static int by_key (const struct treap_node *a, const struct treap_node *b)
{
    int ka = container_of (a, struct item, node)->key;
    int kb = container_of (b, struct item, node)->key;

    return ka < kb ? -1 : ka > kb;
}

static int key_of (const struct treap_node *n)
{
    return n ? container_of (n, struct item, node)->key : -1;
}

static int depth (const struct treap_node *n)
{
    int l, r;

    if (!n)
        return 0;
    l = depth (n->left);
    r = depth (n->right);
    return 1 + (l > r ? l : r);
}

/* Ascending forwards, the same backwards, and as many as counted. */
static bool in_order (const struct treap *t)
{
    size_t forward = 0, backward = 0;
    int last = -1;

    for (struct treap_node *n = treap_first (t); n; n = treap_next (n)) {
        if (key_of (n) <= last)
            return false;
        last = key_of (n);
        forward++;
    }
    if (key_of (treap_last (t)) != last)
        return false;
    for (struct treap_node *n = treap_last (t); n; n = treap_prev (n))
        backward++;
    return forward == treap_count (t) && backward == forward;
}

static void empty_set (void)
{
    struct treap t;
    struct item one = { .key = 7 };

    treap_init (&t, by_key);
    ok (!treap_first (&t) && !treap_last (&t), "an empty set has no first and no last");
    treap_node_init (&one.node);
    ok (!treap_linked (&one.node), "a fresh node is not linked");
    treap_insert (&t, &one.node);
    ok (treap_linked (&one.node) && key_of (treap_first (&t)) == 7,
        "an inserted node is linked, also as the only one");
    treap_remove (&t, &one.node);
    ok (!treap_linked (&one.node) && treap_count (&t) == 0 && !treap_first (&t),
        "a removed node is not linked, the set is empty again");
}

static void ascending_insertion_stays_shallow (void)
{
    enum { N = 100000 };
    struct item *v = calloc (N, sizeof (*v));
    struct treap t;

    treap_init (&t, by_key);
    for (int i = 0; i < N; i++) {
        v[i].key = i;
        treap_node_init (&v[i].node);
        treap_insert (&t, &v[i].node);
    }
    ok (in_order (&t), "%d keys inserted in ascending order are in order", N);
    ok (depth (t.root) < 80, "their depth (%d) is logarithmic", depth (t.root));
    for (int i = 0; i < N; i += 2)
        treap_remove (&t, &v[i].node);
    ok (in_order (&t) && treap_count (&t) == N / 2,
        "after removing every second one the others are in order");
    free (v);
}

static void random_work_matches_a_plain_array (void)
{
    enum { N = 500, STEPS = 20000 };
    struct item v[N];
    struct treap t;
    unsigned int seed = 1;
    bool good = true;
    size_t count = 0;

    treap_init (&t, by_key);
    for (int i = 0; i < N; i++) {
        v[i].key = i;
        treap_node_init (&v[i].node);
    }
    for (int step = 0; step < STEPS && good; step++) {
        struct item *it = &v[rand_r (&seed) % N];
        struct item want = { .key = rand_r (&seed) % N };
        int next = want.key;

        if (treap_linked (&it->node)) {
            treap_remove (&t, &it->node);
            count--;
        }
        else {
            treap_insert (&t, &it->node);
            count++;
        }
        while (next < N && !treap_linked (&v[next].node))
            next++;
        if (key_of (treap_seek (&t, &want.node)) != (next < N ? next : -1))
            good = false;
        if (step % 100 == 0 && (!in_order (&t) || treap_count (&t) != count))
            good = false;
    }
    ok (good && in_order (&t), "%d random inserts, removes and seeks agree", STEPS);
}

int main (void)
{
    empty_set ();
    ascending_insertion_stays_shallow ();
    random_work_matches_a_plain_array ();
    return done_testing ();
}
