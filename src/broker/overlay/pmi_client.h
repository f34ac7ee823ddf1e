/* broker/overlay/pmi_client.h - how brokers that start together find each
 * other: a client of PMI version 1 (exec.md section 9).
 *
 * Who started us left a socket in PMI_FD, and our place in PMI_RANK and
 * PMI_SIZE.  All calls block: nothing else runs yet.
 *
 * Errors: -1 with errno and a sentence.
 */

#ifndef MILLRACE_OVERLAY_PMI_CLIENT_H
#define MILLRACE_OVERLAY_PMI_CLIENT_H

#include <stdint.h>
#include <flux/core.h>

#include "common/pmi.h"

struct pmi_client {
    uint32_t rank;
    uint32_t size;
    int fd;
    char kvsname[PMI_KVSNAME_MAX];
};

/* Read our place from the environment; without one, that is rank 0 of 1 and
 * fd is -1.
 */
int pmi_client_place (struct pmi_client *pmi, flux_error_t *error);

int pmi_client_init (struct pmi_client *pmi, flux_error_t *error);
int pmi_client_put (struct pmi_client *pmi,
                    const char *key,
                    const char *value,
                    flux_error_t *error);
int pmi_client_barrier (struct pmi_client *pmi, flux_error_t *error);
int pmi_client_get (struct pmi_client *pmi,
                    const char *key,
                    char value[PMI_VALLEN_MAX],
                    flux_error_t *error);

/* Also closes the socket. */
int pmi_client_finalize (struct pmi_client *pmi, flux_error_t *error);

#endif /* !MILLRACE_OVERLAY_PMI_CLIENT_H */
