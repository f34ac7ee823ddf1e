/* private.h - the structures that the files of the engine share.
 *
 * engine.c   namespaces, keys, events: what comes in
 * watcher.c  watchers and their senders
 * topic.c    the queue of reads of one topic, and what their answers mean
 * values.c   topics whose watchers get whole values
 * log.c      topics whose watchers get chunks: who begins, what a result means
 * group.c    watchers of a log that stand at the same chunk: loads and windows
 * kept.c     what is loaded for groups that are paused
 */

#ifndef KVS_WATCH_PRIVATE_H
#define KVS_WATCH_PRIVATE_H

#include "common/list.h"
#include "common/table.h"
#include "common/util.h"
#include "engine.h"

#define WATCH_PIPELINE 8 /* reads in flight for one topic of values */

struct root {
    int refs;
    uint64_t seq;
    char ref[];
};

struct watch_engine {
    watch_equal_f equal;
    struct table namespaces; /* name -> struct wns */
    struct table clients;    /* sender -> struct client */
    struct table loads;      /* struct blobref -> struct watch_load */
    struct table users;      /* userid -> struct user; not the owner's */
    struct list actions;
    struct list orphans; /* reads and loads that nobody waits for */
    struct list idle;    /* topics that lost their last watcher */
    struct list keeping; /* paused groups that keep what was loaded, oldest first */
    size_t kept_max;
    size_t nwatchers;
    struct watch_counters counters;
};

struct user {
    uint32_t userid;
    size_t nwatchers;
};

struct client {
    char *sender;
    struct table tags; /* matchtag -> struct watcher */
    struct list watchers;
    bool throttled;
    size_t held_bytes; /* by all its watchers */
};

struct wns {
    struct watch_engine *engine;
    char *name;
    struct table keys;   /* normalised key -> struct wkey */
    struct list full;    /* topics with FULL watchers */
    struct list topics;  /* all */
    struct list waiting; /* topics with watchers that wait for the namespace */
    size_t nwatchers;
    struct root *event_root; /* of the newest event; NULL: none seen */
    struct root *read_root;  /* newest that a read told of; for stats */
    bool owner_known;
    uint32_t owner;
    uint64_t generation; /* counts signs that the namespace exists */
};

struct wkey {
    struct wns *ns;
    struct list topics;
    size_t len;
    char name[];
};

struct topic {
    struct wkey *key;
    struct list key_link;
    struct list ns_link;
    struct list full_link;
    struct list idle_link;
    struct list waiting_link;
    bool log; /* chunks, not values */
    int readflags;
    struct watch_cred cred;
    size_t nwatchers;
    size_t nfull;
    size_t ncompare; /* UNIQ and FULL: a value that did not change is not needed */
    struct bytes *newest; /* of the values that have a tag; NULL: none */
    struct list queue; /* struct read, oldest first */
    size_t queued;
    size_t inflight;
    struct read *join;   /* the JOIN read on the queue, if any */
    struct list joining; /* wait for the next JOIN read */
    struct list waitns;  /* WAITCREATE: the namespace is missing */
    struct list waitkey; /* WAITCREATE: the key is missing */
    struct list active;  /* values: started watchers */
    struct list groups;  /* log: struct group */
};

enum read_kind { READ_JOIN, READ_ROOT, READ_END };
enum read_state { READ_QUEUED, READ_SENT, READ_DONE };

struct read {
    struct watch_lookup lookup; /* the action; first */
    struct list link;           /* topic->queue or engine->orphans */
    struct topic *topic;        /* NULL: nobody waits */
    enum read_kind kind;
    enum read_state state;
    bool named;           /* the root names the key */
    struct bytes *base;   /* the answer may be that it is the same as this */
    bool at_root;         /* JOIN: ask at the horizon, the answer was older */
    bool withdrawn;       /* JOIN: its watchers have left it */
    struct root *root;    /* that names the key, or that FULL watchers want */
    struct root *horizon; /* JOIN: event_root when sent */
    uint64_t generation;  /* JOIN: when sent */
    struct list joiners;
    int errnum; /* READ_END, or the outcome */
    const char *errtext;
    uint64_t rootseq;    /* outcome: the root that was read */
    struct bytes *value; /* outcome of a value: NULL = missing */
};

struct watcher {
    struct watch_finish finish; /* the last action; first */
    struct list link;           /* in its topic or group */
    struct list client_link;
    struct client *sender;
    struct user *user; /* NULL: the owner */
    uint32_t matchtag;
    struct watch_cred cred;
    int flags;
    void *client;
    struct topic *topic; /* NULL: ended */
    struct group *group; /* log: once started */
    bool sentinel_sent;
    uint64_t seq;       /* accounted up to this root */
    size_t from;        /* log: chunks to be left out */
    size_t window;      /* log: bytes that may be unacknowledged; 0: any number */
    size_t unacked;
    struct bytes *last; /* UNIQ, FULL: sent last */
    struct list held;   /* throttled: struct watch_delivery, values to be sent */
    size_t nheld;
    size_t held_bytes;
};

/* Watchers of a log that stand at the same chunk. */
struct slot {
    struct list wait; /* on watch_load.slots while loading */
    struct group *group;
    struct bytes *bytes;
    int errnum;
};

struct chunk {
    struct blobref ref;
    struct bytes *data; /* NULL: to be loaded */
};

struct group {
    struct list link; /* topic->groups */
    struct topic *topic;
    struct list watchers;
    size_t nwindows; /* of these have a window */
    uint64_t seq;  /* accounted up to this root */
    size_t count;  /* chunks accounted */
    size_t offset; /* chunks delivered */
    size_t issued; /* chunks whose load was begun */
    size_t mark;   /* chunks there were at the start */
    bool marked;   /* and they have been delivered */
    bool inlined;  /* the key held a val */
    bool ended;    /* finish with errnum when all is delivered */
    bool pumping;  /* group_pump () is on the stack */
    bool paused;   /* its watcher, there is but one, is not to be sent any */
    struct list kept_link; /* engine->keeping */
    int errnum;
    const char *errtext;
    size_t recent; /* size of the newest chunk */
    size_t base;   /* index of chunks[0] */
    size_t cap;
    struct chunk *chunks;            /* base .. count - 1; base <= offset */
    struct slot slots[WATCH_WINDOW]; /* of chunk i: i % WATCH_WINDOW */
};

static inline bool watcher_has (const struct watcher *w, int flag)
{
    return (w->flags & flag) != 0;
}

/* engine.c */
struct root *root_new (uint64_t seq, const char *ref);
struct root *root_get (struct root *r); /* NULL ok */
void root_put (struct root *r);         /* NULL ok */
struct watch_engine *topic_engine (const struct topic *t);
void engine_sweep (struct watch_engine *e);

/* watcher.c */
struct client *client_get (struct watch_engine *e, const char *sender);
void client_drop_if_unused (struct watch_engine *e, struct client *c);
int watcher_new (struct watch_engine *e,
                 const struct watch_request *req,
                 struct watcher **ret);
void watcher_free (struct watch_engine *e, struct watcher *w); /* if not linked */
void watcher_link (struct watcher *w, struct client *c, struct topic *t);
void watcher_deliver (struct watcher *w, enum watch_action_type type, struct bytes *b);
void watcher_finish (struct watcher *w, int errnum, const char *errtext);
void watcher_release (struct watcher *w); /* send what was held */
void watchers_finish (struct list *watchers, int errnum, const char *errtext);

/* topic.c */
struct topic *topic_new (struct wkey *key, const struct watch_request *req);
void topic_free (struct topic *t);
bool topic_serves (const struct topic *t, const struct watch_request *req);
void topic_join (struct topic *t, struct watcher *w);
void topic_notify (struct topic *t, struct root *root, bool named);
void topic_end (struct topic *t, int errnum, const char *errtext);
void topic_retry (struct topic *t);
void topic_run (struct topic *t);
void topic_answer (struct read *r, const struct watch_result *result);
void read_free (struct read *r);

/* values.c */
void values_start (struct topic *t, struct list *joiners, struct read *r);
void values_apply (struct topic *t, struct read *r);

/* log.c */
void log_start (struct topic *t, struct list *joiners, const struct watch_result *result);
void log_apply (struct topic *t, const struct watch_result *result, bool named);
void log_created (struct topic *t, const struct watch_result *result);
bool log_behind (const struct topic *t, uint64_t seq);
size_t log_tail (const struct topic *t, const struct list *joiners);
bool log_wants_data (const struct topic *t, const struct list *joiners);
void log_end (struct topic *t, int errnum, const char *errtext);

/* group.c */
extern const char group_truncated[];
size_t result_count (const struct watch_result *result);
struct group *group_new (struct topic *t, uint64_t seq);
void group_free (struct group *g); /* NULL ok */
void group_join (struct group *g, struct list *watchers);
void group_leave (struct watcher *w);
int group_extend (struct group *g, const struct watch_result *result);
void group_apply (struct group *g, const struct watch_result *result, bool named);
void group_end (struct group *g, int errnum, const char *errtext);
void group_pump (struct group *g); /* g may be gone after */
void group_pause (struct watcher *w);
void group_resume (struct watcher *w);
void group_filled (struct slot *s, int errnum, struct bytes *b);
bool group_wants_data (const struct group *g);

static inline struct slot *group_slot (struct group *g, size_t chunk)
{
    return &g->slots[chunk % WATCH_WINDOW];
}

/* kept.c */
void kept_begin (struct group *g);                 /* it is paused */
void kept_add (struct group *g, struct bytes *b);  /* came meanwhile; NULL ok */
void kept_trim (struct watch_engine *e);           /* due after that */
void kept_end (struct group *g);                   /* it goes on, or away */

#endif /* !KVS_WATCH_PRIVATE_H */
