/* broker/connector_local.h - the listening end of the local socket.
 *
 * Purpose: accept, find out by SO_PEERCRED who it is, say yes (one byte 0) or
 * no (one byte errno), and leave the rest to client.c (wire.md section 2).
 *
 * Who may connect: the instance owner; root if [access] allow-root-owner;
 * anybody else, as guest, if [access] allow-guest-user.
 *
 * It answers as service "connector-local": stats-get, debug.  Two debug bits
 * work once each: 1 denies the next connection, 4 turns the next owner
 * connection into a guest's with an unknown userid.
 *
 * Ownership: the connector owns the socket file and removes it.
 * Bound: clients are bounded by RLIMIT_NOFILE; when accept(2) meets it, no
 * more are accepted for 10 ms.
 */

#ifndef MILLRACE_BROKER_CONNECTOR_LOCAL_H
#define MILLRACE_BROKER_CONNECTOR_LOCAL_H

#include <flux/core.h>

#include "router.h"

struct connector;

struct connector *connector_new (flux_t *h,
                                 struct router *router,
                                 struct service_table *services,
                                 struct event_hub *events,
                                 uint32_t owner);

/* Disconnects all clients, closes and removes the socket. */
void connector_free (struct connector *c);

/* [access] of the configuration.  -1 with errno and a sentence. */
int connector_configure (struct connector *c,
                         const flux_conf_t *conf,
                         flux_error_t *error);

/* Listen at a path; an existing file there is removed.  -1 with errno. */
int connector_listen (struct connector *c, const char *path, flux_error_t *error);

/* Write what is queued, when the reactor runs no more. */
void connector_flush (struct connector *c);

/* Remove the socket file now. */
void connector_unlink (struct connector *c);

/* Register handlers and the service name for self; -1 with errno. */
int connector_serve (struct connector *c, struct endpoint *self);

#endif /* !MILLRACE_BROKER_CONNECTOR_LOCAL_H */
