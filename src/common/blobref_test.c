#include "config.h"
#include <errno.h>

#include "blobhash.h"
#include "tap.h"

#define SHA1_A "sha1-86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
#define SHA256_A "sha256-ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define SHA1_EMPTY "sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709"

static void round_trip (const char *text)
{
    struct blobref ref;
    char buf[BLOBREF_TEXT_SIZE];

    ok (blobref_parse (text, strlen (text), &ref) == 0
            && blobref_text_valid (text, strlen (text)),
        "accepts %.20s...", text);
    is (blobref_str (&ref, buf), text, "... and writes it back");
}

static void refused (const char *text)
{
    struct blobref ref = { .kind = 42 };

    ok (blobref_parse (text, strlen (text), &ref) == -EINVAL && ref.kind == 42
            && !blobref_text_valid (text, strlen (text)),
        "refuses '%s'", text);
}

static void in_pieces (void)
{
    struct blobhash_state *state = NULL;
    struct blobref whole, pieces;
    struct blobhash *h;
    char data[1000];

    memset (data, 'x', sizeof (data));
    blobhash_new (BLOBREF_SHA256, &h);
    blobhash_sum (h, data, sizeof (data), &whole);
    blobhash_begin (h);
    blobhash_update (h, data, 333);
    ok (blobhash_save (h, &state) == 0, "a hash under way can be saved");
    blobhash_update (h, data, 667);
    blobhash_end (h, &pieces);
    ok (blobref_equal (&whole, &pieces), "pieces make the same name");
    blobhash_sum (h, "other", 5, &pieces);
    for (int i = 0; i < 2; i++) {
        ok (blobhash_resume (h, state) == 0, "it can be resumed");
        blobhash_update (h, data, 667);
        blobhash_end (h, &pieces);
        ok (blobref_equal (&whole, &pieces), "... and ends the same");
    }
    blobhash_state_free (state);
    blobhash_state_free (NULL);
    blobhash_free (h);
}

static void hashing (void)
{
    struct blobhash *h = NULL;
    struct blobref ref, again;
    char buf[BLOBREF_TEXT_SIZE];

    ok (blobhash_new (3, &h) == -EINVAL && !h, "there are two kinds of hash");
    ok (blobhash_new (BLOBREF_SHA1, &h) == 0, "sha1 is available");
    blobhash_sum (h, "a", 1, &ref);
    is (blobref_str (&ref, buf), SHA1_A, "sha1 of a");
    blobhash_sum (h, NULL, 0, &again);
    is (blobref_str (&again, buf), SHA1_EMPTY, "sha1 of nothing");
    ok (!blobref_equal (&ref, &again), "different blobs differ");
    blobhash_sum (h, "a", 1, &again);
    ok (blobref_equal (&ref, &again), "equal blobs have equal names");
    ok (blobref_from_digest (BLOBREF_SHA1, ref.bytes, 20, &again) == 0
            && blobref_equal (&ref, &again),
        "a raw digest is the same name");
    ok (blobref_from_digest (BLOBREF_SHA256, ref.bytes, 20, &again) == -EINVAL,
        "a digest of the wrong size is refused");
    blobhash_free (h);
    ok (blobhash_new (BLOBREF_SHA256, &h) == 0, "sha256 is available");
    blobhash_sum (h, "a", 1, &ref);
    is (blobref_str (&ref, buf), SHA256_A, "sha256 of a");
    blobhash_free (h);
    blobhash_free (NULL);
}

int main (void)
{
    round_trip (SHA1_A);
    round_trip (SHA256_A);
    refused ("");
    refused ("sha1-");
    refused ("sha1-86F7e437faa5a7fce15d1ddcb9eaeaea377667b8");
    refused ("sha1-86f7e437faa5a7fce15d1ddcb9eaeaea377667b");
    refused ("sha1-86f7e437faa5a7fce15d1ddcb9eaeaea377667b80");
    refused ("sha1_86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
    refused ("sha256-86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
    refused ("md5-00000000000000000000000000000000");
    ok (blobref_kind_parse ("sha1") == BLOBREF_SHA1
            && blobref_kind_parse ("sha256") == BLOBREF_SHA256
            && blobref_kind_parse ("sha512") == -EINVAL,
        "hash names");
    hashing ();
    in_pieces ();
    return done_testing ();
}
