#include "config.h"
#include <errno.h>
#include <stdint.h>

#include "base64.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* 1 + the value of each character of the alphabet; 0 for all others. */
#define V(c, v) [c] = (v) + 1
static const uint8_t value[256] = {
    V ('A', 0),  V ('B', 1),  V ('C', 2),  V ('D', 3),  V ('E', 4),  V ('F', 5),
    V ('G', 6),  V ('H', 7),  V ('I', 8),  V ('J', 9),  V ('K', 10), V ('L', 11),
    V ('M', 12), V ('N', 13), V ('O', 14), V ('P', 15), V ('Q', 16), V ('R', 17),
    V ('S', 18), V ('T', 19), V ('U', 20), V ('V', 21), V ('W', 22), V ('X', 23),
    V ('Y', 24), V ('Z', 25), V ('a', 26), V ('b', 27), V ('c', 28), V ('d', 29),
    V ('e', 30), V ('f', 31), V ('g', 32), V ('h', 33), V ('i', 34), V ('j', 35),
    V ('k', 36), V ('l', 37), V ('m', 38), V ('n', 39), V ('o', 40), V ('p', 41),
    V ('q', 42), V ('r', 43), V ('s', 44), V ('t', 45), V ('u', 46), V ('v', 47),
    V ('w', 48), V ('x', 49), V ('y', 50), V ('z', 51), V ('0', 52), V ('1', 53),
    V ('2', 54), V ('3', 55), V ('4', 56), V ('5', 57), V ('6', 58), V ('7', 59),
    V ('8', 60), V ('9', 61), V ('+', 62), V ('/', 63),
};

size_t base64_encode (char *dst, const void *src, size_t len)
{
    const uint8_t *p = src;
    char *start = dst;

    for (; len >= 3; p += 3, len -= 3) {
        uint32_t w = p[0] << 16 | p[1] << 8 | p[2];

        *dst++ = alphabet[w >> 18];
        *dst++ = alphabet[w >> 12 & 63];
        *dst++ = alphabet[w >> 6 & 63];
        *dst++ = alphabet[w & 63];
    }
    if (len > 0) {
        uint32_t w = p[0] << 16 | (len == 2 ? p[1] << 8 : 0);

        *dst++ = alphabet[w >> 18];
        *dst++ = alphabet[w >> 12 & 63];
        *dst++ = len == 2 ? alphabet[w >> 6 & 63] : '=';
        *dst++ = '=';
    }
    return dst - start;
}

/* The one to three characters that are left, without padding. */
static ssize_t decode_tail (uint8_t *dst, const uint8_t *src, size_t len)
{
    uint32_t w = 0;

    for (size_t i = 0; i < len; i++) {
        if (!value[src[i]])
            return -EINVAL;
        w = w << 6 | (uint32_t)(value[src[i]] - 1);
    }
    switch (len) {
        case 0:
            return 0;
        case 2:
            if (w & 15)
                return -EINVAL;
            dst[0] = w >> 4;
            return 1;
        case 3:
            if (w & 3)
                return -EINVAL;
            dst[0] = w >> 10;
            dst[1] = w >> 2;
            return 2;
    }
    return -EINVAL;
}

ssize_t base64_decode (void *dst, const char *src, size_t len)
{
    const uint8_t *p = (const uint8_t *)src;
    uint8_t *d = dst;
    ssize_t n;

    if (len > 0 && len % 4 == 0 && p[len - 1] == '=')
        len -= p[len - 2] == '=' ? 2 : 1;
    for (; len >= 4; p += 4, len -= 4) {
        uint8_t a = value[p[0]], b = value[p[1]], c = value[p[2]], e = value[p[3]];
        uint32_t w;

        if (!a || !b || !c || !e)
            return -EINVAL;
        w = (a - 1u) << 18 | (b - 1u) << 12 | (c - 1u) << 6 | (e - 1u);
        *d++ = w >> 16;
        *d++ = w >> 8;
        *d++ = w;
    }
    if ((n = decode_tail (d, p, len)) < 0)
        return n;
    return d + n - (uint8_t *)dst;
}
