#include "config.h"
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "cmd.h"
#include "joblist.h"
#include "jobquery.h"
#include "jobview.h"
#include "when.h"

void jobquery_init (struct jobquery *q)
{
    *q = (struct jobquery){ .user = getuid () };
}

void jobquery_fini (struct jobquery *q)
{
    json_decref (q->queues);
    json_decref (q->include);
}

static void add_queues (struct jobquery *q, const char *list)
{
    if (!q->queues)
        q->queues = json_array ();
    while (*list) {
        size_t len = strcspn (list, ",");

        if (len > 0)
            json_array_append_new (q->queues, json_stringn (list, len));
        list += len + (list[len] == ',');
    }
}

static void set_include (struct jobquery *q, const char *targets)
{
    struct idset *ids = idset_decode (targets);
    struct hostlist *hosts = ids ? NULL : hostlist_decode (targets);

    if (!ids && !hosts)
        cmd_die ("ERROR: -i/--include: invalid targets: %s", targets);
    json_decref (q->include);
    q->include = json_pack ("{s:[s]}", ids ? "ranks" : "hostlist", targets);
    idset_destroy (ids);
    hostlist_destroy (hosts);
}

static void set_since (struct jobquery *q, const char *arg)
{
    double now = jobview_clock ();

    if (when_parse (arg, now, &q->since) < 0)
        cmd_die ("ERROR: --since: invalid value '%s'", arg);
    if (q->since > now)
        cmd_die ("ERROR: --since=%s appears to be in the future", arg);
}

bool jobquery_option (struct jobquery *q, int key, const char *arg)
{
    const char *bad;

    switch (key) {
        case 'a':
            q->all_states = true;
            break;
        case 'A':
            q->all_users = true;
            break;
        case 'u':
            if (!joblist_parse_user (arg, &q->user))
                cmd_die ("ERROR: Invalid user %s specified", arg);
            q->user_given = true;
            break;
        case 'f':
            if ((bad = joblist_parse_filter (arg, &q->states, &q->results)))
                cmd_die ("ERROR: Invalid filter specified: %s", bad);
            break;
        case 'q':
            add_queues (q, arg);
            break;
        case 'i':
            set_include (q, arg);
            break;
        case JOBQUERY_NAME:
            q->name = arg;
            break;
        case JOBQUERY_SINCE:
            set_since (q, arg);
            break;
        default:
            return false;
    }
    q->given = true;
    return true;
}

json_t *jobquery_constraint (const struct jobquery *q)
{
    bool all_users = q->all_users || (q->include && !q->user_given);
    int states = q->states;
    json_t *constraint, *and;
    size_t at = 0;

    if (!states && !q->results) {
        states = FLUX_JOB_STATE_ACTIVE;
        if (q->all_states || q->since > 0)
            states |= FLUX_JOB_STATE_INACTIVE;
    }
    constraint = joblist_constraint (all_users ? -1 : q->user, states, q->results);
    and = json_object_get (constraint, "and");
    if (q->include)
        json_array_insert (and, at++, q->include);
    at = json_array_size (and) - 1;
    if (q->name)
        json_array_insert_new (and, at++, json_pack ("{s:[s]}", "name", q->name));
    if (q->queues)
        json_array_insert_new (and, at++, json_pack ("{s:O}", "queue", q->queues));
    return constraint;
}

/* Add each word of a comma list that is not there yet. */
static void add_words (json_t *set, const char *list)
{
    char word[64];

    while (*list) {
        size_t len = strcspn (list, ",");

        must (len < sizeof (word));
        memcpy (word, list, len);
        word[len] = '\0';
        if (len > 0)
            json_object_set_new (set, word, json_null ());
        list += len + (list[len] == ',');
    }
}

static void add_needs (const struct format_field *field, void *arg)
{
    add_words (arg, field->needs);
}

json_t *jobquery_attrs (const struct format *f, const char *more)
{
    json_t *set = json_object (), *attrs = json_array (), *value;
    const char *key;

    format_fields (f, add_needs, set);
    add_words (set, more);
    json_object_foreach (set, key, value)
        json_array_append_new (attrs, json_string (key));
    json_decref (set);
    return attrs;
}
