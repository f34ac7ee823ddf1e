/* broker/environ.h - the environment of what the broker starts. */

#ifndef MILLRACE_BROKER_ENVIRON_H
#define MILLRACE_BROKER_ENVIRON_H

/* Take out of our own environment what belongs to an enclosing job or
 * instance (wire.md 12.2): neither modules nor children are to see it.  To be
 * called before there are threads.
 */
void environ_clean (void);

/* The environment of the commands that the broker runs.  It may change while
 * they run: later ones see that.
 */
struct child_env {
    char **v; /* NULL-terminated */
    int count;
};

/* A copy of env with FLUX_URI=uri and, unless jobid is NULL,
 * FLUX_ENCLOSING_ID=jobid.  NULL with no memory.
 */
struct child_env *child_env_new (char *const env[], const char *uri, const char *jobid);
void child_env_free (struct child_env *env);

/* The value, or NULL. */
const char *child_env_get (const struct child_env *env, const char *name);

/* value NULL takes the name out.  Returns 0 or -ENOMEM. */
int child_env_set (struct child_env *env, const char *name, const char *value);

#endif /* !MILLRACE_BROKER_ENVIRON_H */
