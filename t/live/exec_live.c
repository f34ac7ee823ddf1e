/* exec_live.c - ingest, resources, scheduler and exec as their clients see them.
 *
 * All golden jobspecs, sent as they are given: refused ones with their errno
 * and words, accepted ones run to their captured outcome.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>
#include <flux/idset.h>

#include "common/testdata.h"
#include "common/text.h"
#include "common/util.h"
#include "live.h"

#define GUEST 4242

static flux_t *h;
static flux_t *guest;

/* ---- submission ---- */

/* J of mechanism none, as the given user would sign it; malloced. */
static char *sign (const char *payload, uint32_t userid)
{
    static const char before[] = "version\0i1\0userid"; /* each with its NUL */
    static const char after[] = "mechanism\0snone";
    struct text head = TEXT_INIT, J = TEXT_INIT;

    text_put (&head, before, sizeof (before));
    text_printf (&head, "i%u", userid);
    text_putc (&head, '\0');
    text_put (&head, after, sizeof (after));
    text_put_base64 (&J, head.buf, head.len);
    text_putc (&J, '.');
    text_put_base64 (&J, payload, strlen (payload));
    text_puts (&J, ".none");
    text_fini (&head);
    return text_take (&J, NULL);
}

static flux_future_t *submit (flux_t *handle, const char *J, int urgency, int flags)
{
    flux_future_t *f = flux_rpc_pack (handle,
                                      "job-ingest.submit",
                                      FLUX_NODEID_ANY,
                                      0,
                                      "{s:s s:i s:i}",
                                      "J", J,
                                      "urgency", urgency,
                                      "flags", flags);
    if (!f)
        bail_out ("submit: %s", strerror (errno));
    return f;
}

static void refused (flux_future_t *f, int errnum, const char *text, const char *name)
{
    int rc = flux_rpc_get (f, NULL);

    if (ok (rc < 0 && errno == errnum, "%s: errno %d", name, errnum) && text)
        is (future_strerror (f, errno), text, "%s: the words", name);
    flux_future_destroy (f);
}

static const char minimal[] =
    "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,\"label\":\"t\","
    "\"with\":[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"true\"],"
    "\"slot\":\"t\",\"count\":{\"per_slot\":1}}],\"attributes\":{\"system\":"
    "{\"duration\":0}}}";

static void requests_that_are_refused (void)
{
    char *own = sign (minimal, getuid ());
    char *other = sign (minimal, GUEST);
    char *junk = sign ("{\"version\"", getuid ());
    char words[64];

    refused (submit (h, own, 16, 1), EPROTO, "invalid job flags", "flag 1");
    refused (submit (h, own, 16, 64), EPROTO, "invalid job flags", "flag 64");
    refused (submit (h, own, 32, 0), EINVAL, "urgency range is [0:31]", "urgency 32");
    refused (submit (h, own, -1, 0), EINVAL, "urgency range is [0:31]", "urgency -1");
    refused (submit (h, "x", 16, 0),
             EINVAL,
             "could not unwrap jobspec: Invalid argument",
             "no J");
    snprintf (words, sizeof (words), "signer=%d != requestor=%u", GUEST, getuid ());
    refused (submit (h, other, 16, 0), EPERM, words, "another's signature");
    refused (submit (h, junk, 16, 0), EINVAL, NULL, "half a JSON");
    refused (submit (guest, other, 16, 8),
             EPERM,
             "only the instance owner can submit with FLUX_JOB_NOVALIDATE",
             "guest, novalidate");
    refused (submit (guest, other, 17, 0),
             EINVAL,
             "only the instance owner can submit with urgency >16",
             "guest, urgency");
    refused (submit (guest, other, 16, 4),
             EINVAL,
             "only the instance owner can submit with FLUX_JOB_WAITABLE",
             "guest, waitable");
    refused (submit (guest, other, 16, 0),
             EPERM,
             "only instance owner can use sign-type=none",
             "guest, unsigned");
    rpc_fails (h,
               "job-ingest.submit",
               0,
               "{\"J\":\"x\"}",
               EPROTO,
               "error decoding job request: Protocol error",
               "a key is missing");
    rpc_fails (guest, "job-ingest.getinfo", 0, NULL, EPERM, NULL, "getinfo as a guest");
    free (own);
    free (other);
    free (junk);
}

static void golden_refusals (void)
{
    json_t *doc = testdata_vectors ("jobspec-invalid.json");
    json_t *c;
    size_t i;

    json_array_foreach (json_object_get (doc, "cases"), i, c)
    {
        const char *name = testdata_str (c, "name");
        const char *errname = testdata_str (c, "errno");
        bool quirk = json_object_get (c, "quirk") || !strcmp (name, "duration-bool");
        /* which dependencies there are is the job manager's to say */
        bool words = strcmp (name, "dependencies-afterok") != 0;
        char *payload = json_dumps (json_object_get (c, "jobspec"),
                                    JSON_COMPACT | JSON_ENCODE_ANY);
        char *J = sign (payload, getuid ());
        flux_future_t *f = submit (h, J, 16, 0);

        if (quirk)
            ok (flux_rpc_get (f, NULL) < 0 && flux_future_has_error (f),
                "%s is refused: %s",
                name,
                flux_future_error_string (f));
        if (quirk)
            flux_future_destroy (f);
        else
            refused (f,
                     !strcmp (errname, "EPERM") ? EPERM : EINVAL,
                     words ? testdata_str (c, "errstr") : NULL,
                     name);
        free (J);
        free (payload);
    }
    is_int (i, 108, "all invalid jobspecs were submitted");
    json_decref (doc);
}

/* ---- outcomes ---- */

struct outcome {
    int status;       /* -1: no finish */
    char type[32];    /* of the first exception; "" if none */
    char note[300];
};

/* Follow a job to its end. */
static struct outcome follow (flux_jobid_t id)
{
    struct outcome o = { .status = -1 };
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *line;

    if (!f)
        bail_out ("event watch: %s", strerror (errno));
    while (flux_job_event_watch_get (f, &line) == 0) {
        json_t *e = json_loads (line, 0, NULL);
        json_t *c = json_object_get (e, "context");
        const char *name = testdata_str (e, "name");

        if (!strcmp (name, "finish"))
            o.status = json_integer_value (json_object_get (c, "status"));
        else if (!strcmp (name, "exception") && !o.type[0]) {
            snprintf (o.type, sizeof (o.type), "%s", testdata_str (c, "type"));
            snprintf (o.note, sizeof (o.note), "%s", testdata_str (c, "note"));
        }
        json_decref (e);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        bail_out ("event watch: %s", future_strerror (f, errno));
    flux_future_destroy (f);
    return o;
}

static flux_jobid_t submit_json (json_t *jobspec)
{
    char *payload = json_dumps (jobspec, JSON_COMPACT);
    char *J = sign (payload, getuid ());
    flux_future_t *f = submit (h, J, 16, 0);
    json_int_t id = 0;

    if (flux_rpc_get_unpack (f, "{s:I}", "id", &id) < 0)
        diag ("submit: %s", future_strerror (f, errno));
    flux_future_destroy (f);
    free (J);
    free (payload);
    return id;
}

/* The captured note, with this host's name in it. */
static void localize (const char *note, char *buf, size_t size)
{
    const char *vm = strstr (note, "(host vm)");
    char host[256] = "";

    gethostname (host, sizeof (host) - 1);
    if (vm)
        snprintf (buf, size, "%.*s(host %s)%s", (int)(vm - note), note, host, vm + 9);
    else
        snprintf (buf, size, "%s", note);
}

static size_t ncores (void)
{
    flux_future_t *f = flux_rpc (h, "resource.status", NULL, 0, 0);
    const char *core = "";
    struct idset *ids;
    size_t count;

    if (!f
        || flux_rpc_get_unpack (f,
                                "{s:{s:{s:[{s:{s:s}}]}}}",
                                "R",
                                  "execution",
                                    "R_lite",
                                      "children",
                                        "core", &core) < 0)
        bail_out ("resource.status: %s", strerror (errno));
    ids = idset_decode (core);
    count = idset_count (ids);
    idset_destroy (ids);
    flux_future_destroy (f);
    return count;
}

static void refused_json (json_t *jobspec, const char *name)
{
    char *payload = json_dumps (jobspec, JSON_COMPACT);
    char *J = sign (payload, getuid ());

    refused (submit (h, J, 16, 0), EPERM, NULL, name);
    free (J);
    free (payload);
}

static void set_cwd (json_t *jobspec, const char *dir)
{
    json_t *system = json_object_get (json_object_get (jobspec, "attributes"), "system");

    if (json_object_set_new (system, "cwd", json_string (dir)) < 0)
        bail_out ("out of memory");
}

static void remove_dir (const char *dir)
{
    char path[64];

    snprintf (path, sizeof (path), "%s/out", dir);
    ok (unlink (path) == 0 && rmdir (dir) == 0, "output went to the file");
}

static void golden_outcomes (void)
{
    json_t *doc = testdata_vectors ("jobspec-valid.json");
    bool same_size = ncores () == 2; /* the machine of the capture */
    char dir[] = "/tmp/exec-live-XXXXXX";
    size_t i, done = 0;
    json_t *c;

    if (!mkdtemp (dir))
        bail_out ("%s: %s", dir, strerror (errno));
    json_array_foreach (json_object_get (doc, "cases"), i, c)
    {
        const char *name = testdata_str (c, "name");
        json_t *want = json_object_get (c, "outcome");
        const char *type = testdata_str (want, "exception");
        json_t *status = json_object_get (want, "status");
        flux_jobid_t id;
        struct outcome o;
        char note[400];

        done++;
        /* true is no integer here */
        if (!strcmp (name, "count-bool-true") || !strcmp (name, "version-true")) {
            refused_json (json_object_get (c, "jobspec"), name);
            continue;
        }
        if (!strcmp (name, "shell-options")) /* writes to a file */
            set_cwd (json_object_get (c, "jobspec"), dir);
        if (!ok ((id = submit_json (json_object_get (c, "jobspec"))) > 0, "%s: id", name))
            continue;
        o = follow (id);
        if (type && strstr (testdata_str (want, "note"), "unsatisfiable") && !same_size)
            continue; /* who knows what fits */
        is (o.type, type ? type : "", "%s: exception", name);
        if (type) {
            localize (testdata_str (want, "note"), note, sizeof (note));
            is (o.note, note, "%s: note", name);
        }
        if (status)
            is_int (o.status, json_integer_value (status), "%s: status", name);
    }
    is_int (done, 48, "all valid jobspecs were submitted");
    remove_dir (dir);
    json_decref (doc);
}

/* ---- resources and scheduler ---- */

static int call (const char *topic, const char *payload)
{
    flux_future_t *f = flux_rpc (h, topic, payload, FLUX_NODEID_ANY, 0);
    int rc = f ? flux_rpc_get (f, NULL) : -1;

    flux_future_destroy (f);
    return rc;
}

/* True when drain and undrain of the only rank are seen by the scheduler. */
static size_t down_cores (void)
{
    flux_future_t *f = flux_rpc (h, "resource.sched-status", NULL, FLUX_NODEID_ANY, 0);
    json_t *lite;
    size_t n;

    if (!f
        || flux_rpc_get_unpack (f, "{s:{s:{s:o}}}", "down", "execution", "R_lite", &lite)
               < 0)
        bail_out ("sched-status: %s", strerror (errno));
    n = json_array_size (lite);
    flux_future_destroy (f);
    return n;
}

static void draining (void)
{
    json_t *jobspec = json_loads (minimal, 0, NULL);
    flux_future_t *f;
    flux_jobid_t id;

    rpc_fails (guest, "resource.drain", 0, "{\"targets\":\"0\"}", EPERM, NULL, "a guest");
    rpc_fails (h, "resource.drain", 0, "{}", EPROTO, NULL, "no target");
    rpc_fails (h,
               "resource.drain",
               0,
               "{\"targets\":\"7\"}",
               EINVAL,
               "idset is out of range",
               "a rank that is not there");
    rpc_fails (h,
               "resource.undrain",
               0,
               "{\"targets\":\"0\"}",
               EEXIST,
               "rank 0 not drained",
               "undrain of what is not drained");
    ok (call ("resource.drain", "{\"targets\":\"0\",\"reason\":\"test\"}") == 0, "drain");
    rpc_fails (h,
               "resource.drain",
               0,
               "{\"targets\":\"0\"}",
               EEXIST,
               "rank 0 already drained",
               "once");
    ok (down_cores () == 1, "the scheduler knows");
    id = submit_json (jobspec);
    f = flux_job_event_watch (h, id, "eventlog", 0);
    ok (call ("resource.undrain", "{\"targets\":\"0\"}") == 0, "undrain");
    ok (down_cores () == 0, "the scheduler knows");
    ok (follow (id).status == 0, "a job that waited runs");
    (void)flux_job_event_watch_cancel (f);
    flux_future_destroy (f);
    json_decref (jobspec);
    rpc_fails (h,
               "resource.acquire",
               FLUX_RPC_STREAMING,
               NULL,
               EBUSY,
               NULL,
               "a second scheduler");
    rpc_fails (h, "resource.acquire", 0, NULL, EPROTO, NULL, "acquire is a stream");
}

static void feasibility (void)
{
    char payload[512];

    snprintf (payload, sizeof (payload), "{\"jobspec\":%s}", minimal);
    rpc_fails (guest, "feasibility.check", 0, payload, 0, NULL, "one core");
    rpc_fails (h,
               "feasibility.check",
               0,
               "{\"jobspec\":{\"resources\":[{\"type\":\"node\",\"count\":9999,\"with\":["
               "{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":1}]}"
               "]}]}}",
               EOVERFLOW,
               "unsatisfiable request: need 9999 node(s) with 1 cores each, only 1 eligible",
               "9999 nodes");
    rpc_fails (h,
               "feasibility.check",
               0,
               "{\"jobspec\":{\"resources\":[]}}",
               EINVAL,
               "jobspec has no resources",
               "nothing");
    rpc_fails (h, "feasibility.check", 0, "{}", EPROTO, NULL, "no jobspec");
    rpc_fails (h, "sched.feasibility", 0, payload, ENOSYS, NULL, "is not in sched");
    rpc_fails (h,
               "sched.expiration",
               0,
               "{\"id\":1,\"expiration\":-1}",
               EINVAL,
               "invalid expiration -1.0",
               "a negative expiration");
    rpc_fails (guest, "sched.alloc", 0, "{}", EPERM, NULL, "sched.alloc as a guest");
    rpc_fails (guest, "job-exec.start", 0, "{}", EPERM, NULL, "job-exec.start as a guest");
    rpc_fails (h, "job-exec.start", 0, "{}", EPROTO, NULL, "job-exec.start of nothing");
}

int main (void)
{
    h = live_open ();
    guest = live_open_guest (GUEST);
    requests_that_are_refused ();
    golden_refusals ();
    golden_outcomes ();
    feasibility ();
    draining ();
    flux_close (guest);
    flux_close (h);
    return done_testing ();
}
