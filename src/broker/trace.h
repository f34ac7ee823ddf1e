/* broker/trace.h - who wants to see which messages pass (module.trace,
 * overlay.trace).
 *
 * Purpose: a streaming request describes messages; each one of them that passes
 * a traced place is told as
 *   { "timestamp":f "prefix":"rx"|"tx" "rank":i "name":s "type":i "topic":s
 *     "payload_size":i "payload":o|null "errnum":i "errstr":s }
 * rx is towards whom is traced.  What belongs to a trace is not traced.
 *
 * Threads: trace_message () is called inside the router's monitor, by any thread;
 * the rest by the broker's thread, and enters the monitor itself.
 *
 * Ownership: the set owns its requests; the router is borrowed.
 * Bound: TRACES_MAX traces.  While a tracer does not read, what it would be told
 * is dropped (trace_throttle ()).
 */

#ifndef MILLRACE_BROKER_TRACE_H
#define MILLRACE_BROKER_TRACE_H

#include <stdbool.h>
#include <flux/core.h>

#include "router.h"

enum { TRACES_MAX = 64 };

struct trace_set;

struct trace_set *trace_set_new (struct router *router);
void trace_set_free (struct trace_set *ts);

/* Add a request
 *   { "names"?:[s...] "nodeid"?:i "typemask":i "topic_glob":s "full"?:b }
 * No or empty names are all; nodeid -1 is all.  Returns 0, or -1 with errno
 * (EPROTO, also if it is not streaming; ENOSPC).
 */
int trace_add (struct trace_set *ts, const flux_msg_t *request);

/* The sender of msg has gone; does not read, or does again; cancels one. */
void trace_disconnect (struct trace_set *ts, const flux_msg_t *msg);
void trace_throttle (struct trace_set *ts, const flux_msg_t *msg, bool on);
void trace_cancel (struct trace_set *ts, const flux_msg_t *msg);

bool trace_is_idle (const struct trace_set *ts);

/* Tell those who want to know.  rank is that of the peer, or -1. */
void trace_tell (struct trace_set *ts,
                 const flux_msg_t *msg,
                 const char *prefix,
                 const char *name,
                 int rank);

/* The same, at little cost if nobody traces. */
static inline void trace_message (struct trace_set *ts,
                                  const flux_msg_t *msg,
                                  const char *prefix,
                                  const char *name,
                                  int rank)
{
    if (ts && __builtin_expect (!trace_is_idle (ts), 0))
        trace_tell (ts, msg, prefix, name, rank);
}

#endif /* !MILLRACE_BROKER_TRACE_H */
