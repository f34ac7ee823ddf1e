/* follow.c - what ranks > 0 learn from events of rank 0. */

#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "service.h"

/* The "names" member, borrowed from o. */
static int get_names (json_t *o, struct kvs_names *names)
{
    size_t i;
    json_t *v;

    names->count = json_array_size (o);
    if (!(names->v = calloc (names->count + 1, sizeof (names->v[0]))))
        return -1;
    json_array_foreach (o, i, v)
    {
        if (!(names->v[i] = json_string_value (v))) {
            free (names->v);
            errno = EPROTO;
            return -1;
        }
    }
    return 0;
}

/* kvs.namespace-NS-setroot
 *   { "namespace":s "rootseq":i "rootref":s "names":[s...] "keys":o "owner":i }
 */
void setroot_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    const char *ns, *rootref;
    struct kvs_names names;
    struct blobref root;
    json_int_t seq;
    json_t *array;

    if (flux_event_unpack (msg, NULL, "{s:s s:I s:s s:o}", "namespace", &ns, "rootseq",
                           &seq, "rootref", &rootref, "names", &array)
            < 0
        || blobref_parse (rootref, strlen (rootref), &root) < 0
        || get_names (array, &names) < 0) {
        flux_log_error (h, "malformed setroot event");
        return;
    }
    kvs_engine_setroot_event (s->e, ns, &root, seq, &names);
    free (names.v);
    service_run (s);
}

/* kvs.namespace-NS-error
 *   { "namespace":s "names":[s...] "errnum":i "errstr":s? }
 */
void error_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct kvs_names names;
    const char *ns, *text = NULL;
    json_t *array;
    int errnum;

    if (flux_event_unpack (msg, NULL, "{s:s s:o s:i s?s}", "namespace", &ns, "names",
                           &array, "errnum", &errnum, "errstr", &text)
            < 0
        || get_names (array, &names) < 0) {
        flux_log_error (h, "malformed error event");
        return;
    }
    kvs_engine_error_event (s->e, ns, errnum, text, &names);
    free (names.v);
    service_run (s);
}

/* kvs.namespace-NS-removed  { "namespace":s } */
void removed_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    const char *ns;

    if (flux_event_unpack (msg, NULL, "{s:s}", "namespace", &ns) < 0) {
        flux_log_error (h, "malformed removed event");
        return;
    }
    kvs_engine_removed_event (s->e, ns);
    service_run (s);
}
