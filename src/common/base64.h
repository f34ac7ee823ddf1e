/* base64.h - RFC 4648 standard alphabet, '=' padding, no line breaks. */

#ifndef MILLRACE_BASE64_H
#define MILLRACE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Characters needed to encode len bytes, without a NUL. */
static inline size_t base64_encoded_size (size_t len)
{
    return (len + 2) / 3 * 4;
}

/* An upper bound of the bytes that len characters decode to. */
static inline size_t base64_decoded_max (size_t len)
{
    return (len + 3) / 4 * 3;
}

/* Encode into dst (base64_encoded_size (len) characters, no NUL is added);
 * returns the number of characters.
 */
size_t base64_encode (char *dst, const void *src, size_t len);

/* Decode len characters into dst (base64_decoded_max (len) bytes).  Missing
 * padding is accepted; surplus or misplaced padding, other characters and
 * nonzero bits after the last byte are not.
 * Returns the number of bytes, or -EINVAL.
 */
ssize_t base64_decode (void *dst, const char *src, size_t len);

#endif /* !MILLRACE_BASE64_H */
