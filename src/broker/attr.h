/* broker/attr.h - broker attributes: names, values, and who may set them.
 *
 * Purpose: the one table of wire.md section 10.  An attribute is *known* (its
 * name is in the table or fits one of the patterns test.*, vendor.*, ...)
 * before it can be set; it is *set* once it has an entry, even one whose
 * value is null ("-S NAME").
 *
 * Invariant: an immutable attribute that is set never changes, so whoever
 * reads it may keep it for ever (modules do: they get it in their welcome).
 * Ownership: names and values are copied in; returned strings stay valid
 * until the attribute is set again or removed.
 * Bound: known names plus what the owner sets below the patterns.
 *
 * No flux_t here: attr_service.c answers the requests.
 */

#ifndef MILLRACE_BROKER_ATTR_H
#define MILLRACE_BROKER_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core.h>

enum {
    ATTR_CLI = 1,       /* may be set with -S NAME=VAL */
    ATTR_RUNTIME = 2,   /* may be changed with attr.set */
    ATTR_IMMUTABLE = 4, /* never changes once set */
};

struct attrs;

struct attrs *attrs_new (void);
void attrs_free (struct attrs *a);

/* The flags of a known name, or -ENOENT. */
int attrs_flags (const struct attrs *a, const char *name);

/* The value; NULL if the attribute is unset or its value is null. */
const char *attrs_get (const struct attrs *a, const char *name);

/* The value as a duration (FSD) in seconds; -1 if it is "none", null or unset.
 * Returns 0, or -1 with errno and a sentence that names the attribute.
 */
int attrs_duration (const struct attrs *a,
                    const char *name,
                    double *seconds,
                    flux_error_t *error);

/* True if there is an entry, be its value null. */
bool attrs_is_set (const struct attrs *a, const char *name);

/* Set by the broker itself: no permission is asked, a known name is
 * required.  A NULL value is null.  Returns 0, -ENOENT or -ENOMEM.
 */
int attrs_set (struct attrs *a, const char *name, const char *value);
int attrs_setf (struct attrs *a, const char *name, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

/* As attrs_set (), unless the attribute is set already. */
int attrs_set_default (struct attrs *a, const char *name, const char *value);

/* "NAME=VAL" or "NAME" of the command line.  Returns 0, or a negative errno
 * with a sentence in *error: -ENOENT (unknown), -EPERM (not a C name).
 */
int attrs_set_cmdline (struct attrs *a, const char *arg, flux_error_t *error);

/* The rules of attr.set.  Returns 0, or with a sentence in *error -ENOENT
 * (unknown), -EINVAL (set, and not a runtime one; force overrides), -EPERM
 * (set and immutable).  attrs_may_set () only asks.
 */
int attrs_may_set (const struct attrs *a,
                   const char *name,
                   bool force,
                   flux_error_t *error);
int attrs_update (struct attrs *a,
                  const char *name,
                  const char *value,
                  bool force,
                  flux_error_t *error);

/* The rules of attr.rm: 0 also if absent, -EPERM if immutable. */
int attrs_remove (struct attrs *a, const char *name);

/* Iterate in no particular order: start with *pos = 0; NULL at the end.
 * *value may become NULL (null).  Do not change the table meanwhile.
 */
const char *attrs_next (const struct attrs *a, size_t *pos, const char **value);

#endif /* !MILLRACE_BROKER_ATTR_H */
