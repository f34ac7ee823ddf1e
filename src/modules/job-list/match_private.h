/* job-list/match_private.h - a compiled constraint. */

#ifndef MILLRACE_JOB_LIST_MATCH_PRIVATE_H
#define MILLRACE_JOB_LIST_MATCH_PRIVATE_H

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/util.h"

#include "match.h"

enum op {
    OP_ALL, /* everything */
    OP_USERID,
    OP_NAME,
    OP_QUEUE,
    OP_STATES,
    OP_RESULTS,
    OP_HOSTLIST,
    OP_RANKS,
    OP_T_SUBMIT,
    OP_T_DEPEND,
    OP_T_PRIORITY,
    OP_T_SCHED,
    OP_T_RUN,
    OP_T_CLEANUP,
    OP_T_INACTIVE,
    OP_AND,
    OP_OR,
    OP_NOT,
};

enum compare { GT, LT, GE, LE };

/* What one distinct host or rank text came to. */
struct verdict {
    bool match;
    uint32_t cost;
};

/* Of OP_HOSTLIST: one host and where it stands, from 1. */
struct host {
    uint32_t order;
    char name[];
};

/* So many hosts are looked for one by one in a node list, which is quick for the
 * ranges that it is made of; of more, each node is looked for in by_name.
 */
#define MATCH_HOSTS_FEW 16

struct match {
    enum op op;
    size_t count; /* of what the union holds several of */
    union {
        uint32_t *userids;
        struct itext **texts; /* OP_NAME, OP_QUEUE */
        int mask;
        struct {
            enum compare compare;
            double t;
        };
        struct match **children;
    };
    struct hostlist *hosts;
    struct idset *ranks;
    struct table by_name;  /* struct host, if there are many */
    struct table verdicts; /* struct verdict by text */
};

#endif /* !MILLRACE_JOB_LIST_MATCH_PRIVATE_H */
