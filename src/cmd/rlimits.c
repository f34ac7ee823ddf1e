#include "config.h"
#include <fnmatch.h>
#include <strings.h>
#include <sys/resource.h>

#include "cmd.h"
#include "rlimits.h"

static const struct limit {
    const char *name;
    int resource;
    bool passed_on; /* unless a rule says otherwise */
} all[] = {
    { "cpu", RLIMIT_CPU, true },
    { "fsize", RLIMIT_FSIZE, true },
    { "data", RLIMIT_DATA, true },
    { "stack", RLIMIT_STACK, true },
    { "core", RLIMIT_CORE, true },
    { "nofile", RLIMIT_NOFILE, true },
    { "as", RLIMIT_AS, true },
    { "rss", RLIMIT_RSS, true },
    { "nproc", RLIMIT_NPROC, true },
    { "memlock", RLIMIT_MEMLOCK, false },
    { "ofile", RLIMIT_OFILE, false },
    { "msgqueue", RLIMIT_MSGQUEUE, false },
    { "nice", RLIMIT_NICE, false },
    { "rtprio", RLIMIT_RTPRIO, false },
    { "rttime", RLIMIT_RTTIME, false },
    { "sigpending", RLIMIT_SIGPENDING, false },
};

static void set_limit (json_t *limits, const struct limit *l)
{
    struct rlimit r;

    if (getrlimit (l->resource, &r) == 0) {
        json_object_set_new (
            limits, l->name,
            json_integer (r.rlim_cur == RLIM_INFINITY ? -1 : (json_int_t)r.rlim_cur));
    }
}

json_t *rlimits_object (void)
{
    json_t *limits = json_object ();

    for (size_t i = 0; i < ARRAY_SIZE (all); i++) {
        if (all[i].passed_on)
            set_limit (limits, &all[i]);
    }
    return limits;
}

static void remove_matching (json_t *limits, const char *pattern)
{
    for (size_t i = 0; i < ARRAY_SIZE (all); i++) {
        if (fnmatch (pattern, all[i].name, FNM_CASEFOLD) == 0)
            json_object_del (limits, all[i].name);
    }
}

static void add_matching (json_t *limits, const char *pattern)
{
    bool found = false;

    for (size_t i = 0; i < ARRAY_SIZE (all); i++) {
        if (fnmatch (pattern, all[i].name, FNM_CASEFOLD) == 0) {
            set_limit (limits, &all[i]);
            found = true;
        }
    }
    if (!found)
        cmd_die ("ERROR: --rlimit: No corresponding rlimit matching \"%s\"", pattern);
}

/* rule is "NAME=VALUE", eq points to the '=', which becomes a NUL. */
static void set_value (json_t *limits, char *rule, char *eq)
{
    static const char *infinite[] = { "unlimited", "infinity", "inf" };
    const char *value = eq + 1;
    const struct limit *limit = NULL;
    json_int_t n = 0;
    char *end;

    *eq = '\0';
    for (size_t i = 0; i < ARRAY_SIZE (all); i++) {
        if (strcasecmp (all[i].name, rule) == 0)
            limit = &all[i];
    }
    if (!limit)
        cmd_die ("ERROR: --rlimit: No corresponding rlimit matching \"%s\"", rule);
    errno = 0;
    n = strtoll (value, &end, 10);
    for (size_t i = 0; i < ARRAY_SIZE (infinite); i++) {
        if (strcasecmp (value, infinite[i]) == 0) {
            n = -1;
            end = "";
        }
    }
    if (end == value || *end || errno || n < -1)
        cmd_die ("ERROR: --rlimit: Invalid value in %s=%s", rule, value);
    json_object_set_new (limits, limit->name, json_integer (n));
}

void rlimits_rule (json_t *limits, const char *rules)
{
    char *copy = cmd_strndup (rules, strlen (rules)), *save, *eq;

    for (char *r = strtok_r (copy, ",", &save); r; r = strtok_r (NULL, ",", &save)) {
        if (r[0] == '-')
            remove_matching (limits, r + 1);
        else if ((eq = strchr (r, '=')))
            set_value (limits, r, eq);
        else
            add_matching (limits, r);
    }
    free (copy);
}
