/* jwords.h - words in JSON: arrays that have nothing but strings.
 *
 * Purpose: commands, arguments, names and keys come in this form from clients
 * and configuration, and are checked before anybody looks at one of them.
 */

#ifndef MILLRACE_JWORDS_H
#define MILLRACE_JWORDS_H

#include <jansson.h>
#include <stdbool.h>

/* An array of strings, be it empty.  NULL is none. */
bool jwords_valid (const json_t *o);

/* ... that has at least one: a command. */
bool jwords_command (const json_t *o);

#endif /* !MILLRACE_JWORDS_H */
