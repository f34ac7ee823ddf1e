/* job-list.list (user)
 *   { "max_entries":i "attrs":[s] "since"?:F "constraint"?:o }
 *   -> { "jobs":[o] }, or, if streaming, { "jobs":[o] "version"?:1 } ..., ENODATA
 * job-list.list-attrs (user)  -> { "attrs":[s] }
 *
 * First all matching jobs are found, so that every error comes before any job.
 * A stream is then sent in portions: other requests are served in between, and
 * a job is shown as it is when its turn comes.
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "attrs.h"
#include "match.h"
#include "service.h"

/* Bytes of one message of a stream, and of one pass over all streams. */
#define PORTION (64 << 10)

struct listing {
    struct list node; /* in s->listings, when streaming */
    const flux_msg_t *msg;
    uint64_t *ids;
    size_t count;
    size_t room;
    size_t next;
    struct attrs attrs;
};

struct query {
    int64_t max_entries; /* 0: all */
    double since;
    struct jview attrs;
    struct match *match;
};

static void listing_free (struct listing *l)
{
    if (!l)
        return;
    list_del (&l->node);
    flux_msg_decref (l->msg);
    attrs_fini (&l->attrs);
    free (l->ids);
    free (l);
}

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
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    _cleanup_ (text_fini) struct text legacy = TEXT_INIT;
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

static int remember (struct listing *l, uint64_t id)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        uint64_t *ids = realloc (l->ids, room * sizeof (ids[0]));

        if (!ids)
            return ENOMEM;
        l->ids = ids;
        l->room = room;
    }
    l->ids[l->count++] = id;
    return 0;
}

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
    int errnum;

    for (rec = jl_first (s->jl, list); rec && !is_full (q, l); rec = jl_next (rec)) {
        if (list == LIST_INACTIVE && rec->t_inactive <= q->since)
            break;
        if (match_record (q->match, rec, cost) && (errnum = remember (l, rec->id)) != 0)
            return errnum;
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

/* ---- sending ------------------------------------------------------------------------ */

/* {"jobs":[...] of as many jobs as there are, or as fill one message. */
static void put_jobs (struct service *s, struct listing *l, struct text *t, size_t limit)
{
    bool first = true;

    text_puts (t, "{\"jobs\":[");
    while (l->next < l->count && !text_error (t) && t->len < limit) {
        struct record *rec = jl_lookup (s->jl, l->ids[l->next++]);

        if (!rec)
            continue;
        if (!first)
            text_putc (t, ',');
        first = false;
        attrs_put_record (&l->attrs, t, rec);
    }
    text_putc (t, ']');
}

static void answer_once (struct service *s, struct listing *l)
{
    struct text *t = &s->scratch;

    text_clear (t);
    put_jobs (s, l, t, SIZE_MAX);
    text_putc (t, '}');
    service_respond_text (s, l->msg, t);
    listing_free (l);
}

/* One message of a stream; at the end, its end. */
static void send_portion (struct service *s, struct listing *l)
{
    struct text *t = &s->scratch;
    bool first = l->next == 0;

    if (l->next < l->count) {
        text_clear (t);
        put_jobs (s, l, t, PORTION);
        text_puts (t, first ? ",\"version\":1}" : "}");
        service_respond_text (s, l->msg, t);
    }
    if (l->next == l->count) {
        service_refuse (s, l->msg, ENODATA, NULL);
        listing_free (l);
    }
}

bool list_pump (struct service *s)
{
    struct listing *l = NULL;

    list_foreach (&s->listings, l, node)
        send_portion (s, l);
    return !list_empty (&s->listings);
}

void list_disconnect (struct service *s, const flux_msg_t *msg)
{
    struct listing *l = NULL;

    list_foreach (&s->listings, l, node) {
        if (flux_disconnect_match (msg, l->msg))
            listing_free (l);
    }
}

void list_fini (struct service *s)
{
    struct listing *l = NULL;

    list_foreach (&s->listings, l, node) {
        service_refuse (s, l->msg, ENOSYS, "job-list is unloading");
        listing_free (l);
    }
}

/* ---- requests ------------------------------------------------------------------------- */

static void answer (struct service *s, struct listing *l)
{
    if (!flux_msg_is_streaming (l->msg))
        answer_once (s, l);
    else {
        list_append (&s->listings, &l->node);
        send_portion (s, l);
    }
}

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

    if (journal_defers (s, msg, list_cb) || decode (s, msg, &q) < 0)
        return;
    if (!(l = calloc (1, sizeof (*l)))) {
        match_free (q.match, s->jl);
        service_refuse (s, msg, ENOMEM, NULL);
        return;
    }
    list_init (&l->node);
    l->msg = flux_msg_incref (msg);
    attrs_init (&l->attrs, q.attrs);
    errnum = find (s, &q, l);
    match_free (q.match, s->jl);
    if (errnum != 0)
        refuse_find (s, msg, errnum);
    else if (l->count > 0 && l->attrs.error)
        service_refuse (s, msg, EINVAL, l->attrs.error);
    else
        answer (s, move_ptr (l));
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
