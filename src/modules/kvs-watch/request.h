/* request.h - what a watch request says, and which of them make sense.
 *
 * The flag numbers are those of enum kvs_op (flux/core/kvs.h); the service
 * asserts that.  WATCH_F_RAW is ours, additive: with WATCH_APPEND or STREAM,
 * each response carries the bytes of one chunk as its raw payload (none if
 * the chunk is empty), and the initial sentinel is marked by message flag
 * USER1.  A stock kvs-watch ignores the bit.
 *
 * 'from' is ours, additive, for who comes back to a log that it has followed
 * before: of its chunks the first 'from' are not sent again.  'window' is, too:
 * of a log no more bytes are sent than that (or one chunk) before the client has
 * acknowledged some.
 */

#ifndef KVS_WATCH_REQUEST_H
#define KVS_WATCH_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum watch_flag {
    WATCH_F_READDIR = 1,
    WATCH_F_READLINK = 2,
    WATCH_F_WATCH = 4,
    WATCH_F_WAITCREATE = 8,
    WATCH_F_TREEOBJ = 16,
    WATCH_F_FULL = 64,
    WATCH_F_UNIQ = 128,
    WATCH_F_APPEND = 256,
    WATCH_F_STREAM = 512,
    WATCH_F_SENTINEL = 1024,
    WATCH_F_RAW = 1 << 16,
};

#define WATCH_ROLE_OWNER 1 /* FLUX_ROLE_OWNER */

struct watch_cred {
    uint32_t userid;
    uint32_t rolemask;
};

struct watch_request {
    const char *sender; /* first route of the request; NULL: none */
    uint32_t matchtag;
    struct watch_cred cred;
    const char *ns;
    const char *key; /* as given, not normalised */
    int flags;
    size_t from;   /* chunks of a log that the client has */
    size_t window; /* bytes of a log to be sent unacknowledged; 0: any number */
    void *client; /* the caller's; comes back in the actions */
};

/* Are these flags allowed together?  Returns 0, or -EPROTO or -EINVAL with
 * *text the sentence for the error response.
 */
int watch_flags_check (int flags, bool streaming, const char **text);

/* The normal form of a key (kvs.md section 7): runs of dots collapse, one
 * leading and one trailing dot go if anything else remains.  Allocated;
 * NULL: out of memory.
 */
char *watch_key_normalize (const char *key);

#endif /* !KVS_WATCH_REQUEST_H */
