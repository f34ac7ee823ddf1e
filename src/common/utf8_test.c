#include "config.h"
#include "tap.h"
#include "utf8.h"

static const struct {
    const char *bytes;
    size_t len;
    bool valid;
    const char *what;
} cases[] = {
    { "", 0, true, "nothing" },
    { "plain ascii, longer than eight", 30, true, "ASCII" },
    { "a\0b", 3, true, "NUL" },
    { "\xc2\x80\xdf\xbf", 4, true, "two bytes" },
    { "\xe0\xa0\x80\xef\xbf\xbf", 6, true, "three bytes" },
    { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, true, "four bytes" },
    { "12345678\xc6\x92", 10, true, "text after eight ASCII bytes" },
    { "\x80", 1, false, "a lone continuation byte" },
    { "\xc0\x80", 2, false, "overlong NUL" },
    { "\xc1\xbf", 2, false, "overlong ASCII" },
    { "\xe0\x9f\xbf", 3, false, "overlong three bytes" },
    { "\xed\xa0\x80", 3, false, "a surrogate" },
    { "\xf0\x8f\xbf\xbf", 4, false, "overlong four bytes" },
    { "\xf4\x90\x80\x80", 4, false, "above U+10FFFF" },
    { "\xf5\x80\x80\x80", 4, false, "F5" },
    { "a\xff", 2, false, "FF" },
    { "\xe2\x82", 2, false, "a sequence cut short" },
    { "\xe2\x28\xa1", 3, false, "a broken sequence" },
};

int main (void)
{
    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        ok (utf8_valid (cases[i].bytes, cases[i].len) == cases[i].valid, "%s is %s",
            cases[i].what, cases[i].valid ? "valid" : "invalid");
    }
    return done_testing ();
}
