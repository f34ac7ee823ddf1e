/* live.h - what test clients of a live instance share.
 *
 * A stream is a future of flux_kvs_lookup () or flux_job_event_watch ().  The
 * tests say what it is to bring next; they never wait for a time to pass: that
 * nothing came is shown by what came after it.
 */

#ifndef T_LIVE_H
#define T_LIVE_H

#include <flux/core.h>

#include "common/tap.h"

/* The instance this program runs in.  Bails out if there is none. */
flux_t *live_open (void);

/* The same as a guest. */
flux_t *live_open_guest (uint32_t userid);

/* Wait for it, and destroy it.  Bails out if it fails: what was asked for. */
void live_finish (flux_future_t *f, const char *what);

/* One commit of any number of operations, each "put KEY VALUE", "append KEY
 * VALUE", "unlink KEY", "mkdir KEY", "link KEY TARGET" or "treeobj KEY TEXT";
 * NULL-terminated.  It has taken effect on return.  Bails out on errors.
 */
void live_commit (flux_t *h, const char *ns, ...);

/* The same without waiting; with commit flags. */
flux_future_t *live_commit_begin (flux_t *h, const char *ns, int flags, const char *op);

void live_create (flux_t *h, const char *ns, uint32_t owner);
void live_remove (flux_t *h, const char *ns);

flux_future_t *live_watch (flux_t *h, const char *ns, int flags, const char *key);

/* The next response: ok if it is this value (the tree object, for streams with
 * TREEOBJ, READDIR or READLINK), an empty value, or the sentinel.
 */
void next_is (flux_future_t *f, const char *value, const char *name);
void next_is_empty (flux_future_t *f, const char *name);

/* The stream ends like this; it is destroyed.  text NULL: not looked at. */
void end_is (flux_future_t *f, int errnum, const char *text, const char *name);

/* Cancel it, and see it end with ENODATA. */
void cancel_ends (flux_future_t *f, const char *name);

/* Any RPC: ok if it fails like this (0: succeeds). */
void rpc_fails (flux_t *h,
                const char *topic,
                int flags,
                const char *payload,
                int errnum,
                const char *text,
                const char *name);

/* The payload of the next response, "" for none, or "ERRNO text".  Valid until
 * the next call.
 */
const char *live_result (flux_future_t *f);

/* A number in the answer to NAME.stats-get, by a path with slashes; -2 if it
 * is not there.
 */
long long stats_get (flux_t *h, const char *name, const char *path);

#endif /* !T_LIVE_H */
