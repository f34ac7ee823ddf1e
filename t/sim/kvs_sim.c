/* kvs_sim.c - the kvs engines of two ranks in a world of their own.
 *
 * usage: kvs_sim [SEED [STEPS]]; without arguments some fixed seeds and a
 * fresh one, which is printed.
 *
 * Clients on both ranks commit, look up and wait; content answers in random
 * order, now and then with an error; blobs are evicted; rank 1 gets its events
 * late.  Judged:
 *  - every request is answered, exactly once
 *  - per namespace, transactions of one rank are applied in the order sent
 *  - replaying, one by one on a fresh engine that never waits, just what was
 *    published gives byte-equal roots: so a commit is whole in every later
 *    root, or in none
 *  - a commit that succeeded was published, with the sequence in its answer
 *  - one that was refused for its conditions would have been, one by one
 *  - a lookup sees what a fresh engine sees at the root of that moment
 * and of what rank 0 holds instead of storing (modules/kvs/hold.h), with bounds of
 * any size:
 *  - if it crashed now, the last checkpoint would be whole in what content has
 *    acknowledged, and have every sync commit that was answered
 *  - every current root, every root in the log and every root that somebody was
 *    told can be read to its last blob
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "common/tap.h"
#include "modules/kvs/testbed.h"

#define NAMESPACES 3
#define MAX_TXNS 4000

static uint64_t rng;

static unsigned int rnd (unsigned int n)
{
    rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
    return (rng >> 33) % n;
}

/* ---- the world ---- */

struct txn {
    struct tb_req *req; /* NULL: the client left */
    int rank, ns;
    char *ops;
    char *conds; /* those of the ops that are conditions, or NULL */
    char name[64];
    int order;    /* among those applied; 0: not applied */
    bool refused; /* as it should */
};

struct look {
    struct list link;
    struct tb_req *req;
    int rank, ns, flags;
    char key[40];
    struct blobref root;
};

/* Something on its way between engines, content and clients. */
struct packet {
    struct list link;
    enum { P_LOADED, P_STORED, P_BATCH, P_CHECKPOINTED, P_FETCH, P_FETCHED, P_KEEP } type;
    int rank; /* whose engine gets it */
    struct blobref ref;
    uint64_t id;
    int errnum;
    struct blob *blob;
    struct kvs_batch *batch;
    char *ns;
    uint32_t owner;
    int64_t seq;
};

#define MAX_TOLD 200
#define LOG_LONG (1 << 26) /* bytes: no root leaves the log */

static struct world {
    struct tb_store store;
    struct testbed tb[2];
    struct list net;      /* answers, delivered in random order */
    struct list to_rank1; /* events for rank 1, in order */
    struct list relays;   /* from rank 1, in order */
    struct list looks;
    struct txn txns[MAX_TXNS];
    int ntxns;
    double now;
    int evictions;        /* how rare they are */
    struct kvs_hold hold; /* of rank 0 */
    size_t held;          /* most at one time */
    size_t batches;
    int errors;                /* percent of answers that are errors */
    struct blobref checkpoint; /* the last one, and its sequence */
    int64_t checkpoint_seq;
    struct blobref told[MAX_TOLD];
    int ntold;
    struct tb_event *published[2 * MAX_TXNS];
    int npublished;
    int bad;
} w;

static const char *nsname (int ns)
{
    static const char *names[NAMESPACES] = { "primary", "one", "two" };

    return names[ns];
}

static void complain (const char *what)
{
    if (w.bad++ < 10)
        diag ("%s", what);
}

static struct packet *packet_new (int type, int rank)
{
    struct packet *p = calloc (1, sizeof (*p));

    p->type = type;
    p->rank = rank;
    list_append (&w.net, &p->link);
    return p;
}

static void packet_free (struct packet *p)
{
    list_del (&p->link);
    blob_put (p->blob);
    kvs_batch_free (p->batch);
    free (p->ns);
    free (p);
}

/* ---- events ---- */

static int64_t get_int (json_t *o, const char *key)
{
    return json_integer_value (json_object_get (o, key));
}

static const char *get_str (json_t *o, const char *key)
{
    return json_string_value (json_object_get (o, key));
}

static bool topic_ends (const struct tb_event *ev, const char *what)
{
    size_t n = strlen (ev->topic), m = strlen (what);

    return n > m && strcmp (ev->topic + n - m, what) == 0;
}

static void deliver_event (struct tb_event *ev)
{
    json_t *o = json_loads (ev->payload, 0, NULL);
    json_t *names = json_object_get (o, "names");
    struct kvs_names list = { .count = json_array_size (names) };
    struct kvs_engine *e = w.tb[1].e;
    struct blobref ref;

    list.v = calloc (list.count + 1, sizeof (*list.v));
    for (size_t i = 0; i < list.count; i++)
        list.v[i] = json_string_value (json_array_get (names, i));
    if (topic_ends (ev, "-setroot")) {
        blobref_parse (get_str (o, "rootref"), strlen (get_str (o, "rootref")), &ref);
        kvs_engine_setroot_event (e, get_str (o, "namespace"), &ref,
                                  get_int (o, "rootseq"), &list);
    }
    else if (topic_ends (ev, "-error"))
        kvs_engine_error_event (e, get_str (o, "namespace"), get_int (o, "errnum"),
                                get_str (o, "errstr"), &list);
    free (list.v);
    json_decref (o);
}

/* From content, or from who holds it. */
static struct blob *load (const struct blobref *ref)
{
    const struct tb_blob *b = tb_store_get (&w.store, ref);
    struct text t = TEXT_INIT;
    size_t len;
    char *data;

    if (b)
        return blob_new (b->data, b->len, NULL, NULL);
    if (kvs_engine_held_load (w.tb[0].e, ref, &t) < 0)
        return NULL;
    data = text_take (&t, &len);
    return blob_new_malloced (data, len);
}

/* ---- actions ---- */

static int maybe_error (int errnum)
{
    return (int)rnd (100) < w.errors ? errnum : 0;
}

static void act_store (int rank, struct kvs_store *s)
{
    struct packet *p = packet_new (P_STORED, rank);

    p->id = s->id;
    p->blob = blob_get (s->blob);
    p->errnum = maybe_error (EFBIG);
}

static void act_publish (int rank, struct kvs_publish *pub)
{
    struct tb_event *ev = calloc (1, sizeof (*ev));

    list_init (&ev->link);
    ev->topic = pub->topic;
    ev->payload = pub->payload;
    pub->topic = pub->payload = NULL;
    if (rank == 1) {
        list_append (&w.relays, &ev->link);
        return;
    }
    w.published[w.npublished] = calloc (1, sizeof (*ev));
    list_init (&w.published[w.npublished]->link);
    w.published[w.npublished]->topic = strdup (ev->topic);
    w.published[w.npublished++]->payload = strdup (ev->payload);
    list_append (&w.to_rank1, &ev->link);
}

static bool available (const struct blobref *ref, bool held_will_do)
{
    struct text t = TEXT_INIT;
    bool held = held_will_do && kvs_engine_held_load (w.tb[0].e, ref, &t) == 0;

    text_fini (&t);
    return held || tb_store_get (&w.store, ref);
}

/* Is everything below a directory in content? */
static bool complete (const struct blobref *ref, bool held_will_do)
{
    const struct tb_blob *b = tb_store_get (&w.store, ref);
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct treeobj_iter it = { 0 };
    struct treeobj *dir = NULL, *o;
    const char *name;
    struct blobref kid;
    bool good = true;
    size_t len;

    if (b)
        text_put (&t, b->data, b->len);
    else if (!held_will_do || kvs_engine_held_load (w.tb[0].e, ref, &t) < 0)
        return false;
    if (treeobj_parse (t.buf, t.len, &dir) < 0)
        return false;
    while (good && treeobj_dir_next (dir, &it, &name, &len, &o)) {
        size_t pos = 0;

        if (treeobj_type (o) == TREEOBJ_DIRREF)
            good = treeobj_ref_at (o, 0, &kid) == 0 && complete (&kid, held_will_do);
        while (good && treeobj_type (o) == TREEOBJ_VALREF
               && treeobj_ref_next (o, &pos, &kid))
            good = available (&kid, held_will_do);
    }
    treeobj_put (dir);
    return good;
}

/* What would be left if all that is not stored were lost now? */
static void check_crash (void)
{
    if (w.checkpoint_seq > 0 && !complete (&w.checkpoint, false))
        complain ("a checkpoint lacks blobs");
}

/* An older one does not take the place of a newer one (the service sees to that). */
static void checkpointed (const struct blobref *ref, int64_t seq)
{
    if (seq < w.checkpoint_seq)
        return;
    w.checkpoint = *ref;
    w.checkpoint_seq = seq;
    check_crash ();
}

static void act_saved (struct kvs_saved *s)
{
    if (s->errnum == 0)
        checkpointed (&s->root, s->seq);
    free (s);
}

static void act_respond (struct tb_req *req)
{
    json_t *o;

    if (req->done)
        complain ("a request was answered twice");
    req->done = true;
    if (!req->sync || req->r.errnum)
        return;
    o = json_loads (req->r.payload, 0, NULL);
    if (w.checkpoint_seq < get_int (o, "rootseq"))
        complain ("a sync commit was answered that a crash would undo");
    json_decref (o);
}

static void act (int rank, struct kvs_action *a)
{
    struct packet *p;

    switch (a->type) {
        case KVS_ACTION_LOAD:
            p = packet_new (P_LOADED, rank);
            p->ref = container_of (a, struct kvs_load, action)->ref;
            p->errnum = maybe_error (EIO);
            break;
        case KVS_ACTION_STORE:
            act_store (rank, container_of (a, struct kvs_store, action));
            break;
        case KVS_ACTION_BATCH:
            p = packet_new (P_BATCH, rank);
            p->batch = container_of (a, struct kvs_batch, action);
            p->id = p->batch->id;
            p->errnum = maybe_error (ENOSPC);
            w.batches++;
            break;
        case KVS_ACTION_SAVED:
            act_saved (container_of (a, struct kvs_saved, action));
            break;
        case KVS_ACTION_CHECKPOINT:
            p = packet_new (P_CHECKPOINTED, rank);
            p->id = container_of (a, struct kvs_checkpoint, action)->id;
            p->ref = container_of (a, struct kvs_checkpoint, action)->ref;
            p->seq = container_of (a, struct kvs_checkpoint, action)->seq;
            p->errnum = maybe_error (ENOSPC);
            break;
        case KVS_ACTION_FETCH:
            p = packet_new (P_FETCH, rank);
            p->ns = strdup (container_of (a, struct kvs_fetch, action)->ns);
            break;
        case KVS_ACTION_KEEP:
            p = packet_new (P_KEEP, rank);
            p->ref = container_of (a, struct kvs_keep, action)->ref;
            free (container_of (a, struct kvs_keep, action));
            break;
        case KVS_ACTION_EVENT:
        case KVS_ACTION_RELAY: {
            struct kvs_publish *pub = container_of (a, struct kvs_publish, action);

            act_publish (rank, pub);
            kvs_publish_free (pub);
            break;
        }
        case KVS_ACTION_RESPOND:
            act_respond (container_of (container_of (a, struct kvs_request, action),
                                       struct tb_req, r));
            break;
    }
}

/* ---- what happens next ---- */

static void deliver_loaded (struct packet *p)
{
    struct blob *blob = load (&p->ref);

    kvs_engine_loaded (w.tb[p->rank].e, &p->ref,
                       p->errnum ? p->errnum
                       : blob    ? 0
                                 : ENOENT,
                       blob);
    blob_put (blob);
}

/* getroot at rank 0; the answer travels on. */
static void deliver_fetch (struct packet *p)
{
    struct packet *answer = packet_new (P_FETCHED, 1);

    answer->ns = strdup (p->ns);
    if (kvs_engine_root (w.tb[0].e, p->ns, &answer->ref, &answer->seq) < 0)
        answer->errnum = EOPNOTSUPP;
}

static void deliver (struct packet *p)
{
    struct kvs_engine *e = w.tb[p->rank].e;

    list_del (&p->link);
    switch (p->type) {
        case P_LOADED:
            deliver_loaded (p);
            break;
        case P_STORED:
            if (!p->errnum)
                tb_store_put (&w.store, p->blob->data, p->blob->len, &p->ref);
            kvs_engine_stored (e, p->id, p->errnum);
            break;
        case P_BATCH:
            if (!p->errnum)
                tb_store_batch (&w.store, p->batch);
            kvs_engine_batch_stored (e, p->id, p->errnum);
            break;
        case P_CHECKPOINTED:
            if (!p->errnum)
                checkpointed (&p->ref, p->seq);
            kvs_engine_checkpointed (e, p->id, p->errnum);
            break;
        case P_KEEP:
            kvs_engine_held_keep (w.tb[0].e, &p->ref);
            break;
        case P_FETCH:
            deliver_fetch (p);
            break;
        case P_FETCHED:
            kvs_engine_fetched (e, p->ns, p->errnum, 0, 0, &p->ref, p->seq);
            break;
    }
    packet_free (p);
}

static void deliver_any (void)
{
    struct list *l = w.net.next;
    int n = 0;

    for (struct list *i = l; i != &w.net; i = i->next)
        n++;
    for (n = rnd (n); n > 0; n--)
        l = l->next;
    deliver (list_entry (l, struct packet, link));
}

static void deliver_relay (void)
{
    struct tb_event *ev = list_first (&w.relays, struct tb_event, link);
    json_t *o = json_loads (ev->payload, 0, NULL);
    char *ops = json_dumps (json_object_get (o, "ops"), JSON_ENCODE_ANY);

    kvs_engine_relayed (w.tb[0].e, get_str (o, "name"), get_str (o, "namespace"),
                        get_int (o, "flags"), tb_ops (ops));
    free (ops);
    json_decref (o);
    tb_event_free (ev);
}

/* ---- clients ---- */

static void random_key (char *key)
{
    static const char *parts[] = { "a", "b", "c", "dd", "e", "log", "ln" };
    int n = 1 + rnd (4);

    *key = '\0';
    while (n-- > 0) {
        strcat (key, parts[rnd (ARRAY_SIZE (parts))]);
        if (n > 0)
            strcat (key, ".");
    }
}

/* Somebody asks for the root of the moment: they may use it whenever they like. */
static void client_getroot (int ns)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct kvs_action *a;
    int64_t seq;

    if (w.ntold < MAX_TOLD
        && kvs_engine_root (w.tb[0].e, nsname (ns), &w.told[w.ntold], &seq) == 0)
        w.ntold++;
    kvs_engine_getroot (w.tb[0].e, &req->r, nsname (ns));
    while (!req->done && (a = kvs_engine_next (w.tb[0].e)))
        act (0, a);
    tb_req_free (req);
}

/* What a root of the moment has under a name, or NULL. */
static struct treeobj *find_entry (int ns, const char *name)
{
    struct treeobj *root = NULL, *o = NULL;
    struct blobref ref;
    struct blob *b;
    int64_t seq;

    client_getroot (ns);
    if (kvs_engine_root (w.tb[0].e, nsname (ns), &ref, &seq) < 0 || !(b = load (&ref)))
        return NULL;
    if (treeobj_parse (b->data, b->len, &root) == 0)
        o = treeobj_get (treeobj_dir_find (root, name, strlen (name)));
    treeobj_put (root);
    blob_put (b);
    return o;
}

/* The reference that it has for "L". */
static bool find_log_dir (int ns, char *buf)
{
    struct treeobj *o = find_entry (ns, "L");
    bool found = o && treeobj_type (o) == TREEOBJ_DIRREF;
    struct blobref ref;

    if (found) {
        treeobj_ref_at (o, 0, &ref);
        blobref_str (&ref, buf);
    }
    treeobj_put (o);
    return found;
}

/* A directory with a log that grows, other entries before and behind it, and
 * copies of it made by reference.
 */
static void log_op (struct text *t)
{
    static const char *keys[] = { "L.a", "L.z", "L.z", "L.log", "G.log", "G.z" };
    char value[20], ref[BLOBREF_TEXT_SIZE];
    const char *key = keys[rnd (ARRAY_SIZE (keys))];
    char *op;

    if (rnd (30) == 0 && find_log_dir (rnd (NAMESPACES), ref)) {
        text_printf (t,
                     "{\"key\":\"%s\",\"flags\":0,\"dirent\":"
                     "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}",
                     rnd (2) ? "G" : "x.G", ref);
        return;
    }
    snprintf (value, sizeof (value), "%u", rnd (1000));
    if (rnd (20) > 0)
        op = tb_op (rnd (3) ? "L.log" : "G.log", KVS_OP_APPEND, value);
    else
        op = tb_op (key, strstr (key, "log") ? KVS_OP_APPEND : 0, value);
    text_puts (t, op);
    free (op);
}

static void random_op (struct text *t)
{
    static const char *targets[] = { "a.b", "dd", ".", "ln", "c.log", "e.e" };
    char key[40], value[120];
    size_t len = rnd (4) == 0 ? 100 : rnd (10);
    char *op;

    random_key (key);
    if (rnd (2) == 0) {
        log_op (t);
        return;
    }
    switch (rnd (10)) {
        case 0:
        case 1:
            text_printf (t, "{\"key\":\"%s\",\"flags\":0,\"dirent\":null}", key);
            return;
        case 2:
            text_printf (t,
                         "{\"key\":\"%s\",\"flags\":0,\"dirent\":"
                         "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"%s\"}}}",
                         key, targets[rnd (ARRAY_SIZE (targets))]);
            return;
        case 3:
            text_printf (
                t,
                "{\"key\":\"%s\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"dir\","
                "\"data\":{\"a\":{\"ver\":1,\"type\":\"dir\",\"data\":{}}}}}",
                key);
            return;
    }
    memset (value, 'a' + rnd (26), len);
    value[len] = '\0';
    op = tb_op (key, rnd (2) ? KVS_OP_APPEND : 0, value);
    text_puts (t, op);
    free (op);
}

/* Of what is, and may not be any more when it is decided. */
static void random_condition (struct text *t, int ns)
{
    static const char *names[] = { "a", "b", "log", "L", "G", "c" };
    const char *name = names[rnd (ARRAY_SIZE (names))];
    struct treeobj *o;
    char key[40];

    if (rnd (2) == 0 && (o = find_entry (ns, name))) {
        text_printf (t, "{\"key\":\"%s\",\"if\":", name);
        treeobj_write (o, t);
        text_puts (t, "}");
        treeobj_put (o);
        return;
    }
    random_key (key);
    text_printf (t, "{\"key\":\"%s\",\"if\":%s}", key, rnd (3) ? "null" : "true");
}

/* Takes over ops. */
static void send_commit (int rank, int ns, int flags, char *ops)
{
    struct txn *t = &w.txns[w.ntxns++];

    t->ops = ops;
    t->rank = rank;
    t->ns = ns;
    t->req = tb_commit (&w.tb[rank], nsname (ns), flags, 0, ops);
    t->req->sync = flags & KVS_SYNC;
}

static void client_commit (void)
{
    static const int flags[] = { 0, 0, 0, 0, KVS_NO_MERGE, KVS_LAZY, KVS_LAZY };
    struct text ops = TEXT_INIT;
    struct text conds = TEXT_INIT;
    int ns = rnd (NAMESPACES);
    int n = rnd (5);

    if (w.ntxns == MAX_TXNS)
        return;
    text_puts (&ops, "[");
    if (rnd (4) == 0) {
        random_condition (&conds, ns);
        if (rnd (3) == 0) {
            text_puts (&conds, ",");
            random_condition (&conds, ns);
        }
        text_put (&ops, conds.buf, conds.len);
        text_puts (&ops, n > 0 ? "," : "");
        w.txns[w.ntxns].conds = text_take (&conds, NULL);
    }
    while (n-- > 0) {
        random_op (&ops);
        if (n > 0)
            text_puts (&ops, ",");
    }
    text_puts (&ops, "]");
    send_commit (rnd (2), ns,
                 ns == 0 && rnd (10) == 0 ? KVS_SYNC : flags[rnd (ARRAY_SIZE (flags))],
                 text_take (&ops, NULL));
}

/* Logs that are long from the beginning. */
static void client_logs (int ns)
{
    struct text ops = TEXT_INIT;
    char buf[BLOBREF_TEXT_SIZE];

    text_puts (&ops, "[{\"key\":\"L.log\",\"flags\":0,\"dirent\":"
                     "{\"ver\":1,\"type\":\"valref\",\"data\":[");
    for (int i = 0; i < 100; i++) {
        struct blobref ref;

        tb_store_put (&w.store, &i, sizeof (i), &ref);
        text_printf (&ops, "%s\"%s\"", i > 0 ? "," : "", blobref_str (&ref, buf));
    }
    text_puts (&ops, "]}}]");
    send_commit (0, ns, 0, text_take (&ops, NULL));
}

/* Only where the root of the moment is known: on rank 1 not before it fetched
 * the namespace.
 */
static void client_lookup (void)
{
    struct look *l = calloc (1, sizeof (*l));
    static const int flags[] = { 0, 0, KVS_READDIR, KVS_TREEOBJ, KVS_READLINK };
    int64_t seq;

    list_init (&l->link);
    l->rank = rnd (2);
    l->ns = rnd (NAMESPACES);
    l->flags = flags[rnd (ARRAY_SIZE (flags))];
    random_key (l->key);
    if (kvs_engine_root (w.tb[l->rank].e, nsname (l->ns), &l->root, &seq) < 0) {
        free (l);
        return;
    }
    l->req = tb_lookup (&w.tb[l->rank], nsname (l->ns), l->flags, 0, l->key);
    list_append (&w.looks, &l->link);
}

static void client_leaves (void)
{
    struct txn *t;

    if (w.ntxns == 0)
        return;
    t = &w.txns[rnd (w.ntxns)];
    if (t->req && !t->req->done) {
        tb_req_free (t->req);
        t->req = NULL;
    }
}

static void evict (void)
{
    w.now += rnd (20);
    for (int rank = 0; rank < 2; rank++) {
        kvs_engine_set_time (w.tb[rank].e, w.now);
        kvs_engine_tick (w.tb[rank].e);
    }
}

/* Each root that the log of a namespace has, or some of them. */
static void check_log (int ns, int one_in)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct kvs_action *a;
    json_t *o, *roots, *v;
    size_t i;

    kvs_engine_root_log (w.tb[0].e, &req->r, nsname (ns), 0, INT64_MAX);
    while (!req->done && (a = kvs_engine_next (w.tb[0].e)))
        act (0, a);
    o = json_loads (req->r.payload, 0, NULL);
    roots = json_object_get (o, "roots");
    json_array_foreach (roots, i, v)
    {
        const char *s = json_string_value (json_array_get (v, 2));
        struct blobref ref;

        if (rnd (one_in) > 0)
            continue;
        if (!s || blobref_parse (s, strlen (s), &ref) < 0 || !complete (&ref, true))
            complain ("a root in the log lacks blobs");
    }
    json_decref (o);
    tb_req_free (req);
}

static void check_told (void)
{
    for (int i = 0; i < w.ntold; i++) {
        if (!complete (&w.told[i], true))
            complain ("a root that somebody was told lacks blobs");
    }
}

static void client_holds (void)
{
    switch (rnd (40)) {
        case 0 ... 3:
            kvs_engine_save (w.tb[0].e);
            break;
        case 4:
            check_log (rnd (NAMESPACES), 10);
            break;
        case 5:
            check_told ();
            break;
        case 6:
            check_crash ();
            break;
        case 7:
            client_getroot (rnd (NAMESPACES));
            break;
        case 8:
            kvs_engine_checkpoint (w.tb[0].e);
            break;
    }
}

static bool world_step (bool clients)
{
    struct tb_event *ev;
    struct kvs_action *a;
    int rank = rnd (2);
    bool more;

    switch (rnd (clients ? 17 : 10)) {
        case 0 ... 3:
            more = kvs_engine_run (w.tb[rank].e);
            if (!(a = kvs_engine_next (w.tb[rank].e)))
                return more;
            act (rank, a);
            return true;
        case 4 ... 7:
            if (list_empty (&w.net))
                return false;
            deliver_any ();
            return true;
        case 8:
            if (!(ev = list_first (&w.to_rank1, struct tb_event, link)))
                return false;
            deliver_event (ev);
            tb_event_free (ev);
            return true;
        case 9:
            if (list_empty (&w.relays))
                return false;
            deliver_relay ();
            return true;
        case 10 ... 11:
            client_commit ();
            return true;
        case 12 ... 13:
            client_lookup ();
            return true;
        case 14:
            if (rnd (20) == 0)
                client_leaves ();
            else if (rnd (4) == 0)
                kvs_engine_hurry (w.tb[0].e);
            return true;
        case 15:
            client_holds ();
            return true;
        default:
            if (rnd (w.evictions) == 0)
                evict ();
            return true;
    }
}

static bool quiet (void)
{
    struct kvs_action *a;

    kvs_engine_hurry (w.tb[0].e);
    for (int rank = 0; rank < 2; rank++) {
        if (kvs_engine_run (w.tb[rank].e))
            return false;
        if ((a = kvs_engine_next (w.tb[rank].e))) {
            act (rank, a);
            return false;
        }
    }
    return list_empty (&w.net) && list_empty (&w.to_rank1) && list_empty (&w.relays);
}

/* ---- judgement ---- */

/* The transaction of that name; names are given in the order of sending, per
 * rank, to those that were not refused at once.
 */
static struct txn *by_name (const char *name)
{
    for (int i = 0; i < w.ntxns; i++) {
        if (strcmp (w.txns[i].name, name) == 0)
            return &w.txns[i];
    }
    return NULL;
}

/* On rank 1 a transaction is named when its namespace is known; those that
 * wait for that are woken in order, so per namespace the order holds.
 */
static void check_order (void)
{
    int last[2][NAMESPACES] = { 0 };

    for (int i = 0; i < w.ntxns; i++) {
        struct txn *t = &w.txns[i];

        if (!t->order)
            continue;
        if (t->order < last[t->rank][t->ns])
            complain ("two transactions of one rank were applied out of order");
        last[t->rank][t->ns] = t->order;
    }
}

static void check_answer (struct txn *t, json_t *event)
{
    json_t *o;

    if (!t->req)
        return;
    if (!t->req->done || t->req->r.errnum) {
        complain ("a published transaction was answered with an error");
        return;
    }
    o = json_loads (t->req->r.payload, 0, NULL);
    if (get_int (o, "rootseq") != get_int (event, "rootseq")
        || strcmp (get_str (o, "rootref"), get_str (event, "rootref")) != 0)
        complain ("a commit was answered with another root than it made");
    json_decref (o);
}

/* Of those refused between event i of a namespace and its next one: would that
 * be so at this moment?  With i -1: before its first one.
 */
static void check_refused (struct testbed *fresh, const char *ns, int i, bool last)
{
    struct text ops = TEXT_INIT;

    while (++i < w.npublished) {
        json_t *o = json_loads (w.published[i]->payload, 0, NULL);
        bool same = strcmp (get_str (o, "namespace"), ns) == 0;
        bool next = same && topic_ends (w.published[i], "-setroot");
        const char *name =
            json_string_value (json_array_get (json_object_get (o, "names"), 0));
        struct txn *t = same && get_int (o, "errnum") == EBADE ? by_name (name) : NULL;

        if (t && !t->refused && t->conds) {
            struct tb_req *req;

            text_printf (&ops, "[%s]", t->conds);
            req = tb_commit (fresh, ns, 0, 0, ops.buf);
            tb_pump (fresh);
            t->refused = req->r.errnum == EBADE;
            tb_req_free (req);
            text_clear (&ops);
        }
        if (t && last && !t->refused)
            complain ("a transaction was refused without reason");
        json_decref (o);
        if (next)
            break;
    }
    text_fini (&ops);
}

/* Apply on the fresh engine what an event says was applied. */
static void replay (struct testbed *fresh, int n, int *order)
{
    struct tb_event *ev = w.published[n];
    json_t *o = json_loads (ev->payload, 0, NULL);
    json_t *names = json_object_get (o, "names"), *v;
    const char *ns = get_str (o, "namespace");
    char buf[BLOBREF_TEXT_SIZE];
    struct blobref root;
    int64_t seq;
    size_t i;

    check_refused (fresh, ns, n, false);
    json_array_foreach (names, i, v)
    {
        struct txn *t = by_name (json_string_value (v));
        struct tb_req *req;

        if (!t) {
            complain ("an unknown transaction was published");
            continue;
        }
        if (t->order)
            complain ("a transaction was published twice");
        t->order = ++*order;
        check_answer (t, o);
        req = tb_commit (fresh, ns, 0, 0, t->ops);
        tb_pump (fresh);
        if (req->r.errnum)
            complain ("what was applied cannot be applied");
        tb_req_free (req);
        check_refused (fresh, ns, n, i + 1 == json_array_size (names));
    }
    kvs_engine_root (fresh->e, ns, &root, &seq);
    if (strcmp (blobref_str (&root, buf), get_str (o, "rootref")) != 0)
        complain ("a root is not what its transactions make");
    json_decref (o);
}

static void check_look (struct testbed *fresh, struct look *l)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct kvs_lookup_args args = {
        .key = l->key,
        .keylen = strlen (l->key),
        .flags = l->flags,
        .rootdir = &l->root,
    };

    kvs_engine_lookup (fresh->e, &req->r, &args);
    tb_pump (fresh);
    if (!l->req->done)
        complain ("a lookup was not answered");
    else if (l->req->r.errnum != EIO
             && !(l->req->r.errnum == ENOENT && w.hold.log_max < LOG_LONG)
             && (l->req->r.errnum != req->r.errnum
                 || (req->r.payload && strcmp (req->r.payload, l->req->r.payload) != 0)))
        complain ("a lookup is not a snapshot");
    tb_req_free (req);
    tb_req_free (l->req);
    list_del (&l->link);
    free (l);
}

static void judge (void)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA1 };
    struct testbed fresh;
    struct blobref empty;
    struct kvs_stats stats;
    struct look *l;
    int order = 0;

    for (int ns = 0; ns < NAMESPACES; ns++)
        check_log (ns, 1);
    check_told ();
    check_crash ();
    tb_init (&fresh, &w.store, &cfg);
    fresh.provider = w.tb[0].e;
    tb_empty_root (&fresh, &empty);
    for (int ns = 0; ns < NAMESPACES; ns++)
        kvs_engine_ns_create (fresh.e, nsname (ns), 0, 0, &empty, 0, KVS_NS_SILENT);
    for (int ns = 0; ns < NAMESPACES; ns++)
        check_refused (&fresh, nsname (ns), -1, true);
    for (int i = 0; i < w.npublished; i++) {
        if (topic_ends (w.published[i], "-setroot"))
            replay (&fresh, i, &order);
    }
    check_order ();
    for (int i = 0; i < w.ntxns; i++) {
        struct txn *t = &w.txns[i];

        if (t->req && !t->req->done)
            complain ("a commit was not answered");
        else if (t->req && t->req->r.errnum == 0 && !t->order)
            complain ("a commit succeeded but was not published");
    }
    while ((l = list_first (&w.looks, struct look, link)))
        check_look (&fresh, l);
    for (int rank = 0; rank < 2; rank++) {
        kvs_engine_stats (w.tb[rank].e, &stats);
        if (stats.pending || stats.loading || stats.storing)
            complain ("something is still pending");
    }
    tb_fini (&fresh);
}

/* ---- a run ---- */

/* Names of transactions follow from the events and answers; for those of rank
 * 0 the engine counts what it accepted, which is all: nothing here is refused.
 */
static void name_txns (void)
{
    int n[2] = { 0, 0 };

    for (int i = 0; i < w.ntxns; i++)
        snprintf (w.txns[i].name, sizeof (w.txns[i].name), "transaction_req.%d.%d",
                  w.txns[i].rank, n[w.txns[i].rank]++);
}

static void random_hold (void)
{
    static const size_t sizes[] = { 0, 5000, 50000, 500000, LOG_LONG };

    w.hold = (struct kvs_hold){
        .on = rnd (5) > 0,
        .blob_max = rnd (2) ? 16384 : 50,
        .open_max = sizes[rnd (ARRAY_SIZE (sizes))],
        .log_max = sizes[rnd (ARRAY_SIZE (sizes))],
    };
    w.hold.full = w.hold.open_max * (1 + rnd (2)) + 1000;
}

static void world_begin (uint64_t seed)
{
    memset (&w, 0, sizeof (w));
    rng = seed * 2654435761u + 1;
    list_init (&w.net);
    list_init (&w.to_rank1);
    list_init (&w.relays);
    list_init (&w.looks);
    w.errors = rnd (3) * 2;
    w.evictions = rnd (2) ? 3 : 30;
    random_hold ();
    tb_store_init (&w.store, BLOBREF_SHA1);
    for (uint32_t rank = 0; rank < 2; rank++) {
        struct kvs_config cfg = {
            .rank = rank,
            .hash = BLOBREF_SHA1,
            .merge = true,
            .hold = w.hold,
        };
        struct blobref empty;

        tb_init (&w.tb[rank], &w.store, &cfg);
        tb_empty_root (&w.tb[rank], &empty);
        for (int ns = 0; rank == 0 && ns < NAMESPACES; ns++)
            kvs_engine_ns_create (w.tb[0].e, nsname (ns), 0, 0, &empty, 0, KVS_NS_SILENT);
    }
    /* Rank 1 knows all namespaces before it commits, so that names are given in
     * the order of sending.
     */
    for (int ns = 0; ns < NAMESPACES; ns++) {
        struct tb_req *req = tb_req_new (true, 0);

        kvs_engine_getroot (w.tb[1].e, &req->r, nsname (ns));
        while (!req->done)
            world_step (false);
        tb_req_free (req);
    }
}

static void world_end (void)
{
    for (int i = 0; i < w.ntxns; i++) {
        tb_req_free (w.txns[i].req);
        free (w.txns[i].ops);
        free (w.txns[i].conds);
    }
    for (int i = 0; i < w.npublished; i++)
        tb_event_free (w.published[i]);
    for (int rank = 0; rank < 2; rank++)
        tb_fini (&w.tb[rank]);
    tb_store_fini (&w.store);
}

static int count_refused (void)
{
    int n = 0;

    for (int i = 0; i < w.ntxns; i++)
        n += w.txns[i].refused;
    return n;
}

static void simulate (uint64_t seed, int steps)
{
    world_begin (seed);
    for (int ns = 0; ns < NAMESPACES; ns++)
        client_logs (ns);
    for (int i = 0; i < steps; i++) {
        struct kvs_stats stats;

        world_step (true);
        if (i % 10 == 0) {
            kvs_engine_stats (w.tb[0].e, &stats);
            w.held = stats.held > w.held ? stats.held : w.held;
        }
    }
    while (!quiet ())
        world_step (false);
    name_txns ();
    judge ();
    ok (w.bad == 0,
        "seed %ju: %d commits, %d events, %d refused, errors %d %%, %zu held, %zu "
        "batches",
        (uintmax_t)seed, w.ntxns, w.npublished, count_refused (), w.errors, w.held,
        w.batches);
    world_end ();
}

int main (int argc, char *argv[])
{
    int steps = argc > 2 ? atoi (argv[2]) : 3000;

    if (argc > 1)
        simulate (strtoull (argv[1], NULL, 10), steps);
    else {
        for (uint64_t seed = 1; seed <= 20; seed++)
            simulate (seed, steps);
        simulate (time (NULL), steps);
    }
    return done_testing ();
}
