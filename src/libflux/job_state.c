/* job_state.c - names of states and results; exit codes (job-manager.md 1). */

#include "config.h"
#include <stdio.h>
#include <sys/wait.h>

#include <flux/core.h>

#include "common/errprintf.h"
#include "common/util.h"

struct name {
    int value;
    const char *text[4]; /* L l S s */
};

static const struct name states[] = {
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

static const struct name results[] = {
    { FLUX_JOB_RESULT_COMPLETED, { "COMPLETED", "completed", "CD", "cd" } },
    { FLUX_JOB_RESULT_FAILED, { "FAILED", "failed", "F", "f" } },
    { FLUX_JOB_RESULT_CANCELED, { "CANCELED", "canceled", "CA", "ca" } },
    { FLUX_JOB_RESULT_TIMEOUT, { "TIMEOUT", "timeout", "TO", "to" } },
};

static const char *to_text (const struct name *table,
                            size_t count,
                            int value,
                            const char *fmt)
{
    int column = 0;

    if (fmt && *fmt == 'l')
        column = 1;
    else if (fmt && *fmt == 'S')
        column = 2;
    else if (fmt && *fmt == 's')
        column = 3;
    for (size_t i = 0; i < count; i++) {
        if (table[i].value == value)
            return table[i].text[column];
    }
    return column < 2 ? "(unknown)" : "?";
}

static int from_text (const struct name *table, size_t count, const char *s)
{
    for (size_t i = 0; s && i < count; i++) {
        for (size_t k = 0; k < ARRAY_SIZE (table[i].text); k++) {
            if (strcmp (s, table[i].text[k]) == 0)
                return table[i].value;
        }
    }
    errno = EINVAL;
    return -1;
}

const char *flux_job_statetostr (flux_job_state_t state, const char *fmt)
{
    return to_text (states, ARRAY_SIZE (states), state, fmt);
}

int flux_job_strtostate (const char *s, flux_job_state_t *state)
{
    int value = from_text (states, ARRAY_SIZE (states), s);

    if (value < 0 || !state) {
        errno = EINVAL;
        return -1;
    }
    *state = value;
    return 0;
}

const char *flux_job_resulttostr (flux_job_result_t result, const char *fmt)
{
    return to_text (results, ARRAY_SIZE (results), result, fmt);
}

int flux_job_strtoresult (const char *s, flux_job_result_t *result)
{
    int value = from_text (results, ARRAY_SIZE (results), s);

    if (value < 0 || !result) {
        errno = EINVAL;
        return -1;
    }
    *result = value;
    return 0;
}

int flux_job_waitstatus_to_exitcode (int waitstatus, flux_error_t *errp)
{
    int code;

    if (WIFSIGNALED (waitstatus)) {
        errprintf (errp, "job shell %s", strsignal (WTERMSIG (waitstatus)));
        return 128 + WTERMSIG (waitstatus);
    }
    if (!WIFEXITED (waitstatus)) {
        errno = EINVAL;
        return errprintf (errp, "unexpected wait(2) status %d", waitstatus);
    }
    code = WEXITSTATUS (waitstatus);
    if (code > 128)
        errprintf (errp, "task(s) %s", strsignal (code - 128));
    else if (code > 0)
        errprintf (errp, "task(s) exited with exit code %d", code);
    else if (errp)
        errp->text[0] = '\0';
    return code;
}
