/* intern.h - one shared copy of each distinct text.
 *
 * Purpose: thousands of jobs have the same jobspec, name, directory or node
 * list; each text is kept once and counted.
 *
 * Invariant: within one pool, equal texts are the same object, so equality is
 * pointer equality.
 * Ownership: intern_get () gives a reference, intern_put () takes it back; the
 * last one frees the text.  A pool must be empty when it is finished.
 * Bound: none of its own; what is interned belongs to records the owner bounds.
 */

#ifndef MILLRACE_INTERN_H
#define MILLRACE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "table.h"

struct itext {
    uint32_t refs;
    uint32_t len;
    char s[]; /* NUL-terminated */
};

struct intern {
    struct table texts;
    size_t bytes; /* of text, each counted once */
};

void intern_init (struct intern *pool);
void intern_fini (struct intern *pool);

/* A reference to the text, or NULL (no memory, or 4 GiB and more). */
struct itext *intern_get (struct intern *pool, const char *s, size_t len);

/* Another reference to the same text; NULL gives NULL. */
static inline struct itext *intern_ref (struct itext *t)
{
    if (t)
        t->refs++;
    return t;
}

/* NULL is accepted. */
void intern_put (struct intern *pool, struct itext *t);

/* *slot takes over the reference 'new' (may be NULL), its old one is put. */
void intern_set (struct intern *pool, struct itext **slot, struct itext *new);

#endif /* !MILLRACE_INTERN_H */
