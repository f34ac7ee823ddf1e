/* places.h - where the files are that a broker needs: in the build tree beside
 * the broker, else where configured.
 */

#ifndef MILLRACE_BROKER_PLACES_H
#define MILLRACE_BROKER_PLACES_H

struct places {
    char *flux;    /* the flux command */
    char *modules; /* where modules are looked for: directories, with colons */
    char *overlay; /* what brings messages to other brokers */
};

/* Returns 0, or -1 with errno. */
int places_find (struct places *pl);
void places_fini (struct places *pl);

/* Children find `flux` first in PATH. */
int places_set_path (const struct places *pl);

#endif /* !MILLRACE_BROKER_PLACES_H */
