/* resource.h - flux resource: what its files share. */

#ifndef MILLRACE_CMD_RESOURCE_H
#define MILLRACE_CMD_RESOURCE_H

#include <flux/core.h>
#include <flux/idset.h>
#include <jansson.h>

#include "common/rset.h"

/* What its listings have in common. */
struct resource_opts {
    const char *states;
    const char *targets;
    const char *format;
    bool no_header;
};

#define RESOURCE_INCLUDE_OPT                                                              \
    { 'i', "include", OPT_REQUIRED, "HOSTS|RANKS", "only these nodes" }
#define RESOURCE_FORMAT_OPTS                                                              \
    { 'o', "format", OPT_REQUIRED, "FORMAT",                                              \
      "a format by name, or \"{state} ...\"; help" },                                     \
    { 'n', "no-header", OPT_NONE, NULL, "no header line" }

/* Take one of the options -s, -i, -o, -n; false if it is none of them. */
bool resource_option (struct resource_opts *o, int key, const char *arg);

/* The answer of a service, a new object.  Dies. */
json_t *resource_ask (flux_t *h, const char *topic);

/* A member of such an answer as a resource set.  Dies. */
struct rset *resource_set (json_t *o, const char *key);

/* The ranks of 'all' that an idset or a hostlist names.  Dies. */
struct idset *resource_targets (const struct rset *all, const char *targets);

/* Ranks as an idset; NULL is the empty one.  Dies. */
struct idset *resource_idset (const char *s);

/* New sets; die if there is no memory. */
struct rset *resource_minus (const struct rset *a, const struct rset *b);
struct rset *resource_part (const struct rset *r, const struct idset *ranks);

/* resource_list.c */
int resource_list (int argc, char **argv);
int resource_info (int argc, char **argv);

/* resource_status.c */
int resource_status (int argc, char **argv);
int resource_drain (int argc, char **argv);
int resource_undrain (int argc, char **argv);

#endif /* !MILLRACE_CMD_RESOURCE_H */
