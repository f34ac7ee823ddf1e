/* testdata.h - golden data for unit tests: the files of t/.
 *
 * They are found through $SRCDIR (set by make check), or else by walking up
 * from the current directory, so that a test can be run by hand.
 */

#ifndef MILLRACE_TESTDATA_H
#define MILLRACE_TESTDATA_H

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "tap.h"

/* t/vectors/NAME as JSON; there is no going on without it. */
static inline json_t *testdata_vectors (const char *name)
{
    const char *srcdir = getenv ("SRCDIR");
    char up[32] = "";
    char path[4096];
    json_error_t error;
    json_t *o;

    if (srcdir)
        snprintf (path, sizeof (path), "%s/t/vectors/%s", srcdir, name);
    else {
        do {
            snprintf (path, sizeof (path), "%st/vectors/%s", up, name);
            strcat (up, "../");
        } while (access (path, R_OK) < 0 && strlen (up) < sizeof (up) - 4);
    }
    if (!(o = json_load_file (path, JSON_ALLOW_NUL, &error)))
        bail_out ("%s: %s", path, error.text);
    return o;
}

/* A string member, NULL if absent or null. */
static inline const char *testdata_str (json_t *o, const char *key)
{
    return json_string_value (json_object_get (o, key));
}

/* A member as JSON on one line, for test names; valid until the next call. */
static inline const char *testdata_show (json_t *o, const char *key)
{
    static char buf[256];
    size_t n;

    n = json_dumpb (json_object_get (o, key), buf, sizeof (buf) - 1, JSON_ENCODE_ANY);
    buf[n < sizeof (buf) ? n : sizeof (buf) - 1] = '\0';
    return buf;
}

static inline bool testdata_quirk (json_t *o)
{
    return json_is_true (json_object_get (o, "quirk"));
}

/* The errno of a vector's name for it. */
static inline int testdata_errno (json_t *o)
{
    static const struct {
        const char *name;
        int errnum;
    } names[] = {
        { "EINVAL", EINVAL }, { "ERANGE", ERANGE }, { "ENOENT", ENOENT },
        { "EPROTO", EPROTO }, { "EOVERFLOW", EOVERFLOW },
    };
    const char *name = testdata_str (o, "errno");

    for (size_t i = 0; name && i < ARRAY_SIZE (names); i++) {
        if (strcmp (name, names[i].name) == 0)
            return names[i].errnum;
    }
    return 0;
}

#endif /* !MILLRACE_TESTDATA_H */
