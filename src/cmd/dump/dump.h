/* dump.h - flux dump, restore, fsck and gc: one program, so that the flux
 * command itself links neither libarchive nor libcrypto.
 */

#ifndef MILLRACE_DUMP_DUMP_H
#define MILLRACE_DUMP_DUMP_H

#include <stdbool.h>
#include <stddef.h>

int dump_main (int argc, char **argv);
int restore_main (int argc, char **argv);
int fsck_main (int argc, char **argv);
int gc_main (int argc, char **argv);

/* What has been done so far, told now and then: "WHAT N keys".  On a terminal
 * in place; to systemd if asked for; in the end, unless quiet, as a line.
 */
struct tell {
    const char *what; /* "archived" */
    bool quiet;
    bool verbose; /* paths are printed instead of what is told in place */
    bool sd_notify;
    size_t keys;
    size_t blobs; /* told in the end if not 0 */
};

void tell_path (const struct tell *t, const char *path);
void tell_key (struct tell *t);
void tell_end (struct tell *t);

#endif /* !MILLRACE_DUMP_DUMP_H */
