#include "config.h"

#include "future_test.h"

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

static void waiting (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    struct ticker t = { .held = true };
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
    flux_watcher_start (t.w);
    t.held = false;
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

struct timed {
    int left;
    flux_watcher_t *late;
};

/* After the second timeout something comes well before the third. */
static void timed_cb (flux_future_t *f, void *arg)
{
    struct timed *t = arg;

    note_cb (f, NULL);
    flux_future_reset (f);
    if (--t->left == 2)
        flux_watcher_start (t->late);
    if (t->left == 0)
        flux_future_destroy (f);
}

static void timeouts (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_future_t *f = flux_future_create (NULL, NULL);
    flux_watcher_t *w = flux_timer_watcher_create (r, 0.03, 0., late_cb, f);
    struct timed t = { .left = 4, .late = w };
    double t0 = flux_reactor_time ();
    double t1;

    flux_future_set_reactor (f, r);
    trace[0] = '\0';
    flux_future_then (f, 0.3, timed_cb, &t);
    is_int (flux_reactor_run (r, 0), 0, "timeouts and a late result");
    is (trace, "!110 !110 late !110 ", "come as they are due; reset arms again");
    t1 = flux_reactor_time () - t0;
    ok (t1 >= 0.929, "at 0.93 s (%.3f)", t1);
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
    return done_testing ();
}
