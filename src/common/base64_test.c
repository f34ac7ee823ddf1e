#include "config.h"
#include "base64.h"
#include "tap.h"

static void encode (const char *in, const char *want)
{
    char out[64];
    size_t n = base64_encode (out, in, strlen (in));

    out[n] = '\0';
    is (out, want, "'%s' encodes as RFC 4648 says", in);
    ok (n == base64_encoded_size (strlen (in)), "... in the size announced");
}

static void refuse (const char *in)
{
    char out[64];

    ok (base64_decode (out, in, strlen (in)) == -EINVAL, "'%s' is refused", in);
}

static void every_length_survives (void)
{
    unsigned char in[256], mid[400], out[400];
    bool same = true;

    for (int i = 0; i < 256; i++)
        in[i] = i * 167 + 13;
    for (size_t len = 0; len <= 256; len++) {
        size_t n = base64_encode ((char *)mid, in, len);
        ssize_t m = base64_decode (out, (char *)mid, n);

        if (m != (ssize_t)len || memcmp (in, out, len) != 0)
            same = false;
    }
    ok (same, "0 to 256 bytes come back unchanged");
}

int main (void)
{
    char out[64];

    encode ("", "");
    encode ("f", "Zg==");
    encode ("fo", "Zm8=");
    encode ("foo", "Zm9v");
    encode ("foobar", "Zm9vYmFy");
    every_length_survives ();
    ok (base64_decode (out, "eA", 2) == 1 && out[0] == 'x',
        "missing padding is accepted");
    refuse ("e");
    refuse ("eA=");
    refuse ("e===");
    refuse ("====");
    refuse ("eA==eA==");
    refuse ("e\nA=");
    refuse ("e-_=");
    refuse ("eB==");
    return done_testing ();
}
