/* engine.h - turns roots that pass into values delivered to watchers.
 *
 * Purpose: a key that many watch is looked up once per root, and each blob of
 * a growing log is loaded once, however many follow it.  A root that does not
 * name a watched key costs one hash lookup per key it names, and nothing per
 * watcher.
 *
 * Terms
 *  - topic: one (namespace, normalised key, kind of read, credential class).
 *    All watchers of a topic share its reads.  The class is part of it because
 *    a read may follow a symlink into a namespace that one user may see and
 *    another not: what was read for one class is never shown to another.
 *    Classes are "owner role" and "user N".
 *  - read: one lookup.  A JOIN read asks for the current root of the namespace
 *    (there kvs checks access) and starts the watchers that gathered since the
 *    last one; a ROOT read asks at the root that named the key.
 *  - chunk: what one blobref of a log holds.
 *
 * Invariants
 *  - the reads of a topic take effect in the order in which they were queued,
 *    whatever the order of their answers
 *  - a watcher starts at the root of its JOIN read and is told nothing of
 *    roots up to it, and each later one that names its key once, in order
 *  - of the roots that pass while a log is being read only the newest is kept:
 *    one more read serves all; plain values are read at every root
 *  - chunks reach each watcher in order, each once; a stream that ends (key
 *    overwritten, shortened, removed, namespace gone) first delivers the
 *    chunks that had been seen before
 *  - every watcher ends exactly once, with a WATCH_FINISH action
 *  - with ESTALE if its namespace was removed and the kvs forgot it before all was
 *    read that is owed
 *  - a throttled client (it does not read, says the broker) is sent no chunk
 *    and no further value until it is released, and misses nothing: a watcher
 *    of a log keeps its place in it and the references from there on, one of
 *    values keeps those values, which it shares with others
 *  - what was loaded for a watcher that is paused then is not loaded for it
 *    again, unless what all paused ones have exceeds its bound
 *
 * Ownership: the engine owns everything but request->client.  Actions are
 * taken with watch_engine_next (); after each call into the engine all of them
 * are to be carried out before the next call.  A WATCH_LOOKUP or WATCH_LOAD
 * obliges the caller to bring its outcome, once, unless the engine is
 * destroyed first; the others are given back with watch_action_free ().
 *
 * Bounds: watches of one user other than the owner <= WATCH_USER_MAX, more are
 * refused with EDQUOT; unread roots of one topic <= WATCH_BACKLOG, then
 * its watchers end with EOVERFLOW, and so does a throttled watcher of values
 * with more than WATCH_BACKLOG of them, or that takes what its client has not read
 * past WATCH_HELD_BYTES in all; loads in flight
 * for one position in a log <= WATCH_WINDOW, fewer when the blobs are large;
 * bytes that are loaded for paused watchers of logs <= WATCH_KEPT_BYTES and what one
 * load brings, then who was paused first lets go of them and keeps its place.
 *
 * No flux_t, no JSON tree, no clock here: inputs are events, outputs are
 * actions.  Out of memory ends the watchers concerned with ENOMEM.
 */

#ifndef KVS_WATCH_ENGINE_H
#define KVS_WATCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/blobref.h"
#include "common/list.h"
#include "answer.h"
#include "bytes.h"
#include "request.h"

#define WATCH_USER_MAX 65536
#define WATCH_BACKLOG 16384
#define WATCH_HELD_BYTES (16 << 20)
#define WATCH_WINDOW 32
#define WATCH_WINDOW_BYTES (8 << 20) /* aimed at, by the size of recent chunks */
#define WATCH_KEPT_BYTES (16 << 20)

enum watch_action_type {
    WATCH_LOOKUP,   /* struct watch_lookup */
    WATCH_LOAD,     /* struct watch_load */
    WATCH_VALUE,    /* struct watch_delivery: bytes is the response text */
    WATCH_CHUNK,    /* struct watch_delivery: bytes is the raw chunk */
    WATCH_SENTINEL, /* struct watch_delivery without bytes */
    WATCH_FINISH,   /* struct watch_finish */
};

struct watch_action {
    struct list link;
    enum watch_action_type type;
};

/* Look up key, at the given root or (rootref NULL) at the current root of ns,
 * with these credentials; then watch_engine_lookup_done (), with the object
 * decoded if want_obj.  Of a valref, the references before number 'tail' are
 * not needed, and the data of the others only with want_data; a value is not if it is the one called 'unless' ("": tell what it
 * is called; NULL: no matter).
 */
struct watch_lookup {
    struct watch_action action;
    bool want_obj;
    size_t tail;
    bool want_data;
    const char *unless;
    const char *ns;
    const char *key;
    int flags;
    struct watch_cred cred;
    uint64_t rootseq;
    const char *rootref;
};

/* Load a blob; then watch_engine_load_done (). */
struct watch_load {
    struct watch_action action;
    struct blobref ref;
    struct list slots; /* private: who waits */
};

/* One response to one client. */
struct watch_delivery {
    struct watch_action action;
    void *client;
    int flags; /* of the client's request */
    struct bytes *bytes;
};

/* The end of one client's stream: answer with errnum, or not at all if it is
 * 0.  The client is not mentioned again.
 */
struct watch_finish {
    struct watch_action action;
    void *client;
    int flags; /* of the client's request */
    int errnum;
    const char *errtext; /* NULL: none */
};

/* Do two response texts hold equal JSON?  Asked only when the bytes differ. */
typedef bool (*watch_equal_f) (const char *a, const char *b);

struct watch_engine *watch_engine_new (watch_equal_f equal);
void watch_engine_free (struct watch_engine *e);

/* The next action to carry out, NULL when there is none. */
struct watch_action *watch_engine_next (struct watch_engine *e);

/* For VALUE, CHUNK, SENTINEL and FINISH, when carried out. */
void watch_action_free (struct watch_action *a);

/* Begin a watch whose flags passed watch_flags_check ().  Returns 0, -EINVAL
 * (the sender has a live watch with this matchtag), -ENOENT (empty key),
 * -EDQUOT or -ENOMEM.
 */
int watch_engine_add (struct watch_engine *e, const struct watch_request *req);

/* The sender cancels (the watch ends with ENODATA) or is gone (its watches
 * end without a word).  Unknown ones are ignored, and so are those that the
 * credential does not cover.
 */
void watch_engine_cancel (struct watch_engine *e,
                          const char *sender,
                          uint32_t matchtag,
                          struct watch_cred cred);
void watch_engine_disconnect (struct watch_engine *e,
                              const char *sender,
                              struct watch_cred cred);

/* The sender has worked off so many bytes of a log that it follows with a window. */
void watch_engine_ack (struct watch_engine *e,
                       const char *sender,
                       uint32_t matchtag,
                       size_t bytes);

/* A response could not be sent: the watch ends with errnum, for a gap is worse.  The
 * actions that are still to be carried out may include others of this watch.
 */
void watch_engine_fail (struct watch_engine *e,
                        const char *sender,
                        uint32_t matchtag,
                        int errnum);

/* The sender does not read what it is sent, or does again. */
void watch_engine_throttle (struct watch_engine *e, const char *sender, bool on);

/* End everything, with errnum. */
void watch_engine_shutdown (struct watch_engine *e, int errnum);

/* Is anyone interested in ns?  If not, its events need not be decoded. */
bool watch_engine_watches (const struct watch_engine *e, const char *ns, size_t len);

/* Events of the kvs, in the order of publication. */
void watch_engine_setroot (struct watch_engine *e,
                           const char *ns,
                           uint32_t owner,
                           uint64_t rootseq,
                           const char *rootref,
                           const char *const keys[],
                           size_t nkeys);
void watch_engine_created (struct watch_engine *e,
                           const char *ns,
                           uint32_t owner,
                           uint64_t rootseq,
                           const char *rootref);
void watch_engine_removed (struct watch_engine *e, const char *ns);

/* Outcomes.  The lookup or load is gone after. */
void watch_engine_lookup_done (struct watch_engine *e,
                               struct watch_lookup *l,
                               const struct watch_result *result);
void watch_engine_load_done (struct watch_engine *e,
                             struct watch_load *l,
                             int errnum,
                             const void *data,
                             size_t len);

/* For stats-get. */
struct watch_stat {
    const char *ns;
    size_t watchers;
    bool known; /* root and, if owner_known, owner are valid */
    bool owner_known;
    uint32_t owner;
    uint64_t rootseq;
    const char *rootref;
};

struct watch_counters {
    uint64_t lookups;   /* asked of kvs */
    uint64_t loads;     /* blobs asked of content */
    uint64_t bytes;     /* of chunks that came, from content or along with a lookup */
    uint64_t responses; /* values, chunks and sentinels sent */
    uint64_t forgotten; /* chunks loaded for paused watchers and given up */
    uint64_t kept;      /* bytes that paused watchers have now */
};

/* Another bound than WATCH_KEPT_BYTES. */
void watch_engine_set_kept_max (struct watch_engine *e, size_t bytes);

const struct watch_counters *watch_engine_counters (const struct watch_engine *e);
size_t watch_engine_count (const struct watch_engine *e);
size_t watch_engine_count_in (const struct watch_engine *e, const char *ns);
size_t watch_engine_namespaces (const struct watch_engine *e);

/* Iterate: *pos starts at 0; false at the end. */
bool watch_engine_stat (const struct watch_engine *e, size_t *pos, struct watch_stat *st);

#endif /* !KVS_WATCH_ENGINE_H */
