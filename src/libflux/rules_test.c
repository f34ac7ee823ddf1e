/* rules_test.c - sentences of the specification of the library that no test of
 * one room says: combinations, orders, limits, words.
 */

#include "config.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include <flux/core.h>

#include "common/tap.h"

#define EINVALS(expr)                                       \
    do {                                                    \
        errno = 0;                                          \
        ok ((expr) == NULL && errno == EINVAL, "%s", #expr); \
    } while (0)

static void error_text_is_cut_visibly (void)
{
    char uri[400];
    flux_error_t e = { .text = "as it was" };
    flux_t *h = flux_open_ex ("loop://", 0, &e);

    is (e.text, "as it was", "success leaves the text of an error alone");
    flux_close (h);
    memset (uri, 'x', sizeof (uri) - 1);
    uri[sizeof (uri) - 1] = '\0';
    memcpy (uri, "./", 2);
    ok (!flux_open_ex (uri, 0, &e) && strlen (e.text) == 159 && e.text[158] == '+',
        "what does not fit ends in +");
    ok (!flux_open_ex (uri, 0, NULL), "nobody has to want it");
}

static void opening_fails_in_words (void)
{
    static const struct {
        const char *uri;
        int errnum;
        const char *text;
    } tab[] = {
        { "foo://bar", ENOENT, "Unable to find connector name 'foo'" },
        { "local:///nosuch/sock", ENOENT, "broker socket /nosuch/sock was not found" },
        { "local", EINVAL, NULL },
        { "local://", EINVAL, NULL },
        { "fd://x", EINVAL, "error parsing file descriptor" },
        { "./foo", EINVAL, "./foo: invalid URI path element 'foo'" },
        { "/x", EINVAL, "/x: invalid URI" },
        { " loop://", ENOENT, NULL },
    };
    flux_error_t e;
    flux_t *h = flux_open ("loop://", 0);

    setenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT", "0", 1);
    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        errno = 0;
        ok (!flux_open_ex (tab[i].uri, 0, &e) && errno == tab[i].errnum, "%s: %s",
            tab[i].uri, strerror (tab[i].errnum));
        if (tab[i].text)
            is (e.text, tab[i].text, "... in words");
    }
    errno = 0;
    ok (!flux_open_ex ("loop://", 1024, &e) && errno == EINVAL, "unknown flags");
    is (e.text, "invalid flags specified", "... in words");
    flux_close (h);
}

static int logged;

static void count_log (const char *buf, int len, void *arg)
{
    if (memmem (buf, len, "tagpool expanded from 1023 to 2047 entries", 42)
        && memcmp (buf, "<48>1 ", 6) == 0)
        logged++;
}

static void matchtags_grow (void)
{
    flux_t *h = flux_open ("loop://", 0), *clone = flux_clone (h);
    uint32_t tag = 0;

    flux_log_set_redirect (h, count_log, NULL);
    ok (flux_matchtag_avail (h) == 1023, "there are 1023 matchtags at first");
    for (int i = 1; i <= 1023; i++)
        tag = flux_matchtag_alloc (h);
    ok (tag == 1023 && flux_matchtag_avail (h) == 0 && logged == 0, "numbered from 1");
    flux_matchtag_free (h, 500);
    flux_matchtag_free (clone, 7);
    ok (flux_matchtag_alloc (clone) == 7 && flux_matchtag_alloc (h) == 500,
        "the lowest free one is given, to clones too");
    ok (flux_matchtag_alloc (h) == 1024 && flux_matchtag_avail (h) == 1023,
        "the pool grows by doubling");
    is_int (logged, 1, "and says so in the log");
    flux_matchtag_free (h, 0);
    flux_matchtag_free (h, 1u << 30);
    ok (flux_matchtag_avail (h) == 1023, "what was never given cannot come back");
    flux_close (clone);
    flux_close (h);
}

static void counters_count_what_is_received_again (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_msg_t *event = flux_event_encode ("a", NULL), *msg;
    flux_msgcounters_t c;

    must (flux_send (h, event, 0) == 0);
    msg = flux_recv (h, FLUX_MATCH_EVENT, 0);
    must (msg && flux_requeue (h, msg, FLUX_RQ_TAIL) == 0);
    flux_msg_destroy (msg);
    msg = flux_recv (h, FLUX_MATCH_EVENT, 0);
    flux_get_msgcounters (h, &c);
    ok (c.event_tx == 1 && c.event_rx == 2 && c.request_tx == 0 && c.request_rx == 0,
        "a requeued message counts each time it is received");
    flux_msg_destroy (msg);
    flux_msg_destroy (event);
    flux_close (h);
}

static void a_handle_has_one_reactor (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_reactor_t *r = flux_reactor_create (0);

    ok (flux_get_reactor (h) != NULL && flux_get_reactor (h) == flux_get_reactor (h),
        "a reactor is made on first use");
    ok (flux_set_reactor (h, r) < 0 && errno == EEXIST, "and then it is set");
    flux_reactor_destroy (r);
    flux_close (h);
}

static void is_print (const flux_msg_t *msg, double ts, const char *want, const char *name)
{
    char *buf = NULL;
    size_t size;
    FILE *f = open_memstream (&buf, &size);

    flux_msg_fprint_ts (f, msg, ts);
    fclose (f);
    is (buf, want, "%s", name);
    free (buf);
}

static void messages_are_printed (void)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_CONTROL);
    flux_msg_t *ev = flux_event_encode_raw ("e", "\x01\xab", 2);
    flux_msg_t *rsp = flux_response_encode ("r.x", NULL);
    struct flux_msg_cred cred = { 100, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL };

    flux_msg_set_control (msg, 3, 4);
    is_print (msg,
              -1,
              "--------------------------------------\n"
              "c flags=none userid=unknown rolemask=none type=3 status=4\n",
              "a control message, without a time");
    flux_msg_set_seq (ev, 9);
    flux_msg_set_private (ev);
    flux_msg_set_rolemask (ev, FLUX_ROLE_ALL);
    is_print (ev,
              0.00178,
              "--------------------------------------\n"
              "e 0.00178\n"
              "e e\n"
              "e flags=topic,payload,route,private userid=unknown rolemask=all sequence=9\n"
              "e 01AB\n",
              "an event with bytes");
    flux_msg_set_cred (rsp, cred);
    flux_msg_set_matchtag (rsp, 5);
    flux_msg_set_errnum (rsp, 2);
    flux_msg_route_push (rsp, "0123456789");
    flux_msg_route_push (rsp, "abcdefghij");
    is_print (rsp,
              -1,
              "--------------------------------------\n"
              "< r.x\n"
              "< flags=topic,route userid=100 rolemask=owner,local errnum=2 matchtag=5\n"
              "< |01234567!abcdefgh|\n",
              "a response with its way");
    flux_msg_destroy (msg);
    flux_msg_destroy (ev);
    flux_msg_destroy (rsp);
}

/* get gives EPROTO and set EINVAL for what a type does not have */
static void fields_belong_to_types (void)
{
    static const int types[] = { 1, 2, 4, 8 };
    uint32_t u;
    int i, j;

    for (size_t t = 0; t < 4; t++) {
        flux_msg_t *m = flux_msg_create (types[t]);
        const char *name = flux_msg_typestr (types[t]);
        int want[2][6], got[2][6] = { { 0 } };

        for (int k = 0; k < 6; k++) {
            /* nodeid, matchtag, errnum, seq, control, topic */
            static const int has[] = { 1, 1 | 2, 2, 4, 8, 1 | 2 | 4 };
            bool mine = has[k] & types[t];

            want[0][k] = mine || k == 5 ? 0 : EPROTO;
            want[1][k] = mine ? 0 : EINVAL;
        }
        want[0][5] = EPROTO; /* none is set */
#define ERR(expr) (errno = 0, (expr) < 0 ? errno : 0)
        got[0][0] = ERR (flux_msg_get_nodeid (m, &u));
        got[0][1] = ERR (flux_msg_get_matchtag (m, &u));
        got[0][2] = ERR (flux_msg_get_errnum (m, &i));
        got[0][3] = ERR (flux_msg_get_seq (m, &u));
        got[0][4] = ERR (flux_msg_get_control (m, &i, &j));
        got[1][0] = ERR (flux_msg_set_nodeid (m, 1));
        got[1][1] = ERR (flux_msg_set_matchtag (m, 1));
        got[1][2] = ERR (flux_msg_set_errnum (m, 1));
        got[1][3] = ERR (flux_msg_set_seq (m, 1));
        got[1][4] = ERR (flux_msg_set_control (m, 1, 1));
        {
            const char *topic;

            got[0][5] = ERR (flux_msg_get_topic (m, &topic));
            got[1][5] = ERR (flux_msg_set_topic (m, "a"));
        }
        ok (memcmp (got, want, sizeof (got)) == 0, "%s: fields that it has not", name);
        flux_msg_destroy (m);
    }
}

static void ids_are_read (void)
{
    static const char *good[] = {
        "1234567890123", "fZRwY92z", "ƒZRwY92z", "0x11f71fb04cb",
        "0000.011f.71fb.04cb", "job.0000.011f.71fb.04cb", "  1234567890123", "1234567890123 ",
        "01234567890123",
    };
    static const char *bad[] = { "", "f", "0X11", "1x", "fZRw Y92z", "fZRwY92z ", "job.1", "-1" };
    char buf[64];
    flux_jobid_t id;

    for (size_t i = 0; i < ARRAY_SIZE (good); i++) {
        id = 0;
        ok (flux_job_id_parse (good[i], &id) == 0 && id == 1234567890123ULL, "id '%s'",
            good[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        errno = 0;
        ok (flux_job_id_parse (bad[i], &id) < 0 && errno == EINVAL, "no id: '%s'", bad[i]);
    }
    ok (flux_job_id_encode (1234567890123, "F58plain", buf, sizeof (buf)) == 0,
        "a type of id may be written in any case");
    is (buf, "fZRwY92z", "... f58plain");
    errno = 0;
    ok (flux_job_id_encode (1, "roman", buf, sizeof (buf)) < 0 && errno == EPROTO,
        "an unknown type");
    errno = 0;
    ok (flux_job_id_encode (1234567890123, "dothex", buf, 19) < 0 && errno == EOVERFLOW,
        "a buffer one too small");
    ok (flux_job_kvs_key (buf, sizeof (buf), 1, NULL) == 23
            && strcmp (buf, "job.0000.0000.0000.0001") == 0,
        "a job's directory");
    errno = 0;
    ok (flux_job_kvs_key (buf, 23, 1, NULL) < 0 && errno == EOVERFLOW, "... too small");
    setenv ("FLUX_KVS_NAMESPACE", "x", 1);
    ok (flux_job_kvs_guest_key (buf, sizeof (buf), 1, NULL) == 1 && strcmp (buf, ".") == 0,
        "inside a job its guest directory is the root");
    unsetenv ("FLUX_KVS_NAMESPACE");
    ok (flux_job_kvs_namespace (buf, sizeof (buf), 42) == 6 && strcmp (buf, "job-42") == 0,
        "a job's namespace");
}

static void states_have_four_spellings (void)
{
    static const struct {
        flux_job_state_t state;
        const char *name[4];
    } tab[] = {
        { FLUX_JOB_STATE_NEW, { "NEW", "new", "N", "n" } },
        { FLUX_JOB_STATE_DEPEND, { "DEPEND", "depend", "D", "d" } },
        { FLUX_JOB_STATE_PRIORITY, { "PRIORITY", "priority", "P", "p" } },
        { FLUX_JOB_STATE_SCHED, { "SCHED", "sched", "S", "s" } },
        { FLUX_JOB_STATE_RUN, { "RUN", "run", "R", "r" } },
        { FLUX_JOB_STATE_CLEANUP, { "CLEANUP", "cleanup", "C", "c" } },
        { FLUX_JOB_STATE_INACTIVE, { "INACTIVE", "inactive", "I", "i" } },
        { FLUX_JOB_STATE_PENDING, { "PENDING", "pending", "PD", "pd" } },
        { FLUX_JOB_STATE_RUNNING, { "RUNNING", "running", "RU", "ru" } },
        { FLUX_JOB_STATE_ACTIVE, { "ACTIVE", "active", "A", "a" } },
    };
    static const char *fmt[] = { NULL, "l", "S", "s" };
    flux_job_state_t state;
    flux_job_result_t result;

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        int good = 0;

        for (int k = 0; k < 4; k++) {
            const char *s = flux_job_statetostr (tab[i].state, fmt[k]);

            good += strcmp (s, tab[i].name[k]) == 0
                    && flux_job_strtostate (s, &state) == 0 && state == tab[i].state;
        }
        is_int (good, 4, "%s in four spellings", tab[i].name[0]);
    }
    errno = 0;
    ok (flux_job_strtostate ("Run", &state) < 0 && errno == EINVAL, "case is exact");
    is (flux_job_statetostr (3, NULL), "(unknown)", "an unknown state");
    is (flux_job_statetostr (3, "S"), "?", "... in short");
    is (flux_job_resulttostr (FLUX_JOB_RESULT_CANCELED, "S"), "CA", "a result");
    is (flux_job_resulttostr (3, "L"), "(unknown)", "an unknown one");
    ok (flux_job_strtoresult ("to", &result) == 0 && result == FLUX_JOB_RESULT_TIMEOUT,
        "a result is read");
    errno = 0;
    ok (flux_job_strtoresult ("x", &result) < 0 && errno == EINVAL, "what is none is not");
}

static void ends_have_words (void)
{
    static const struct {
        int status, code;
        const char *text;
    } tab[] = {
        { SIGKILL, 137, "job shell Killed" },
        { (128 + SIGTERM) << 8, 143, "task(s) Terminated" },
        { 3 << 8, 3, "task(s) exited with exit code 3" },
        { 128 << 8, 128, "task(s) exited with exit code 128" },
        { 0, 0, "" },
        { 0x137f, -1, "unexpected wait(2) status 4991" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        flux_error_t e = { .text = "old" };

        is_int (flux_job_waitstatus_to_exitcode (tab[i].status, &e), tab[i].code,
                "status %d", tab[i].status);
        is (e.text, tab[i].text, "... in words");
    }
}

static void lookups_check_flags (void)
{
    static const int good[] = { 0, 16, 1, 17, 2, 4, 8, 512, 4 | 64, 4 | 128, 4 | 256,
                                4 | 1024, 4 | 8 | 256 | 1024, 4 | 16, 4 | 64 | 16 };
    static const int bad[] = { 3, 2 | 16, 64, 128, 256, 1024, 2048, 32, 1 | 2 | 16, -1 };
    flux_t *h = flux_open ("loop://", 0);
    flux_future_t *f;

    for (size_t i = 0; i < ARRAY_SIZE (good); i++) {
        ok ((f = flux_kvs_lookup (h, "a", good[i], "k")) != NULL, "flags %d", good[i]);
        flux_future_destroy (f);
    }
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        EINVALS (flux_kvs_lookup (h, "a", bad[i], "k"));
    EINVALS (flux_kvs_lookupat (h, FLUX_KVS_WATCH, "k", "{}"));
    EINVALS (flux_kvs_lookupat (h, 0, "k", "{"));
    EINVALS (flux_kvs_namespace_create (h, "a", 1, 1));
    EINVALS (flux_kvs_getroot (h, "a", 4));
    flux_close (h);
}

static int sum;

static int add_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    sum += *(int *)data;
    return 0;
}

static void plugins_corners (void)
{
    static int one = 1, ten = 10;
    flux_plugin_t *p = flux_plugin_create ();
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    int i = 0;

    ok (flux_plugin_strerror (p)[0] == '\0', "a new plugin has no error");
    ok (flux_plugin_add_handler (p, "a.*", add_cb, &ten) == 0
            && flux_plugin_add_handler (p, "a.b", add_cb, &one) == 0
            && flux_plugin_call (p, "a.b", NULL) == 1 && sum == 10,
        "the first registered wins; arguments may be missing");
    ok (flux_plugin_call (p, "b", NULL) == 0, "none that matches is 0");
    errno = 0;
    ok (flux_plugin_set_conf (p, "{\"a\":\"x\"}") == 0
            && flux_plugin_conf_unpack (p, "{s:i}", "a", &i) < 0 && errno == EINVAL,
        "a configuration of another shape");
    ok (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:i}}", "a", "x", 1) == 0
            && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:i}}", "a", "y", 2) == 0
            && flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:i}}", "a", "x", &i) < 0
            && flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:i}}", "a", "y", &i) == 0
            && i == 2,
        "the merge is of the top level only");
    errno = 0;
    ok (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "a", &i) < 0
            && errno == ENOENT,
        "in and out are two");
    ok (flux_plugin_set_name (p, "n") == 0 && strcmp (flux_plugin_get_name (p), "n") == 0,
        "a name can be set");
    ok (flux_plugin_load_dso (p, "/etc/passwd") < 0
            && strstr (flux_plugin_strerror (p), "/etc/passwd"),
        "what is no shared object is told by its path: %s", flux_plugin_strerror (p));
    flux_plugin_arg_destroy (args);
    flux_plugin_destroy (p);
}

static void macros_are_there (void)
{
    flux_future_t *f = flux_future_create (NULL, NULL);
    int major, minor, patch;

    is (future_strerror (f, EPERM), strerror (EPERM), "a future without error: errno's words");
    flux_future_fulfill_error (f, EPERM, "not you");
    is (future_strerror (f, EPERM), "not you", "else its own");
    flux_future_destroy (f);
    ok (flux_core_version (&major, &minor, &patch) == FLUX_CORE_VERSION_HEX
            && FLUX_CORE_VERSION_HEX == (major << 16 | minor << 8 | patch),
        "the version is a number");
    ok (flux_core_version (NULL, NULL, NULL) == FLUX_CORE_VERSION_HEX, "whose parts are optional");
    is (flux_core_version_string (), FLUX_CORE_VERSION_STRING, "and a string");
}

int main (void)
{
    error_text_is_cut_visibly ();
    opening_fails_in_words ();
    matchtags_grow ();
    counters_count_what_is_received_again ();
    a_handle_has_one_reactor ();
    messages_are_printed ();
    fields_belong_to_types ();
    ids_are_read ();
    states_have_four_spellings ();
    ends_have_words ();
    lookups_check_flags ();
    plugins_corners ();
    macros_are_there ();
    return done_testing ();
}
