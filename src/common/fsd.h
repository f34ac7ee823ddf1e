/* fsd.h - Flux standard durations: "1.5h", "30", "infinity" (RFC 23).
 *
 * Numbers are written with a '.', so programs leave LC_NUMERIC alone.
 */

#ifndef MILLRACE_FSD_H
#define MILLRACE_FSD_H

#include <stddef.h>

/* Room for any of the texts made here. */
#define FSD_BUFSIZE 48

/* N[ms|s|m|h|d] (no unit: seconds), "inf" or "infinity" in any case.  N is a
 * nonnegative decimal or hexadecimal number, fraction and exponent allowed.
 * Returns 0 or -EINVAL.
 */
int fsd_parse (const char *s, double *seconds);

/* The same duration in the unit that suits it, with prec significant digits
 * (at least 1).  Returns the length, -EINVAL (negative, NaN) or -EOVERFLOW.
 */
int fsd_format_prec (char *buf, size_t size, double seconds, int prec);

/* With 6 digits, as the C tools print. */
int fsd_format (char *buf, size_t size, double seconds);

/* The conversions of the listing formats, which have rules of their own:
 *  'F'  0s, 0.050s, 16.67h       three decimals below 10 s, else 4 digits
 *  'H'  0:00:01, 1 day, 0:00:00  rounded to seconds, at least one if positive
 *  'P'  5%, 0.09%                of a fraction, not of a duration
 * Returns the length, -EINVAL (unknown conversion, NaN, infinite 'H') or
 * -EOVERFLOW.
 */
int fsd_pyformat (char *buf, size_t size, double seconds, char conversion);

/* The parser of "--since" offsets: as fsd_parse, but no hexadecimal numbers,
 * infinity in one case only, blanks allowed around the number, and '_' between
 * digits.  Returns 0 or -EINVAL.
 */
int fsd_pyparse (const char *s, double *seconds);

#endif /* !MILLRACE_FSD_H */
