/* jobview.h - a job as job-list tells it, and what follows from that.
 *
 * job-list answers with an object of attributes (RFC 43); what people want to
 * see beyond these - how long it ran, why it ended, with which code - is
 * computed here.
 *
 * Ownership: a view borrows the object.
 */

#ifndef MILLRACE_CMD_JOBVIEW_H
#define MILLRACE_CMD_JOBVIEW_H

#include <flux/core.h>
#include <jansson.h>

#include "common/text.h"
#include "format.h"

struct jobview {
    json_t *o;
    double now; /* wall clock; the same for all jobs of a listing */
};

double jobview_clock (void);

/* Attributes: "" or 0 if they are not there. */
const char *jobview_string (const struct jobview *v, const char *attr);
double jobview_number (const struct jobview *v, const char *attr);
flux_jobid_t jobview_id (const struct jobview *v);
int jobview_state (const struct jobview *v);
int jobview_result (const struct jobview *v);
bool jobview_inactive (const struct jobview *v);

/* The state while it is active, the result after.  fmt as in
 * flux_job_statetostr ().
 */
const char *jobview_status (const struct jobview *v, const char *fmt);

double jobview_runtime (const struct jobview *v);
double jobview_remaining (const struct jobview *v);

/* Returns false if there is none yet. */
bool jobview_returncode (const struct jobview *v, int *rc);

/* The name, or the number where there is none; valid until the next call. */
const char *jobview_user (const struct jobview *v);

/* Append a dependency for people: begin-time as a time of day. */
void jobview_put_dependency (const struct jobview *v, const char *dep, struct text *out);
void jobview_put_dependencies (const struct jobview *v, struct text *out);

/* Append what INFO and INACTIVE-REASON say. */
void jobview_put_info (const struct jobview *v, struct text *out);
void jobview_put_inactive_reason (const struct jobview *v, struct text *out);

/* annotations.<path>, or NULL. */
json_t *jobview_annotation (const struct jobview *v, const char *path);

/* Append the uri of a local connection; ssh://host/path is local:///path there. */
void jobview_put_local_uri (struct text *t, const char *uri);

/* jobview_instance.c: getters of the fields instance.*. */
#define JOBVIEW_GETTER(f)                                                                 \
    void f (const void *item, const char *name, struct text *t, struct format_value *v)
JOBVIEW_GETTER (jobview_get_instance_stats);
JOBVIEW_GETTER (jobview_get_instance_total);
JOBVIEW_GETTER (jobview_get_instance_progress);
JOBVIEW_GETTER (jobview_get_instance_utilization);
JOBVIEW_GETTER (jobview_get_instance_resources);

/* The fields id.X of a format, X being a form of an id. */
#define JOBVIEW_ID_FIELDS(get)                                                            \
    { "id.dec", "JOBID", get, "" }, { "id.hex", "JOBID", get, "" },                       \
    { "id.f58", "JOBID", get, "" }, { "id.f58plain", "JOBID", get, "" },                  \
    { "id.kvs", "JOBID", get, "" }, { "id.dothex", "JOBID", get, "" }

/* The fields for format strings; items are struct jobview.  What a field
 * needs is a comma list of attributes.
 */
extern const struct format_source jobview_fields;

/* The object of flux jobs --json: a new reference. */
json_t *jobview_json (const struct jobview *v);

#endif /* !MILLRACE_CMD_JOBVIEW_H */
