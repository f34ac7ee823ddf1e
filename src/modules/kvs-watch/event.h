/* event.h - what an event of the kvs says, decoded in one pass.
 *
 *   { "namespace":s "rootseq":i "rootref":s "owner":i "keys":{KEY:null...} }
 *
 * in any order, with other members.  kvs.namespace-NS-setroot has all, -created has
 * no keys, -removed has but the namespace, or all.  Every commit makes one, so no tree is
 * built of it.
 *
 * Ownership: the strings are the event's, until the next decode or fini.
 */

#ifndef KVS_WATCH_EVENT_H
#define KVS_WATCH_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

struct watch_event {
    const char *ns;
    bool has_root; /* rootseq, rootref and owner are there */
    uint64_t rootseq;
    const char *rootref;
    uint32_t owner;
    bool has_keys;
    const char **keys;
    size_t nkeys;
    struct text strings; /* private, like what follows */
    size_t cap;
};

#define WATCH_EVENT_INIT { .strings = TEXT_INIT }

/* Returns 0, -EPROTO or -ENOMEM; after an error the event says nothing. */
int watch_event_decode (struct watch_event *ev, const char *text, size_t len);
void watch_event_fini (struct watch_event *ev);

#endif /* !KVS_WATCH_EVENT_H */
