/* job_sign.h - signed strings with the mechanism "none":
 *
 *   BASE64 (header) "." BASE64 (payload) ".none"
 *
 * The header is a sequence of NUL-terminated strings, key then typed value:
 *   version i1 userid i<uid> mechanism snone
 * It proves nothing: it is for the instance owner, who may do anything.
 */

#ifndef MILLRACE_LIBFLUX_JOB_SIGN_H
#define MILLRACE_LIBFLUX_JOB_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* Append the signed form of a payload; a lack of memory is in t's error. */
void job_sign_none (struct text *t, const void *payload, size_t len, uint32_t userid);

#endif /* !MILLRACE_LIBFLUX_JOB_SIGN_H */
