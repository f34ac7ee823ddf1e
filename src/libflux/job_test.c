#include "config.h"
#include <locale.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/base64.h"
#include "common/tap.h"
#include "common/testdata.h"
#include "job_sign.h"

static void keys_lead_to_the_job (void)
{
    char buf[64];
    flux_jobid_t id = 33906753536;

    ok (flux_job_kvs_key (buf, sizeof (buf), id, NULL) == 23, "the job's directory");
    is (buf, "job.0000.0007.e500.0000", "... is this");
    ok (flux_job_kvs_key (buf, sizeof (buf), id, "R") == 25, "a key in it");
    is (buf, "job.0000.0007.e500.0000.R", "... is this");
    ok (flux_job_kvs_key (buf, 26, id, "R") == 25, "a buffer that is just enough");
    ok (flux_job_kvs_key (buf, 25, id, "R") < 0 && errno == EOVERFLOW, "one too small");
    ok (flux_job_kvs_key (NULL, 64, id, "R") < 0 && errno == EINVAL, "none");

    unsetenv ("FLUX_KVS_NAMESPACE");
    ok (flux_job_kvs_guest_key (buf, sizeof (buf), id, "output") == 36, "a guest key");
    is (buf, "job.0000.0007.e500.0000.guest.output", "... from outside the job");
    flux_job_kvs_guest_key (buf, sizeof (buf), id, NULL);
    is (buf, "job.0000.0007.e500.0000.guest", "... and its directory");
    setenv ("FLUX_KVS_NAMESPACE", "job-33906753536", 1);
    ok (flux_job_kvs_guest_key (buf, sizeof (buf), id, "output") == 6, "inside the job");
    is (buf, "output", "... it is the key");
    flux_job_kvs_guest_key (buf, sizeof (buf), id, NULL);
    is (buf, ".", "... and the root");
    unsetenv ("FLUX_KVS_NAMESPACE");
    ok (flux_job_kvs_namespace (buf, sizeof (buf), id) == 15, "its namespace");
    is (buf, "job-33906753536", "... is this");
    ok (flux_job_kvs_namespace (buf, 15, id) < 0 && errno == EOVERFLOW, "... too long");
}

static void ids_follow_the_locale (void)
{
    json_t *v = testdata_vectors ("fluid.json");
    json_t *o = json_object_get (v, "locale");
    flux_jobid_t id = strtoull (testdata_str (o, "id"), NULL, 10);
    char buf[32];

    setlocale (LC_CTYPE, "C");
    ok (flux_job_id_encode (id, "f58", buf, sizeof (buf)) == 0, "in the C locale");
    is (buf, testdata_str (o, "f58_C_locale"), "... the prefix is ASCII");
    if (setlocale (LC_CTYPE, "C.UTF-8")) {
        flux_job_id_encode (id, "f58", buf, sizeof (buf));
        is (buf, testdata_str (o, "f58_utf8_locale"), "in UTF-8 it is not");
        setenv ("FLUX_F58_FORCE_ASCII", "", 1);
        flux_job_id_encode (id, "f58", buf, sizeof (buf));
        is (buf, testdata_str (o, "f58_C_locale"), "... unless forced");
        unsetenv ("FLUX_F58_FORCE_ASCII");
    }
    else
        skip (2, "no UTF-8 locale here");
    json_decref (v);

    ok (flux_job_id_encode (1, NULL, buf, sizeof (buf)) == 0 && strcmp (buf, "1") == 0,
        "no type is decimal");
    ok (flux_job_id_encode (1, "bogus", buf, sizeof (buf)) < 0 && errno == EPROTO,
        "an unknown type");
    ok (flux_job_id_encode (1, "words", buf, sizeof (buf)) < 0 && errno == EINVAL,
        "a type that is left out");
    ok (flux_job_id_encode (1, "dec", NULL, 0) < 0 && errno == EINVAL, "no buffer");
    ok (flux_job_id_encode (1, "kvs", buf, 10) < 0 && errno == EOVERFLOW, "a small one");
    ok (flux_job_id_parse ("fNH", &id) == 0 && id == 1234, "an id is read");
    ok (flux_job_id_parse ("nope", &id) < 0 && errno == EINVAL, "a bad one refused");
    ok (flux_job_id_parse ("99999999999999999999", &id) < 0 && errno == ERANGE,
        "a large one out of range");
    ok (flux_job_id_parse (NULL, &id) < 0 && errno == EINVAL, "and NULL");
}

static void states_have_four_names (void)
{
    flux_job_state_t state;
    flux_job_result_t result;
    bool same = true;

    for (int s = 1; s <= FLUX_JOB_STATE_INACTIVE; s <<= 1) {
        for (const char *fmt = "LlSs"; *fmt; fmt++) {
            const char *name = flux_job_statetostr (s, fmt);

            if (flux_job_strtostate (name, &state) < 0 || (int)state != s)
                same = false;
        }
    }
    ok (same, "every name of a state is read back");
    is (flux_job_statetostr (FLUX_JOB_STATE_SCHED, NULL), "SCHED", "the default is long");
    is (flux_job_statetostr (FLUX_JOB_STATE_PENDING, "s"), "pd", "unions have names");
    is (flux_job_statetostr (3, "L"), "(unknown)", "others have none");
    is (flux_job_statetostr (3, "S"), "?", "... in short");
    ok (flux_job_strtostate ("Sched", &state) < 0 && errno == EINVAL, "case counts");
    ok (flux_job_strtostate (NULL, &state) < 0 && errno == EINVAL, "NULL is no state");
    is (flux_job_resulttostr (FLUX_JOB_RESULT_CANCELED, "S"), "CA", "a result");
    ok (flux_job_strtoresult ("timeout", &result) == 0
            && result == FLUX_JOB_RESULT_TIMEOUT,
        "... and back");
    ok (flux_job_strtoresult ("", &result) < 0 && errno == EINVAL, "none is empty");
}

static void wait_status_becomes_an_exit_code (void)
{
    static const struct {
        int status;
        int code;
        const char *text;
    } cases[] = {
        { 0, 0, "" },
        { 3 << 8, 3, "task(s) exited with exit code 3" },
        { 128 << 8, 128, "task(s) exited with exit code 128" },
        { 137 << 8, 137, "task(s) Killed" },
        { 9, 137, "job shell Killed" },
        { 15, 143, "job shell Terminated" },
        { 0x137f, -1, "unexpected wait(2) status 4991" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        flux_error_t error = { "stale" };

        errno = 0;
        is_int (flux_job_waitstatus_to_exitcode (cases[i].status, &error),
                cases[i].code,
                "status %d",
                cases[i].status);
        is (error.text, cases[i].text, "... said in words");
        ok (cases[i].code >= 0 || errno == EINVAL, "... and errno");
    }
    ok (flux_job_waitstatus_to_exitcode (256, NULL) == 1, "words are not needed");
}

static void is_unwrapped (const char *payload, uint32_t userid)
{
    struct text t = TEXT_INIT;
    uint32_t uid = 0;
    char *s;

    job_sign_none (&t, payload, strlen (payload), userid);
    s = flux_unwrap_string (t.buf, true, &uid, NULL);
    is (s, payload, "a payload of %zu survives", strlen (payload));
    ok (uid == userid, "... with its user");
    free (s);
    text_fini (&t);
}

/* BASE64 (header) "." BASE64 (payload) mechanism; header may hold NULs. */
static void is_refused (const char *header,
                        size_t headerlen,
                        const char *payload,
                        const char *tail,
                        const char *what)
{
    struct text t = TEXT_INIT;
    flux_error_t error = { "" };
    uint32_t uid = 42;

    text_put_base64 (&t, header, headerlen);
    text_putc (&t, '.');
    text_puts (&t, payload);
    text_puts (&t, tail);
    errno = 0;
    ok (!flux_unwrap_string (t.buf, false, &uid, &error) && errno == EINVAL && uid == 42
            && error.text[0],
        "%s: %s",
        what,
        error.text);
    text_fini (&t);
}

#define HEADER(h) (h), sizeof (h)

static void only_what_was_signed_is_unwrapped (void)
{
    static const char good[] = "userid\0i7\0mechanism\0snone\0version\0i1";
    struct text t = TEXT_INIT;
    uint32_t uid = 0;
    char *s;

    job_sign_none (&t, "", 0, 0);
    is (t.buf,
        "dmVyc2lvbgBpMQB1c2VyaWQAaTAAbWVjaGFuaXNtAHNub25lAA==..none",
        "the header is as specified");
    text_fini (&t);
    is_unwrapped ("", 0);
    is_unwrapped ("{\"a\":1}", 4294967295u);
    text_put_base64 (&t, good, sizeof (good));
    text_puts (&t, ".eA.none");
    s = flux_unwrap_string (t.buf, false, &uid, NULL);
    ok (s && strcmp (s, "x") == 0 && uid == 7, "the order of keys does not matter");
    free (s);
    text_fini (&t);

    is_refused (HEADER (good), "!!!!", ".none", "a payload that is not base64");
    is_refused (HEADER (good), "AA==", ".none", "a NUL in it");
    is_refused (HEADER (good), "eA==", ".nonesuch", "another mechanism");
    is_refused (HEADER (good), "eA==", "", "no mechanism");
    is_refused (HEADER (good), "eA==", ".none.x", "more behind it");
    is_refused (good, sizeof (good) - 1, "eA==", ".none", "a header cut short");
    is_refused (HEADER ("userid\0i7\0version\0i1"), "eA==", ".none", "part of one");
    is_refused (HEADER ("userid\0i-7\0mechanism\0snone\0version\0i1"),
                "eA==",
                ".none",
                "a sign");
    is_refused (HEADER ("userid\0i4294967296\0mechanism\0snone\0version\0i1"),
                "eA==",
                ".none",
                "a huge user");
    is_refused (HEADER ("userid\0i7\0mechanism\0smunge\0version\0i1"),
                "eA==",
                ".none",
                "a mechanism that differs");
    is_refused (HEADER ("userid\0i7\0mechanism\0snone\0version\0i2"),
                "eA==",
                ".none",
                "another version");
    is_refused (HEADER ("x\0i7\0userid\0i7\0mechanism\0snone\0version\0i1"),
                "eA==",
                ".none",
                "an unknown key");
    ok (!flux_unwrap_string (NULL, false, NULL, NULL) && errno == EINVAL, "NULL");
    ok (!flux_unwrap_string ("", false, NULL, NULL) && errno == EINVAL, "nothing");
}

int main (void)
{
    keys_lead_to_the_job ();
    ids_follow_the_locale ();
    states_have_four_names ();
    wait_status_becomes_an_exit_code ();
    only_what_was_signed_is_unwrapped ();
    return done_testing ();
}
