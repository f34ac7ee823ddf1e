/* kvs_cond.h - conditions of commits, as options of flux kvs put and others.
 *
 * They are decided by the kvs service when the commit is applied.  But for
 * --if-value: what the service compares are tree objects, and the same value
 * can be kept as different ones; so the value is looked up here, and the
 * condition is that the key still is the object that was found to hold it.
 */

#ifndef MILLRACE_CMD_KVS_COND_H
#define MILLRACE_CMD_KVS_COND_H

#include <flux/core.h>

#include "common/kvsops.h"
#include "opt.h"

enum {
    KVS_IF = 512,
    KVS_IF_ABSENT,
    KVS_IF_EXISTS,
    KVS_IF_VALUE,
    KVS_IF_TREEOBJ,
    KVS_IF_SEQ,
};

/* For the option table of a command. */
/* clang-format off */
#define KVS_COND_OPTS                                                                \
    { KVS_IF_ABSENT, "if-absent", OPT_OPTIONAL, "KEY",                               \
      "only if KEY (or each KEY) is absent" },                                       \
    { KVS_IF_EXISTS, "if-exists", OPT_OPTIONAL, "KEY",                               \
      "only if KEY (or each KEY) exists" },                                          \
    { KVS_IF_VALUE, "if-value", OPT_REQUIRED, "VALUE",                               \
      "only if each KEY has this value" },                                           \
    { KVS_IF_TREEOBJ, "if-treeobj", OPT_REQUIRED, "OBJ",                             \
      "only if each KEY is this tree object" },                                      \
    { KVS_IF, "if", OPT_REQUIRED, "KEY=VALUE",                                       \
      "only if KEY, which may be another, has VALUE" },                              \
    { KVS_IF_SEQ, "if-seq", OPT_REQUIRED, "N",                                       \
      "only if the root sequence number is N" }
/* clang-format on */

/* Exit code of a command whose condition is not met: nothing was changed. */
#define KVS_EXIT_CONDITION 2

struct kvs_cond;

struct kvs_conds {
    struct kvs_cond *v;
    size_t count;
};

void kvs_conds_fini (struct kvs_conds *c);

/* One of the options above?  Dies if its argument is malformed. */
bool kvs_conds_set (struct kvs_conds *c,
                    const struct opt_table *table,
                    int key,
                    const char *arg);

/* Write them as operations; options without a key are about all n keys.  Dies
 * if one is not met already.
 */
void kvs_conds_write (const struct kvs_conds *c,
                      flux_t *h,
                      const char *ns,
                      size_t n,
                      char **keys,
                      struct kvsops *ops);

/* Is it worth while to look again, when they were not met? */
bool kvs_conds_looked_up (const struct kvs_conds *c);

#endif /* !MILLRACE_CMD_KVS_COND_H */
