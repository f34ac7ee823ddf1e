/* test_instance.h - a real flux-broker, started and stopped by a test. */

#ifndef MILLRACE_BROKER_TEST_INSTANCE_H
#define MILLRACE_BROKER_TEST_INSTANCE_H

#include <sys/types.h>
#include <flux/core.h>

struct instance {
    pid_t pid;
    char dir[64];     /* ours: holds the rundir, the log, ... */
    char uri[128];
    char log[128];    /* what the broker wrote to stderr */
};

/* Directory of this program (and of flux-broker). */
const char *test_bindir (void);

/* The test module's shared object. */
const char *test_module (void);

/* Start a broker with these further arguments (NULL-terminated).  Without
 * others it runs no rc1, rc2 or rc3 and waits to be shut down.
 * instance_start () waits until it can be talked to.
 */
void instance_spawn (struct instance *in, const char *const args[]);
void instance_start (struct instance *in, const char *const args[]);

/* Wait for its end, and leave everything as it is for inspection. */
void instance_await_end (struct instance *in);

/* Wait for its end and remove its directory.  Returns the exit code, or 128 +
 * signal.  instance_stop () asks it to shut down first.
 */
int instance_wait (struct instance *in);
int instance_stop (struct instance *in);

/* What was written to stderr; malloc'ed.  Before instance_wait (). */
char *instance_log (struct instance *in);

flux_t *instance_open (struct instance *in);

/* Synchronous RPCs: 0, or the errno of the response.  call_json () stores the
 * response payload (malloc'ed; NULL without) unless it is NULL.
 */
int call (flux_t *h, const char *topic, const char *payload);
int call_json (flux_t *h, const char *topic, const char *payload, char **response);

/* The error text of the last call that failed. */
const char *call_error (void);

/* Load the test module under a name with blank-separated arguments. */
int load (flux_t *h, const char *name, const char *args);
int unload (flux_t *h, const char *name);

#endif /* !MILLRACE_BROKER_TEST_INSTANCE_H */
