/* fake_broker.h - for tests of clients: a thread that answers requests as it
 * is told, and remembers what it was asked.
 *
 * fake_answer () says what requests of a topic get from then on; requests of
 * other topics get ENOSYS.  "fake.event {"topic":s "seq":i}" makes it send an
 * event first, then answer.
 */

#ifndef MILLRACE_LIBFLUX_FAKE_BROKER_H
#define MILLRACE_LIBFLUX_FAKE_BROKER_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/tap.h"

#define FAKE_TOPICS 32
#define FAKE_PAYLOADS 8

struct fake_topic {
    const char *topic;
    const char *payload[FAKE_PAYLOADS]; /* "": a response without payload */
    int errnum;                         /* after the payloads; 0: none */
    const char *errstr;
    int count;     /* requests so far */
    char *request; /* payload of the last one */
    bool noresponse;
    uint32_t nodeid;
};

static struct {
    pthread_mutex_t lock;
    struct fake_topic topics[FAKE_TOPICS];
    pthread_t thread;
    char uri[64];
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The slot of a topic, made if need be; the lock is held. */
static struct fake_topic *fake_slot (const char *topic)
{
    for (int i = 0; i < FAKE_TOPICS; i++) {
        struct fake_topic *t = &fake.topics[i];

        if (!t->topic)
            t->topic = topic;
        if (strcmp (t->topic, topic) == 0)
            return t;
    }
    bail_out ("too many topics");
}

/* Payloads to answer with, ended by NULL, then errnum if it is not 0. */
static inline void fake_answer (const char *topic, int errnum, ...)
{
    struct fake_topic *t;
    const char *payload;
    va_list ap;
    int n = 0;

    pthread_mutex_lock (&fake.lock);
    t = fake_slot (topic);
    va_start (ap, errnum);
    while ((payload = va_arg (ap, const char *))) {
        must (n < FAKE_PAYLOADS - 1);
        t->payload[n++] = payload;
    }
    va_end (ap);
    t->payload[n] = NULL;
    t->errnum = errnum;
    t->errstr = NULL;
    pthread_mutex_unlock (&fake.lock);
}

static inline void fake_error (const char *topic, int errnum, const char *errstr)
{
    fake_answer (topic, errnum, NULL);
    pthread_mutex_lock (&fake.lock);
    fake_slot (topic)->errstr = errstr;
    pthread_mutex_unlock (&fake.lock);
}

/* How often it was asked; what it was asked last. */
static inline int fake_count (const char *topic)
{
    int count;

    pthread_mutex_lock (&fake.lock);
    count = fake_slot (topic)->count;
    pthread_mutex_unlock (&fake.lock);
    return count;
}

static inline const char *fake_request (const char *topic)
{
    static char *copy;

    pthread_mutex_lock (&fake.lock);
    free (copy);
    copy = fake_slot (topic)->request ? strdup (fake_slot (topic)->request) : NULL;
    pthread_mutex_unlock (&fake.lock);
    return copy;
}

static void fake_record (struct fake_topic *t, const flux_msg_t *msg)
{
    const void *data = NULL;
    size_t len = 0;

    t->count++;
    t->noresponse = flux_msg_is_noresponse (msg);
    flux_msg_get_nodeid (msg, &t->nodeid);
    flux_msg_get_payload (msg, &data, &len);
    free (t->request);
    t->request = data ? strndup (data, len) : NULL;
}

static void fake_request_cb (flux_t *h,
                             flux_msg_handler_t *mh,
                             const flux_msg_t *msg,
                             void *arg)
{
    struct fake_topic *t = NULL;
    const char *topic;
    int i;

    must (flux_msg_get_topic (msg, &topic) == 0);
    pthread_mutex_lock (&fake.lock);
    for (i = 0; i < FAKE_TOPICS && fake.topics[i].topic; i++) {
        if (strcmp (fake.topics[i].topic, topic) == 0)
            t = &fake.topics[i];
    }
    if (!t)
        flux_respond_error (h, msg, ENOSYS, NULL);
    else {
        fake_record (t, msg);
        for (i = 0; t->payload[i]; i++)
            flux_respond (h, msg, t->payload[i][0] ? t->payload[i] : NULL);
        if (t->errnum)
            flux_respond_error (h, msg, t->errnum, t->errstr);
    }
    pthread_mutex_unlock (&fake.lock);
}

static void fake_event_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    flux_msg_t *event;
    const char *topic;
    int seq;

    must (flux_request_unpack (msg, NULL, "{s:s s:i}", "topic", &topic, "seq", &seq)
          == 0);
    must ((event = flux_event_encode (topic, NULL)) != NULL);
    must (flux_msg_set_seq (event, seq) == 0);
    must (flux_send_new (h, &event, 0) == 0);
    flux_respond (h, msg, NULL);
}

static void fake_stop_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    flux_respond (h, msg, NULL);
    flux_reactor_stop (flux_get_reactor (h));
}

static inline void *fake_thread (void *arg)
{
    static const struct flux_msg_handler_spec tab[] = {
        { FLUX_MSGTYPE_REQUEST, "*", fake_request_cb, FLUX_ROLE_ALL },
        { FLUX_MSGTYPE_REQUEST, "fake.event", fake_event_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "fake.stop", fake_stop_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **handlers;
    flux_t *h = flux_open (fake.uri, 0);

    if (!h)
        bail_out ("fake broker: %s", strerror (errno));
    must (flux_msg_handler_addvec (h, tab, NULL, &handlers) == 0);
    must (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    flux_msg_handler_delvec (handlers);
    flux_close (h);
    return NULL;
}

/* Start it; returns the handle of its only client. */
static inline flux_t *fake_start (void)
{
    flux_t *h;

    snprintf (fake.uri, sizeof (fake.uri), "interthread://fake-%d", (int)getpid ());
    if (!(h = flux_open (fake.uri, 0)))
        bail_out ("%s: %s", fake.uri, strerror (errno));
    must (pthread_create (&fake.thread, NULL, fake_thread, NULL) == 0);
    return h;
}

/* Wait until all requests so far have been seen. */
static inline void fake_sync (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "fake.sync", NULL, FLUX_NODEID_ANY, 0);

    must (flux_rpc_get (f, NULL) < 0 && errno == ENOSYS);
    flux_future_destroy (f);
}

static inline void fake_event (flux_t *h, const char *topic, int seq)
{
    flux_future_t *f = flux_rpc_pack (h,
                                      "fake.event",
                                      FLUX_NODEID_ANY,
                                      0,
                                      "{s:s s:i}",
                                      "topic",
                                      topic,
                                      "seq",
                                      seq);

    must (flux_rpc_get (f, NULL) == 0);
    flux_future_destroy (f);
}

static inline void fake_stop (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "fake.stop", NULL, FLUX_NODEID_ANY, 0);

    must (flux_rpc_get (f, NULL) == 0);
    flux_future_destroy (f);
    must (pthread_join (fake.thread, NULL) == 0);
    flux_close (h);
    for (int i = 0; i < FAKE_TOPICS; i++)
        free (fake.topics[i].request);
    (void)fake_request ("end");
}

#endif /* !MILLRACE_LIBFLUX_FAKE_BROKER_H */
