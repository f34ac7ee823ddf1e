/* future_result.c - what a future holds: values, errors, a fatal error. */

#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "future_private.h"

static void value_unref (struct future_value *v)
{
    if (v && --v->refcount == 0) {
        if (v->free_fn)
            v->free_fn (v->value);
        free (v);
    }
}

static void result_free (flux_future_t *f, struct future_result *res)
{
    if (!res)
        return;
    if (res->shared)
        value_unref (res->shared);
    else if (res->free_fn)
        res->free_fn (res->value);
    free (res->errstr);
    future_unref (res->from);
    if (res == &f->first)
        f->first_used = false;
    else
        free (res);
}

void future_drop_current (flux_future_t *f)
{
    result_free (f, move_ptr (f->current));
}

bool future_next_result (flux_future_t *f)
{
    if (!(f->current = list_first (&f->queue, struct future_result, node)))
        return false;
    list_del (&f->current->node);
    return true;
}

static struct future_result *result_new (flux_future_t *f)
{
    struct future_result *res = &f->first;

    if (f->first_used)
        res = malloc (sizeof (*res));
    if (res) {
        memset (res, 0, sizeof (*res));
        list_init (&res->node);
        if (res == &f->first)
            f->first_used = true;
    }
    return res;
}

void future_queue_clear (flux_future_t *f)
{
    struct future_result *res;

    while ((res = list_first (&f->queue, struct future_result, node))) {
        list_del (&res->node);
        result_free (f, res);
    }
}

static void result_add (flux_future_t *f, struct future_result *res)
{
    if (f->current)
        list_append (&f->queue, &res->node);
    else {
        f->current = res;
        future_became_ready (f);
    }
}

void flux_future_fatal_error (flux_future_t *f, int errnum, const char *errstr)
{
    int saved_errno = errno;

    if (!f || f->is_fatal)
        return;
    f->is_fatal = true;
    f->fatal_errnum = errnum ? errnum : EINVAL;
    /* Without memory for it, the text is that of errnum. */
    f->fatal_errstr = errstr ? strdup (errstr) : NULL;
    future_queue_clear (f);
    future_became_ready (f);
    errno = saved_errno;
}

void flux_future_fulfill (flux_future_t *f, void *result, flux_free_f free_fn)
{
    struct future_result *res;
    int saved_errno = errno;

    if (f && !f->is_fatal && (res = result_new (f))) {
        res->value = result;
        res->free_fn = free_fn;
        result_add (f, res);
    }
    else {
        flux_future_fatal_error (f, ENOMEM, NULL); /* a former one stays */
        if (free_fn)
            free_fn (result);
    }
    errno = saved_errno;
}

void flux_future_fulfill_error (flux_future_t *f, int errnum, const char *errstr)
{
    struct future_result *res;
    int saved_errno = errno;

    if (!f || f->is_fatal)
        return;
    if (!(res = result_new (f)))
        flux_future_fatal_error (f, ENOMEM, NULL);
    else {
        res->errnum = errnum ? errnum : EINVAL;
        res->errstr = errstr ? strdup (errstr) : NULL;
        result_add (f, res);
    }
    errno = saved_errno;
}

/* From now on the value of res is counted. */
static struct future_value *result_share (struct future_result *res)
{
    struct future_value *v;

    if (!res->shared) {
        if (!(v = malloc (sizeof (*v))))
            return NULL;
        v->refcount = 1;
        v->value = res->value;
        v->free_fn = res->free_fn;
        res->shared = v;
    }
    res->shared->refcount++;
    return res->shared;
}

void future_pass (flux_future_t *f, flux_future_t *p)
{
    struct future_result *res;

    if (!f->embedded) {
        future_ref (p);
        f->embedded = p;
    }
    if (p->is_fatal) {
        flux_future_fatal_error (f, p->fatal_errnum, p->fatal_errstr);
        return;
    }
    if (f->is_fatal)
        return;
    if (!(res = result_new (f))) {
        flux_future_fatal_error (f, ENOMEM, NULL);
        return;
    }
    if (p->current->errnum) {
        res->errnum = p->current->errnum;
        res->errstr = p->current->errstr ? strdup (p->current->errstr) : NULL;
    }
    else if (!(res->shared = result_share (p->current))) {
        result_free (f, res);
        flux_future_fatal_error (f, ENOMEM, NULL);
        return;
    }
    else
        res->value = p->current->value;
    future_ref (p);
    res->from = p;
    result_add (f, res);
}

int flux_future_fulfill_with (flux_future_t *f, flux_future_t *p)
{
    if (!f || !p || f == p) {
        errno = EINVAL;
        return -1;
    }
    if (!flux_future_is_ready (p)) {
        errno = EAGAIN;
        return -1;
    }
    if (f->embedded && f->embedded != p) {
        errno = EEXIST;
        return -1;
    }
    future_pass (f, p);
    return 0;
}

int future_errnum (const flux_future_t *f)
{
    if (f->is_fatal)
        return f->fatal_errnum;
    return f->current ? f->current->errnum : 0;
}

const char *future_errstr (const flux_future_t *f)
{
    if (f->is_fatal)
        return f->fatal_errstr;
    return f->current ? f->current->errstr : NULL;
}

bool flux_future_has_error (flux_future_t *f)
{
    return f && future_errnum (f) != 0;
}

const char *flux_future_error_string (flux_future_t *f)
{
    const char *s;

    if (!flux_future_has_error (f))
        return NULL;
    return (s = future_errstr (f)) ? s : strerror (future_errnum (f));
}
