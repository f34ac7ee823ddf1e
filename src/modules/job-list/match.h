/* job-list/match.h - constraints on jobs (RFC 31 style), compiled.
 *
 * Purpose: a listing asks each of a million records; so texts are compared by
 * identity, host and rank sets are decoded once per distinct text, and lists
 * that cannot match are not looked at.
 *
 * Every comparison costs; the caller keeps the account, over all records of
 * one request, and gives up beyond its limit.
 *
 * Ownership: a constraint holds references into the pool it was compiled with,
 * and must be freed before any text it remembers may go: one request, no
 * event in between.
 * Bounds: hosts and ranks named, at most 'max_ids'; nesting as jview allows.
 */

#ifndef MILLRACE_JOB_LIST_MATCH_H
#define MILLRACE_JOB_LIST_MATCH_H

#include "engine.h"

struct match;

/* Compile.  absent or {}: everything.  Returns 0; -EINVAL with a sentence in
 * 'why'; -ENOMEM.
 */
int match_compile (struct match **ret,
                   struct jl *jl,
                   struct jview constraint,
                   unsigned int max_ids,
                   struct text *why);
void match_free (struct match *m, struct jl *jl);

/* Only jobs of this user, on top of what m says (private mode). */
int match_restrict (struct match **m, uint32_t userid);

/* Does rec match?  Adds to *cost. */
bool match_record (struct match *m, const struct record *rec, uint64_t *cost);

/* Could any job in one of these states match? */
bool match_states (const struct match *m, int states);

#endif /* !MILLRACE_JOB_LIST_MATCH_H */
