/* broker/services.h - the broker's small services, each in its own file.
 *
 * x_serve () registers the handlers of one service on the broker's handle and
 * its name in the service table; what it returns is freed with the matching
 * x_unserve (), which accepts NULL.  All arguments are borrowed.
 */

#ifndef MILLRACE_BROKER_SERVICES_H
#define MILLRACE_BROKER_SERVICES_H

#include <flux/core.h>

#include "attr.h"
#include "environ.h"
#include "event.h"
#include "log.h"
#include "router.h"
#include "self.h"
#include "service.h"

/* "attr": get, list, set, rm.  log-stderr-level is passed on to the logger. */
struct attr_service;
struct attr_service *attr_serve (struct self *self,
                                 struct service_table *services,
                                 struct attrs *attrs,
                                 struct logger *logger);
void attr_unserve (struct attr_service *as);

/* "log": append, dmesg, clear, cancel, disconnect, stats-get, setattr. */
struct log_service;
struct log_service *log_serve (struct self *self,
                               struct service_table *services,
                               struct logger *logger,
                               uint32_t rank);
void log_unserve (struct log_service *ls);

/* "event": subscribe, unsubscribe, publish, stats-get; and "service": add,
 * remove.  These are for modules; a client's connection answers all but
 * event.publish itself.
 */
struct event_service;
struct event_service *event_serve (struct self *self,
                                   struct service_table *services,
                                   struct router *router,
                                   struct event_hub *events,
                                   uint32_t rank);
void event_unserve (struct event_service *es);

/* "broker": getenv, setenv, conf-builtin, and the default methods. */
struct broker_service;
struct broker_service *broker_serve (struct self *self,
                                     struct service_table *services,
                                     struct child_env *env);
void broker_unserve (struct broker_service *bs);

/* "config": get, load, reload.  The configuration is that of the handle.  A
 * change goes to the built-in parts (apply: -1 with errno and a sentence if
 * they refuse it), then to each module in turn; a refusal takes it back
 * everywhere.  One change is made at a time; others are refused with EAGAIN.
 * Changes are made on rank 0; other ranks follow.
 */
typedef int (*config_apply_f) (const flux_conf_t *conf, flux_error_t *error, void *arg);

struct module_host;
struct config_service;
struct config_service *config_serve (struct self *self,
                                     struct service_table *services,
                                     const struct attrs *attrs,
                                     uint32_t rank);
void config_set_targets (struct config_service *cs,
                         struct module_host *modules,
                         config_apply_f apply,
                         void *arg);
/* On ranks > 0: have what the parent has, now and later.  cb is told once, when
 * that is so the first time, or with an errno.  -1 with errno.
 */
typedef void (*config_synced_f) (int errnum, void *arg);
int config_follow_leader (struct config_service *cs, config_synced_f cb, void *arg);

void config_unserve (struct config_service *cs);

#endif /* !MILLRACE_BROKER_SERVICES_H */
