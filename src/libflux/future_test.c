#include "config.h"
#include <flux/core.h>

#include "common/tap.h"
#include "future_private.h"

static int freed;

static void free_cb (void *arg)
{
    freed++;
}

static bool get_is (flux_future_t *f, const char *want)
{
    const void *p = NULL;

    return flux_future_get (f, &p) == 0 && p && !strcmp (p, want);
}

static bool get_fails (flux_future_t *f, int errnum)
{
    const void *p = f;

    errno = 0;
    return flux_future_get (f, &p) < 0 && errno == errnum && p == f;
}

/* What continuations saw, in order: "text" or "!errnum", each with a blank. */
static char trace[256];

static void note_cb (flux_future_t *f, void *arg)
{
    const void *p;
    size_t n = strlen (trace);

    if (flux_future_get (f, &p) < 0)
        snprintf (trace + n, sizeof (trace) - n, "!%d ", errno);
    else
        snprintf (trace + n, sizeof (trace) - n, "%s ", p ? (const char *)p : "NULL");
    if (arg && !strcmp (arg, "reset"))
        flux_future_reset (f);
    if (arg && !strcmp (arg, "destroy"))
        flux_future_destroy (f);
}

static void bad_arguments (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);

    errno = 0;
    ok (flux_future_get (NULL, NULL) < 0 && errno == EINVAL, "get of NULL is EINVAL");
    errno = 0;
    ok (flux_future_wait_for (NULL, 0.) < 0 && errno == EINVAL, "wait_for too");
    errno = 0;
    ok (flux_future_then (NULL, 0., note_cb, NULL) < 0 && errno == EINVAL, "then too");
    errno = 0;
    ok (flux_future_then (f, 0., NULL, NULL) < 0 && errno == EINVAL,
        "then without a continuation is EINVAL");
    errno = 0;
    ok (flux_future_then (f, 0., note_cb, NULL) < 0 && errno == EINVAL,
        "then without a reactor is EINVAL");
    errno = 0;
    ok (!flux_future_get_reactor (f) && errno == EINVAL, "get_reactor if none is EINVAL");
    errno = 0;
    ok (!flux_future_get_flux (f) && errno == EINVAL, "get_flux if none is EINVAL");
    ok (!flux_future_has_error (NULL) && !flux_future_error_string (NULL)
            && !flux_future_is_ready (NULL),
        "NULL has no error and is not ready");
    freed = 0;
    flux_future_fulfill (NULL, f, free_cb);
    is_int (freed, 1, "fulfilling NULL frees the result");
    flux_future_fulfill_error (NULL, EPERM, NULL);
    flux_future_fatal_error (NULL, EPERM, NULL);
    flux_future_reset (NULL);
    flux_future_incref (NULL);
    errno = 0;
    ok (flux_future_aux_set (NULL, "a", f, NULL) < 0 && errno == EINVAL,
        "aux_set on NULL is EINVAL");
    errno = 0;
    ok (!flux_future_aux_get (f, "nope") && errno == ENOENT, "no aux item is ENOENT");
    errno = ENOTTY;
    flux_future_destroy (f);
    flux_future_destroy (NULL);
    is_int (errno, ENOTTY, "destroy keeps errno");
}

static void results (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);

    freed = 0;
    flux_future_fulfill (f, "a", free_cb);
    flux_future_fulfill (f, "b", free_cb);
    flux_future_fulfill_error (f, EPERM, "not you");
    flux_future_fulfill (f, "c", free_cb);
    ok (get_is (f, "a") && get_is (f, "a"), "the first result stays until reset");
    ok (!flux_future_has_error (f) && !flux_future_error_string (f), "it is no error");
    flux_future_reset (f);
    is_int (freed, 1, "reset frees it");
    ok (get_is (f, "b"), "then comes the second");
    flux_future_reset (f);
    ok (get_fails (f, EPERM), "an error in its turn");
    is (flux_future_error_string (f), "not you", "with its text");
    ok (flux_future_has_error (f), "is an error");
    flux_future_reset (f);
    ok (get_is (f, "c"), "and the next is good again");
    flux_future_reset (f);
    ok (!flux_future_is_ready (f), "after the last it is not ready");
    flux_future_fulfill_error (f, ENOENT, NULL);
    is (flux_future_error_string (f), strerror (ENOENT),
        "without a text: that of errnum");
    flux_future_reset (f);
    flux_future_fulfill (f, NULL, NULL);
    ok (flux_future_get (f, NULL) == 0, "a result may be NULL");
    flux_future_fulfill (f, "d", free_cb);
    flux_future_incref (f);
    flux_future_destroy (f);
    is_int (freed, 3, "a reference keeps it");
    flux_future_destroy (f);
    is_int (freed, 4, "queued results die with it");
}

static void fatal (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);

    freed = 0;
    flux_future_fulfill (f, "a", free_cb);
    flux_future_fulfill (f, "b", free_cb);
    flux_future_fatal_error (f, ENODEV, "gone");
    flux_future_fatal_error (f, EPERM, "later");
    ok (get_fails (f, ENODEV), "a fatal error overrides the result; the first one wins");
    is (flux_future_error_string (f), "gone", "and its text");
    flux_future_fulfill (f, "c", free_cb);
    is_int (freed, 2, "later results are freed");
    flux_future_reset (f);
    ok (flux_future_is_ready (f) && get_fails (f, ENODEV), "it survives reset");
    flux_future_destroy (f);
    is_int (freed, 3, "everything was freed");
}

static void fulfill_with (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);
    flux_future_t *p = flux_future_create (NULL, NULL);
    flux_future_t *q = flux_future_create (NULL, NULL);

    errno = 0;
    ok (flux_future_fulfill_with (f, f) < 0 && errno == EINVAL, "with itself is EINVAL");
    ok (flux_future_fulfill_with (f, NULL) < 0 && errno == EINVAL, "with NULL is EINVAL");
    ok (flux_future_fulfill_with (NULL, f) < 0 && errno == EINVAL, "of NULL is EINVAL");
    errno = 0;
    ok (flux_future_fulfill_with (f, p) < 0 && errno == EAGAIN, "not ready is EAGAIN");
    freed = 0;
    flux_future_fulfill (p, "a", free_cb);
    flux_future_fulfill (q, "x", free_cb);
    flux_future_aux_set (p, "item", "of p", NULL);
    ok (flux_future_fulfill_with (f, p) == 0 && get_is (f, "a"), "the result is there");
    is (flux_future_aux_get (f, "item"), "of p", "aux items show through");
    errno = 0;
    ok (flux_future_fulfill_with (f, q) < 0 && errno == EEXIST, "another one is EEXIST");
    flux_future_reset (p);
    flux_future_fulfill_error (p, EPERM, "no");
    ok (flux_future_fulfill_with (f, p) == 0, "the same one again is fine");
    flux_future_reset (p);
    flux_future_fatal_error (p, ENODEV, "gone");
    ok (get_is (f, "a") && freed == 0, "the value lives though p was reset");
    flux_future_reset (f);
    is_int (freed, 1, "and is freed once");
    ok (get_fails (f, EPERM), "an error goes with it");
    is (flux_future_error_string (f), "no", "and its text");
    ok (flux_future_fulfill_with (f, p) == 0 && get_fails (f, ENODEV), "a fatal one too");
    flux_future_destroy (p);
    is (flux_future_aux_get (f, "item"), "of p", "f holds a reference on p");
    flux_future_destroy (f);
    flux_future_destroy (q);
}

/* A future that fulfills itself by a timer, and counts its contexts. */
struct ticker {
    int inits;
    flux_reactor_t *reactors[4];
    int errnum;
};

static void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_fulfill (arg, "tick", NULL);
}

static void ticker_init (flux_future_t *f, void *arg)
{
    struct ticker *t = arg;
    flux_reactor_t *r = flux_future_get_reactor (f);
    flux_watcher_t *w;

    t->reactors[t->inits++] = r;
    if (t->errnum) {
        flux_future_fulfill_error (f, t->errnum, "init failed");
        return;
    }
    w = flux_timer_watcher_create (r, 0.02, 0., tick_cb, f);
    flux_watcher_start (w);
    flux_future_aux_set (f, NULL, w, (flux_free_f)flux_watcher_destroy);
}

static void waiting (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    struct ticker t = { 0 };
    flux_future_t *f = flux_future_create (NULL, NULL);

    errno = 0;
    ok (flux_future_wait_for (f, 0.) < 0 && errno == ETIMEDOUT, "zero: no wait at all");
    errno = 0;
    ok (flux_future_wait_for (f, 0.001) < 0 && errno == ETIMEDOUT, "a wait may expire");
    ok (get_fails (f, EDEADLOCK), "nothing that could fulfill it is EDEADLOCK");
    flux_future_fulfill (f, "x", NULL);
    ok (flux_future_wait_for (f, 0.) == 0 && get_is (f, "x"), "it is still usable");
    flux_future_destroy (f);

    f = flux_future_create (ticker_init, &t);
    is_int (t.inits, 0, "init waits until somebody does");
    errno = 0;
    ok (flux_future_wait_for (f, 0.001) < 0 && errno == ETIMEDOUT, "too short a wait");
    errno = 0;
    ok (!flux_future_get_reactor (f) && errno == EINVAL,
        "after it the private reactor is not shown");
    ok (get_is (f, "tick"), "a longer one goes on where it stopped");
    is_int (t.inits, 1, "init was called once");
    flux_future_set_reactor (f, r);
    flux_future_reset (f);
    trace[0] = '\0';
    ok (flux_future_then (f, -1., note_cb, NULL) == 0, "then after that");
    is_int (t.inits, 2, "is another context");
    ok (t.reactors[0] != r && t.reactors[1] == r, "of the user's reactor");
    is_int (flux_reactor_run (r, 0), 0, "run dry");
    is (trace, "tick ", "continued");
    flux_future_then (f, -1., note_cb, NULL);
    is_int (t.inits, 2, "init is called once in that, too");
    flux_future_destroy (f);

    t = (struct ticker){ .errnum = EBADE };
    f = flux_future_create (ticker_init, &t);
    ok (get_fails (f, EBADE), "if init fails, get does");
    is (flux_future_error_string (f), "init failed", "with its text");
    flux_future_destroy (f);
    flux_reactor_destroy (r);
}

static void continuing (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *f = flux_future_create (NULL, NULL);

    flux_future_set_reactor (f, r);
    ok (flux_future_get_reactor (f) == r, "the reactor is the one that was set");
    trace[0] = '\0';
    flux_future_fulfill (f, "a", NULL);
    flux_future_fulfill (f, "b", NULL);
    flux_future_then (f, -1., note_cb, NULL);
    is (trace, "", "a ready future is not continued from inside then");
    flux_reactor_run (r, 0);
    is (trace, "a ", "but on a coming pass; once, though more is queued");
    flux_future_reset (f);
    flux_reactor_run (r, 0);
    is (trace, "a b ", "the next after reset");
    flux_future_then (f, -1., note_cb, "reset");
    flux_reactor_run (r, 0);
    is (trace, "a b b ", "a continuation that replaces one sees what is there");
    for (int i = 0; i < 3; i++)
        flux_future_fulfill (f, "c", NULL);
    flux_reactor_run (r, 0);
    is (trace, "a b b c c c ", "reset inside gets them all");
    flux_future_fulfill (f, "d", NULL);
    flux_future_reset (f);
    flux_reactor_run (r, 0);
    is (trace, "a b b c c c ", "what was reset before is not continued");
    trace[0] = '\0';
    flux_future_fulfill (f, "e", NULL);
    flux_reactor_run (r, 0);
    flux_future_then (f, -1., note_cb, NULL);
    flux_future_fatal_error (f, EIO, NULL);
    flux_reactor_run (r, 0);
    flux_future_reset (f);
    flux_reactor_run (r, 0);
    is (trace, "e !5 ", "a fatal error is told once");
    flux_future_then (f, -1., note_cb, "destroy");
    flux_reactor_run (r, 0);
    is (trace, "e !5 !5 ", "a continuation may destroy it");
    f = flux_future_create (NULL, NULL);
    flux_future_set_reactor (f, r);
    flux_future_then (f, -1., note_cb, NULL);
    flux_future_fulfill (f, "f", NULL);
    flux_future_destroy (f);
    trace[0] = '\0';
    is_int (flux_reactor_run (r, 0), 0, "one destroyed before its turn");
    is (trace, "", "is not continued");
    flux_reactor_destroy (r);
}

static void late_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_fulfill (arg, "late", NULL);
}

static void timed_cb (flux_future_t *f, void *arg)
{
    int *left = arg;

    note_cb (f, NULL);
    flux_future_reset (f);
    if (--*left == 0)
        flux_future_destroy (f);
}

static void timeouts (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *f = flux_future_create (NULL, NULL);
    flux_watcher_t *w = flux_timer_watcher_create (r, 0.25, 0., late_cb, f);
    double t0 = flux_reactor_time ();
    double t1;
    int left = 4;

    flux_future_set_reactor (f, r);
    flux_watcher_start (w);
    trace[0] = '\0';
    flux_future_then (f, 0.1, timed_cb, &left);
    is_int (flux_reactor_run (r, 0), 0, "timeouts and a late result");
    is (trace, "!110 !110 late !110 ", "come as they are due; reset arms again");
    t1 = flux_reactor_time () - t0;
    ok (t1 >= 0.349, "at 0.35 s (%.3f)", t1);
    flux_watcher_destroy (w);

    f = flux_future_create (NULL, NULL);
    flux_future_set_reactor (f, r);
    flux_future_then (f, 0., note_cb, NULL);
    is_int (flux_reactor_run (r, 0), 0, "then (0.) has no timer");
    flux_future_then (f, 100., note_cb, NULL);
    is_int (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1,
            "a timer keeps the reactor going");
    flux_future_fulfill (f, "x", NULL);
    is_int (flux_reactor_run (r, 0), 0, "a result stops it");
    flux_future_destroy (f);
    flux_reactor_destroy (r);
}

static void order (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *f[3];
    const char *names[] = { "A", "B", "C" };

    trace[0] = '\0';
    for (int i = 0; i < 3; i++) {
        f[i] = flux_future_create (NULL, NULL);
        flux_future_set_reactor (f[i], r);
        flux_future_then (f[i], -1., note_cb, "destroy");
    }
    for (int i = 0; i < 3; i++)
        flux_future_fulfill (f[i], (char *)names[i], NULL);
    flux_reactor_run (r, 0);
    is (trace, "A B C ", "futures continue in the order in which they became ready");
    flux_reactor_destroy (r);
}

/* Composite */

static flux_future_t *plain (void)
{
    return flux_future_create (NULL, NULL);
}

static void composite_arguments (void)
{
    flux_future_t *cf = flux_future_wait_all_create ();
    flux_future_t *a = plain ();
    flux_future_t *b = plain ();

    errno = 0;
    ok (flux_future_push (a, "x", b) < 0 && errno == EINVAL,
        "push on a plain one is EINVAL");
    errno = 0;
    ok (flux_future_push (cf, "x", NULL) < 0 && errno == EINVAL,
        "push of NULL is EINVAL");
    errno = 0;
    ok (flux_future_push (cf, "x", cf) < 0 && errno == EINVAL,
        "push of itself is EINVAL");
    ok (!flux_future_first_child (cf), "no child at first");
    ok (flux_future_push (cf, "x", a) == 0, "push with a name");
    errno = 0;
    ok (flux_future_push (cf, "x", b) < 0 && errno == EEXIST, "a name twice is EEXIST");
    ok (flux_future_push (cf, NULL, b) == 0, "push without");
    ok (flux_future_get_child (cf, "x") == a && flux_future_get_child (cf, "1") == b,
        "the name is then the count so far");
    ok (!flux_future_get_child (cf, "y"), "an unknown name is NULL");
    is (flux_future_first_child (cf), "x", "children can be listed");
    is (flux_future_next_child (cf), "1", "all of them");
    ok (!flux_future_next_child (cf) && !flux_future_next_child (cf), "to the end");
    errno = 0;
    ok (!flux_future_first_child (a) && errno == EINVAL, "of a plain one: EINVAL");
    flux_future_destroy (cf);
}

static void wait_all (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *cf = flux_future_wait_all_create ();
    flux_future_t *a = plain ();
    flux_future_t *b = plain ();

    ok (flux_future_get (cf, NULL) == 0, "an empty wait_all is fulfilled at once");
    flux_future_destroy (cf);

    cf = flux_future_wait_all_create ();
    flux_future_set_reactor (cf, r);
    trace[0] = '\0';
    flux_future_push (cf, "a", a);
    flux_future_push (cf, "b", b);
    flux_future_fulfill (a, "x", NULL);
    flux_future_then (cf, -1., note_cb, NULL);
    flux_reactor_run (r, 0);
    is (trace, "", "one ready child is not all");
    flux_future_fulfill_error (b, EDOM, "text");
    flux_reactor_run (r, 0);
    is (trace, "!33 ", "all ready: the error of one that failed");
    is (flux_future_error_string (cf), strerror (EDOM), "without its text");
    ok (get_is (flux_future_get_child (cf, "a"), "x"), "children keep their results");
    flux_future_destroy (cf);

    cf = flux_future_wait_all_create ();
    for (int i = 0; i < 3; i++) {
        static struct ticker t;
        flux_future_push (cf, NULL, flux_future_create (ticker_init, &t));
    }
    ok (flux_future_get (cf, NULL) == 0, "children are initialised in a blocking wait");
    flux_future_destroy (cf);
    flux_reactor_destroy (r);
}

static void wait_any (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *cf = flux_future_wait_any_create ();
    flux_future_t *a = plain ();
    flux_future_t *b = plain ();

    ok (get_fails (cf, EDEADLOCK), "an empty wait_any is EDEADLOCK");
    flux_future_destroy (cf);
    cf = flux_future_wait_any_create ();
    flux_future_set_reactor (cf, r);
    flux_future_push (cf, "a", a);
    flux_future_push (cf, "b", b);
    trace[0] = '\0';
    flux_future_then (cf, -1., note_cb, NULL);
    flux_future_fulfill_error (b, EDOM, NULL);
    flux_future_fulfill (a, "x", NULL);
    flux_reactor_run (r, 0);
    is (trace, "!33 ", "the status of the first that became ready");
    flux_future_reset (cf);
    flux_reactor_run (r, 0);
    is (trace, "!33 NULL ", "and of the next after reset");
    flux_future_destroy (cf);
    flux_reactor_destroy (r);
}

/* The same composite in both contexts: a wait that expires takes nothing
 * away from the reactor.
 */
static void composite_contexts (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *cf = flux_future_wait_all_create ();
    flux_future_t *inner = flux_future_wait_any_create ();
    struct ticker t = { 0 };

    flux_future_push (inner, NULL, flux_future_create (ticker_init, &t));
    flux_future_push (cf, NULL, inner);
    flux_future_set_reactor (cf, r);
    trace[0] = '\0';
    flux_future_then (cf, -1., note_cb, NULL);
    is_int (t.inits, 1, "a child of a child is initialised by then");
    errno = 0;
    ok (flux_future_wait_for (cf, 0.001) < 0 && errno == ETIMEDOUT, "a wait expires");
    is_int (t.inits, 2, "it was initialised in that context, too");
    flux_reactor_run (r, 0);
    is (trace, "NULL ", "the reactor fulfills it all the same");
    flux_future_destroy (cf);

    cf = flux_future_wait_all_create ();
    t = (struct ticker){ 0 };
    flux_future_set_reactor (cf, r);
    flux_future_push (cf, NULL, plain ());
    flux_future_then (cf, -1., note_cb, NULL);
    flux_future_push (cf, NULL, flux_future_create (ticker_init, &t));
    is_int (t.inits, 1, "a child that comes later joins");
    flux_future_fulfill (flux_future_get_child (cf, "0"), NULL, NULL);
    ok (flux_future_get (cf, NULL) == 0, "and both contexts may be used");
    flux_future_destroy (cf);
    flux_reactor_destroy (r);
}

/* Chains */

static flux_future_t *continued_with;

static void continue_cb (flux_future_t *prev, void *arg)
{
    note_cb (prev, NULL);
    flux_future_continue (prev, continued_with);
    flux_future_destroy (prev);
}

static void continue_self_cb (flux_future_t *prev, void *arg)
{
    flux_future_continue (prev, prev);
    flux_future_destroy (prev);
}

static void continue_error_cb (flux_future_t *prev, void *arg)
{
    flux_future_continue_error (prev, EXDEV, "crossed");
    flux_future_destroy (prev);
}

static void fulfill_next_cb (flux_future_t *prev, void *arg)
{
    flux_future_fulfill_next (prev, "direct", free_cb);
    flux_future_destroy (prev);
}

static void nothing_cb (flux_future_t *prev, void *arg)
{
    flux_future_destroy (prev);
}

static flux_future_t *fulfilled (flux_reactor_t *r, void *result, int errnum)
{
    flux_future_t *f = plain ();

    flux_future_set_reactor (f, r);
    if (errnum)
        flux_future_fulfill_error (f, errnum, "prev failed");
    else
        flux_future_fulfill (f, result, NULL);
    return f;
}

static void chain_outcomes (void)
{
    flux_future_t *prev, *next;
    flux_reactor_t *r = flux_reactor_create (0);

    errno = 0;
    ok (!flux_future_and_then (NULL, nothing_cb, NULL) && errno == EINVAL,
        "and_then of NULL is EINVAL");
    prev = plain ();
    errno = 0;
    ok (flux_future_fulfill_next (prev, NULL, NULL) < 0 && errno == EINVAL,
        "fulfill_next without a chain is EINVAL");
    errno = 0;
    ok (flux_future_continue (prev, NULL) < 0 && errno == EINVAL, "continue too");
    next = flux_future_and_then (prev, nothing_cb, NULL);
    ok (next && flux_future_or_then (prev, nothing_cb, NULL) == next,
        "and_then and or_then of one future give the same one");
    flux_future_destroy (next);

    trace[0] = '\0';
    continued_with = fulfilled (r, "two", 0);
    flux_future_aux_set (continued_with, "item", "of two", NULL);
    next = flux_future_and_then (fulfilled (r, "one", 0), continue_cb, NULL);
    ok (get_is (next, "two"), "continue with a future gives its result");
    is (trace, "one ", "after the handler saw the former");
    is (flux_future_aux_get (next, "item"), "of two", "its aux shows through");
    flux_future_destroy (next);

    next = flux_future_and_then (fulfilled (r, "one", 0), continue_self_cb, NULL);
    ok (get_is (next, "one"), "continue with prev gives that result");
    flux_future_destroy (next);

    next = flux_future_and_then (fulfilled (r, "one", 0), continue_error_cb, NULL);
    ok (get_fails (next, EXDEV), "continue_error fails");
    is (flux_future_error_string (next), "crossed", "with its text");
    flux_future_destroy (next);

    freed = 0;
    next = flux_future_or_then (fulfilled (r, NULL, EPERM), fulfill_next_cb, NULL);
    ok (get_is (next, "direct"), "or_then may turn an error into a result");
    flux_future_destroy (next);
    is_int (freed, 1, "which is freed");

    next = flux_future_and_then (fulfilled (r, "one", 0), nothing_cb, NULL);
    ok (get_is (next, "one"), "a handler that does nothing passes the result on");
    flux_future_destroy (next);

    next = flux_future_or_then (fulfilled (r, "one", 0), nothing_cb, NULL);
    ok (get_is (next, "one"), "without a handler for success it passes");
    flux_future_destroy (next);
    next = flux_future_and_then (fulfilled (r, NULL, EPERM), continue_error_cb, NULL);
    ok (get_fails (next, EPERM), "without one for errors that does");
    is (flux_future_error_string (next), "prev failed", "with its text");
    flux_future_destroy (next);
    flux_reactor_destroy (r);
}

static void stream_cb (flux_future_t *prev, void *arg)
{
    const void *p;

    if (flux_future_get (prev, &p) == 0 && !strcmp (p, "skip"))
        flux_future_continue (prev, NULL);
    else
        flux_future_fulfill_next (prev, (void *)p, NULL);
    flux_future_reset (prev);
}

static void chain_streams (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *prev = plain ();
    flux_future_t *next;

    flux_future_set_reactor (prev, r);
    next = flux_future_and_then (prev, stream_cb, NULL);
    trace[0] = '\0';
    flux_future_then (next, -1., note_cb, "reset");
    flux_future_fulfill (prev, "a", NULL);
    flux_future_fulfill (prev, "skip", NULL);
    flux_future_fulfill (prev, "b", NULL);
    flux_future_fulfill_error (prev, ENODATA, NULL);
    flux_reactor_run (r, 0);
    is (trace, "a b !61 ", "results flow one by one; continue (NULL) leaves one out");
    flux_future_destroy (next);

    prev = plain ();
    flux_future_set_reactor (prev, r);
    next = flux_future_or_then (prev, continue_error_cb, NULL);
    trace[0] = '\0';
    flux_future_then (next, -1., note_cb, "reset");
    flux_future_fulfill (prev, "a", NULL);
    flux_future_fulfill (prev, "b", NULL);
    flux_future_fulfill_error (prev, ENODATA, NULL);
    flux_reactor_run (r, 0);
    is (trace, "a b !18 ", "also past a handler that is for errors only");
    flux_future_destroy (next);
    flux_reactor_destroy (r);
}

static void chain_contexts (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    struct ticker t1 = { 0 };
    struct ticker t2 = { 0 };
    flux_future_t *prev = flux_future_create (ticker_init, &t1);
    flux_future_t *next, *last;

    flux_future_set_reactor (prev, r);
    continued_with = flux_future_create (ticker_init, &t2);
    next = flux_future_and_then (prev, continue_cb, NULL);
    last = flux_future_or_then (next, continue_error_cb, NULL);
    trace[0] = '\0';
    flux_future_then (last, -1., note_cb, NULL);
    is_int (t1.inits, 1, "then on the last initialises the first");
    is_int (t2.inits, 0, "but not what is not there yet");
    errno = 0;
    ok (flux_future_wait_for (last, 0.001) < 0 && errno == ETIMEDOUT, "a wait expires");
    is_int (t1.inits, 2, "it was initialised in that context, too");
    flux_reactor_run (r, 0);
    is (trace, "tick tick ", "the reactor drives the chain to its end");
    is_int (t2.inits, 1, "the second was initialised once");
    ok (t2.reactors[0] == r, "by the reactor that drove it");
    flux_future_destroy (last);

    t1 = t2 = (struct ticker){ 0 };
    prev = flux_future_create (ticker_init, &t1);
    continued_with = flux_future_create (ticker_init, &t2);
    next = flux_future_and_then (prev, continue_cb, NULL);
    last = flux_future_or_then (next, continue_error_cb, NULL);
    ok (get_is (last, "tick"), "a blocking wait drives a chain of chains");
    ok (t1.inits == 1 && t2.inits == 1 && t1.reactors[0] == t2.reactors[0],
        "all in one context");
    flux_future_destroy (last);
    flux_reactor_destroy (r);
}

int main (void)
{
    bad_arguments ();
    results ();
    fatal ();
    fulfill_with ();
    waiting ();
    continuing ();
    timeouts ();
    order ();
    composite_arguments ();
    wait_all ();
    wait_any ();
    composite_contexts ();
    chain_outcomes ();
    chain_streams ();
    chain_contexts ();
    return done_testing ();
}
