#include "config.h"
#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"

/* What eventlogs and Rs are made of, the most frequent last. */
static const char dictionary[] =
    "{\"timestamp\":1700000000.0,\"name\":\"dependency-add\",\"context\":{"
    "\"description\":\""
    "\"name\":\"jobspec-update\",\"context\":{\"attributes.system.duration\":"
    "\"name\":\"resource-update\",\"context\":{\"expiration\":"
    "\"name\":\"memo\",\"context\":{\"uri\":\"ssh://"
    "\"name\":\"flux-restart\"}\n"
    "\"name\":\"urgency\",\"context\":{\"userid\":0,\"urgency\":"
    "\"name\":\"exception\",\"context\":{\"type\":\"timeout\",\"severity\":0,\"note\":"
    "\"resource allocation expired\",\"userid\":0}}\n"
    "\"name\":\"exception\",\"context\":{\"type\":\"cancel\",\"severity\":0,\"note\":"
    "\"\","
    "\"userid\":1000}}\n"
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":"
    "\"0-3\","
    "\"gpu\":\"0\"}}],\"starttime\":1700000000.0,\"expiration\":0.0,\"nslots\":1,"
    "\"nodelist\":[\"node0\"]}}"
    "{\"timestamp\":1700000000.0,\"name\":\"submit\",\"context\":{\"userid\":1000,"
    "\"urgency\":16,\"flags\":0,\"version\":1}}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"validate\"}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"depend\"}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"priority\",\"context\":{\"priority\":16}}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"alloc\",\"context\":{\"annotations\":{"
    "\"sched\":"
    "{\"resource_summary\":\"rank0/core0\"}}}}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"start\"}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"finish\",\"context\":{\"status\":0}}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"release\",\"context\":{\"ranks\":\"all\","
    "\"final\":true}}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"free\"}\n"
    "{\"timestamp\":1700000000.0,\"name\":\"clean\"}\n";

#define DICTIONARY_LEN ((int)sizeof (dictionary) - 1)

/* FNV-1a */
uint64_t pack_dictionary (void)
{
    uint64_t h = 0xcbf29ce484222325;

    for (int i = 0; i < DICTIONARY_LEN; i++)
        h = (h ^ (unsigned char)dictionary[i]) * 0x100000001b3;
    return h;
}

struct packer {
    LZ4_stream_t *stream;
    struct text in;
    struct text out;
};

struct packer *packer_new (void)
{
    struct packer *p = calloc (1, sizeof (*p));

    if (p && !(p->stream = LZ4_createStream ())) {
        free (p);
        return NULL;
    }
    return p;
}

void packer_free (struct packer *p)
{
    if (p) {
        LZ4_freeStream (p->stream);
        text_fini (&p->in);
        text_fini (&p->out);
        free (p);
    }
}

struct packed *packed_new (const char *bytes, uint32_t size, uint32_t alen, uint32_t blen)
{
    struct packed *block = malloc (sizeof (*block) + size);

    if (block) {
        block->size = size;
        block->len[0] = alen;
        block->len[1] = blen;
        memcpy (block->bytes, bytes, size);
    }
    return block;
}

int packer_pack (struct packer *p,
                 const char *a,
                 size_t alen,
                 const char *b,
                 size_t blen,
                 struct packed **ret)
{
    struct packed *block;
    int bound, n;

    if (alen + blen > LZ4_MAX_INPUT_SIZE)
        return -EFBIG;
    text_clear (&p->in);
    text_clear (&p->out);
    text_put (&p->in, a, alen);
    text_put (&p->in, b, blen);
    bound = LZ4_compressBound (alen + blen);
    if (text_error (&p->in) || !text_reserve (&p->out, bound))
        return -ENOMEM;
    LZ4_loadDict (p->stream, dictionary, DICTIONARY_LEN);
    n = LZ4_compress_fast_continue (p->stream, p->in.buf, p->out.buf, p->in.len, bound,
                                    1);
    if (n <= 0 || n + sizeof (*block) >= alen + blen)
        return -EFBIG;
    if (!(block = packed_new (p->out.buf, n, alen, blen)))
        return -ENOMEM;
    *ret = block;
    return 0;
}

int unpack (const struct packed *block, struct text *t, struct jview *a, struct jview *b)
{
    size_t alen = block->len[0], blen = block->len[1];
    char *p = text_reserve (t, alen + blen);

    if (!p)
        return -ENOMEM;
    if (LZ4_decompress_safe_usingDict (block->bytes, p, block->size, alen + blen,
                                       dictionary, DICTIONARY_LEN)
        != (int)(alen + blen))
        return -EIO;
    text_commit (t, alen + blen);
    *a = alen > 0 ? (struct jview){ p, alen } : JVIEW_ABSENT;
    *b = blen > 0 ? (struct jview){ p + alen, blen } : JVIEW_ABSENT;
    return 0;
}
