#include "config.h"
#include <sched.h>
#include <stdint.h>

#include "clock.h"
#include "linger.h"

enum {
    SCORE_MAX = 256,
    SCORE_LOW = SCORE_MAX / 4,
    SCORE_STEPS = 8, /* about how many results it remembers */
};

void linger_init (struct linger *l)
{
    l->score = SCORE_MAX / 2;
    l->skipped = 0;
    l->not_before = 0;
    l->last = 0;
}

bool linger_wanted (struct linger *l, int64_t t)
{
    bool busy = l->last && t - l->last < LINGER_BUSY_NSEC;

    l->last = t;
    if (!busy || t < l->not_before)
        return false;
    if (l->score >= SCORE_LOW)
        l->skipped = 0;
    else if (l->skipped++ % (LINGER_PROBE * LINGER_BURST) >= LINGER_BURST)
        return false;
    return true;
}

void linger_helped (struct linger *l)
{
    l->score += (SCORE_MAX - l->score) / SCORE_STEPS;
}

void linger_failed (struct linger *l)
{
    l->score -= l->score / SCORE_STEPS;
}

bool linger_lost (struct linger *l, int64_t before, int64_t t)
{
    if (t - before < LINGER_LOST_NSEC)
        return false;
    l->not_before = t + LINGER_LOST_FACTOR * (t - before);
    return true;
}

bool linger (struct linger *l, bool (*arrived) (void *arg), void *arg)
{
    int64_t start, t;

    if (arrived (arg))
        return true;
    start = t = monotonic_nsec ();
    if (!linger_wanted (l, start))
        return false;
    for (int i = 0; i < LINGER_YIELDS || t - start < LINGER_NSEC; i++) {
        int64_t before = t;
        bool yes;

        sched_yield ();
        yes = arrived (arg);
        t = monotonic_nsec ();
        if (linger_lost (l, before, t))
            return yes;
        if (yes) {
            linger_helped (l);
            return true;
        }
    }
    l->last = t;
    linger_failed (l);
    return false;
}
