/* job-list/attrs.h - what a listing says of a job, as JSON text.
 *
 * Absent values are left out; id always comes first.
 */

#ifndef MILLRACE_JOB_LIST_ATTRS_H
#define MILLRACE_JOB_LIST_ATTRS_H

#include "record.h"

#define ATTRS_MAX 32

/* The attributes a request asks for, in its order. */
struct attrs {
    unsigned char list[ATTRS_MAX];
    size_t count;
    const char *error; /* what is wrong with the request, or NULL: it is only
                          told when a job is to be shown */
    struct text text;  /* of that error */
};

/* From an array; owns memory only if there is an error. */
void attrs_init (struct attrs *a, struct jview array);
void attrs_fini (struct attrs *a);

/* {"id":...,...} */
void attrs_put_record (const struct attrs *a, struct text *t, const struct record *rec);

/* {"attrs":[...]}: all there are, and "all". */
void attrs_put_names (struct text *t);

#endif /* !MILLRACE_JOB_LIST_ATTRS_H */
