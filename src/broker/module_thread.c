#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/util.h"

#include "module_process.h"
#include "monitor.h"
#include "module_run.h"
#include "module_thread.h"

struct module_thread {
    pthread_t thread;
    char name[16]; /* as much as the kernel keeps */
    flux_t *h;
    struct module_body body;
    int ended_fd;
    atomic_bool ended;
};

static void say_ended (void *arg)
{
    struct module_thread *t = arg;
    int fd = t->ended_fd;

    monitor_let_go (); /* the thread may have been cancelled at its work */
    atomic_store (&t->ended, true);
    (void)eventfd_write (fd, 1);
}

static void *thread_main (void *arg)
{
    struct module_thread *t = arg;

    (void)pthread_setname_np (pthread_self (), t->name);
    pthread_cleanup_push (say_ended, t);
    if (t->body.process)
        module_process_relay (t->body.process, t->h);
    else
        module_run (t->h, t->body.mod_main, NULL);
    flux_close (t->h);
    pthread_cleanup_pop (1);
    return NULL;
}

static int start (struct module_thread *t)
{
    pthread_attr_t attr;
    sigset_t all;
    int e;

    sigfillset (&all);
    if ((e = pthread_attr_init (&attr)) != 0)
        return e;
    if ((e = pthread_attr_setsigmask_np (&attr, &all)) == 0)
        e = pthread_create (&t->thread, &attr, thread_main, t);
    pthread_attr_destroy (&attr);
    return e;
}

struct module_thread *module_thread_start (const char *name,
                                           flux_t *h,
                                           const struct module_body *body,
                                           int ended_fd)
{
    struct module_thread *t = calloc (1, sizeof (*t));
    int e = ENOMEM;

    if (t) {
        snprintf (t->name, sizeof (t->name), "%.15s", name);
        t->h = h;
        t->body = *body;
        t->ended_fd = ended_fd;
        atomic_init (&t->ended, false);
        e = start (t);
    }
    if (e != 0) {
        free (t);
        flux_close (h);
        errno = e;
        return NULL;
    }
    return t;
}

bool module_thread_ended (const struct module_thread *t)
{
    return atomic_load (&t->ended);
}

void module_thread_cancel (struct module_thread *t)
{
    if (t->body.process)
        module_process_kill (t->body.process);
    else
        (void)pthread_cancel (t->thread);
}

void module_thread_join (struct module_thread *t)
{
    if (t) {
        (void)pthread_join (t->thread, NULL);
        free (t);
    }
}
