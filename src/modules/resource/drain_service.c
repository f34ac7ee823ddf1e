/* resource/drain_service.c - resource.drain, resource.undrain, and their log. */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include <flux/hostlist.h>
#include "common/errprintf.h"
#include "common/eventlog.h"
#include "common/kvsops.h"
#include "common/util.h"
#include "resource.h"

/* Targets are ranks, or hosts.  Returns 0, or -1 with errno and a sentence. */
static int decode_targets (struct resource *r,
                           const char *targets,
                           struct idset **ret,
                           flux_error_t *error)
{
    struct idset *ids;
    struct hostlist *hl = NULL;
    const char *host;

    if (!(ids = idset_decode (targets))) {
        if (!(ids = idset_create (0, IDSET_FLAG_AUTOGROW))
            || !(hl = hostlist_decode (targets))) {
            errprintf (error, "target must be a valid idset or hostlist");
            goto inval;
        }
        for (host = hostlist_first (hl); host; host = hostlist_next (hl)) {
            bool known = false;

            for (size_t i = 0; i < rset_nnodes (r->R); i++) {
                const char *name = rset_host_at (r->R, i);

                if (name && !strcmp (name, host)) {
                    known = true;
                    idset_set (ids, rset_rank_at (r->R, i));
                }
            }
            if (!known) {
                errprintf (error, "host %s not found in host map", host);
                goto inval;
            }
        }
    }
    if (idset_empty (ids) || idset_last (ids) >= r->nranks) {
        errprintf (error, "idset is out of range");
        goto inval;
    }
    hostlist_destroy (hl);
    *ret = ids;
    return 0;
inval:
    hostlist_destroy (hl);
    idset_destroy (ids);
    errno = EINVAL;
    return -1;
}

/* The line that records a change, appended to t. */
static void put_event (struct resource *r,
                       struct text *t,
                       const char *name,
                       const struct idset *ids,
                       const char *reason,
                       enum drain_mode mode)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);
    struct rset *sub = NULL;

    eventlog_begin (t, flux_reactor_time (), name);
    text_printf (t, ",\"context\":{\"idset\":\"%s\",\"nodelist\":\"", s ? s : "");
    if (!s || rset_subset (r->R, ids, &sub) < 0 || rset_nodelist (sub, t) < 0)
        t->error = -ENOMEM;
    text_putc (t, '"');
    if (reason) {
        text_puts (t, ",\"reason\":");
        text_put_json_string (t, reason, strlen (reason));
    }
    if (!strcmp (name, "drain"))
        text_printf (t,
                     ",\"overwrite\":%d",
                     mode == DRAIN_FORCE ? 2 : mode == DRAIN_OVERWRITE ? 1 : 0);
    text_putc (t, '}');
    eventlog_end (t);
    rset_free (sub);
    free (s);
}

static void committed (struct resource *r, flux_future_t *f, const flux_msg_t *msg)
{
    int rc;

    if (flux_rpc_get (f, NULL) < 0)
        rc = flux_respond_error (r->h, msg, errno, future_strerror (f, errno));
    else
        rc = flux_respond (r->h, msg, NULL);
    if (rc < 0)
        flux_log_error (r->h, "drain response");
}

/* Commit one line; the request is answered when it is in the KVS. */
static int commit_event (struct resource *r, const struct text *line, const flux_msg_t *msg)
{
    struct kvsops ops = KVSOPS_INIT;
    char *payload;
    int rc = -1;

    if (text_error (line)) {
        errno = ENOMEM;
        return -1;
    }
    kvsops_append (&ops, "resource.eventlog", line->buf, line->len);
    payload = kvsops_finish (&ops, KVS_PRIMARY_NAMESPACE, 0);
    if (payload)
        rc = resource_ask (r, msg, flux_rpc (r->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0),
                           committed);
    free_keep_errno (payload);
    return rc;
}

/* Tell the scheduler which of the ranks changed: was is what was up before. */
static void announce (struct resource *r, const struct idset *was)
{
    struct idset *is = resource_up (r);
    struct idset *up = is ? idset_difference (is, was) : NULL;
    struct idset *down = is ? idset_difference (was, is) : NULL;

    if (up && down) {
        resource_acquire_update (r, up, true);
        resource_acquire_update (r, down, false);
    }
    else
        flux_log (r->h, LOG_ERR, "out of memory");
    idset_destroy (is);
    idset_destroy (up);
    idset_destroy (down);
}

static int parse_mode (const char *s, enum drain_mode *mode)
{
    if (!s)
        *mode = DRAIN_STRICT;
    else if (!strcmp (s, "update"))
        *mode = DRAIN_UPDATE;
    else if (!strcmp (s, "overwrite"))
        *mode = DRAIN_OVERWRITE;
    else if (!strcmp (s, "force-overwrite"))
        *mode = DRAIN_FORCE;
    else {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

/* resource.drain   { "targets":s "reason"?:s "mode"?:s } -> {}
 * resource.undrain { "targets":s "reason"?:s "mode"?:s } -> {}
 */
static void change (struct resource *r, const flux_msg_t *msg, bool drain)
{
    const char *targets, *reason = NULL, *s = NULL;
    struct idset *ids = NULL, *was = NULL;
    struct text line = TEXT_INIT;
    flux_error_t error = { "" };
    enum drain_mode mode;
    int rc;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:s s?s s?s}",
                             "targets", &targets,
                             "reason", &reason,
                             "mode", &s) < 0
        || parse_mode (s, &mode) < 0
        || decode_targets (r, targets, &ids, &error) < 0)
        goto error;
    if (!(was = resource_up (r)))
        goto error;
    if (drain)
        rc = drain_set (r->drain, ids, flux_reactor_time (), reason, mode, &error);
    else
        rc = drain_clear (r->drain, ids, mode != DRAIN_STRICT, &error);
    if (rc < 0) {
        errno = -rc;
        goto error;
    }
    announce (r, was);
    put_event (r, &line, drain ? "drain" : "undrain", ids, reason, mode);
    if (commit_event (r, &line, msg) < 0)
        goto error;
    goto done;
error:
    if (flux_respond_error (r->h, msg, errno, error.text[0] ? error.text : NULL) < 0)
        flux_log_error (r->h, "drain response");
done:
    text_fini (&line);
    idset_destroy (was);
    idset_destroy (ids);
}

void resource_drain_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    change (arg, msg, true);
}

void resource_undrain_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    change (arg, msg, false);
}

static void replay_entry (struct resource *r, const char *line, size_t len)
{
    const char *s, *reason = NULL;
    double timestamp;
    int overwrite = 0;
    char *name;
    struct idset *ids;
    json_t *o;

    if (!(o = json_loadb (line, len, 0, NULL)))
        return;
    if (json_unpack (o,
                     "{s:s s:F s:{s:s s?s s?i}}",
                     "name", &name,
                     "timestamp", &timestamp,
                     "context",
                       "idset", &s,
                       "reason", &reason,
                       "overwrite", &overwrite) == 0
        && (ids = idset_decode (s))) {
        if (!idset_empty (ids) && idset_last (ids) < r->nranks) {
            if (!strcmp (name, "drain"))
                (void)drain_set (r->drain,
                                 ids,
                                 timestamp,
                                 reason,
                                 overwrite == 2   ? DRAIN_FORCE
                                 : overwrite == 1 ? DRAIN_OVERWRITE
                                                  : DRAIN_UPDATE,
                                 NULL);
            else if (!strcmp (name, "undrain"))
                (void)drain_clear (r->drain, ids, true, NULL);
        }
        idset_destroy (ids);
    }
    json_decref (o);
}

void resource_replay (struct resource *r, const char *log, size_t len)
{
    const char *pos = log, *line;
    size_t n;

    while ((line = eventlog_next_line (&pos, log + len, &n)))
        replay_entry (r, line, n);
}
