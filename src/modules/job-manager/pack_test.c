#include "config.h"
#include <stdio.h>

#include "common/tap.h"

#include "pack.h"

static const char log_text[] =
    "{\"timestamp\":1795266052.565459,\"name\":\"submit\",\"context\":{\"userid\":0,"
    "\"urgency\":16,"
    "\"flags\":0,\"version\":1}}\n{\"timestamp\":1795266052.5658128,\"name\":"
    "\"validate\"}\n"
    "{\"timestamp\":1795266052.565814,\"name\":\"depend\"}\n{\"timestamp\":1795266052."
    "565815,"
    "\"name\":\"priority\",\"context\":{\"priority\":16}}\n{\"timestamp\":1795266052."
    "5661447,"
    "\"name\":\"alloc\",\"context\":{\"annotations\":{\"sched\":{\"resource_summary\":"
    "\"rank0/core0\"}}}}\n{\"timestamp\":1795266052.5668,\"name\":\"start\"}\n"
    "{\"timestamp\":1795266052.5678799,\"name\":\"finish\",\"context\":{\"status\":0}}\n"
    "{\"timestamp\":1795266052.5681,\"name\":\"release\",\"context\":{\"ranks\":\"all\","
    "\"final\":true}}\n{\"timestamp\":1795266052.5682,\"name\":\"free\"}\n"
    "{\"timestamp\":1795266052.5682833,\"name\":\"clean\"}\n";
static const char R_text[] = "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\","
                             "\"children\":{\"core\":\"0\"}}],"
                             "\"starttime\":1795266052.5660,\"expiration\":0.0,"
                             "\"nslots\":1,\"nodelist\":[\"vm\"]}}";

static void
round_trip (struct packer *p, const char *a, size_t alen, const char *b, size_t blen)
{
    struct text t = TEXT_INIT;
    struct packed *block = NULL;
    struct jview va, vb;
    int r = packer_pack (p, a, alen, b, blen, &block);

    ok (r == 0, "%zu and %zu bytes are packed", alen, blen);
    if (r == 0) {
        r = unpack (block, &t, &va, &vb);
        ok (r == 0 && va.len == alen && vb.len == blen
                && (alen == 0 || memcmp (va.s, a, alen) == 0)
                && (blen == 0 || memcmp (vb.s, b, blen) == 0),
            "and come out as they went in");
        diag ("%zu -> %u", alen + blen, block->size);
    }
    text_fini (&t);
    free (block);
}

static void damaged (struct packer *p)
{
    struct text t = TEXT_INIT;
    struct packed *block = NULL;
    struct jview a, b;
    unsigned int seed = 1;
    int refused = 0;

    packer_pack (p, log_text, sizeof (log_text) - 1, R_text, sizeof (R_text) - 1, &block);
    for (int i = 0; i < 2000; i++) {
        uint32_t at = rand_r (&seed) % block->size;
        char was = block->bytes[at];

        block->bytes[at] ^= 1 << rand_r (&seed) % 8;
        text_clear (&t);
        refused += unpack (block, &t, &a, &b) == -EIO;
        block->bytes[at] = was;
    }
    ok (refused > 0, "a damaged block is never read beyond (%d of 2000 refused)",
        refused);
    text_fini (&t);
    free (block);
}

int main (void)
{
    struct packer *p = packer_new ();
    struct packed *block = NULL;
    char noise[600];
    char many[20000];
    unsigned int seed = 7;

    round_trip (p, log_text, sizeof (log_text) - 1, R_text, sizeof (R_text) - 1);
    round_trip (p, log_text, sizeof (log_text) - 1, "", 0);
    ok (packer_pack (p, log_text, sizeof (log_text) - 1, R_text, sizeof (R_text) - 1,
                     &block)
                == 0
            && block->size < sizeof (log_text) / 2,
        "the texts of a usual job are less than half as long");
    free (block);
    for (size_t i = 0; i < sizeof (many); i++)
        many[i] = "abcdefgh"[rand_r (&seed) % 8];
    round_trip (p, many, sizeof (many), R_text, sizeof (R_text) - 1);
    for (size_t i = 0; i < sizeof (noise); i++)
        noise[i] = rand_r (&seed) >> 5;
    ok (packer_pack (p, noise, sizeof (noise), "", 0, &block) == -EFBIG,
        "what does not get shorter is refused");
    damaged (p);
    packer_free (p);
    return done_testing ();
}
