#include "config.h"
#include <stdio.h>

#include <flux/core.h>

#include "common/base64.h"
#include "common/errprintf.h"
#include "common/util.h"
#include "job_sign.h"

void job_sign_none (struct text *t, const void *payload, size_t len, uint32_t userid)
{
    struct text header = TEXT_INIT;

    text_printf (&header,
                 "version%ci1%cuserid%ci%u%cmechanism%csnone%c",
                 0,
                 0,
                 0,
                 userid,
                 0,
                 0,
                 0);
    if (text_error (&header) < 0)
        t->error = -ENOMEM;
    text_put_base64 (t, header.buf, header.len);
    text_putc (t, '.');
    text_put_base64 (t, payload, len);
    text_puts (t, ".none");
    text_fini (&header);
}

/* Digits only, 32 bits. */
static int parse_userid (const char *s, uint32_t *userid)
{
    uint64_t n = 0;

    if (!*s)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || (n = n * 10 + (*s - '0')) > UINT32_MAX)
            return -1;
    }
    *userid = n;
    return 0;
}

/* Step over a NUL-terminated string; NULL if there is none left. */
static const char *next_string (const char **p, const char *end)
{
    const char *s = *p;
    const char *nul = s < end ? memchr (s, '\0', end - s) : NULL;

    if (!nul)
        return NULL;
    *p = nul + 1;
    return s;
}

static int parse_header (const char *p,
                         size_t len,
                         uint32_t *userid,
                         flux_error_t *error)
{
    const char *end = p + len;
    bool version = false, mechanism = false, user = false;

    while (p < end) {
        const char *key = next_string (&p, end);
        const char *value = key ? next_string (&p, end) : NULL;

        if (!value)
            return errprintf (error, "header is cut short");
        if (strcmp (key, "version") == 0) {
            if (strcmp (value, "i1") != 0)
                return errprintf (error, "header version '%s' is not known", value);
            version = true;
        }
        else if (strcmp (key, "mechanism") == 0) {
            if (strcmp (value, "snone") != 0)
                return errprintf (error, "mechanism '%s' is not supported", value);
            mechanism = true;
        }
        else if (strcmp (key, "userid") == 0) {
            if (value[0] != 'i' || parse_userid (value + 1, userid) < 0)
                return errprintf (error, "header userid '%s' is not valid", value);
            user = true;
        }
        else
            return errprintf (error, "header key '%s' is not known", key);
    }
    if (!version || !mechanism || !user)
        return errprintf (error, "header lacks version, mechanism or userid");
    return 0;
}

/* Decode base64 into memory that the caller frees; a NUL is added. */
static char *decode (const char *s, size_t len, size_t *outlen)
{
    char *buf = malloc (base64_decoded_max (len) + 1);
    ssize_t n;

    if (!buf)
        return NULL;
    if ((n = base64_decode (buf, s, len)) < 0) {
        free (buf);
        errno = EINVAL;
        return NULL;
    }
    buf[n] = '\0';
    *outlen = n;
    return buf;
}

char *flux_unwrap_string (const char *in,
                          bool verify,
                          uint32_t *userid,
                          flux_error_t *error)
{
    const char *payload, *mechanism;
    char *header = NULL;
    char *result = NULL;
    uint32_t uid = 0;
    size_t len;

    if (!in || !(payload = strchr (in, '.')) || !(mechanism = strchr (payload + 1, '.'))
        || strcmp (mechanism, ".none") != 0) {
        errprintf (error, "not a string signed with mechanism none");
        goto inval;
    }
    if (!(header = decode (in, payload - in, &len))) {
        errprintf (error, "error decoding header: %s", strerror (errno));
        return NULL;
    }
    if (parse_header (header, len, &uid, error) < 0)
        goto inval;
    payload++;
    if (!(result = decode (payload, mechanism - payload, &len))) {
        errprintf (error, "error decoding payload: %s", strerror (errno));
        free_keep_errno (header);
        return NULL;
    }
    if (strlen (result) != len) {
        errprintf (error, "payload contains a NUL");
        goto inval;
    }
    if (userid)
        *userid = uid;
    free (header);
    return result;
inval:
    free (header);
    free (result);
    errno = EINVAL;
    return NULL;
}
