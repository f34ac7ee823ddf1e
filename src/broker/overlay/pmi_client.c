#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "pmi_client.h"

static int get_number (const char *name, long max, long *n, flux_error_t *error)
{
    const char *s = getenv (name);
    char *end;

    if (!s)
        return 0;
    errno = 0;
    *n = strtol (s, &end, 10);
    if (!*s || *end || errno || *n < 0 || *n > max) {
        errno = EINVAL;
        return errprintf (error, "%s=%s is no number that can be", name, s);
    }
    return 1;
}

int pmi_client_place (struct pmi_client *pmi, flux_error_t *error)
{
    long rank = 0, size = 1, fd = -1;

    if (get_number ("PMI_FD", INT_MAX, &fd, error) < 0
        || get_number ("PMI_SIZE", 1 << 20, &size, error) < 0
        || get_number ("PMI_RANK", 1 << 20, &rank, error) < 0)
        return -1;
    if (size == 0 || rank >= size || (size > 1 && fd < 0)) {
        errno = EINVAL;
        return errprintf (error, "PMI_FD, PMI_RANK and PMI_SIZE do not fit together");
    }
    pmi->rank = rank;
    pmi->size = size;
    pmi->fd = fd;
    return 0;
}

static int say (struct pmi_client *pmi, const char *line, flux_error_t *error)
{
    size_t len = strlen (line);

    while (len > 0) {
        ssize_t n = write (pmi->fd, line, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errprintf (error, "PMI: write: %s", strerror (errno));
        line += n;
        len -= n;
    }
    return 0;
}

/* One line, without its newline.  The server answers with whole lines, one
 * for each question, so that there is nothing to keep behind it.
 */
static int hear (struct pmi_client *pmi, char *buf, size_t size, flux_error_t *error)
{
    size_t len = 0;

    while (len < size - 1) {
        ssize_t n = read (pmi->fd, buf + len, size - 1 - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errprintf (error, "PMI: read: %s", strerror (errno));
        if (n == 0) {
            errno = ECONNRESET;
            return errprintf (error, "PMI: whoever started this broker has gone");
        }
        len += n;
        if (buf[len - 1] == '\n') {
            buf[len - 1] = '\0';
            return 0;
        }
    }
    errno = EPROTO;
    return errprintf (error, "PMI: an answer is too long");
}

/* Ask, expect an answer that starts so, and give what follows. */
static int ask (struct pmi_client *pmi,
                const char *question,
                const char *expect,
                char *rest,
                size_t size,
                flux_error_t *error)
{
    char buf[PMI_LINE_MAX];
    size_t len = strlen (expect);

    if (say (pmi, question, error) < 0 || hear (pmi, buf, sizeof (buf), error) < 0)
        return -1;
    if (strncmp (buf, expect, len) != 0) {
        errno = EPROTO;
        return errprintf (
            error, "PMI: '%.*s': '%s'", (int)strcspn (question, "\n"), question, buf);
    }
    if (rest && snprintf (rest, size, "%s", buf + len) >= (int)size) {
        errno = EPROTO;
        return errprintf (error, "PMI: an answer is too long");
    }
    return 0;
}

int pmi_client_init (struct pmi_client *pmi, flux_error_t *error)
{
    if (ask (pmi,
             "cmd=init pmi_version=1 pmi_subversion=1\n",
             "cmd=response_to_init rc=0",
             NULL,
             0,
             error)
        < 0)
        return -1;
    return ask (pmi,
                "cmd=get_my_kvsname\n",
                "cmd=my_kvsname rc=0 kvsname=",
                pmi->kvsname,
                sizeof (pmi->kvsname),
                error);
}

int pmi_client_put (struct pmi_client *pmi,
                    const char *key,
                    const char *value,
                    flux_error_t *error)
{
    char line[PMI_LINE_MAX];

    if (snprintf (line,
                  sizeof (line),
                  "cmd=put kvsname=%s key=%s value=%s\n",
                  pmi->kvsname,
                  key,
                  value)
        >= (int)sizeof (line)) {
        errno = EOVERFLOW;
        return errprintf (error, "PMI: value of %s is too long", key);
    }
    return ask (pmi, line, "cmd=put_result rc=0", NULL, 0, error);
}

int pmi_client_barrier (struct pmi_client *pmi, flux_error_t *error)
{
    return ask (pmi, "cmd=barrier_in\n", "cmd=barrier_out rc=0", NULL, 0, error);
}

int pmi_client_get (struct pmi_client *pmi,
                    const char *key,
                    char value[PMI_VALLEN_MAX],
                    flux_error_t *error)
{
    char line[PMI_LINE_MAX];

    snprintf (
        line, sizeof (line), "cmd=get kvsname=%s key=%s\n", pmi->kvsname, key);
    return ask (
        pmi, line, "cmd=get_result rc=0 value=", value, PMI_VALLEN_MAX, error);
}

int pmi_client_finalize (struct pmi_client *pmi, flux_error_t *error)
{
    int rc = ask (pmi, "cmd=finalize\n", "cmd=finalize_ack rc=0", NULL, 0, error);

    close (pmi->fd);
    pmi->fd = -1;
    return rc;
}
