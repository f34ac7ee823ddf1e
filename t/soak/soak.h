/* soak.h - an instance under load from all sides for some seconds.
 *
 *   soak SECONDS [SEED]
 *
 * runs inside an instance, as several processes:
 *
 *   echo     requests by hand, with matchtags of its own: each gets one answer,
 *            its own, whether the module that answers is there or not
 *   futures  RPCs, streams and canceled streams through the library: all its
 *            matchtags are free again in the end
 *   publish  numbered events
 *   listen   sees them all, once, in order
 *   victims  clients that ask, watch and subscribe for a few milliseconds and are
 *            killed
 *   loader   loads, unloads and reloads the module that answers, kvs-watch and
 *            job-info; the first sometimes in a process of its own, which may be
 *            killed
 *
 * Then nothing may be left of them: clients, watches, memory.
 */

#ifndef T_SOAK_H
#define T_SOAK_H

#include <flux/core.h>
#include <stdbool.h>

struct soak {
    double deadline; /* CLOCK_MONOTONIC, seconds */
    unsigned int seed;
    const char *module; /* path of testmod.so */
};

double soak_now (void);
bool soak_goes_on (const struct soak *s);
unsigned int soak_rnd (struct soak *s, unsigned int n);

/* Say what is wrong and exit 1. */
__attribute__ ((format (printf, 1, 2), noreturn)) void soak_die (const char *fmt, ...);
flux_t *soak_open (void);

/* The processes; they return when the time is over and all holds. */
void soak_echo (struct soak *s);
void soak_futures (struct soak *s);
void soak_publish (struct soak *s);
void soak_listen (struct soak *s);
void soak_victims (struct soak *s);
void soak_loader (struct soak *s);

#endif /* !T_SOAK_H */
