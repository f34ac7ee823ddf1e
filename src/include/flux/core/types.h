/* flux/core/types.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_TYPES_H
#define _FLUX_CORE_TYPES_H

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*flux_free_f)(void *arg);
typedef struct {
    char text[160];
} flux_error_t;

typedef struct flux_msg flux_msg_t;
typedef struct flux_handle flux_t;
typedef struct flux_watcher flux_watcher_t;
typedef struct flux_reactor flux_reactor_t;
typedef struct flux_future flux_future_t;

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_TYPES_H */
