/* rset_private.h - what the files of rset share. */

#ifndef MILLRACE_RSET_PRIVATE_H
#define MILLRACE_RSET_PRIVATE_H

#include "rset.h"
#include "util.h"

struct rset_child {
    char *type;
    struct idset *ids;
};

struct rset_node {
    uint32_t rank;
    char *host; /* NULL: unknown */
    struct rset_child *children;
    size_t nchildren;
};

struct rset_property {
    char *name;
    struct idset *ranks;
};

struct rset {
    struct rset_node *nodes;
    size_t count;
    size_t cap;
    struct rset_property *properties;
    size_t nproperties;
    double starttime;
    double expiration;
    int64_t nslots;
    json_t *scheduling;
};

/* The node of a rank, made if it is not there; NULL: ENOMEM. */
struct rset_node *rset_get_node (struct rset *r, uint32_t rank);

/* Returns 0, -EEXIST or -ENOMEM. */
int rset_node_add (struct rset_node *n, const char *type, const struct idset *ids);

/* Like rset_add_property, unchecked.  Returns 0 or -ENOMEM. */
int rset_grow_property (struct rset *r, const char *name, const struct idset *ranks);

#endif /* !MILLRACE_RSET_PRIVATE_H */
