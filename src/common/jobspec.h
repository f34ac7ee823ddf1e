/* jobspec.h - jobspec version 1 (RFC 25): is it one, and what does it ask for?
 *
 * Purpose: ingest, scheduler and exec read the same document; the rules and
 * the defaults are here once.
 *
 * Two functions, two levels of trust: jobspec_validate () examines a document
 * from outside and gives the sentence its author sees; jobspec_decode ()
 * turns what was stored into native fields, and still never trusts a type.
 *
 * Ownership: a decoded jobspec holds a reference on its document; the strings
 * and objects in it are borrowed from that and live as long.
 * Bound: documents nest at most as deep as the JSON parser allows (2048).
 */

#ifndef MILLRACE_JOBSPEC_H
#define MILLRACE_JOBSPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>
#include <flux/hostlist.h>

/* Check a jobspec as job-ingest must (exec.md 3.3), first violation first.
 * hosts, if not NULL, are the hosts a constraint may name (its cursor moves).
 * Returns 0, or -EINVAL with the sentence in error, or -ENOMEM.
 */
int jobspec_validate (json_t *jobspec, struct hostlist *hosts, flux_error_t *error);

/* What the scheduler needs of attributes.system.constraints: the same check
 * alone.
 */
int jobspec_validate_constraint (json_t *constraint,
                                 struct hostlist *hosts,
                                 flux_error_t *error);

/* The resources that one request asks for. */
struct jobspec_request {
    uint32_t nnodes; /* 0: nodes do not matter */
    uint32_t nslots; /* per node if nnodes > 0, else in all */
    uint32_t slot_cores;
    uint32_t slot_gpus;
    bool exclusive; /* whole nodes; without nnodes each slot is one node */
};

/* Read only the resources.  Returns 0, or -EINVAL with a sentence. */
int jobspec_decode_request (json_t *resources,
                            struct jobspec_request *req,
                            flux_error_t *error);

enum jobspec_per_resource {
    JOBSPEC_PER_SLOT, /* as tasks[0].count says */
    JOBSPEC_PER_NODE, /* shell.options.per-resource */
    JOBSPEC_PER_CORE,
};

struct jobspec {
    json_t *doc; /* reference */
    struct jobspec_request request;
    double duration; /* seconds, 0 unlimited; a negative one reads as 0 */

    json_t *command;       /* array of at least one string */
    int64_t ntasks_total;  /* 0 unless count is {"total":n} */
    int64_t per_slot;      /* 0 if count is a total */
    enum jobspec_per_resource per_resource;
    int64_t per_resource_count;

    const char *cwd;       /* NULL: none given */
    const char *job_name;  /* NULL: none given */
    json_t *environment;   /* object or NULL */
    json_t *options;       /* shell.options object or NULL */
    json_t *constraints;   /* object or NULL */
    json_t *exec_test;     /* exec.test object or NULL */
    json_t *files;         /* object or NULL */
};

/* Take what the job manager's partners need.  Returns 0, or -EINVAL with a
 * sentence, or -ENOMEM.
 */
int jobspec_decode (json_t *doc, struct jobspec **js, flux_error_t *error);
void jobspec_free (struct jobspec *js);

/* A shell option by dotted path ("output.stdout.type"), or NULL. */
json_t *jobspec_option (const struct jobspec *js, const char *path);

/* Its string value, or def if it is absent or no string. */
const char *jobspec_option_string (const struct jobspec *js,
                                   const char *path,
                                   const char *def);

#endif /* !MILLRACE_JOBSPEC_H */
