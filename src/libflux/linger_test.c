#include "config.h"

#include "common/tap.h"
#include "linger.h"

static bool yes (void *arg)
{
    (*(int *)arg)++;
    return true;
}

static bool no (void *arg)
{
    (*(int *)arg)++;
    return false;
}

/* How often it is wanted, of n times, when it never helps. */
static int in_vain (struct linger *l, int n)
{
    int count = 0;

    for (int i = 0; i < n; i++) {
        if (linger_wanted (l, 1)) {
            count++;
            linger_failed (l);
        }
    }
    return count;
}

int main (void)
{
    const int64_t ms = 1000000;
    struct linger l;
    int asked = 0, n;

    linger_init (&l);
    ok (linger (&l, yes, &asked) && asked == 1, "what is there is seen at once");
    ok (!linger (&l, no, &asked) && asked == 2, "who had nothing to do does not wait");
    linger_init (&l);
    l.last = INT64_MAX; /* busy, whatever the clock says */
    ok (!linger (&l, no, &asked) && asked > 3, "what does not come is given up");

    linger_init (&l);
    ok (!linger_wanted (&l, 10 * ms) && linger_wanted (&l, 11 * ms)
            && !linger_wanted (&l, 11 * ms + LINGER_BUSY_NSEC),
        "it is wanted while there is much to do");

    linger_init (&l);
    l.last = 1;
    n = in_vain (&l, 100);
    ok (n > 2 && n < 20, "it is given up when it does not help (%d of 100)", n);
    n = in_vain (&l, 50 * LINGER_PROBE * LINGER_BURST);
    is_int (n, 50 * LINGER_BURST, "and tried seldom then");
    while (in_vain (&l, 1) == 0)
        ;
    n = in_vain (&l, LINGER_BURST);
    ok (n >= LINGER_BURST - 1, "but then several times in a row (%d)", n + 1);
    for (n = 0; n < 1000 && in_vain (&l, 1) == 0; n++)
        ;
    for (int i = 0; i < 8; i++)
        linger_helped (&l);
    ok (linger_wanted (&l, 1), "until it helps again");

    ok (!linger_lost (&l, 0, LINGER_LOST_NSEC - 1) && linger_wanted (&l, 1),
        "to lose the processor for a moment is no matter");
    ok (linger_lost (&l, 10 * ms, 13 * ms), "to lose it for long is");
    for (int64_t t = 13 * ms; t < 600 * ms; t += ms) {
        if (linger_wanted (&l, t))
            asked = -1;
    }
    ok (asked >= 0, "it is not tried soon after");
    ok (!linger_wanted (&l, 613 * ms) && linger_wanted (&l, 614 * ms), "but later");
    return done_testing ();
}
