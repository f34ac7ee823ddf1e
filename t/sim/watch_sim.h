/* watch_sim.h - a small world of namespaces for the engine of kvs-watch, with
 * its whole history kept, and a judge of what each watcher was told.
 *
 * The history of a namespace is a sequence of states, one per change.  The
 * judge knows nothing of the engine: it asks whether there is a state at which
 * the watch may have begun, such that the rules of the specification, applied
 * to the states after it, yield exactly what the watcher got.
 */

#ifndef WATCH_SIM_H
#define WATCH_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "modules/kvs-watch/engine.h"

enum { SIM_KEYS = 3, SIM_SPACES = 2, SIM_CHUNKS = 24, SIM_STATES = 48, SIM_TOLD = 64 };

enum sim_type { SIM_ABSENT, SIM_VAL, SIM_VALREF, SIM_DIR, SIM_SYMLINK };

struct sim_value {
    enum sim_type type;
    int n;                 /* VALREF: chunks, VAL: 1 */
    int chunk[SIM_CHUNKS]; /* what they hold */
};

struct sim_state {
    bool exists;
    uint32_t owner;
    uint64_t seq;
    unsigned int named; /* bit per key */
    struct sim_value value[SIM_KEYS];
};

struct sim_space {
    char name[16];
    struct sim_state state[SIM_STATES];
    int count;
    int view; /* the state that the kvs here knows of */
    int seen; /* the state that the engine was told of; -1: none */
};

struct sim_watcher {
    struct sim_space *space;
    int key;
    int flags;
    struct watch_cred cred;
    char sender[8];
    uint32_t matchtag;
    size_t window; /* bytes of chunks; 0: any number */
    size_t unacked;
    int bound;       /* it may not begin at an earlier state */
    int error_bound; /* nor be refused because of one before this */
    char *told[SIM_TOLD];
    int ntold;
    bool ended;
    bool cut; /* by the client, or by a fault that was injected */
    int errnum;
};

#define SIM_SENTINEL "<sentinel>"

enum { SIM_CLIENTS = 3, SIM_MAX_WATCHERS = 24, SIM_MAX_PENDING = 512 };
enum { SIM_FIRST_CHUNK = 8, /* those before are not unique */ SIM_MAX_CHUNKS = 2048 };

struct sim_event {
    struct sim_space *space;
    int state;
    bool created;
};

struct sim_lookup {
    struct watch_lookup *l;
    struct sim_space *space;
    int key;
    int state; /* -1: not read yet */
};

struct sim {
    unsigned int seed;
    bool lag;    /* the kvs may be behind */
    bool faults; /* lookups and loads may fail */
    bool guests;
    bool tails; /* the kvs answers with the end of a log only */
    bool oom;   /* memory may run out inside the engine */
    int kept_max; /* bytes for paused watchers; 0: enough for all */
    int loads[SIM_MAX_CHUNKS]; /* of each chunk */
    struct watch_engine *engine;
    struct sim_space space[SIM_SPACES];
    struct sim_watcher watcher[SIM_MAX_WATCHERS];
    bool throttled[SIM_CLIENTS];
    int nwatchers;
    struct sim_event event[SIM_SPACES * SIM_STATES];
    int nevents, next_event;
    struct sim_lookup lookup[SIM_MAX_PENDING];
    int nlookups;
    struct watch_load *load[SIM_MAX_PENDING];
    int nloads;
    int next_chunk;
    bool good;
};

unsigned int sim_rnd (struct sim *s, unsigned int n);

/* The world in a new sim; one random change of it. */
void sim_begin (struct sim *s);
void sim_change (struct sim *s);

/* The text that a watcher of values gets for v, or NULL: the key is missing,
 * or *errnum: it cannot be read so.  The caller frees.
 */
char *sim_value_text (const struct sim_value *v, int flags, int *errnum);

/* The name of the blob that holds a chunk. */
void sim_chunk_ref (int chunk, struct blobref *ref);

/* The stored object, NULL: missing. */
struct treeobj *sim_value_object (const struct sim_value *v);

/* What chunk i of v holds. */
void sim_chunk_text (const struct sim_value *v, int i, char buf[16]);

/* Can what w was told be explained? */
bool sim_judge (const struct sim_watcher *w);

#endif /* !WATCH_SIM_H */
