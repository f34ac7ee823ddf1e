#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/jwords.h"
#include "common/list.h"
#include "common/util.h"

#include "trace.h"

struct trace {
    struct list node;
    const flux_msg_t *request;
    json_t *names; /* NULL: all */
    int nodeid;    /* -1: all */
    int typemask;
    const char *glob; /* in request */
    bool full;
    bool muted;
};

struct trace_set {
    struct router *router;
    struct list traces;
    int count; /* read without the monitor */
};

struct trace_set *trace_set_new (struct router *router)
{
    struct trace_set *ts = calloc (1, sizeof (*ts));

    if (ts) {
        ts->router = router;
        list_init (&ts->traces);
    }
    return ts;
}

static void trace_free (struct trace *t)
{
    list_del (&t->node);
    json_decref (t->names);
    flux_msg_decref (t->request);
    free (t);
}

void trace_set_free (struct trace_set *ts)
{
    struct trace *t;

    if (!ts)
        return;
    while ((t = list_first (&ts->traces, struct trace, node)))
        trace_free (t);
    free (ts);
}

bool trace_is_idle (const struct trace_set *ts)
{
    return __atomic_load_n (&ts->count, __ATOMIC_RELAXED) == 0;
}

int trace_add (struct trace_set *ts, const flux_msg_t *request)
{
    json_t *names = NULL;
    struct trace *t;
    int full = 0;

    if (__atomic_load_n (&ts->count, __ATOMIC_RELAXED) >= TRACES_MAX) {
        errno = ENOSPC;
        return -1;
    }
    if (!(t = calloc (1, sizeof (*t))))
        return -1;
    list_init (&t->node);
    t->nodeid = -1;
    if (!flux_msg_is_streaming (request)
        || flux_request_unpack (request,
                                NULL,
                                "{s?o s?i s:i s:s s?b}",
                                "names", &names,
                                "nodeid", &t->nodeid,
                                "typemask", &t->typemask,
                                "topic_glob", &t->glob,
                                "full", &full)
               < 0
        || (names && !jwords_valid (names))) {
        trace_free (t);
        errno = EPROTO;
        return -1;
    }
    if (json_array_size (names) > 0 && !(t->names = json_deep_copy (names))) {
        trace_free (t);
        errno = ENOMEM;
        return -1;
    }
    t->full = full;
    t->request = flux_msg_incref (request);
    router_enter (ts->router);
    list_append (&ts->traces, &t->node);
    __atomic_add_fetch (&ts->count, 1, __ATOMIC_RELAXED);
    router_leave (ts->router);
    return 0;
}

static void end (struct trace_set *ts, struct trace *t)
{
    trace_free (t);
    __atomic_sub_fetch (&ts->count, 1, __ATOMIC_RELAXED);
}

void trace_disconnect (struct trace_set *ts, const flux_msg_t *msg)
{
    struct trace *t;

    router_enter (ts->router);
    list_foreach (&ts->traces, t, node) {
        if (flux_disconnect_match (msg, t->request))
            end (ts, t);
    }
    router_leave (ts->router);
}

void trace_throttle (struct trace_set *ts, const flux_msg_t *msg, bool on)
{
    struct trace *t;

    router_enter (ts->router);
    list_foreach (&ts->traces, t, node) {
        if (flux_disconnect_match (msg, t->request))
            t->muted = on;
    }
    router_leave (ts->router);
}

void trace_cancel (struct trace_set *ts, const flux_msg_t *msg)
{
    struct trace *t;

    router_enter (ts->router);
    list_foreach (&ts->traces, t, node) {
        if (flux_cancel_match (msg, t->request)) {
            router_respond (ts->router, t->request, ENODATA, NULL);
            end (ts, t);
        }
    }
    router_leave (ts->router);
}

static bool names_match (json_t *names, const char *name)
{
    size_t i;
    json_t *o;

    json_array_foreach (names, i, o) {
        if (strcmp (json_string_value (o), name) == 0)
            return true;
    }
    return names == NULL;
}

/* Of a trace: its own messages would have no end. */
static bool is_ours (const char *topic)
{
    return strcmp (topic, "module.trace") == 0 || strcmp (topic, "overlay.trace") == 0;
}

/* The message's own cache is its receiver's. */
static json_t *payload (const flux_msg_t *msg, bool full)
{
    const void *data;
    size_t len;
    json_t *o = NULL;

    if (full && flux_msg_get_payload (msg, &data, &len) == 0 && len > 0
        && ((const char *)data)[len - 1] == '\0')
        o = json_loads (data, 0, NULL);
    return o ? o : json_null ();
}

struct seen {
    const flux_msg_t *msg;
    const char *prefix;
    const char *name;
    int rank;
    int type;
    const char *topic;
};

static void tell (struct trace_set *ts, const struct trace *t, const struct seen *s)
{
    const char *errstr = "";
    const void *data;
    size_t size = 0;
    int errnum = 0;
    json_t *o;

    if (flux_msg_get_payload (s->msg, &data, &size) < 0)
        size = 0;
    if (s->type == FLUX_MSGTYPE_RESPONSE && flux_msg_get_errnum (s->msg, &errnum) == 0
        && errnum != 0
        && (flux_msg_get_string (s->msg, &errstr) < 0 || !errstr || !*errstr))
        errstr = strerror (errnum);
    o = payload (s->msg, t->full && errnum == 0);
    router_respond_pack (ts->router,
                         t->request,
                         "{s:f s:s s:i s:s s:i s:s s:I s:O s:i s:s}",
                         "timestamp", flux_reactor_time (),
                         "prefix", s->prefix,
                         "rank", s->rank,
                         "name", s->name,
                         "type", s->type,
                         "topic", s->topic,
                         "payload_size", (json_int_t)size,
                         "payload", o,
                         "errnum", errnum,
                         "errstr", errstr);
    json_decref (o);
}

void trace_tell (struct trace_set *ts,
                 const flux_msg_t *msg,
                 const char *prefix,
                 const char *name,
                 int rank)
{
    struct seen s = { msg, prefix, name, rank, 0, NULL };
    struct trace *t;

    if (flux_msg_get_type (msg, &s.type) < 0)
        return;
    if (flux_msg_get_topic (msg, &s.topic) < 0)
        s.topic = "";
    if (is_ours (s.topic))
        return;
    list_foreach (&ts->traces, t, node) {
        if (!t->muted && (s.type & t->typemask) && names_match (t->names, name)
            && (t->nodeid == -1 || t->nodeid == rank)
            && fnmatch (t->glob, s.topic, 0) == 0)
            tell (ts, t, &s);
    }
}
