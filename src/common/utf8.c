#include "config.h"
#include <stdint.h>
#include <string.h>

#include "utf8.h"

/* Length of the multi-byte sequence at p (n bytes are left), 0 if invalid. */
static size_t sequence (const uint8_t *p, size_t n)
{
    uint8_t lo = 0x80, hi = 0xbf; /* allowed range of the second byte */
    size_t len;

    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (n < len)
        return 0;
    switch (p[0]) {
        case 0xe0:
            lo = 0xa0; /* else overlong */
            break;
        case 0xed:
            hi = 0x9f; /* else a surrogate */
            break;
        case 0xf0:
            lo = 0x90; /* else overlong */
            break;
        case 0xf4:
            hi = 0x8f; /* else above U+10FFFF */
            break;
    }
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

bool utf8_valid (const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    const uint8_t *end = p + len;

    while (p < end) {
        uint64_t w;
        size_t n;

        while (end - p >= 8) { /* eight ASCII bytes at a time */
            memcpy (&w, p, 8);
            if (w & 0x8080808080808080ULL)
                break;
            p += 8;
        }
        if (p == end)
            break;
        if (*p < 0x80)
            p++;
        else if ((n = sequence (p, end - p)) > 0)
            p += n;
        else
            return false;
    }
    return true;
}
