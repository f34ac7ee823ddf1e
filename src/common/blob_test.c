#include "config.h"
#include <string.h>

#include "blob.h"
#include "tap.h"

static int released;

static void release (void *arg)
{
    released += arg == &released;
}

static void bytes_that_something_else_holds (void)
{
    struct blob *b = blob_new ("abc", 3, release, &released);

    blob_put (blob_get (b));
    ok (released == 0 && memcmp (b->data, "abc", b->len) == 0,
        "what holds the data is kept as long as the blob is");
    blob_put (b);
    ok (released == 1, "and given back once, with its last reference");
}

static void bytes_of_its_own (void)
{
    char buf[] = "abc";
    struct blob *b = blob_new_copy (buf, 3);
    struct blob *empty = blob_new_copy (NULL, 0);

    memset (buf, 'x', 3);
    ok (b->len == 3 && memcmp (b->data, "abc", 3) == 0, "a copy does not need the original");
    ok (empty && empty->len == 0, "nothing can be copied");
    blob_put (b);
    blob_put (empty);
    blob_put (NULL);
}

int main (void)
{
    bytes_that_something_else_holds ();
    bytes_of_its_own ();
    return done_testing ();
}
