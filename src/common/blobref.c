#include "config.h"
#include <errno.h>

#include "blobref.h"

static const struct {
    const char *name;
    size_t namelen;
} kinds[] = {
    [BLOBREF_SHA1] = { "sha1", 4 },
    [BLOBREF_SHA256] = { "sha256", 6 },
};

/* 1 + the value of each lower-case hex digit; 0 for all others. */
static const uint8_t digit[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

int blobref_kind_parse (const char *hashname)
{
    for (int kind = BLOBREF_SHA1; kind <= BLOBREF_SHA256; kind++) {
        if (strcmp (hashname, kinds[kind].name) == 0)
            return kind;
    }
    return -EINVAL;
}

const char *blobref_kind_name (int kind)
{
    return kinds[kind].name;
}

/* The kind that the text claims to be, if its length agrees. */
static int text_kind (const char *text, size_t len)
{
    for (int kind = BLOBREF_SHA1; kind <= BLOBREF_SHA256; kind++) {
        if (len == blobref_text_size (kind)
            && memcmp (text, kinds[kind].name, kinds[kind].namelen) == 0
            && text[kinds[kind].namelen] == '-')
            return kind;
    }
    return -EINVAL;
}

bool blobref_text_valid (const char *text, size_t len)
{
    int kind = text_kind (text, len);
    unsigned int all = 1;

    if (kind < 0)
        return false;
    for (size_t i = kinds[kind].namelen + 1; i < len; i++)
        all &= digit[(uint8_t)text[i]] != 0;
    return all;
}

int blobref_parse (const char *text, size_t len, struct blobref *ret)
{
    struct blobref ref = { 0 };
    const uint8_t *p;
    int kind;

    if ((kind = text_kind (text, len)) < 0)
        return kind;
    ref.kind = kind;
    p = (const uint8_t *)text + kinds[kind].namelen + 1;
    for (size_t i = 0; i < blobref_digest_size (kind); i++, p += 2) {
        if (!digit[p[0]] || !digit[p[1]])
            return -EINVAL;
        ref.bytes[i] = (digit[p[0]] - 1) << 4 | (digit[p[1]] - 1);
    }
    *ret = ref;
    return 0;
}

size_t blobref_format (const struct blobref *ref, char *buf)
{
    static const char hex[] = "0123456789abcdef";
    char *p = buf;

    memcpy (p, kinds[ref->kind].name, kinds[ref->kind].namelen);
    p += kinds[ref->kind].namelen;
    *p++ = '-';
    for (size_t i = 0; i < blobref_digest_size (ref->kind); i++) {
        *p++ = hex[ref->bytes[i] >> 4];
        *p++ = hex[ref->bytes[i] & 15];
    }
    return p - buf;
}

const char *blobref_str (const struct blobref *ref, char buf[BLOBREF_TEXT_SIZE])
{
    buf[blobref_format (ref, buf)] = '\0';
    return buf;
}

int blobref_from_digest (int kind, const void *digest, size_t len, struct blobref *ret)
{
    if (len != blobref_digest_size (kind))
        return -EINVAL;
    *ret = (struct blobref){ .kind = kind };
    memcpy (ret->bytes, digest, len);
    return 0;
}
