/* broker/uuid.h - random (version 4) UUIDs: the names in route stacks. */

#ifndef MILLRACE_BROKER_UUID_H
#define MILLRACE_BROKER_UUID_H

#define UUID_TEXT_SIZE 37

/* Fill buf with 36 lower-case characters and a NUL.  Returns 0, or a
 * negative errno if the kernel gives no random bytes.
 */
int uuid_generate_text (char buf[UUID_TEXT_SIZE]);

#endif /* !MILLRACE_BROKER_UUID_H */
