/* kvs.h - the subcommands of flux kvs, by file. */

#ifndef MILLRACE_CMD_KVS_H
#define MILLRACE_CMD_KVS_H

#include <flux/core.h>

#include "opt.h"

/* kvs_get.c */
int kvs_get (int argc, char **argv);

/* kvs_history.c */
int kvs_history (int argc, char **argv);

/* The root that option -a/--at means, as text for flux_kvs_lookupat (): the
 * argument itself, or the past root with that sequence number.  malloced.
 */
char *kvs_at (flux_t *h, const char *ns, const char *arg);

/* kvs_put.c: everything that commits */
int kvs_put (int argc, char **argv);
int kvs_unlink (int argc, char **argv);
int kvs_link (int argc, char **argv);
int kvs_mkdir (int argc, char **argv);
int kvs_copy (int argc, char **argv);
int kvs_move (int argc, char **argv);
int kvs_sync (int argc, char **argv);

/* kvs_dir.c */
int kvs_dir (int argc, char **argv);

/* kvs_ls.c */
int kvs_ls (int argc, char **argv);

/* kvs_namespace.c */
int kvs_namespace (int argc, char **argv);

/* kvs_eventlog.c */
int kvs_eventlog (int argc, char **argv);

/* The width that option -w/--width means: given, or the terminal's, or
 * $COLUMNS, or 80.  0 is unlimited.
 */
int kvs_width (long long option);

/* Print "key = value", cut at the first newline and at the width (0: not), with
 * "..." where something was cut.
 */
void kvs_print_value (const char *key, const char *value, size_t len, int width);

/* The namespace that option -N/--namespace, or its absence, means. */
const char *kvs_ns_name (const char *option);

/* Die with "KEY: error" of a failed lookup or commit. */
__attribute__ ((noreturn)) void kvs_die (const char *key, flux_future_t *f);

#endif /* !MILLRACE_CMD_KVS_H */
