/* watch_reload_live.c - kvs-watch and job-info go and come while a hundred streams wait
 * for what is being written.
 *
 * Whoever follows something is told once that it ends, with ENOSYS, whether it waited
 * or had only just asked; who asks again gets all that was written, in order and
 * without a gap.  What a module that stays serves goes on.
 *
 * Requests and responses are handled as messages here, with a matchtag for each
 * request ever made: so an answer too many is seen whenever it comes.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/base64.h"
#include "common/util.h"
#include "madeup.h"

enum {
    W = FLUX_KVS_WATCH,
    FULL = FLUX_KVS_WATCH | FLUX_KVS_WATCH_FULL,
    APPEND = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND,
    CREATE = FLUX_KVS_WAITCREATE,
    STREAMS = 100,
    TAGS = 8192,
    STEPS = 5,
    FIRST_EVENT = -2, /* submit, start, then e0, e1, ... */
};

static const char ns[] = "rl-ns";

struct kind {
    const char *name;
    const char *path; /* of job-info; NULL: kvs-watch has it */
    const char *key;
    const char *ns;
    int flags;
    int first;
    enum { SILENT, EACH, NEWEST } brings;
};

static const struct kind kinds[] = {
    { "a log", NULL, "rl.log", "primary", APPEND, 0, EACH },
    { "a value", NULL, "rl.v", "primary", W, 0, NEWEST },
    { "a value with FULL", NULL, "rl.v", "primary", FULL, 0, NEWEST },
    { "a log elsewhere", NULL, "log", ns, APPEND, 0, EACH },
    { "a missing key", NULL, "rl.no", "primary", W | CREATE, 0, SILENT },
    { "a missing log", NULL, "no", ns, APPEND | CREATE, 0, SILENT },
    { "a missing namespace", NULL, "k", "rl-none", W | CREATE, 0, SILENT },
    { "a main log", "eventlog", NULL, NULL, 0, FIRST_EVENT, EACH },
    { "a guest log", "guest.log", NULL, NULL, 0, 0, EACH },
    { "another log of a job", "my.log", NULL, NULL, 0, 0, EACH },
    { "a guest log to come", "guest.no", NULL, NULL, WAIT, 0, SILENT },
    { "a job to come", "eventlog", NULL, NULL, WAIT, 0, SILENT },
};

enum { KINDS = ARRAY_SIZE (kinds), TO_COME = KINDS - 1 };

struct request {
    const struct kind *kind; /* NULL: of a module, answered once */
    int next;                /* number that is due */
    bool ended;
    int errnum;
};

static flux_t *raw; /* has only these requests and responses */
static struct request requests[TAGS];
static uint32_t ntags = 1;
static uint32_t streams[STREAMS]; /* tags of those that are open */
static flux_jobid_t job;
static int written; /* numbers 0 .. written - 1 */
static int late, gaps;

/* -- what is written -- */

static flux_future_t *begin (const char *where, flux_kvs_txn_t *txn)
{
    flux_future_t *f = flux_kvs_commit (h, where, 0, txn);

    if (!f)
        bail_out ("flux_kvs_commit: %s", strerror (errno));
    flux_kvs_txn_destroy (txn);
    return f;
}

static void put (flux_kvs_txn_t *txn, int flags, const char *key, const char *fmt, int n)
{
    char value[128];

    snprintf (value, sizeof (value), fmt, n);
    if (!txn || flux_kvs_txn_put (txn, flags, key, value) < 0)
        bail_out ("flux_kvs_txn_put: %s", strerror (errno));
}

/* Number n, wherever numbers go. */
static void write_begin (int n, flux_future_t *f[3])
{
    static const char entry[] = "{\"timestamp\":1.0,\"name\":\"e%d\"}\n";
    const int append = FLUX_KVS_APPEND;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    put (txn, append, "rl.log", "%d", n);
    put (txn, 0, "rl.v", "%d", n);
    put (txn, append, job_key (job, "eventlog"), entry, n);
    put (txn, append, job_key (job, "my.log"), entry, n);
    f[0] = begin (NULL, txn);
    txn = flux_kvs_txn_create ();
    put (txn, append, "log", "%d", n);
    f[1] = begin (ns, txn);
    txn = flux_kvs_txn_create ();
    put (txn, append, "log", entry, n);
    f[2] = begin (job_ns (job), txn);
}

static void write_finish (flux_future_t *f[3])
{
    for (int i = 0; i < 3; i++)
        live_finish (f[i], "commit");
}

/* -- requests and responses -- */

static uint32_t request (const char *topic, const char *payload, const struct kind *kind)
{
    flux_msg_t *msg = flux_request_encode (topic, payload);
    uint32_t tag = ntags++;

    if (ntags > TAGS || !msg || flux_msg_set_matchtag (msg, tag) < 0
        || (kind && flux_msg_set_streaming (msg) < 0) || flux_send (raw, msg, 0) < 0)
        bail_out ("%s: %s", topic, strerror (errno));
    flux_msg_destroy (msg);
    requests[tag].kind = kind;
    requests[tag].next = kind ? kind->first : 0;
    return tag;
}

static uint32_t follow (const struct kind *k)
{
    json_int_t id = k == &kinds[TO_COME] ? job + 0x1000000 : job;
    json_t *o = k->path ? json_pack ("{s:I s:s s:i}", "id", id, "path", k->path, "flags",
                                     k->flags)
                        : json_pack ("{s:s s:s s:i}", "key", k->key, "namespace", k->ns,
                                     "flags", k->flags);
    char *payload = json_dumps (o, JSON_COMPACT);
    uint32_t tag;

    tag = request (k->path ? "job-info.eventlog-watch" : "kvs-watch.lookup", payload, k);
    json_decref (o);
    free (payload);
    return tag;
}

/* Which number is it? */
static int number_of (const char *payload)
{
    json_t *o = json_loads (payload, 0, NULL), *entry;
    const char *s, *name = "";
    char buf[64] = "";
    int n = -3;

    if (json_unpack (o, "{s:{s:s}}", "val", "data", &s) == 0
        && base64_decoded_max (strlen (s)) < sizeof (buf)
        && base64_decode (buf, s, strlen (s)) > 0)
        n = atoi (buf);
    else if (json_unpack (o, "{s:s}", "event", &s) == 0
             && (entry = json_loads (s, 0, NULL))) {
        json_unpack (entry, "{s:s}", "name", &name);
        n = strcmp (name, "submit") == 0  ? FIRST_EVENT
            : strcmp (name, "start") == 0 ? FIRST_EVENT + 1
                                          : atoi (name + 1);
        json_decref (entry);
    }
    json_decref (o);
    return n;
}

static void brought (struct request *r, const char *payload)
{
    int n = number_of (payload);
    bool right = r->kind->brings == EACH ? n == r->next : n >= r->next;

    if (r->kind->brings == SILENT || !right) {
        diag ("%s: %s instead of %d", r->kind->name, payload, r->next);
        gaps++;
    }
    r->next = n + 1;
}

static void take_response (void)
{
    flux_msg_t *msg = flux_recv (raw, FLUX_MATCH_RESPONSE, 0);
    const char *payload = NULL;
    struct request *r;
    uint32_t tag;

    if (!msg || flux_msg_get_matchtag (msg, &tag) < 0 || tag == 0 || tag >= ntags)
        bail_out ("flux_recv: %s", strerror (errno));
    r = &requests[tag];
    if (r->ended) {
        diag ("%s: an answer after the end", r->kind ? r->kind->name : "module");
        late++;
    }
    else if (flux_response_decode (msg, NULL, &payload) < 0) {
        r->ended = true;
        r->errnum = errno;
    }
    else if (r->kind)
        brought (r, payload ? payload : "");
    else
        r->ended = true;
    flux_msg_destroy (msg);
}

static int await (uint32_t tag)
{
    while (!requests[tag].ended)
        take_response ();
    return requests[tag].errnum;
}

/* Everything has come to it that is written. */
static void await_all_written (uint32_t tag)
{
    struct request *r = &requests[tag];

    while (r->kind->brings != SILENT && r->next < written && !r->ended)
        take_response ();
}

/* -- modules that go and come -- */

static int module (const char *what, const char *fmt, const char *name)
{
    char payload[128];

    snprintf (payload, sizeof (payload), fmt, name);
    return await (request (what, payload, NULL));
}

static bool ends_with (const struct kind *k, const char *name)
{
    return k->path || strcmp (name, "kvs-watch") == 0;
}

/* Those that end do so once, with ENOSYS; the others are as they were. */
static int count_wrong_ends (const char *name)
{
    int wrong = 0;

    for (int i = 0; i < STREAMS; i++) {
        struct request *r = &requests[streams[i]];

        if (ends_with (r->kind, name))
            wrong += await (streams[i]) != ENOSYS;
        else
            wrong += r->ended;
    }
    return wrong;
}

static void follow_all (void)
{
    for (int i = 0; i < STREAMS; i++) {
        if (requests[streams[i]].ended)
            streams[i] = follow (requests[streams[i]].kind);
    }
}

static int count_behind (void)
{
    int behind = 0;

    for (int i = 0; i < STREAMS; i++) {
        const struct request *r = &requests[streams[i]];

        await_all_written (streams[i]);
        behind += r->ended || (r->kind->brings != SILENT && r->next != written);
    }
    return behind;
}

static void write_all_begin (flux_future_t *f[STEPS][3])
{
    for (int i = 0; i < STEPS; i++)
        write_begin (written + i, f[i]);
}

static void write_all_finish (flux_future_t *f[STEPS][3])
{
    for (int i = 0; i < STEPS; i++)
        write_finish (f[i]);
    written += STEPS;
}

/* The module is removed and loaded, while numbers are written; the streams have caught
 * up before, or have only just been asked for.
 */
static void reload (const char *name, bool settled)
{
    const char *how = settled ? "while all wait" : "at once";
    flux_future_t *f[STEPS][3];
    uint32_t tag;

    if (settled)
        is_int (count_behind (), 0, "all have got what was written, in order");
    write_all_begin (f);
    is_int (module ("module.remove", "{\"name\":\"%s\"}", name), 0, "%s goes, %s", name, how);
    is_int (count_wrong_ends (name), 0, "those who rely on it are told, the others go on");
    tag = follow (&kinds[ends_with (&kinds[0], name) ? 0 : TO_COME]);
    is_int (await (tag), ENOSYS, "so are those who ask now");
    write_all_finish (f);
    write_all_begin (f);
    is_int (module ("module.load", "{\"path\":\"%s\",\"args\":[]}", name), 0, "it comes back");
    follow_all ();
    write_all_finish (f);
}

/* -- the job -- */

static void job_begin (void)
{
    flux_future_t *f[3];

    job = job_new (getuid ());
    guest_create (job);
    event (job, EV ("start"));
    live_create (h, ns, getuid ());
    write_begin (0, f);
    write_finish (f);
    written = 1;
}

int main (void)
{
    h = live_open ();
    raw = live_open ();
    job_begin ();
    for (int i = 0; i < STREAMS; i++)
        streams[i] = follow (&kinds[i % KINDS]);
    reload ("kvs-watch", true);
    reload ("kvs-watch", false);
    reload ("job-info", true);
    reload ("kvs-watch", true);
    reload ("job-info", false);
    reload ("kvs-watch", false);
    is_int (count_behind (), 0, "in the end all have got all");
    is_int (gaps, 0, "without a gap");
    is_int (module ("module.remove", "{\"name\":\"%s\"}", "nosuch") != 0, 1,
            "when another request is answered");
    is_int (late, 0, "nothing has come after an end");
    flux_close (raw);
    flux_close (h);
    return done_testing ();
}
