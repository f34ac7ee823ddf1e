/* job-list.list (user)
 *   { "max_entries":i "attrs":[s] "since"?:F "constraint"?:o }
 *   -> { "jobs":[o] }, or, if streaming, { "jobs":[o] "version"?:1 } ..., ENODATA
 * job-list.list-attrs (user)  -> { "attrs":[s] }
 *
 * All matching jobs are found before one is sent (listing.h), so that every
 * error comes before any job.  What that takes is bounded by max_comparisons.
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "listing.h"
#include "match.h"

struct query {
    int64_t max_entries; /* 0: all */
    double since;
    struct jview attrs;
    struct match *match;
};

/* ---- decoding ------------------------------------------------------------------- */

/* The oldest form: fields instead of a constraint; incomplete, it is none. */
static void write_legacy (struct jview v, struct text *t)
{
    static const char *const keys[] = { "userid", "states", "results", "name", "queue" };
    struct jview f[5];
    int64_t userid, states, results;
    const char *comma = "";

    jview_pick (v, 5, keys, f);
    if (jview_int (f[0], &userid) < 0 || jview_int (f[1], &states) < 0
        || jview_int (f[2], &results) < 0)
        return;
    text_puts (t, "{\"and\":[");
    if ((uint32_t)userid != FLUX_USERID_UNKNOWN) {
        text_printf (t, "{\"userid\":[%lld]}", (long long)userid);
        comma = ",";
    }
    for (int i = 3; i <= 4; i++) {
        if (jview_is (f[i], JVIEW_STRING)) {
            text_printf (t, "%s{\"%s\":[", comma, keys[i]);
            jview_put (t, f[i]);
            text_puts (t, "]}");
            comma = ",";
        }
    }
    if (states != 0) {
        text_printf (t, "%s{\"states\":[%lld]}", comma, (long long)states);
        comma = ",";
    }
    if (results != 0)
        text_printf (t, "%s{\"results\":[%lld]}", comma, (long long)results);
    text_puts (t, "]}");
}

static int
compile (struct service *s, const flux_msg_t *msg, struct jview v, struct query *q)
{
    _cleanup_ (text_fini)
    struct text why = TEXT_INIT;
    _cleanup_ (text_fini)
    struct text legacy = TEXT_INIT;
    struct jview constraint = jview_get (v, "constraint");
    uint32_t userid;
    int r;

    if (!jview_present (constraint)) {
        write_legacy (v, &legacy);
        if (legacy.len > 0)
            constraint = (struct jview){ legacy.buf, legacy.len };
    }
    text_puts (&why, "constraint object invalid: ");
    if ((r = match_compile (&q->match, s->jl, constraint, s->max_ids, &why)) == -EINVAL) {
        service_refuse_payload (s, msg, text_error (&why) ? "constraint" : why.buf);
        return -1;
    }
    if (r == 0 && service_restricts (s, msg, &userid))
        r = match_restrict (&q->match, userid);
    if (r < 0) {
        service_refuse (s, msg, -r, NULL);
        return -1;
    }
    return 0;
}

/* Answers and returns -1 if the request cannot be served. */
static int decode (struct service *s, const flux_msg_t *msg, struct query *q)
{
    int max_entries;
    json_t *attrs;
    struct jview v;

    *q = (struct query){ .since = 0. };
    if (flux_request_unpack (msg, NULL, "{s:i s:o s?F}", "max_entries", &max_entries,
                             "attrs", &attrs, "since", &q->since)
            < 0
        || service_decode (msg, &v) < 0) {
        service_refuse_payload (s, msg, flux_msg_last_error (msg));
        return -1;
    }
    q->max_entries = max_entries;
    q->attrs = jview_get (v, "attrs");
    if (max_entries < 0)
        service_refuse_payload (s, msg, "max_entries < 0 not allowed");
    else if (q->since < 0.)
        service_refuse_payload (s, msg, "since < 0.0 not allowed");
    else if (!jview_is (q->attrs, JVIEW_ARRAY))
        service_refuse_payload (s, msg, "attrs must be an array");
    else
        return compile (s, msg, v, q);
    return -1;
}

/* ---- finding ----------------------------------------------------------------------- */

static bool is_full (const struct query *q, const struct listing *l)
{
    return q->max_entries > 0 && l->count >= (size_t)q->max_entries;
}

/* 0; EINVAL: too many comparisons; ENOMEM. */
static int find_in (struct service *s,
                    const struct query *q,
                    struct listing *l,
                    enum list_id list,
                    uint64_t *cost)
{
    struct record *rec;

    for (rec = jl_first (s->jl, list); rec && !is_full (q, l); rec = jl_next (rec)) {
        if (list == LIST_INACTIVE && rec->t_inactive <= q->since)
            break;
        if (match_record (q->match, rec, cost) && listing_add (l, rec->id) < 0)
            return ENOMEM;
        if (s->max_comparisons > 0 && *cost > (uint64_t)s->max_comparisons)
            return EINVAL;
    }
    return 0;
}

static int find (struct service *s, const struct query *q, struct listing *l)
{
    static const int states[LIST_COUNT] = { STATE_PENDING, STATE_RUNNING,
                                            STATE_INACTIVE };
    uint64_t cost = 0;
    int errnum = 0;

    for (int list = 0; list < LIST_COUNT && errnum == 0; list++) {
        if (match_states (q->match, states[list]))
            errnum = find_in (s, q, l, list, &cost);
    }
    return errnum;
}

/* ---- requests ------------------------------------------------------------------------- */

static void refuse_find (struct service *s, const flux_msg_t *msg, int errnum)
{
    service_refuse (s, msg, errnum,
                    errnum == EINVAL
                        ? "Excessive comparisons made, limit search via states or since"
                        : NULL);
}

void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct listing *l;
    struct query q;
    int errnum;

    if (journal_defers (s, msg, list_cb))
        return;
    if (listing_is_full (s)) {
        waiting_add (s, &s->later, msg, list_cb);
        return;
    }
    if (decode (s, msg, &q) < 0)
        return;
    if (!(l = listing_new (msg, q.attrs))) {
        match_free (q.match, s->jl);
        service_refuse (s, msg, ENOMEM, NULL);
        return;
    }
    errnum = find (s, &q, l);
    match_free (q.match, s->jl);
    if (errnum != 0)
        refuse_find (s, msg, errnum);
    else if (l->count > 0 && l->attrs.error)
        service_refuse (s, msg, EINVAL, l->attrs.error);
    else
        listing_send (s, move_ptr (l));
    listing_free (l);
}

void list_attrs_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct text *t = &s->scratch;

    if (journal_defers (s, msg, list_attrs_cb))
        return;
    text_clear (t);
    attrs_put_names (t);
    service_respond_text (s, msg, t);
}
