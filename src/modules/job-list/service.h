/* job-list/service.h - requests around the index.
 *
 * Until the journal's backlog has been read, requests (but for job-stats) wait
 * and are served afterwards in their order.
 */

#ifndef MILLRACE_JOB_LIST_SERVICE_H
#define MILLRACE_JOB_LIST_SERVICE_H

#include <flux/core.h>

#include "common/util.h"

#include "engine.h"

struct service {
    flux_t *h;
    struct jl *jl;
    flux_msg_handler_t **handlers;
    flux_watcher_t *prepare;
    flux_watcher_t *idle;

    flux_future_t *journal;
    bool ready;       /* the sentinel has come */
    bool paused;      /* test aid: messages are held back */
    struct list held; /* struct held_message */

    struct list waiting; /* struct waiting_request, until the service is ready */
    struct list later;   /* the same, until fewer jobs are being listed */
    size_t nwaiting;     /* in both */
    struct table quotas; /* how many waits a user has */

    struct list listings; /* struct listing: streams; the first is next */
    struct list stopped;  /* the same, of clients that do not read */
    struct list answers;  /* the same, of one message; the first is being written */
    size_t nlisted;       /* jobs in all of them */
    struct list lookups;  /* struct lookup, ids asked of the job-manager */
    size_t nlookups;

    struct flux_msglist *watchers; /* of statistics */
    struct flux_msglist *stopped_watchers;
    flux_watcher_t *stats_timer;
    bool stats_timer_on;
    uint64_t stats_sent; /* jl->changes at the last answer */

    struct text scratch;
    int64_t max_comparisons; /* 0: unlimited */
    unsigned int max_ids;    /* hosts or ranks in a constraint */
    bool private_mode;
    bool failed;
};

#define SERVICE_HANDLER(name) \
    void name (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)

/* service.c */
void service_respond_text (struct service *s, const flux_msg_t *msg, struct text *t);
void service_refuse (struct service *s,
                     const flux_msg_t *msg,
                     int errnum,
                     const char *text);

/* EPROTO "invalid payload: ..." */
void service_refuse_payload (struct service *s, const flux_msg_t *msg, const char *why);

/* The payload as a checked object. */
int service_decode (const flux_msg_t *msg, struct jview *v);

/* In private mode: may the sender see that user's jobs only?  Then *userid is
 * the sender's.
 */
bool service_restricts (struct service *s, const flux_msg_t *msg, uint32_t *userid);

/* journal.c */
int journal_start (struct service *s);
void journal_fini (struct service *s);

/* True if the request must wait for the backlog: it is kept, and cb will be
 * called with it.
 */
bool journal_defers (struct service *s, const flux_msg_t *msg, flux_msg_handler_f cb);
SERVICE_HANDLER (pause_cb);
SERVICE_HANDLER (unpause_cb);
SERVICE_HANDLER (purge_cb);

/* waiting.c: keep a request, or refuse it; call back for all; forget those of one
 * who left; refuse all.
 */
void waiting_add (struct service *s,
                  struct list *list,
                  const flux_msg_t *msg,
                  flux_msg_handler_f cb);
void waiting_serve (struct service *s, struct list *list);
void waiting_disconnect (struct service *s, struct list *list, const flux_msg_t *msg);
void waiting_fini (struct service *s, struct list *list);

/* quota.c: one more request of this user that waits; false: it was refused. */
bool quota_take (struct service *s, const flux_msg_t *msg);
void quota_give (struct service *s, const flux_msg_t *msg);

/* list.c */
SERVICE_HANDLER (list_cb);
SERVICE_HANDLER (list_attrs_cb);

/* listing.c: send more of what is being listed.  True if there is more to send. */
bool listing_pump (struct service *s);
void listing_throttle (struct service *s, const flux_msg_t *msg, bool on);
void listing_disconnect (struct service *s, const flux_msg_t *msg);
void listing_fini (struct service *s);

/* id.c */
SERVICE_HANDLER (list_id_cb);
void id_waited (void *token, const struct record *rec, void *arg);
void id_disconnect (struct service *s, const flux_msg_t *msg);
void id_fini (struct service *s);

/* stats.c */
SERVICE_HANDLER (job_stats_cb);
SERVICE_HANDLER (stats_get_cb);

/* The counters may have changed. */
void stats_check (struct service *s);
void stats_throttle (struct service *s, const flux_msg_t *client, bool on);
void stats_disconnect (struct service *s, const flux_msg_t *msg);
int stats_init (struct service *s);
void stats_fini (struct service *s);

/* config.c */
SERVICE_HANDLER (config_reload_cb);
int service_configure (struct service *s, const flux_conf_t *conf, flux_error_t *error);

#endif /* !MILLRACE_JOB_LIST_SERVICE_H */
