/* job-exec/protocol.c - responses to the start request (exec.md 7.1).
 *
 *   { "id":I "type":"start"|"finish"|"release"|"exception" "data":o }
 */
#include "config.h"
#include <stdio.h>

#include "common/utf8.h"
#include "common/util.h"
#include "exec.h"

#define NOTE_MAX 255

static void respond (struct job *job, const char *type, const char *data)
{
    struct text t = TEXT_INIT;

    text_printf (&t,
                 "{\"id\":%llu,\"type\":\"%s\",\"data\":%s}",
                 (unsigned long long)job->id,
                 type,
                 data);
    if (text_error (&t) || flux_respond (job->x->h, job->msg, t.buf) < 0)
        flux_log_error (job->x->h, "%s: %s response", job->f58, type);
    text_fini (&t);
}

void job_respond_start (struct job *job)
{
    respond (job, "start", "{}");
}

void job_respond_finish (struct job *job)
{
    char data[32];

    snprintf (data, sizeof (data), "{\"status\":%d}", job->status);
    respond (job, "finish", data);
}

void job_respond_release (struct job *job)
{
    respond (job, "release", "{\"ranks\":\"all\",\"final\":true}");
}

/* A note that is too long is cut between characters and ends in '+'. */
static size_t note_length (const char *note, bool *cut)
{
    size_t len = strlen (note);

    if ((*cut = len > NOTE_MAX)) {
        len = NOTE_MAX - 1;
        while (len > 0 && (note[len] & 0xc0) == 0x80)
            len--;
    }
    return len;
}

void job_respond_exception (struct job *job, int severity, const char *type, const char *note)
{
    struct text t = TEXT_INIT;
    char buf[NOTE_MAX + 2];
    bool cut;
    size_t len = note_length (note, &cut);

    if (!utf8_valid (note, len)) {
        note = "?";
        len = 1;
        cut = false;
    }
    memcpy (buf, note, len);
    if (cut)
        buf[len++] = '+';
    text_printf (&t, "{\"severity\":%d,\"type\":\"%s\",\"note\":", severity, type);
    text_put_json_string (&t, buf, len);
    text_putc (&t, '}');
    if (text_error (&t))
        flux_log (job->x->h, LOG_ERR, "%s: out of memory", job->f58);
    else
        respond (job, "exception", t.buf);
    text_fini (&t);
    follow_note_exception (job, severity, type, note);
}
