/* idset_decode.c - idsets as text (RFC 22): one pass over the ranges, shared
 * by all that read one.
 *
 * The one tolerance is empty elements: "1,,2" is "1,2", as elsewhere in Flux.
 */

#include "config.h"
#include <errno.h>
#include <stdint.h>

#include <flux/idset.h>

#include "errprintf.h"
#include "util.h"

typedef int (*range_f) (unsigned int lo, unsigned int hi, void *arg);

struct scan {
    const char *p;
    const char *end;
    const char *piece; /* the element last met */
    int piecelen;
    uint64_t next; /* least id that may follow */
};

static int fail (int errnum)
{
    errno = errnum;
    return -1;
}

/* Strip the brackets, if any.  Any other bracket is an error. */
static int scan_start (struct scan *scan,
                       const char *s,
                       ssize_t len,
                       idset_error_t *error)
{
    if (!s) {
        errprintf (error, "Invalid argument");
        return fail (EINVAL);
    }
    if (len < 0)
        len = strlen (s);
    *scan = (struct scan){ .p = s, .end = s + len };
    if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
        scan->p++;
        scan->end--;
    }
    for (const char *p = scan->p; p < scan->end; p++) {
        if (*p == '[' || *p == ']') {
            errprintf (error, "mismatched or nested brackets");
            return fail (EINVAL);
        }
    }
    return 0;
}

/* A number without leading zeros; false if there is none or it is huge. */
static bool scan_number (const char **p, const char *end, uint64_t *value)
{
    const char *start = *p;
    uint64_t n = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        if (__builtin_mul_overflow (n, 10, &n)
            || __builtin_add_overflow (n, **p - '0', &n))
            return false;
    }
    *value = n;
    return *p > start && (*start != '0' || *p == start + 1);
}

static bool scan_range (struct scan *scan, uint64_t *lo, uint64_t *hi)
{
    const char *p = scan->piece;
    const char *end = p + scan->piecelen;

    if (!scan_number (&p, end, lo))
        return false;
    *hi = *lo;
    if (p < end && *p == '-') {
        p++;
        if (!scan_number (&p, end, hi) || *hi <= *lo)
            return false;
    }
    return p == end;
}

/* Step to the next element that is not empty. */
static bool scan_piece (struct scan *scan)
{
    const char *comma;

    while (scan->p < scan->end && *scan->p == ',')
        scan->p++;
    if (scan->p == scan->end)
        return false;
    if (!(comma = memchr (scan->p, ',', scan->end - scan->p)))
        comma = scan->end;
    scan->piece = scan->p;
    scan->piecelen = comma - scan->p;
    scan->p = comma;
    return true;
}

static int append_error (struct scan *scan, int errnum, idset_error_t *error)
{
    errprintf (error,
               "error appending '%.*s': %s",
               scan->piecelen,
               scan->piece,
               errnum == ERANGE ? "set universe size would exceed maximum"
                                : strerror (errnum));
    return fail (errnum);
}

static int check_range (struct scan *scan, uint64_t hi, idset_error_t *error)
{
    if (hi == IDSET_INVALID_ID || hi == UINT_MAX)
        return append_error (scan, EINVAL, error);
    if (hi >= IDSET_MAX_UNIVERSE)
        return append_error (scan, ERANGE, error);
    return 0;
}

/* Call cb for each range.  It returns 0, or -1 with errno. */
static int foreach_range (const char *s,
                          ssize_t len,
                          range_f cb,
                          void *arg,
                          idset_error_t *error)
{
    struct scan scan;

    if (scan_start (&scan, s, len, error) < 0)
        return -1;
    while (scan_piece (&scan)) {
        uint64_t lo, hi;

        if (!scan_range (&scan, &lo, &hi)) {
            errprintf (error, "error parsing range '%.*s'", scan.piecelen, scan.piece);
            return fail (EINVAL);
        }
        if (lo < scan.next) {
            errprintf (error, "range '%.*s' is out of order", scan.piecelen, scan.piece);
            return fail (EINVAL);
        }
        if (check_range (&scan, hi, error) < 0)
            return -1;
        if (cb (lo, hi, arg) < 0)
            return append_error (&scan, errno, error);
        scan.next = hi + 1;
    }
    return 0;
}

struct info {
    size_t count;
    unsigned int maxid;
};

static int info_cb (unsigned int lo, unsigned int hi, void *arg)
{
    struct info *info = arg;

    info->count += (size_t)hi - lo + 1;
    info->maxid = hi;
    return 0;
}

static int set_cb (unsigned int lo, unsigned int hi, void *arg)
{
    return idset_range_set (arg, lo, hi);
}

static int clear_cb (unsigned int lo, unsigned int hi, void *arg)
{
    return idset_range_clear (arg, lo, hi);
}

int idset_decode_info (const char *s,
                       ssize_t len,
                       size_t *count,
                       unsigned int *maxid,
                       idset_error_t *error)
{
    struct info info = { .count = 0, .maxid = IDSET_INVALID_ID };

    if (foreach_range (s, len, info_cb, &info, error) < 0)
        return -1;
    if (count)
        *count = info.count;
    if (maxid)
        *maxid = info.maxid;
    return 0;
}

bool idset_decode_empty (const char *s, ssize_t len)
{
    struct scan scan;

    if (!s)
        return true;
    return scan_start (&scan, s, len, NULL) == 0 && !scan_piece (&scan);
}

/* The universe that decode_ex was asked for, given the text. */
static int size_for (const char *s,
                     ssize_t len,
                     ssize_t size,
                     int flags,
                     size_t *universe,
                     idset_error_t *error)
{
    unsigned int maxid;

    if (size >= 0) {
        *universe = size;
        return 0;
    }
    if (idset_decode_info (s, len, NULL, &maxid, error) < 0)
        return -1;
    if (maxid == IDSET_INVALID_ID && !(flags & IDSET_FLAG_AUTOGROW)) {
        errprintf (error, "cannot create an empty idset");
        return fail (EINVAL);
    }
    *universe = maxid == IDSET_INVALID_ID ? 0 : (size_t)maxid + 1;
    return 0;
}

struct idset *idset_decode_ex (const char *s,
                               ssize_t len,
                               ssize_t size,
                               int flags,
                               idset_error_t *error)
{
    struct idset *idset;
    size_t universe;

    if (size_for (s, len, size, flags, &universe, error) < 0)
        return NULL;
    if (!(idset = idset_create (universe, flags))) {
        errprintf (error, "error creating idset: %s", strerror (errno));
        return NULL;
    }
    if (foreach_range (s, len, set_cb, idset, error) < 0) {
        idset_destroy (idset);
        return NULL;
    }
    return idset;
}

struct idset *idset_decode (const char *s)
{
    return idset_decode_ex (s, -1, 0, IDSET_FLAG_AUTOGROW, NULL);
}

struct idset *idset_ndecode (const char *s, size_t len)
{
    if (len > SSIZE_MAX) {
        errno = EINVAL;
        return NULL;
    }
    return idset_decode_ex (s, len, 0, IDSET_FLAG_AUTOGROW, NULL);
}

/* Read into a set of its own first, so that a bad text changes nothing. */
int idset_decode_add (struct idset *idset,
                      const char *s,
                      ssize_t len,
                      idset_error_t *error)
{
    struct idset *more;
    int rc;

    if (!idset) {
        errprintf (error, "Invalid argument");
        return fail (EINVAL);
    }
    if (!(more = idset_decode_ex (s, len, 0, IDSET_FLAG_AUTOGROW, error)))
        return -1;
    if ((rc = idset_add (idset, more)) < 0)
        errprintf (error, "error appending ids: %s", strerror (errno));
    idset_destroy (more);
    return rc;
}

int idset_decode_subtract (struct idset *idset,
                           const char *s,
                           ssize_t len,
                           idset_error_t *error)
{
    if (!idset) {
        errprintf (error, "Invalid argument");
        return fail (EINVAL);
    }
    if (idset_decode_info (s, len, NULL, NULL, error) < 0)
        return -1;
    return foreach_range (s, len, clear_cb, idset, error);
}
