#include "config.h"

#include <argz.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/util.h"

#include "module_thread.h"

struct module_thread {
    pthread_t thread;
    char name[16]; /* as much as the kernel keeps */
    flux_t *h;
    mod_main_f *mod_main;
    int ended_fd;
    bool cancelled;
    atomic_bool ended;
};

/* "a b c" to { "a", "b", "c", NULL } over one allocation. */
static char **split_args (const char *args, int *argc)
{
    char *argz = NULL;
    size_t len = 0;
    char **argv;

    *argc = 0;
    if (!args || argz_create_sep (args, ' ', &argz, &len) != 0 || len == 0)
        return NULL;
    if ((argv = calloc (argz_count (argz, len) + 2, sizeof (*argv)))) {
        argv[0] = argz; /* owner of the strings, one before the arguments */
        argz_extract (argz, len, argv + 1);
        *argc = argz_count (argz, len);
    }
    else
        free (argz);
    return argv;
}

static void free_args (char **argv)
{
    if (argv) {
        free (argv[0]);
        free (argv);
    }
}

/* Run mod_main ().  Returns 0, or the errno it failed with. */
static int run (struct module_thread *t, const char *args)
{
    int argc, errnum = 0;
    char **argv = split_args (args, &argc);

    errno = 0;
    if (t->mod_main (t->h, argc, argv ? argv + 1 : NULL) < 0) {
        errnum = errno ? errno : ECONNRESET;
        flux_log (t->h, LOG_CRIT, "module exiting abnormally");
    }
    free_args (argv);
    return errnum;
}

static void run_protocol (struct module_thread *t)
{
    char *args = NULL;
    flux_error_t error;
    int errnum;

    if (flux_module_initialize (t->h, &args, &error) < 0
        || flux_module_register_handlers (t->h, &error) < 0) {
        errnum = errno ? errno : ECONNRESET;
        flux_log (t->h, LOG_CRIT, "%s", error.text);
    }
    else
        errnum = run (t, args);
    free (args);
    if (flux_module_finalize (t->h, errnum, &error) < 0)
        flux_log (t->h, LOG_ERR, "%s", error.text);
}

static void say_ended (void *arg)
{
    struct module_thread *t = arg;
    int fd = t->ended_fd;

    atomic_store (&t->ended, true);
    (void)eventfd_write (fd, 1);
}

static void *thread_main (void *arg)
{
    struct module_thread *t = arg;

    (void)pthread_setname_np (pthread_self (), t->name);
    pthread_cleanup_push (say_ended, t);
    run_protocol (t);
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
                                           mod_main_f *mod_main,
                                           int ended_fd)
{
    struct module_thread *t = calloc (1, sizeof (*t));
    int e = ENOMEM;

    if (t) {
        snprintf (t->name, sizeof (t->name), "%.15s", name);
        t->h = h;
        t->mod_main = mod_main;
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

bool module_thread_was_cancelled (const struct module_thread *t)
{
    return t->cancelled;
}

void module_thread_cancel (struct module_thread *t)
{
    t->cancelled = true;
    (void)pthread_cancel (t->thread);
}

void module_thread_join (struct module_thread *t)
{
    if (t) {
        (void)pthread_join (t->thread, NULL);
        free (t);
    }
}
