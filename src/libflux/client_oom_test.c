/* client_oom_test.c - the k-th allocation of the calling thread fails, for
 * every k: it is reported as ENOMEM, nothing leaks (run it under
 * AddressSanitizer), and the same thing works afterwards.
 *
 * Linked with --wrap: what our own code allocates can fail, not jansson's.
 */

#include "config.h"
#include <stdarg.h>
#include <stdio.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/eventlog.h"
#include "fake_broker.h"
#include "job_sign.h"
#include "kvs_private.h"

static __thread int countdown; /* the allocation at which it becomes 0 fails */
static __thread bool triggered;

static bool must_fail (void)
{
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
void *__real_reallocarray (void *p, size_t n, size_t size);
char *__real_strdup (const char *s);
char *__real_strndup (const char *s, size_t n);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t size);
void *__wrap_reallocarray (void *p, size_t n, size_t size);
char *__wrap_strdup (const char *s);
char *__wrap_strndup (const char *s, size_t n);

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

void *__wrap_reallocarray (void *p, size_t n, size_t size)
{
    return must_fail () ? NULL : __real_reallocarray (p, n, size);
}

char *__wrap_strdup (const char *s)
{
    return must_fail () ? NULL : __real_strdup (s);
}

char *__wrap_strndup (const char *s, size_t n)
{
    return must_fail () ? NULL : __real_strndup (s, n);
}

/* A scenario returns 0, or -1 with errno as a function of ours left it. */
typedef int (*scenario_f) (flux_t *h);

static int keep (int rc)
{
    return rc < 0 ? -1 : 0;
}

static int use_idsets (flux_t *h)
{
    struct idset *a = idset_decode ("1-100,5000,2000000-3000000");
    struct idset *b = a ? idset_decode ("50-60,70000") : NULL;
    struct idset *u = b ? idset_union (a, b) : NULL;
    struct idset *i = u ? idset_intersect (a, b) : NULL;
    struct idset *d = i ? idset_difference (a, b) : NULL;
    char *s = NULL;
    int rc = -1;

    if (d && idset_set (d, 123456) == 0 && idset_range_clear (d, 10, 99) == 0
        && idset_add (d, b) == 0 && (s = idset_encode (d, IDSET_FLAG_RANGE)))
        rc = 0;
    free_keep_errno (s);
    idset_destroy (a);
    idset_destroy (b);
    idset_destroy (u);
    idset_destroy (i);
    idset_destroy (d);
    return rc;
}

static int use_hostlists (flux_t *h)
{
    struct hostlist *hl = hostlist_decode ("a[1-3],b,c[01-03]-x,a[2-9]");
    struct hostlist *cpy = hl ? hostlist_copy (hl) : NULL;
    struct hostlist_hostname *hn = cpy ? hostlist_hostname_create ("a2") : NULL;
    char *s = NULL;
    int rc = -1;

    if (hn && hostlist_append (cpy, "d[1-2],e") == 3 && hostlist_delete (cpy, "a2,b") == 2
        && hostlist_first (cpy)) {
        hostlist_sort (hl); /* may do nothing: it cannot say so */
        if ((s = hostlist_encode (cpy)))
            rc = 0;
    }
    free_keep_errno (s);
    hostlist_hostname_destroy (hn);
    hostlist_destroy (cpy);
    hostlist_destroy (hl);
    return rc;
}

static int use_conf (flux_t *h)
{
    flux_conf_t *conf = flux_conf_pack ("{s:i}", "a", 1);
    flux_conf_t *cpy = conf ? flux_conf_copy (conf) : NULL;
    int rc = -1;

    if (cpy && flux_conf_update (cpy, "b.c.d=[1]", NULL) == 0)
        rc = 0;
    flux_conf_decref (cpy);
    flux_conf_decref (conf);
    return rc;
}

static int use_transactions (flux_t *h)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    struct text t = TEXT_INIT;
    int append = FLUX_KVS_APPEND;
    int rc = -1;

    if (txn && flux_kvs_txn_put (txn, append, "a", "1") == 0
        && flux_kvs_txn_put (txn, append, "b", "1") == 0
        && flux_kvs_txn_pack (txn, append, "a", "i", 2) == 0
        && flux_kvs_txn_symlink (txn, 0, "s", "n", "t") == 0
        && flux_kvs_txn_put_treeobj (txn,
                                     0,
                                     "t",
                                     "{\"data\":{},\"type\":\"dir\",\"ver\":1}")
               == 0
        && flux_kvs_txn_unlink (txn, 0, "u") == 0 && kvs_txn_compact (txn) == 0
        && kvs_txn_write (txn, &t) == 0)
        rc = 0;
    text_fini (&t);
    flux_kvs_txn_destroy (txn);
    return rc;
}

static int use_directories (flux_t *h)
{
    flux_kvsdir_t *dir = flux_kvsdir_create (h, "{}", "a.b", "{\"data\":{},\"type\":\"dir\","
                                                             "\"ver\":1}");
    flux_kvsdir_t *cpy = dir ? flux_kvsdir_copy (dir) : NULL;
    flux_kvsitr_t *itr = cpy ? flux_kvsitr_create (cpy) : NULL;
    char *key = itr ? flux_kvsdir_key_at (cpy, "c") : NULL;
    int rc = key ? 0 : -1;

    free_keep_errno (key);
    flux_kvsitr_destroy (itr);
    flux_kvsdir_destroy (cpy);
    flux_kvsdir_destroy (dir);
    return rc;
}

static int use_texts (flux_t *h)
{
    struct text t = TEXT_INIT;
    char *s = NULL;
    int rc = -1;

    job_sign_none (&t, "{}", 2, 0);
    if (text_error (&t) < 0)
        errno = ENOMEM;
    else if ((s = flux_unwrap_string (t.buf, true, NULL, NULL))) {
        text_clear (&t);
        if (eventlog_append (&t, 1., "n\"ame", "{}") == 0 && text_error (&t) == 0)
            rc = 0;
        else
            errno = ENOMEM;
    }
    free_keep_errno (s);
    text_fini (&t);
    return rc;
}

static int use_lookups (flux_t *h)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, 0, "a");
    const char *s;
    int rc = -1;

    if (f && flux_kvs_lookup_get (f, &s) == 0
        && flux_kvs_lookup_get_treeobj (f, &s) == 0)
        rc = 0;
    flux_future_destroy (f);
    return rc;
}

static int use_commits (flux_t *h)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL;
    const char *s;
    int rc = -1;

    if (txn && flux_kvs_txn_put (txn, 0, "a", "1") == 0
        && (f = flux_kvs_commit (h, NULL, 0, txn))
        && flux_kvs_commit_get_treeobj (f, &s) == 0)
        rc = 0;
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    return rc;
}

static int use_copies (flux_t *h)
{
    flux_future_t *f = flux_kvs_copy (h, NULL, "a", NULL, "b", 0);
    int rc = f ? keep (flux_future_get (f, NULL)) : -1;

    flux_future_destroy (f);
    return rc;
}

static int use_events (flux_t *h)
{
    flux_future_t *f = flux_job_event_watch (h, 1, "eventlog", 0);
    const char *s;
    int rc = f ? keep (flux_job_event_watch_get (f, &s)) : -1;

    flux_future_destroy (f);
    return rc;
}

static int use_results (flux_t *h)
{
    flux_future_t *f = flux_job_result (h, 1, 0);
    const char *s;
    int rc = f ? keep (flux_job_result_get (f, &s)) : -1;

    flux_future_destroy (f);
    return rc;
}

static int use_attributes (flux_t *h)
{
    char *s = NULL;
    int rc = -1;

    if (flux_attr_set_cacheonly (h, "hostlist", "x[0-3]") == 0
        && flux_attr_get (h, "volatile") && (s = flux_hostmap_lookup (h, "1-2", NULL)))
        rc = 0;
    free_keep_errno (s);
    return rc;
}

static const struct {
    const char *name;
    scenario_f fun;
} scenarios[] = {
    { "idsets", use_idsets },         { "hostlists", use_hostlists },
    { "configuration", use_conf },    { "transactions", use_transactions },
    { "directories", use_directories }, { "texts", use_texts },
    { "lookups", use_lookups },       { "commits", use_commits },
    { "copies", use_copies },         { "events", use_events },
    { "results", use_results },       { "attributes", use_attributes },
};

/* Fail the k-th allocation.  Returns false when there is no such. */
static bool fail_at (flux_t *h, scenario_f fun, int k, int *odd)
{
    bool again;
    int rc;

    triggered = false;
    countdown = k;
    errno = 0;
    rc = fun (h);
    again = triggered;
    countdown = 0;
    if (rc < 0 && (!again || errno != ENOMEM)) {
        diag ("allocation %d: %s", k, strerror (errno));
        ++*odd;
    }
    if (fun (h) < 0) {
        diag ("after allocation %d: %s", k, strerror (errno));
        ++*odd;
    }
    return again;
}

int main (void)
{
    flux_t *h = fake_start ();

    fake_answer ("kvs.lookup",
                 0,
                 "{\"val\":{\"data\":\"Zm9v\",\"type\":\"val\",\"ver\":1}}",
                 NULL);
    fake_answer ("kvs.commit",
                 0,
                 "{\"rootref\":\"sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91\","
                 "\"rootseq\":5}",
                 NULL);
    fake_answer ("attr.get", 0, "{\"value\":\"a\",\"flags\":0}", NULL);
    fake_answer ("job-info.eventlog-watch",
                 ENODATA,
                 "{\"event\":\"{\\\"timestamp\\\":1.0,\\\"name\\\":\\\"exception\\\","
                 "\\\"context\\\":{\\\"type\\\":\\\"cancel\\\",\\\"severity\\\":0}}\\n\"}",
                 NULL);
    fake_answer ("job-info.eventlog-watch-cancel", 0, NULL);
    for (size_t i = 0; i < ARRAY_SIZE (scenarios); i++) {
        int odd = 0;
        int k = 1;

        while (fail_at (h, scenarios[i].fun, k, &odd))
            k++;
        ok (k > 3 && odd == 0, "%s: %d allocations failed", scenarios[i].name, k - 1);
    }
    fake_stop (h);
    return done_testing ();
}
