/* info.h - what the parts of the module job-info share.
 *
 *   client.c   who waits for what, by sender: cancel and disconnect
 *   source.c   one stream from kvs-watch
 *   job.c      the main log of a job, shared by all who need it
 *   watch.c    eventlog-watch
 *   update.c   update-watch
 *   patch.c    updates applied to R and jobspec
 *   lookup.c   lookup and update-lookup
 */

#ifndef JOB_INFO_INFO_H
#define JOB_INFO_INFO_H

#include <flux/core.h>

#include "common/list.h"
#include "common/table.h"
#include "common/text.h"
#include "mainlog.h"

/* Flags of ours, additive, beside the numbers of the interface.
 *
 * kvs-watch.lookup: raw chunks, and a place in the log to go on from (see its
 * request.h).
 * job-info.eventlog-watch: each response carries as raw payload, without a
 * NUL, one or more whole entries; the sentinel has none, as ever.
 */
#define KVS_WATCH_RAW (1 << 16)
#define EVENT_WATCH_RAW (1 << 16)

/* Of a log, bytes that kvs-watch may have sent and we not have passed on. */
#define SOURCE_WINDOW (4 << 20)

/* What came for clients that do not read is held up to so many bytes in all. */
#define SOURCE_HELD_MAX (16 << 20)

#define JOB_CACHE_MAX 64     /* logs of inactive jobs kept after use */
#define OWNER_CACHE_SIZE 256 /* job id -> userid */
#define USER_ITEMS_MAX 65536 /* open watches of one user but the owner: EDQUOT */
#define LOOKUP_KEYS_MAX 1024 /* keys in one lookup; more are refused, EINVAL */

struct owner {
    flux_jobid_t id;
    uint32_t userid;
    bool valid;
};

struct job_info {
    flux_t *h;
    struct table jobs;  /* id -> struct job */
    struct list cached; /* jobs that nobody uses, newest last */
    size_t ncached;
    struct table clients; /* sender -> struct client */
    struct table users;   /* userid -> struct user; not the owner's */
    struct list lookups;
    size_t nlookups;
    size_t nwatchers;
    size_t nguests;
    size_t nupdates;
    struct owner owners[OWNER_CACHE_SIZE];
    struct text scratch; /* for responses */
    struct list paused;  /* sources, the one that was paused first first */
    size_t held;         /* bytes that came for them */
};

/* client.c */

/* A request that is answered over time.  end () answers with errnum (0: not
 * at all) and frees the item.
 */
struct client_item {
    struct list link;
    struct client *client;
    struct user *user; /* NULL: the owner */
    const flux_msg_t *msg;
    uint32_t matchtag;
    void (*end) (struct client_item *item, int errnum);
    /* Its client does not read what it is sent, or does again; NULL: no matter. */
    void (*throttle) (struct client_item *item, bool on);
};

/* Take msg on as item.  -1 with errno EINVAL: its matchtag is in use; EDQUOT:
 * the user has too many.
 */
int client_add (struct job_info *ji, struct client_item *item, const flux_msg_t *msg);
void client_del (struct job_info *ji, struct client_item *item);

/* What msg, a cancel request, means and may cancel; NULL if nothing. */
struct client_item *client_find (struct job_info *ji, const flux_msg_t *msg);
void client_disconnect (struct job_info *ji, const flux_msg_t *msg);
void client_throttle (struct job_info *ji, const flux_msg_t *msg, bool on);
bool client_throttled (const struct client_item *item);
void client_end_all (struct job_info *ji, int errnum);

/* source.c */

struct source_ops {
    void (*data) (void *arg, const char *data, size_t len); /* one chunk */
    void (*sentinel) (void *arg);
    void (*end) (void *arg, int errnum); /* the last; source_close () is due */
    void (*lost) (void *arg); /* paused, and too much came: source_close () is due */
};

/* Follow a key; flags are those of kvs-watch.lookup.  Of a log, the first 'from'
 * chunks are left out.
 */
struct source *source_open (struct job_info *ji,
                            const char *ns,
                            const char *key,
                            int flags,
                            size_t from,
                            const struct source_ops *ops,
                            void *arg);

/* What comes is held, and passed on when the source goes on: that may close it.
 * Nothing is acknowledged meanwhile, so that it is no more than SOURCE_WINDOW and a
 * chunk; past SOURCE_HELD_MAX for all, who was paused first is told that it is lost.
 */
void source_pause (struct source *s);
void source_resume (struct source *s);

/* Any time, also inside the callbacks; NULL ok.  Nothing is called after. */
void source_close (struct source *s);

/* job.c */

struct job {
    struct job_info *ji;
    struct list link; /* ji->cached */
    flux_jobid_t id;
    bool listed; /* in ji->jobs */
    size_t users;
    struct mainlog log;
    struct source *source; /* NULL: ended, or all is known */
    int errnum;            /* the log ended with this */
    const char *errtext;   /* NULL: there is nothing to add to that */
    struct list followers;
    struct update *update[2]; /* owned by themselves (update.c) */
};

/* Wants to be called whenever more is known of the job. */
struct follower {
    struct list link;
    struct job *job; /* NULL: follows none */
    void (*changed) (struct follower *f);
};

/* Follow the job: its log is watched as long as anybody does.  -1, errno. */
int job_follow (struct job_info *ji,
                flux_jobid_t id,
                bool waitcreate,
                struct follower *f);
void job_follow_too (struct job *job, struct follower *f); /* this very one */
void job_unfollow (struct follower *f);

/* May the sender of msg see the job?  1: yes, 0: not known yet, -1: errno
 * EPERM, EPROTO (odd log), ENOENT (no such job), or what ended the log.
 */
int job_authorize (struct job *job, const flux_msg_t *msg);

/* Is there no such job (yet)? */
bool job_absent (const struct job *job);

/* Forget what is remembered of jobs that nobody follows. */
void job_cache_flush (struct job_info *ji);

/* The owner of the job, if it is known without asking. */
bool job_owner_known (struct job_info *ji, flux_jobid_t id, uint32_t *userid);
void job_owner_learn (struct job_info *ji, flux_jobid_t id, uint32_t userid);

/* The others: request handlers */
void watch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void update_watch_cb (flux_t *h,
                      flux_msg_handler_t *mh,
                      const flux_msg_t *msg,
                      void *arg);
void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void update_lookup_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg);
void lookup_end_all (struct job_info *ji, int errnum);

#endif /* !JOB_INFO_INFO_H */
