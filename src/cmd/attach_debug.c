#include "config.h"
#include <signal.h>
#include <stdio.h>

#include "attach_debug.h"
#include "cmd.h"

/* Names, types and numbers are those of the MPIR interface, version 1.1. */
typedef struct {
    char *host_name;
    char *executable_name;
    int pid;
} MPIR_PROCDESC;

enum { MPIR_DEBUG_SPAWNED = 1 };

extern MPIR_PROCDESC *MPIR_proctable;
extern int MPIR_proctable_size;
extern volatile int MPIR_debug_state;
extern volatile int MPIR_being_debugged;
extern int MPIR_i_am_starter;
void MPIR_Breakpoint (void);

MPIR_PROCDESC *MPIR_proctable;
int MPIR_proctable_size;
volatile int MPIR_debug_state;
volatile int MPIR_being_debugged;
int MPIR_i_am_starter; /* that it exists says that we are no task ourselves */

__attribute__ ((noinline)) void MPIR_Breakpoint (void)
{
    __asm__ volatile ("" ::: "memory"); /* the call must not be optimised away */
}

struct attach_debug {
    flux_t *h;
    flux_jobid_t id;
    char topic[128];
    int rank;
    bool sync; /* the tasks wait for a signal */
    bool shown;
    flux_future_t *f;
};

struct attach_debug *attach_debug_create (flux_t *h, flux_jobid_t id)
{
    struct attach_debug *d = calloc (1, sizeof (*d));

    if (!d)
        cmd_die ("out of memory");
    d->h = h;
    d->id = id;
    MPIR_being_debugged = 1;
    return d;
}

static void table_free (void)
{
    for (int i = 0; i < MPIR_proctable_size; i++) {
        free (MPIR_proctable[i].host_name);
        free (MPIR_proctable[i].executable_name);
    }
    free (MPIR_proctable);
    MPIR_proctable = NULL;
    MPIR_proctable_size = 0;
}

void attach_debug_destroy (struct attach_debug *d)
{
    if (d) {
        table_free ();
        flux_future_destroy (d->f);
        free (d);
    }
}

static void table_fill (json_t *tasks)
{
    json_t *task;
    size_t i;

    if (!(MPIR_proctable = calloc (json_array_size (tasks) + 1, sizeof (*MPIR_proctable))))
        cmd_die ("out of memory");
    json_array_foreach (tasks, i, task) {
        MPIR_PROCDESC *p = &MPIR_proctable[i];
        const char *host, *exe;

        if (json_unpack (task, "[ssi]", &host, &exe, &p->pid) < 0)
            cmd_die ("proctable: %s", flux_strerror (EPROTO));
        if (!(p->host_name = strdup (host)) || !(p->executable_name = strdup (exe)))
            cmd_die ("out of memory");
        MPIR_proctable_size++;
    }
}

static void go_on (struct attach_debug *d)
{
    flux_future_t *f = flux_job_kill (d->h, d->id, SIGCONT);

    if (!f || flux_future_get (f, NULL) < 0)
        cmd_die ("kill: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

static void answered (flux_future_t *f, void *arg)
{
    struct attach_debug *d = arg;
    json_t *tasks;

    if (flux_rpc_get_unpack (f, "{s:o}", "tasks", &tasks) < 0) {
        if (errno == ENOSYS) /* the job ended; its log says so, too */
            return;
        cmd_die ("proctable: %s", future_strerror (f, errno));
    }
    table_fill (tasks);
    d->shown = true;
    MPIR_debug_state = MPIR_DEBUG_SPAWNED;
    MPIR_Breakpoint ();
    if (d->sync)
        go_on (d);
}

void attach_debug_service (struct attach_debug *d, const char *service, int rank)
{
    if (d) {
        snprintf (d->topic, sizeof (d->topic), "%s.proctable", service);
        d->rank = rank;
    }
}

void attach_debug_start (struct attach_debug *d, json_t *context)
{
    int sync = 0;

    if (!d || d->f || d->topic[0] == '\0')
        return;
    json_unpack (context, "{s?b}", "sync", &sync);
    d->sync = sync;
    d->f = flux_rpc (d->h, d->topic, "{}", d->rank, 0);
    if (!d->f || flux_future_then (d->f, -1., answered, d) < 0)
        cmd_die ("%s: %s", d->topic, flux_strerror (errno));
}

void attach_debug_end (struct attach_debug *d)
{
    if (d && !d->shown)
        cmd_die ("cannot debug job that has finished running");
}
