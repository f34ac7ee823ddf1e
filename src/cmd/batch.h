/* batch.h - flux batch, flux alloc: a job that is an instance of its own.
 *
 * The job runs one broker on each of its nodes (option per-resource), which
 * find each other through the job's PMI; the initial program of rank 0 is a
 * script that comes with the job, or a command.  The brokers see the cpus that
 * the job was given and no others.
 */

#ifndef MILLRACE_CMD_BATCH_H
#define MILLRACE_CMD_BATCH_H

#include <flux/core.h>
#include <jansson.h>

#include "common/text.h"
#include "submission.h"

enum batch_key {
    BATCH_CONF = SUBMISSION_KEY_LAST,
    BATCH_BROKER_OPTS,
    BATCH_DUMP,
    BATCH_WRAP,
    BATCH_BG,
};

#define BATCH_OPTS                                                                        \
    { 'n', "nslots", OPT_REQUIRED, "N", "number of slots to allocate" },                  \
    { 'N', "nodes", OPT_REQUIRED, "N", "number of nodes" },                               \
    { 'c', "cores-per-slot", OPT_REQUIRED, "N", "cores for each slot (1)" },              \
    { 'g', "gpus-per-slot", OPT_REQUIRED, "N", "GPUs for each slot" },                    \
    SUBMISSION_REST,                                                                      \
    { BATCH_CONF, "conf", OPT_REQUIRED, "CONF",                                           \
      "KEY=VAL, JSON or a file: configuration of the instance" },                         \
    { BATCH_BROKER_OPTS, "broker-opts", OPT_REQUIRED, "OPTS",                             \
      "options of its brokers, comma-separated" },                                        \
    { BATCH_DUMP, "dump", OPT_OPTIONAL, "FILE", "dump its KVS when it ends" }

struct batch {
    struct submission s;
    json_t *conf;        /* object */
    char **broker_opts;  /* words; the array is owned */
    size_t nbroker_opts;
    const char *dump;    /* a template of the file's name, or NULL */
};

void batch_init (struct batch *b, const struct opt_table *table);
void batch_fini (struct batch *b);

/* Take one option.  False if it is none of BATCH_OPTS. */
bool batch_option (struct batch *b, int key, const char *arg);

/* The jobspec of an instance with this initial program; dies if no slots were
 * asked for.
 */
json_t *batch_jobspec (struct batch *b, int argc, char **argv);

/* Submit, or with --dry-run print, and return the id (0 after a dry run).  The
 * jobspec is used up.
 */
flux_jobid_t batch_submit (flux_t **h, struct batch *b, json_t *jobspec);

/* batch_script.c: take the options on "# flux:" lines, in order.  Dies with a
 * line number if one is wrong or stands where it does not count.  The options'
 * words lie in script, which is changed.
 */
void batch_directives (const struct opt_table *table,
                       char *script,
                       opt_set_f set,
                       void *data);

#endif /* !MILLRACE_CMD_BATCH_H */
