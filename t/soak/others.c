/* others.c - events, and modules that come and go. */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

static void publish (flux_t *h, long n)
{
    flux_future_t *f = flux_event_publish_pack (h, "soak.event", 0, "{s:I}", "n",
                                                (json_int_t)n);

    if (!f || flux_future_get (f, NULL) < 0)
        soak_die ("publish: %s", strerror (errno));
    flux_future_destroy (f);
}

/* The last one is -1. */
void soak_publish (struct soak *s)
{
    flux_t *h = soak_open ();
    long n = 0;

    while (soak_goes_on (s))
        publish (h, n++);
    publish (h, -1);
    printf ("publish: %ld events\n", n);
    flux_close (h);
}

void soak_listen (struct soak *s)
{
    flux_t *h = soak_open ();
    json_int_t n = 0, last = -1;
    long count = 0;

    if (flux_event_subscribe (h, "soak.event") < 0)
        soak_die ("listen: %s", strerror (errno));
    alarm ((unsigned int)(s->deadline - soak_now ()) + 120);
    do {
        flux_msg_t *msg = flux_recv (h, FLUX_MATCH_EVENT, 0);

        if (!msg || flux_event_unpack (msg, NULL, "{s:I}", "n", &n) < 0)
            soak_die ("listen: %s", strerror (errno));
        if (n >= 0 && last >= 0 && n != last + 1)
            soak_die ("listen: event %lld after %lld", (long long)n, (long long)last);
        if (n >= 0)
            last = n;
        count++;
        flux_msg_destroy (msg);
    } while (n >= 0);
    printf ("listen: %ld events\n", count);
    flux_close (h);
}

static void command (const char *line)
{
    if (system (line) != 0)
        soak_die ("loader: %s", line);
}

/* The module's process dies; the broker does not take that as its own end. */
static const char kill_line[] =
    "pkill -KILL -P $(flux getattr broker.pid) -f 'module-exec .*testmod'";

void soak_loader (struct soak *s)
{
    char load[512];
    long n = 0, processes = 0, killed = 0;

    command ("flux setattr broker.module-nopanic 1");
    while (soak_goes_on (s)) {
        bool exec = soak_rnd (s, 3) == 0;

        snprintf (load, sizeof (load), "flux module load %s --name=soak %s",
                  exec ? "--exec" : "", s->module);
        command (load);
        if (soak_rnd (s, 4) == 0)
            command ("flux module reload kvs-watch");
        if (soak_rnd (s, 4) == 0)
            command ("flux module reload job-info");
        if (exec && soak_rnd (s, 2)) {
            command (kill_line);
            command ("flux module remove -f soak");
            killed++;
        }
        else
            command ("flux module remove soak");
        processes += exec;
        n++;
    }
    printf ("loader: %ld rounds, %ld with a process, of which %ld were killed\n", n,
            processes, killed);
}
