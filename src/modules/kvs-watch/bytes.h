/* bytes.h - counted, immutable bytes: what is fanned out to many watchers.
 *
 * A chunk is read once and encoded once however many watchers get it: its
 * JSON form, made when the first JSON client needs it, is kept beside it.
 */

#ifndef KVS_WATCH_BYTES_H
#define KVS_WATCH_BYTES_H

#include <stddef.h>

struct bytes {
    int refs;
    int keepers; /* paused readers that keep it (kept.c) */
    size_t len;
    char *json;  /* bytes_chunk_json () */
    char *tag;   /* of a value: what kvs calls it, or NULL */
    char data[]; /* len bytes and a NUL */
};

/* A copy of data.  NULL: out of memory. */
struct bytes *bytes_new (const void *data, size_t len);

/* {"val":TEXT}, ready to be a response; tag may be NULL. */
struct bytes *bytes_new_value (const char *text, size_t len, const char *tag);

struct bytes *bytes_get (struct bytes *b);
void bytes_put (struct bytes *b); /* NULL ok */

/* The response {"val":{"ver":1,"type":"val","data":BASE64}} for a chunk; lives
 * as long as b.  NULL: out of memory.
 */
const char *bytes_chunk_json (struct bytes *b);

#endif /* !KVS_WATCH_BYTES_H */
