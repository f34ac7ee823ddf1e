/* flux/jobtap.h - what a plugin of the job-manager may ask of it.
 *
 * A plugin is a shared object with int flux_plugin_init (flux_plugin_t *p),
 * which adds its handlers by flux_plugin_add_handler () or _register ().  The
 * job-manager provides the functions below to it.
 *
 * Functions that can fail return -1 or NULL with errno: EINVAL for arguments
 * that make no sense, ENOENT for a job that is not there.
 */

#ifndef _FLUX_JOBTAP_H
#define _FLUX_JOBTAP_H

#include <stdint.h>

#include <flux/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As a job id: the one that the callback was called for. */
#define FLUX_JOBTAP_CURRENT_JOB FLUX_JOBID_ANY

/* The handle to send messages with; do not read from it. */
flux_t *flux_jobtap_get_flux (flux_plugin_t *p);

/* Serve job-manager.NAME.METHOD (NAME: the plugin's, without a leading dot): for
 * the instance owner, or for those with one of the roles, too.
 */
int flux_jobtap_service_register (flux_plugin_t *p,
                                  const char *method,
                                  flux_msg_handler_f cb,
                                  void *arg);
int flux_jobtap_service_register_ex (flux_plugin_t *p,
                                     const char *method,
                                     uint32_t rolemask,
                                     flux_msg_handler_f cb,
                                     void *arg);

/* In which order active jobs are shown to a plugin that is being loaded: "none",
 * "state" or "-state", then by id.
 */
int flux_jobtap_set_load_sort_order (flux_plugin_t *p, const char *mode);

/* Priorities: ask for those of all pending jobs (job.priority.get), give that of
 * one, or say in a callback that there is none yet.
 */
int flux_jobtap_reprioritize_all (flux_plugin_t *p);
int flux_jobtap_reprioritize_job (flux_plugin_t *p,
                                  flux_jobid_t id,
                                  unsigned int priority);
int flux_jobtap_priority_unavail (flux_plugin_t *p, flux_plugin_arg_t *args);

/* Set the callback's error text.  Return -1, for the callback to return. */
int flux_jobtap_error (flux_plugin_t *p, flux_plugin_arg_t *args, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
int flux_jobtap_reject_job (flux_plugin_t *p,
                            flux_plugin_arg_t *args,
                            const char *fmt,
                            ...) __attribute__ ((format (printf, 3, 4)));

/* In NEW and DEPEND.  What is there already is not added again. */
int flux_jobtap_dependency_add (flux_plugin_t *p,
                                flux_jobid_t id,
                                const char *description);
int flux_jobtap_dependency_remove (flux_plugin_t *p,
                                   flux_jobid_t id,
                                   const char *description);

/* Items of the plugin on a job.  They go when it becomes inactive, or with the
 * plugin.
 */
int flux_jobtap_job_aux_set (flux_plugin_t *p,
                             flux_jobid_t id,
                             const char *name,
                             void *val,
                             flux_free_f free_fn);
void *flux_jobtap_job_aux_get (flux_plugin_t *p, flux_jobid_t id, const char *name);
int flux_jobtap_job_aux_delete (flux_plugin_t *p, flux_jobid_t id, void *val);
int flux_jobtap_job_aux_delete_value (flux_plugin_t *p, flux_jobid_t id, void *val);

/* "alloc-bypass", "debug" or "immutable". */
int flux_jobtap_job_set_flag (flux_plugin_t *p, flux_jobid_t id, const char *flag);

int flux_jobtap_raise_exception (flux_plugin_t *p,
                                 flux_jobid_t id,
                                 const char *type,
                                 int severity,
                                 const char *fmt,
                                 ...) __attribute__ ((format (printf, 5, 6)));

/* fmt (Jansson) makes the context, an object; NULL: none. */
int flux_jobtap_event_post_pack (flux_plugin_t *p,
                                 flux_jobid_t id,
                                 const char *name,
                                 const char *fmt,
                                 ...);

/* Dotted keys and their values.  Of the current job: posted when the callback
 * has returned; the other form is for any other job.  Not from RUN on.
 */
int flux_jobtap_jobspec_update_pack (flux_plugin_t *p, const char *fmt, ...);
int flux_jobtap_jobspec_update_id_pack (flux_plugin_t *p,
                                        flux_jobid_t id,
                                        const char *fmt,
                                        ...);

/* What callbacks get as arguments for that job.  The caller destroys it. */
flux_plugin_arg_t *flux_jobtap_job_lookup (flux_plugin_t *p, flux_jobid_t id);

/* In CLEANUP and INACTIVE. */
int flux_jobtap_get_job_result (flux_plugin_t *p,
                                flux_jobid_t id,
                                flux_job_result_t *resultp);

/* 1: the job has had such an event; 0: it has not. */
int flux_jobtap_job_event_posted (flux_plugin_t *p, flux_jobid_t id, const char *name);

/* Get job.event.* of that job. */
int flux_jobtap_job_subscribe (flux_plugin_t *p, flux_jobid_t id);
void flux_jobtap_job_unsubscribe (flux_plugin_t *p, flux_jobid_t id);

/* Keep the current job from starting, or from giving its resources back. */
int flux_jobtap_prolog_start (flux_plugin_t *p, const char *description);
int flux_jobtap_prolog_finish (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *description,
                               int status);
int flux_jobtap_epilog_start (flux_plugin_t *p, const char *description);
int flux_jobtap_epilog_finish (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *description,
                               int status);

/* Call the handlers of other plugins; topic must not begin with "job.". */
int flux_jobtap_call (flux_plugin_t *p,
                      flux_jobid_t id,
                      const char *topic,
                      flux_plugin_arg_t *args);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_JOBTAP_H */
