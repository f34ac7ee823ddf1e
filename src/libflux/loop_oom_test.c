/* loop_oom_test.c - the k-th allocation fails, for every k.
 *
 * Whatever is lost then is reported, nothing leaks (run it under
 * AddressSanitizer), and the same handle works afterwards.  Linked with
 * --wrap, so that only what the library itself allocates can fail: libev
 * aborts without memory, by its design.
 */

#include "config.h"
#include <stdarg.h>
#include <stdio.h>
#include <flux/core.h>

#include "common/tap.h"

static int countdown;  /* the allocation at which it becomes 0 fails; 0: none */
static bool sticky;    /* ... and all that follow */
static bool triggered; /* one has failed */

static bool must_fail (void)
{
    if (sticky && triggered) {
        errno = ENOMEM;
        return true;
    }
    if (countdown > 0 && --countdown == 0) {
        triggered = true;
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t size);
char *__real_strdup (const char *s);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t size);
char *__wrap_strdup (const char *s);
int __wrap_asprintf (char **s, const char *fmt, ...) _printf_ (2, 3);

void *__wrap_malloc (size_t size)
{
    return must_fail () ? NULL : __real_malloc (size);
}

void *__wrap_calloc (size_t n, size_t size)
{
    return must_fail () ? NULL : __real_calloc (n, size);
}

void *__wrap_realloc (void *p, size_t size)
{
    return must_fail () ? NULL : __real_realloc (p, size);
}

char *__wrap_strdup (const char *s)
{
    return must_fail () ? NULL : __real_strdup (s);
}

int __wrap_asprintf (char **s, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (must_fail ()) {
        *s = (char *)fmt; /* undefined, says the manual */
        return -1;
    }
    va_start (ap, fmt);
    n = vasprintf (s, fmt, ap);
    va_end (ap);
    return n;
}

static void echo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int n;

    if (flux_request_unpack (msg, NULL, "{s:i}", "n", &n) < 0
        || flux_respond_pack (h, msg, "{s:i}", "n", n) < 0)
        flux_respond_error (h, msg, errno, "no");
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    ++*(int *)arg;
}

static const struct flux_msg_handler_spec tab[] = {
    { FLUX_MSGTYPE_REQUEST, "x.echo", echo_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "x.*", echo_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "x.event", event_cb, 0 },
    { FLUX_MSGTYPE_EVENT, NULL, event_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void done_cb (flux_future_t *f, void *arg)
{
    int n;

    *(int *)arg = flux_rpc_get_unpack (f, "{s:i}", "n", &n) == 0 ? n : -1;
    flux_future_destroy (f);
}

static void and_then_cb (flux_future_t *prev, void *arg)
{
    flux_t *h = flux_future_get_flux (prev);
    flux_future_t *f = NULL;
    int n;

    if (flux_rpc_get_unpack (prev, "{s:i}", "n", &n) < 0
        || !(f = flux_rpc_pack (h, "x.echo", FLUX_NODEID_ANY, 0, "{s:i}", "n", n + 1))
        || flux_future_continue (prev, f) < 0) {
        flux_future_continue_error (prev, errno, NULL);
        flux_future_destroy (f);
    }
    flux_future_destroy (prev);
}

static int passes (flux_t *h, const int *result)
{
    for (int i = 0; i < 20 && *result == 0; i++)
        if (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_NOWAIT) < 0)
            return -1;
    return *result > 0 ? 0 : -1;
}

static flux_future_t *echo (flux_t *h)
{
    return flux_rpc_pack (h, "x.echo", FLUX_NODEID_ANY, 0, "{s:i}", "n", 1);
}

static int simple_rpc (flux_t *h)
{
    flux_future_t *f;
    int result = 0;

    if (!(f = echo (h)))
        return -1;
    if (flux_future_then (f, 100., done_cb, &result) < 0 || passes (h, &result) < 0) {
        if (result == 0)
            flux_future_destroy (f);
        return -1;
    }
    return 0;
}

static int chained_rpc (flux_t *h)
{
    flux_future_t *f, *next;
    int result = 0;

    if (!(f = echo (h)))
        return -1;
    if (!(next = flux_future_and_then (f, and_then_cb, NULL))) {
        flux_future_destroy (f);
        return -1;
    }
    if (flux_future_then (next, -1., done_cb, &result) < 0 || passes (h, &result) < 0) {
        if (result == 0)
            flux_future_destroy (next);
        return -1;
    }
    return result == 2 ? 0 : -1;
}

static int composite_rpc (flux_t *h)
{
    flux_future_t *cf, *f;
    int rc = -1;

    if (!(cf = flux_future_wait_all_create ()))
        return -1;
    flux_future_set_flux (cf, h);
    for (int i = 0; i < 3; i++) {
        if (!(f = echo (h)))
            goto done;
        if (flux_future_push (cf, i == 1 ? "name" : NULL, f) < 0) {
            flux_future_destroy (f);
            goto done;
        }
    }
    if (flux_future_wait_for (cf, 0.0001) == 0 || errno != ETIMEDOUT)
        goto done;
    for (int i = 0; i < 20 && !flux_future_is_ready (cf); i++)
        if (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_NOWAIT) < 0)
            goto done;
    rc = flux_future_is_ready (cf) ? flux_future_get (cf, NULL) : -1;
done:
    flux_future_destroy (cf);
    return rc;
}

static int event (flux_t *h, const int *count)
{
    flux_msg_t *msg = flux_event_pack ("x.event", "{s:s}", "a", "b");
    int rc = -1;

    if (msg && flux_send (h, msg, 0) == 0)
        rc = passes (h, count);
    flux_msg_destroy (msg);
    return rc == 0 && *count == 2 ? 0 : -1;
}

static int scenario (flux_t *h)
{
    flux_msg_handler_t **handlers;
    int count = 0;
    int rc;

    if (flux_msg_handler_addvec (h, tab, &count, &handlers) < 0)
        return -1;
    rc = simple_rpc (h);
    if (rc == 0)
        rc = chained_rpc (h);
    if (rc == 0)
        rc = composite_rpc (h);
    if (rc == 0)
        rc = event (h, &count);
    flux_msg_handler_delvec (handlers);
    return rc;
}

static void drain (flux_t *h)
{
    flux_msg_t *msg;

    while ((msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        flux_msg_destroy (msg);
}

/* Returns false when k is beyond the last allocation. */
static bool fail_at (int k, int *silent, int *broken)
{
    flux_t *h = flux_open ("loop://", 0);
    bool again;
    int rc;

    if (!h)
        bail_out ("flux_open: %s", strerror (errno));
    triggered = false;
    countdown = k;
    rc = scenario (h);
    again = triggered;
    countdown = 0;
    triggered = false;
    drain (h);
    if (!again && rc < 0)
        ++*silent;
    if (scenario (h) < 0) {
        diag ("after allocation %d failed the handle is broken: %s", k, strerror (errno));
        ++*broken;
    }
    flux_close (h);
    return again;
}

int main (void)
{
    for (int mode = 0; mode < 2; mode++) {
        int silent = 0;
        int broken = 0;
        int k = 1;

        sticky = mode;
        while (fail_at (k, &silent, &broken))
            k++;
        ok (k > 50, "%d allocations failed %s", k - 1, sticky ? "and all after" : "once");
        is_int (broken, 0, "the handle works after each");
        is_int (silent, 0, "without a failure all succeeds");
    }
    return done_testing ();
}
