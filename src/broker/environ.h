/* broker/environ.h - the environment of what the broker starts. */

#ifndef MILLRACE_BROKER_ENVIRON_H
#define MILLRACE_BROKER_ENVIRON_H

/* Take out of our own environment what belongs to an enclosing job or
 * instance (wire.md 12.2): neither modules nor children are to see it.  To be
 * called before there are threads.
 */
void environ_clean (void);

/* A malloc'ed copy of env with FLUX_URI=uri and, unless jobid is NULL,
 * FLUX_ENCLOSING_ID=jobid.  NULL with no memory.
 */
char **environ_for_children (char *const env[], const char *uri, const char *jobid);
void environ_free (char **env);

#endif /* !MILLRACE_BROKER_ENVIRON_H */
