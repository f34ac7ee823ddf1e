/* modprobe_conf.h - the [modules] table of the configuration: what the site wants
 * otherwise than rc1 does it.
 *
 *   alternatives.SERVICE = "NAME"   that module provides it: sched, content-backing
 *   NAME.args = [s...]              the arguments of a module
 *   NAME.ranks = "..."              where it is loaded: "all", an idset, ">0", "<4"
 *
 * An entry for a module that rc1 does not know is told and left alone: the same
 * configuration may be meant for other instances, too.
 */

#ifndef MILLRACE_CMD_MODPROBE_CONF_H
#define MILLRACE_CMD_MODPROBE_CONF_H

#include <flux/core.h>
#include <jansson.h>

struct modprobe_conf_ops {
    /* Each returns -1 if there is no such module or service.  Names and arguments
     * are borrowed.
     */
    int (*set_args) (const char *name, json_t *args);
    int (*set_here) (const char *name, bool here);    /* on this rank or not */
    int (*set_alternative) (const char *service, const char *name);
};

/* Ask the broker for its configuration and apply the table; dies, with a sentence,
 * if the table is wrong.  Returns the table, or NULL if there is none: what the
 * operations were given lives as long as it does.
 */
json_t *modprobe_configure (flux_t *h, uint32_t rank, const struct modprobe_conf_ops *ops);

#endif /* !MILLRACE_CMD_MODPROBE_CONF_H */
