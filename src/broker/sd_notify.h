/* broker/sd_notify.h - tell systemd how we are (sd_notify(3)), if broker.sd-notify is
 * set and NOTIFY_SOCKET says where.
 *
 * It is a datagram that nobody waits for: one that is lost is no error.
 */

#ifndef MILLRACE_BROKER_SD_NOTIFY_H
#define MILLRACE_BROKER_SD_NOTIFY_H

/* Take NOTIFY_SOCKET out of the environment's reach; NULL if it is not set or is
 * no address.  The caller frees it.
 */
char *sd_notify_address (void);

/* address NULL is fine. */
void sd_notify_send (const char *address, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));

#endif /* !MILLRACE_BROKER_SD_NOTIFY_H */
