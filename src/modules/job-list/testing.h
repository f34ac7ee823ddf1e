/* job-list/testing.h - an index that the tests feed by hand.
 *
 * What the sink hears is gathered as text: "TOKEN:ID/STATE ", "TOKEN:gone ",
 * "log:MESSAGE ", "error:WHY ".
 */

#ifndef MILLRACE_JOB_LIST_TESTING_H
#define MILLRACE_JOB_LIST_TESTING_H

#include "common/tap.h"

#include "engine.h"

#define SPEC                                                                        \
    "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":2,\"with\":"        \
    "[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"/bin/app\"]}]," \
    "\"attributes\":{\"system\":{\"duration\":5}}}"

struct jl *new_jl (void);
void testing_fini (void);

/* What was heard since the last call; valid until the next. */
const char *heard (void);

struct jview view (const char *s);

/* One event; context may be NULL. */
int event_full (struct jl *jl,
                uint64_t id,
                double t,
                const char *name,
                const char *context,
                struct jview spec,
                struct jview R);
int event (struct jl *jl, uint64_t id, double t, const char *name, const char *context);
void alloc (struct jl *jl, uint64_t id, double t, const char *rank, const char *host);
void submit (struct jl *jl, uint64_t id, double t, const char *spec);

/* Up to SCHED, with that priority. */
void pending (struct jl *jl, uint64_t id, double t, int priority);
void ended (struct jl *jl, uint64_t id, double t, int status);

/* The ids of a list, in order; the text of a job's attributes, or what is wrong with
 * the names.  Valid until the next call.
 */
const char *listed (struct jl *jl, enum list_id list);
const char *shown (struct jl *jl, uint64_t id, const char *names);

#endif /* !MILLRACE_JOB_LIST_TESTING_H */
