#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/tap.h"
#include "common/util.h"
#include "engine.h"

/* A bench: an engine whose actions are kept for the test to look at. */
struct bench {
    struct watch_engine *e;
    struct watch_lookup *lookup[64];
    int nlookups;
    struct watch_load *load[64];
    int nloads;
    struct text told; /* "client:what " for each response */
};

static const struct watch_cred owner = { 0, WATCH_ROLE_OWNER };
static uint32_t next_tag;

static bool same_text (const char *a, const char *b)
{
    return strcmp (a, b) == 0;
}

static void bench_run (struct bench *b)
{
    struct watch_action *a;

    while ((a = watch_engine_next (b->e))) {
        struct watch_delivery *d = container_of (a, struct watch_delivery, action);
        struct watch_finish *f = container_of (a, struct watch_finish, action);

        switch (a->type) {
            case WATCH_LOOKUP:
                b->lookup[b->nlookups++] = container_of (a, struct watch_lookup, action);
                continue;
            case WATCH_LOAD:
                b->load[b->nloads++] = container_of (a, struct watch_load, action);
                continue;
            case WATCH_VALUE:
            case WATCH_CHUNK:
                text_printf (&b->told, "%s:%s ", (char *)d->client, d->bytes->data);
                break;
            case WATCH_SENTINEL:
                text_printf (&b->told, "%s:sentinel ", (char *)d->client);
                break;
            case WATCH_FINISH:
                text_printf (&b->told, "%s!%d", (char *)f->client, f->errnum);
                if (f->errtext)
                    text_printf (&b->told, "(%s)", f->errtext);
                text_putc (&b->told, ' ');
                break;
        }
        watch_action_free (a);
    }
}

static struct bench *bench_new (void)
{
    struct bench *b = calloc (1, sizeof (*b));

    if (!b || !(b->e = watch_engine_new (same_text)))
        bail_out ("out of memory");
    return b;
}

static void bench_free (struct bench *b)
{
    watch_engine_free (b->e);
    text_fini (&b->told);
    free (b);
}

/* What was told since the last time. */
static void told (struct bench *b, const char *want, const char *name)
{
    bench_run (b);
    is (b->told.buf ? b->told.buf : "", want, "%s", name);
    text_clear (&b->told);
}

static int watch_as (struct bench *b,
                     const char *name,
                     const char *key,
                     int flags,
                     struct watch_cred cred)
{
    struct watch_request req = {
        .sender = name,
        .matchtag = ++next_tag,
        .cred = cred,
        .ns = "primary",
        .key = key,
        .flags = flags,
        .client = (void *)name,
    };
    int r = watch_engine_add (b->e, &req);

    bench_run (b);
    return r;
}

static int watch (struct bench *b, const char *name, const char *key, int flags)
{
    return watch_as (b, name, key, flags, owner);
}

static void setroot (struct bench *b, uint64_t seq, const char *key)
{
    char ref[64];

    snprintf (ref, sizeof (ref), "sha1-%040d", (int)seq);
    watch_engine_setroot (b->e, "primary", 0, seq, ref, &key, key ? 1 : 0);
    bench_run (b);
}

/* Answer the oldest lookup: with a value, or a log of n chunks. */
static void answer (struct bench *b, struct watch_result *result)
{
    struct watch_lookup *l = b->lookup[0];

    if (b->nlookups == 0)
        bail_out ("there is no lookup to answer");
    memmove (b->lookup, b->lookup + 1, --b->nlookups * sizeof (b->lookup[0]));
    watch_engine_lookup_done (b->e, l, result);
    bench_run (b);
}

static void answer_value (struct bench *b, uint64_t seq, const char *text)
{
    struct watch_result result = { .rootseq = seq, .text = text };

    result.len = text ? strlen (text) : 0;
    answer (b, &result);
}

static void answer_log (struct bench *b, uint64_t seq, size_t n)
{
    struct watch_result result = { .rootseq = seq, .text = "" };
    struct blobref refs[256] = { 0 };

    for (size_t i = 0; i < n; i++) {
        refs[i].kind = BLOBREF_SHA1;
        refs[i].bytes[0] = i;
    }
    if (treeobj_valref_new (refs, n, &result.obj) < 0)
        bail_out ("out of memory");
    answer (b, &result);
    treeobj_put (result.obj);
}

/* All loads that are out succeed; chunk i holds "i". */
static void answer_loads (struct bench *b)
{
    char data[16];

    while (b->nloads > 0) {
        struct watch_load *l = b->load[0];

        memmove (b->load, b->load + 1, --b->nloads * sizeof (b->load[0]));
        snprintf (data, sizeof (data), "%d", l->ref.bytes[0]);
        watch_engine_load_done (b->e, l, 0, data, strlen (data));
        bench_run (b);
    }
}

enum { APPEND = WATCH_F_WATCH | WATCH_F_APPEND };

static void many_watchers_of_one_log (void)
{
    struct bench *b = bench_new ();
    char name[8][4];

    for (int i = 0; i < 8; i++) {
        snprintf (name[i], sizeof (name[i]), "w%d", i);
        watch (b, name[i], "log", APPEND);
    }
    is_int (b->nlookups, 1, "the first watcher is looked up for at once");
    answer_log (b, 1, 2);
    is_int (b->nlookups, 1, "one more lookup serves the seven that came meanwhile");
    answer_log (b, 1, 2);
    is_int (b->nloads, 2, "each blob is loaded once for all eight");
    answer_loads (b);
    text_clear (&b->told);
    setroot (b, 2, "log");
    is_int (b->nlookups, 1, "an append is looked up once");
    is (b->lookup[0]->rootref, "sha1-0000000000000000000000000000000000000002",
        "at its root");
    answer_log (b, 2, 3);
    is_int (b->nloads, 1, "only the new blob is loaded, once");
    answer_loads (b);
    told (b, "w0:2 w1:2 w2:2 w3:2 w4:2 w5:2 w6:2 w7:2 ", "and goes to each of the eight");
    bench_free (b);
}

static void answer_tagged (struct bench *b, uint64_t seq, const char *text, const char *tag)
{
    struct watch_result result = { .rootseq = seq, .text = text, .tag = tag };

    result.len = strlen (text);
    answer (b, &result);
}

static void answer_same (struct bench *b, uint64_t seq)
{
    struct watch_result result = { .rootseq = seq, .same = true };

    answer (b, &result);
}

static void values_that_do_not_change (void)
{
    const int full = WATCH_F_WATCH | WATCH_F_FULL;
    struct bench *b = bench_new ();

    watch (b, "x", "k", WATCH_F_WATCH);
    ok (!b->lookup[0]->unless, "who wants every value does not say which he has");
    answer_value (b, 1, "1");
    watch (b, "f", "k", full);
    is (b->lookup[0]->unless, "", "who compares asks what the value is called");
    answer_tagged (b, 1, "1", "t1");
    told (b, "x:{\"val\":1} f:{\"val\":1} ", "and gets it");
    watch (b, "g", "k", full);
    is (b->lookup[0]->unless, "t1", "for the next one that is the value to be had");
    answer_same (b, 1);
    told (b, "g:{\"val\":1} ", "who gets it, though it was not sent again");
    setroot (b, 2, "other");
    is_int (b->nlookups, 1, "another root costs one lookup for all who compare");
    is (b->lookup[0]->unless, "t1", "which needs no value if it is the same");
    answer_same (b, 2);
    told (b, "", "and if it is nobody hears of it");
    setroot (b, 3, "k");
    answer_same (b, 3);
    told (b, "x:{\"val\":1} ", "a commit that names the key is told to who wants every one");
    setroot (b, 4, "other");
    setroot (b, 5, "k");
    is_int (b->nlookups, 2, "two roots are read at once");
    answer_tagged (b, 4, "2", "t2");
    answer_same (b, 5);
    told (b, "f:{\"val\":2} g:{\"val\":2} x:{\"val\":1} f:{\"val\":1} g:{\"val\":1} ",
          "the same is what it was when the lookup was sent");
    setroot (b, 6, "other");
    is (b->lookup[0]->unless, "t1", "the newest answer counts");
    answer_value (b, 6, "3");
    setroot (b, 7, "other");
    answer_same (b, 7);
    told (b, "f:{\"val\":3} g:{\"val\":3} f:{\"val\":1} g:{\"val\":1} ",
          "a value without a tag does not get in the way");
    watch (b, "y", "v", WATCH_F_WATCH);
    answer_same (b, 7);
    told (b, "y!71 ", "an answer that was not asked for is an error");
    bench_free (b);
}

static void roots_that_pass_while_a_log_is_read (void)
{
    struct bench *b = bench_new ();

    watch (b, "w", "log", APPEND);
    answer_log (b, 1, 1);
    setroot (b, 2, "log");
    setroot (b, 3, "log");
    setroot (b, 4, "log");
    setroot (b, 5, "log");
    is_int (b->nlookups, 1, "three roots wait for the lookup of the first");
    answer_log (b, 2, 2);
    is_int (b->nlookups, 1, "and one more lookup serves them");
    is_int (b->lookup[0]->rootseq, 5, "at the newest of them");
    answer_log (b, 5, 5);
    is_int (b->nlookups, 0, "then all is known");
    answer_loads (b);
    told (b, "w:0 w:1 w:2 w:3 w:4 ", "every chunk once, in order");
    bench_free (b);
}

/* A read that was to tell of a root, and became one again that others begin with. */
static void joiners_of_a_read_that_was_refused (void)
{
    struct watch_result broken = { .errnum = EIO };
    struct bench *b = bench_new ();

    watch (b, "w", "log", APPEND);
    answer_log (b, 1, 1);
    setroot (b, 2, "log");
    watch (b, "x", "log", APPEND);
    setroot (b, 3, "log");
    answer_log (b, 2, 2);
    watch (b, "y", "log", APPEND);
    answer_log (b, 2, 2);
    is_int (b->lookup[0]->rootseq, 3, "a kvs that is behind is asked at the root it will know");
    setroot (b, 4, "other");
    answer (b, &broken);
    ok (!b->lookup[0]->rootref, "who came meanwhile begins at the newest root, not at that");
    bench_free (b);
}

static void values_at_every_root (void)
{
    struct bench *b = bench_new ();

    watch (b, "w", "a", WATCH_F_WATCH);
    watch (b, "u", "a", WATCH_F_WATCH | WATCH_F_UNIQ);
    answer_value (b, 1, "1");
    answer_value (b, 1, "1");
    told (b, "w:{\"val\":1} u:{\"val\":1} ", "the current value comes first");
    setroot (b, 2, "a");
    setroot (b, 3, "b");
    setroot (b, 4, "a");
    is_int (b->nlookups, 2, "only roots that name the key are looked up");
    struct watch_lookup *first = b->lookup[0];
    b->lookup[0] = b->lookup[1];
    b->lookup[1] = first;
    answer_value (b, 4, "2");
    told (b, "", "an answer that overtakes another waits for it");
    answer_value (b, 2, "1");
    told (b, "w:{\"val\":1} w:{\"val\":2} u:{\"val\":2} ",
          "then both take effect in order; UNIQ is told of changes only");
    setroot (b, 5, "a");
    answer_value (b, 5, NULL);
    told (b, "w!2 u!2 ", "a removed key ends the watches with ENOENT");
    is_int (watch_engine_namespaces (b->e), 0, "nothing is kept without watchers");
    bench_free (b);
}

static void full_watchers (void)
{
    struct bench *b = bench_new ();

    watch (b, "f", "a.b", WATCH_F_WATCH | WATCH_F_FULL);
    answer_value (b, 1, "1");
    told (b, "f:{\"val\":1} ", "FULL gets the current value");
    setroot (b, 2, "x");
    is_int (b->nlookups, 1, "any root is looked up");
    answer_value (b, 2, "1");
    told (b, "", "and is not told if nothing changed");
    setroot (b, 3, "a.b");
    is_int (b->nlookups, 1, "a root that names the key is looked up once, too");
    answer_value (b, 3, "2");
    told (b, "f:{\"val\":2} ", "and told if the value differs");
    bench_free (b);
}

static void classes_of_credentials (void)
{
    struct bench *b = bench_new ();
    struct watch_cred guest = { 100, 2 }, other = { 200, 2 }, another = { 5, 1 | 2 };

    watch_as (b, "o", "k", WATCH_F_WATCH, owner);
    watch_as (b, "g", "k", WATCH_F_WATCH, guest);
    watch_as (b, "h", "k", WATCH_F_WATCH, other);
    is_int (b->nlookups, 3, "each user is looked up for by itself");
    is_int (b->lookup[1]->cred.userid, 100, "with its own credential");
    watch_as (b, "p", "k", WATCH_F_WATCH, another);
    is_int (b->nlookups, 3, "who has the owner role shares with the owner");
    struct watch_result denied = { .errnum = EPERM };
    answer_value (b, 1, "1");
    answer (b, &denied);
    told (b, "o:{\"val\":1} g!1 ", "one class may see what another may not");
    bench_free (b);
}

/* The namespace is removed, and forgotten, before its last root is read. */
static void roots_that_are_gone (struct bench *b)
{
    struct watch_result lost = { .errnum = ENOENT };

    watch (b, "z", "log", APPEND);
    answer_log (b, 5, 1);
    answer_loads (b);
    setroot (b, 6, "log");
    watch_engine_removed (b->e, "primary");
    answer (b, &lost);
    told (b, "z:0 z!116 ", "who may have missed something is told so");
    watch (b, "z", "log", APPEND);
    answer_log (b, 7, 1);
    answer_loads (b);
    setroot (b, 8, "log");
    answer (b, &lost);
    told (b, "z:0 z!2 ", "a root that cannot be read otherwise is an error");
}

static void ends_of_logs (void)
{
    struct bench *b = bench_new ();
    struct watch_result val = { .rootseq = 3, .text = "" };

    watch (b, "w", "log", APPEND | WATCH_F_SENTINEL);
    answer_log (b, 1, 2);
    setroot (b, 2, "log");
    answer_log (b, 2, 1);
    told (b, "", "chunks that are known come before the end");
    answer_loads (b);
    told (b,
          "w:0 w:1 w:sentinel "
          "w!22(key watched with WATCH_APPEND truncated) ",
          "a log that got shorter before anything was delivered");

    watch (b, "x", "log", APPEND);
    answer_log (b, 2, 2);
    answer_loads (b);
    setroot (b, 3, "log");
    if (treeobj_val_new ("v", 1, &val.obj) < 0)
        bail_out ("out of memory");
    answer (b, &val);
    told (b, "x:0 x:1 x!22(value of key watched with WATCH_APPEND overwritten) ",
          "a log that was overwritten");

    watch (b, "y", "log", APPEND);
    answer (b, &val);
    told (b, "y:v ", "a val is one chunk");
    setroot (b, 4, "log");
    answer_log (b, 4, 2);
    is_int (b->nloads, 1, "of the valref that it becomes");
    answer_loads (b);
    told (b, "y:1 ", "the first element is not told again");
    watch_engine_removed (b->e, "primary");
    told (b, "y!95 ", "a removed namespace ends it");
    roots_that_are_gone (b);
    treeobj_put (val.obj);
    bench_free (b);
}

static void windows (void)
{
    struct bench *b = bench_new ();

    watch (b, "w", "log", WATCH_F_STREAM);
    answer_log (b, 1, 200);
    is_int (b->nloads, WATCH_WINDOW, "loads of a long log are bounded");
    answer_loads (b);
    bench_run (b);
    ok (strstr (b->told.buf, "w:199 w!61 ") != NULL, "and follow one another to the end");
    bench_free (b);
}

static void throttle (struct bench *b, const char *sender, bool on)
{
    watch_engine_throttle (b->e, sender, on);
    bench_run (b);
}

static void answer_one_load (struct bench *b)
{
    struct watch_load *load[64];
    int n = b->nloads - 1;

    memcpy (load, b->load + 1, n * sizeof (load[0]));
    b->nloads = 1;
    answer_loads (b);
    memmove (b->load + n, b->load, b->nloads * sizeof (load[0]));
    memcpy (b->load, load, n * sizeof (load[0]));
    b->nloads += n;
}

static uint64_t loads (const struct bench *b)
{
    return watch_engine_counters (b->e)->loads;
}

static void paused_watchers (void)
{
    struct bench *b = bench_new ();

    watch (b, "p", "log", APPEND);
    watch (b, "q", "log", APPEND);
    answer_log (b, 1, 8); /* of p alone */
    answer_log (b, 1, 8);
    answer_one_load (b);
    told (b, "p:0 q:0 ", "two follow a log");
    throttle (b, "p", true);
    answer_one_load (b);
    told (b, "q:1 ", "one does not read and is sent nothing");
    throttle (b, "q", true);
    answer_loads (b);
    told (b, "", "then the other, too");
    is_int (watch_engine_counters (b->e)->kept, 7, "what they both have counts once");
    setroot (b, 2, "log");
    ok (b->lookup[0]->want_data, "who has all that is known wants what is new with its data");
    answer_log (b, 2, 9);
    throttle (b, "p", false);
    throttle (b, "q", false);
    answer_loads (b);
    told (b, "p:1 p:2 p:3 p:4 p:5 p:6 p:7 q:2 q:3 q:4 q:5 q:6 q:7 p:8 q:8 ",
          "reading again they get the rest, in order");
    is_int (loads (b), 9, "and no blob was loaded twice");
    is_int (watch_engine_counters (b->e)->kept, 0, "nothing is kept for them");
    is_int (watch_engine_counters (b->e)->forgotten, 0, "nothing was forgotten");
    bench_free (b);
}

static void paused_watchers_beyond_the_bound (void)
{
    struct bench *b = bench_new ();

    watch (b, "p", "log", APPEND);
    watch (b, "q", "other", APPEND);
    answer_log (b, 1, 6);
    answer_one_load (b);
    answer_one_load (b);
    watch_engine_set_kept_max (b->e, 4);
    throttle (b, "p", true);
    answer_one_load (b);
    answer_one_load (b);
    is_int (watch_engine_counters (b->e)->kept, 2, "who is paused keeps what comes");
    answer_log (b, 1, 7);
    throttle (b, "q", true);
    answer_loads (b);
    ok (watch_engine_counters (b->e)->kept <= 4, "within a bound");
    is_int (watch_engine_counters (b->e)->forgotten, 4 + 7,
            "past it first the one and then the other keep their places only");
    setroot (b, 2, "log");
    ok (!b->lookup[0]->want_data, "and of what is new not the data");
    answer_log (b, 2, 7);
    text_clear (&b->told);
    throttle (b, "p", false);
    answer_loads (b);
    told (b, "p:2 p:3 p:4 p:5 p:6 ", "from which they go on");
    throttle (b, "q", false);
    answer_loads (b);
    told (b, "q:0 q:1 q:2 q:3 q:4 q:5 q:6 ", "each of them");
    bench_free (b);
}

static void backlog (void)
{
    struct bench *b = bench_new ();

    watch (b, "w", "a", WATCH_F_WATCH);
    answer_value (b, 1, "1");
    for (uint64_t seq = 2; seq < WATCH_BACKLOG + 10; seq++)
        setroot (b, seq, "a");
    told (b, "w:{\"val\":1} w!75(watcher is too many changes behind) ",
          "roots that nobody reads do not pile up for ever");
    bench_free (b);
}

static void quota (void)
{
    struct bench *b = bench_new ();
    struct watch_cred guest = { 100, 2 };
    struct watch_request req = { .sender = "c",
                                 .cred = guest,
                                 .ns = "primary",
                                 .key = "a",
                                 .client = "w",
                                 .flags = WATCH_F_WATCH };
    bool good = true;

    for (req.matchtag = 1; req.matchtag <= WATCH_USER_MAX; req.matchtag++)
        good &= watch_engine_add (b->e, &req) == 0;
    ok (good, "a user may have many watches");
    is_int (watch_engine_add (b->e, &req), -EDQUOT, "but not any number");
    req.cred = owner;
    is_int (watch_engine_add (b->e, &req), 0, "which does not concern the owner");
    watch_engine_cancel (b->e, "c", 1, guest);
    req.cred = guest;
    req.matchtag = 1;
    is_int (watch_engine_add (b->e, &req), 0, "one that ends makes room for another");
    bench_free (b);
}

static void requests (void)
{
    struct bench *b = bench_new ();
    struct watch_request req = { .sender = "c",
                                 .matchtag = 7,
                                 .cred = owner,
                                 .ns = "primary",
                                 .key = "a",
                                 .client = "w",
                                 .flags = WATCH_F_WATCH };
    struct watch_cred guest = { 100, 2 };
    static const struct {
        int flags;
        bool streaming;
        int r;
    } checks[] = {
        { WATCH_F_WATCH, true, 0 },
        { WATCH_F_WATCH, false, -EPROTO },
        { WATCH_F_STREAM, false, -EPROTO },
        { WATCH_F_WATCH | WATCH_F_STREAM, true, -EINVAL },
        { WATCH_F_FULL, true, -EINVAL },
        { WATCH_F_STREAM | WATCH_F_APPEND, true, -EINVAL },
        { WATCH_F_WATCH | WATCH_F_SENTINEL, true, -EINVAL },
        { WATCH_F_WATCH | WATCH_F_SENTINEL | WATCH_F_APPEND, true, 0 },
        { WATCH_F_WAITCREATE, false, 0 },
        { 0, false, 0 },
    };
    const char *text;
    bool good = true;

    for (size_t i = 0; i < ARRAY_SIZE (checks); i++)
        good &= watch_flags_check (checks[i].flags, checks[i].streaming, &text)
                == checks[i].r;
    ok (good, "combinations of flags are checked");
    is_int (watch_engine_add (b->e, &req), 0, "a request is taken");
    is_int (watch_engine_add (b->e, &req), -EINVAL, "its matchtag is in use then");
    req.sender = "d";
    is_int (watch_engine_add (b->e, &req), 0, "but not for another client");
    req.matchtag = 8;
    req.key = "";
    is_int (watch_engine_add (b->e, &req), -ENOENT, "the empty key does not exist");
    watch_engine_cancel (b->e, "c", 7, guest);
    watch_engine_cancel (b->e, "e", 7, owner);
    told (b, "", "nobody can cancel the watch of another");
    watch_engine_cancel (b->e, "c", 7, owner);
    told (b, "w!61 ", "its owner can");
    watch_engine_disconnect (b->e, "d", owner);
    told (b, "w!0 ", "a client that leaves is not answered");
    bench_free (b);
}

/* What a client that does not read may have waiting is bounded for all its watches. */
static void values_that_are_held (void)
{
    static const char *const overflow = "p!75(watcher is too many changes behind) ";
    struct bench *b = bench_new ();
    size_t size = WATCH_HELD_BYTES / 2 - 1000;
    char *big = calloc (1, size);

    memset (big, 'x', size - 1);
    watch (b, "p", "a", WATCH_F_WATCH);
    answer_value (b, 1, "1");
    watch (b, "p", "b", WATCH_F_WATCH);
    answer_value (b, 1, "2");
    throttle (b, "p", true);
    text_clear (&b->told);
    for (int i = 2; i < 5; i++) {
        setroot (b, i, i == 3 ? "b" : "a");
        answer_value (b, i, big);
        told (b, i < 4 ? "" : overflow, i < 4 ? "a value is held" : "one too many is not");
    }
    setroot (b, 5, "b");
    answer_value (b, 5, "3");
    throttle (b, "p", false);
    is_int (b->told.len, size - 1 + strlen ("p:{\"val\":} p:{\"val\":3} "),
            "the other watch goes on");
    text_clear (&b->told);
    watch_engine_fail (b->e, "p", next_tag, ENOMEM);
    told (b, "p!12 ", "unless what is for it cannot be sent");
    free (big);
    bench_free (b);
}

int main (void)
{
    many_watchers_of_one_log ();
    values_that_do_not_change ();
    roots_that_pass_while_a_log_is_read ();
    joiners_of_a_read_that_was_refused ();
    values_at_every_root ();
    full_watchers ();
    classes_of_credentials ();
    ends_of_logs ();
    windows ();
    paused_watchers ();
    paused_watchers_beyond_the_bound ();
    backlog ();
    values_that_are_held ();
    quota ();
    requests ();
    return done_testing ();
}
