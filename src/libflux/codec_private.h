/* codec_private.h - what the request, response and event codecs share. */

#ifndef MILLRACE_LIBFLUX_CODEC_PRIVATE_H
#define MILLRACE_LIBFLUX_CODEC_PRIVATE_H

#include <stdarg.h>
#include <flux/core.h>

/* A message with topic, and routes enabled and empty.
 * NULL with EINVAL if there is no topic.
 */
flux_msg_t *codec_create (int type, const char *topic);
flux_msg_t *codec_encode (int type, const char *topic, const char *s);
flux_msg_t *codec_encode_raw (int type, const char *topic, const void *data, size_t len);

/* The topic of a message that must be of that type: EINVAL (NULL), EPROTO. */
int codec_topic (const flux_msg_t *msg, int type, const char **topic);

/* The same, and its payload; outputs are written on success only. */
int codec_decode (const flux_msg_t *msg, int type, const char **topic, const char **s);
int codec_decode_raw (const flux_msg_t *msg,
                      int type,
                      const char **topic,
                      const void **data,
                      size_t *len);

/* The same, and what the format says of a JSON payload. */
int codec_vunpack (const flux_msg_t *msg,
                   int type,
                   const char **topic,
                   const char *fmt,
                   va_list ap);

/* Send msg and give it up, whatever happens. */
int codec_send (flux_t *h, flux_msg_t *msg);

#endif /* !MILLRACE_LIBFLUX_CODEC_PRIVATE_H */
