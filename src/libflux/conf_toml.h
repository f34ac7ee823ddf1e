/* conf_toml.h - between conf.c and the object that knows TOML.
 *
 * Purpose: TOML is read by a library in C++ (tomlplusplus).  One file of ours
 * talks to it, in an object of its own that is opened when the first TOML text
 * is to be read: nobody who has none pays for it.
 *
 * What it yields is JSON: integers, reals, booleans, strings, arrays, objects;
 * a date or time is { "iso-8601-ts":s }.
 */

#ifndef MILLRACE_CONF_TOML_H
#define MILLRACE_CONF_TOML_H

#include <jansson.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONF_TOML_SYMBOL "conf_toml_reader"

struct conf_toml_error {
    int line; /* from 1; 0 if it is of no line */
    char text[160];
};

/* Returns a new object, or NULL with the error filled in. */
typedef json_t *(*conf_toml_f) (const char *text,
                                size_t len,
                                struct conf_toml_error *error);

/* What the object exports. */
extern const conf_toml_f conf_toml_reader;

#ifdef __cplusplus
}
#endif

#endif /* !MILLRACE_CONF_TOML_H */
