/* Futures made of others: composites and chains. */

#include "config.h"

#include "future_test.h"

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
    t.held = true;
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
    t1.held = true;
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
    composite_arguments ();
    wait_all ();
    wait_any ();
    composite_contexts ();
    chain_outcomes ();
    chain_streams ();
    chain_contexts ();
    return done_testing ();
}
