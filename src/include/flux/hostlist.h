/* flux/hostlist.h - lists of host names and their compact text (RFC 29).
 *
 * A list, not a set: order and duplicates are kept.  Runs of hosts that differ
 * in a trailing number are stored as ranges, so "node[0-99999]" is small.
 *
 * A list has a cursor, moved by first, next, last and nth.  Strings returned
 * by them are valid until the next call on the same list.
 *
 * Text: names separated by commas, blanks or tabs; name[1-3,5] stands for
 * several, each number with the digits it is written with; what follows the
 * bracket belongs to every name.
 *
 * Functions that can fail return -1 or NULL with errno: EINVAL for NULL lists
 * and bad text, ERANGE for more than 2^20 hosts in one range (or, of names that
 * go on behind the bracket, in one text, or 64 MiB of those), ENOENT for a host
 * that is not there, ENOMEM.
 */

#ifndef _FLUX_HOSTLIST_H
#define _FLUX_HOSTLIST_H

#include "core/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define hostlist_is_empty(hl) (hostlist_count (hl) == 0)

struct hostlist *hostlist_create (void);
void hostlist_destroy (struct hostlist *hl);

/* Text to list, and back; neighbours in the list share brackets.  The caller
 * frees the text.
 */
struct hostlist *hostlist_decode (const char *s);
char *hostlist_encode (struct hostlist *hl);
struct hostlist *hostlist_copy (const struct hostlist *hl);

/* Append; return the number of hosts added.  A bad text adds none. */
int hostlist_append (struct hostlist *hl, const char *hosts);
int hostlist_append_list (struct hostlist *hl1, struct hostlist *hl2);

/* The host at index n >= 0; the cursor moves there. */
const char *hostlist_nth (struct hostlist * hl, int n);

/* The index of the first host of that name.  A name that is looked for in
 * many lists can be parsed once.
 */
int hostlist_find (struct hostlist * hl, const char *hostname);
struct hostlist_hostname *hostlist_hostname_create (const char *hostname);
void hostlist_hostname_destroy (struct hostlist_hostname *hn);
int hostlist_find_hostname (struct hostlist *hl, struct hostlist_hostname *hn);

/* Remove the first occurrence of each host of a text; returns how many. */
int hostlist_delete (struct hostlist * hl, const char *hosts);
int hostlist_count (struct hostlist * hl);

/* Order by name, then number of digits, then number; uniq drops duplicates,
 * too.  The cursor goes back to before the first host.
 */
void hostlist_sort (struct hostlist * hl);
void hostlist_uniq (struct hostlist *hl);

/* Iterate; NULL at the end. */
const char *hostlist_first (struct hostlist *hl);
const char *hostlist_last (struct hostlist *hl);
const char *hostlist_next (struct hostlist *hl);
const char *hostlist_current (struct hostlist *hl);

/* Remove the host at the cursor: there is no current one then, and next gives
 * the host that followed.  Returns 1, or 0 if there was none.
 */
int hostlist_remove_current (struct hostlist *hl);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_HOSTLIST_H */
