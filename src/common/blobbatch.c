#include "config.h"
#include <errno.h>

#include "blobbatch.h"
#include "util.h"

#define HEADER 4

void blobbatch_add (struct text *t, const void *data, size_t len)
{
    unsigned char header[HEADER] = { len >> 24, len >> 16, len >> 8, len };

    must (len <= UINT32_MAX);
    text_put (t, header, HEADER);
    text_put (t, data, len);
}

void blobbatch_set_size (struct text *t, size_t start)
{
    size_t len = t->len - start - HEADER;
    unsigned char *p = (unsigned char *)t->buf + start;

    must (len <= UINT32_MAX);
    p[0] = len >> 24;
    p[1] = len >> 16;
    p[2] = len >> 8;
    p[3] = len;
}

int blobbatch_next (const void *buf,
                    size_t size,
                    size_t *pos,
                    const void **data,
                    size_t *len)
{
    const unsigned char *p = (const unsigned char *)buf + *pos;
    size_t left = size - *pos;
    size_t n;

    if (left == 0)
        return 0;
    if (left < HEADER)
        return -EPROTO;
    n = (size_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    if (n > left - HEADER)
        return -EPROTO;
    *data = p + HEADER;
    *len = n;
    *pos += HEADER + n;
    return 1;
}
