#include "config.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "fluid.h"
#include "util.h"

#define F58_PREFIX "\xc6\x92" /* U+0192, latin small letter f with hook */
#define F58_MAX_DIGITS 12

#define TIMESTAMP_MAX ((UINT64_C (1) << 40) - 1)
#define SEQUENCE_MAX 1022

static const char b58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

int fluid_type_parse (const char *name, enum fluid_type *type)
{
    static const char *const names[] = {
        [FLUID_DEC] = "dec", [FLUID_HEX] = "hex", [FLUID_DOTHEX] = "dothex",
        [FLUID_KVS] = "kvs", [FLUID_F58] = "f58", [FLUID_F58PLAIN] = "f58plain",
    };

    if (!name)
        name = "dec";
    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        if (strcasecmp (name, names[i]) == 0) {
            *type = i;
            return 0;
        }
    }
    if (strcasecmp (name, "words") == 0 || strcasecmp (name, "emoji") == 0)
        return -EINVAL;
    return -EPROTO;
}

static int encode_f58 (char *buf, size_t size, uint64_t id, const char *prefix)
{
    char digits[F58_MAX_DIGITS];
    size_t prefixlen = strlen (prefix);
    char *end = digits + sizeof (digits);
    char *p = end;

    do {
        *--p = b58[id % 58];
        id /= 58;
    } while (id > 0);
    if (prefixlen + (end - p) >= size)
        return -EOVERFLOW;
    memcpy (buf, prefix, prefixlen);
    memcpy (buf + prefixlen, p, end - p);
    buf[prefixlen + (end - p)] = '\0';
    return prefixlen + (end - p);
}

int fluid_encode (char *buf, size_t size, uint64_t id, enum fluid_type type)
{
    int n = -1;

    switch (type) {
        case FLUID_DEC:
            n = snprintf (buf, size, "%" PRIu64, id);
            break;
        case FLUID_HEX:
            n = snprintf (buf, size, "0x%" PRIx64, id);
            break;
        case FLUID_DOTHEX:
        case FLUID_KVS:
            n = snprintf (buf,
                          size,
                          "%s%04x.%04x.%04x.%04x",
                          type == FLUID_KVS ? "job." : "",
                          (unsigned int)(id >> 48) & 0xffff,
                          (unsigned int)(id >> 32) & 0xffff,
                          (unsigned int)(id >> 16) & 0xffff,
                          (unsigned int)id & 0xffff);
            break;
        case FLUID_F58:
            return encode_f58 (buf, size, id, F58_PREFIX);
        case FLUID_F58PLAIN:
            return encode_f58 (buf, size, id, "f");
    }
    if (n < 0 || (size_t)n >= size)
        return -EOVERFLOW;
    return n;
}

static int decode_f58 (const char *s, uint64_t *id)
{
    size_t len = strlen (s);
    uint64_t value = 0;

    if (len == 0 || len > F58_MAX_DIGITS)
        return -EINVAL;
    for (; *s; s++) {
        const char *digit = strchr (b58, *s);

        if (!digit)
            return -EINVAL;
        if (__builtin_mul_overflow (value, 58, &value)
            || __builtin_add_overflow (value, digit - b58, &value))
            return -ERANGE;
    }
    *id = value;
    return 0;
}

static int hex_digit (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four groups of one to four hex digits. */
static int decode_dothex (const char *s, uint64_t *id)
{
    uint64_t value = 0;

    for (int group = 0; group < 4; group++) {
        unsigned int n = 0;
        int count = 0;

        for (; hex_digit (*s) >= 0; s++) {
            if (++count > 4)
                return -EINVAL;
            n = n << 4 | hex_digit (*s);
        }
        if (count == 0 || *s != (group < 3 ? '.' : '\0'))
            return -EINVAL;
        s++;
        value = value << 16 | n;
    }
    *id = value;
    return 0;
}

static int decode_integer (const char *s, unsigned int base, uint64_t *id)
{
    uint64_t value = 0;
    bool too_large = false;
    const char *start = s;
    int digit;

    for (; (digit = hex_digit (*s)) >= 0 && digit < (int)base; s++) {
        if (__builtin_mul_overflow (value, base, &value)
            || __builtin_add_overflow (value, digit, &value))
            too_large = true;
    }
    if (s == start)
        return -EINVAL;
    while (isspace ((unsigned char)*s))
        s++;
    if (*s)
        return -EINVAL;
    if (too_large)
        return -ERANGE;
    *id = value;
    return 0;
}

int fluid_decode (const char *s, uint64_t *id)
{
    if (!s)
        return -EINVAL;
    while (isspace ((unsigned char)*s))
        s++;
    if (strncmp (s, "job.", 4) == 0)
        return decode_dothex (s + 4, id);
    if (strncmp (s, F58_PREFIX, 2) == 0)
        return decode_f58 (s + 2, id);
    if (strchr (s, '.'))
        return decode_dothex (s, id);
    if (*s == 'f')
        return decode_f58 (s + 1, id);
    if (strncmp (s, "0x", 2) == 0)
        return decode_integer (s + 2, 16, id);
    return decode_integer (s, 10, id);
}

int fluid_generator_init (struct fluid_generator *g,
                          uint32_t id,
                          uint64_t offset,
                          uint64_t now_ms)
{
    if (id > FLUID_GENERATOR_MAX || offset > TIMESTAMP_MAX)
        return -EINVAL;
    *g = (struct fluid_generator){
        .clock0 = now_ms,
        .offset = offset,
        .timestamp = offset,
        .id = id,
    };
    return 0;
}

int fluid_generate (struct fluid_generator *g, uint64_t now_ms, uint64_t *id)
{
    uint64_t elapsed = now_ms > g->clock0 ? now_ms - g->clock0 : 0;
    uint64_t timestamp = g->timestamp;
    uint32_t sequence = g->sequence;

    if (elapsed > TIMESTAMP_MAX)
        return -EOVERFLOW;
    if (g->offset + elapsed > timestamp) {
        timestamp = g->offset + elapsed;
        sequence = 0;
    }
    else if (sequence > SEQUENCE_MAX) {
        timestamp++;
        sequence = 0;
    }
    if (timestamp > TIMESTAMP_MAX)
        return -EOVERFLOW;
    g->timestamp = timestamp;
    g->sequence = sequence + 1;
    *id = timestamp << 24 | (uint64_t)g->id << 10 | sequence;
    return 0;
}
