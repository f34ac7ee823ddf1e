/* flux/core/version.h - the version of the interface that this library has. */

#ifndef _FLUX_CORE_VERSION_H
#define _FLUX_CORE_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_CORE_VERSION_STRING "0.88.0"
#define FLUX_CORE_VERSION_MAJOR 0
#define FLUX_CORE_VERSION_MINOR 88
#define FLUX_CORE_VERSION_PATCH 0
#define FLUX_CORE_VERSION_HEX \
    ((FLUX_CORE_VERSION_MAJOR << 16) | (FLUX_CORE_VERSION_MINOR << 8) \
     | FLUX_CORE_VERSION_PATCH)

/* Of the library that is used, not the headers.  flux_core_version () returns
 * it as FLUX_CORE_VERSION_HEX is; outputs may be NULL.
 */
const char *flux_core_version_string (void);
int flux_core_version (int *major, int *minor, int *patch);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_VERSION_H */
