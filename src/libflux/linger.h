/* linger.h - wait awake for a moment before sleeping.
 *
 * Purpose: of what a message between two threads costs, most is putting the
 * receiver to sleep and waking it up.  When messages go back and forth the
 * next one is often due within microseconds: a thread that yields the
 * processor for that long, instead of sleeping, spares both.
 *
 * How it adapts
 *  - It is tried only by a thread that had something to do LINGER_BUSY_NSEC
 *    ago at most: what is sent now and then is not waited for like this.
 *  - It is given up after LINGER_NSEC and LINGER_YIELDS.
 *  - As long as it seldom helps (score), it is only tried in one of
 *    LINGER_PROBE cases, so an idle thread costs next to nothing; and then
 *    LINGER_BURST times in a row, since it helps little as long as the other
 *    side sleeps, and that one must be met trying.
 *  - To yield means that whoever else wants the processor has it.  Somebody
 *    who keeps it for LINGER_LOST_NSEC would have been interrupted in favour
 *    of a thread that wakes up, but is not for one that yielded: then it is
 *    not tried again for LINGER_LOST_FACTOR times as long.
 *
 * One per thread that waits; no locks.
 */

#ifndef MILLRACE_LIBFLUX_LINGER_H
#define MILLRACE_LIBFLUX_LINGER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LINGER_NSEC = 20000,
    LINGER_YIELDS = 16,
    LINGER_LOST_NSEC = 1000000,
    LINGER_LOST_FACTOR = 200,
    LINGER_PROBE = 16,
    LINGER_BURST = 8,
    LINGER_BUSY_NSEC = 2000000,
};

struct linger {
    int score;   /* how often it helped lately */
    unsigned int skipped; /* times that it was not tried */
    int64_t not_before;
    int64_t last; /* when the thread was last without work; 0: never */
};

void linger_init (struct linger *l);

/* Wait until arrived () or not much longer.  It is asked many times, and is to
 * be quick.  Returns what it said last.
 */
bool linger (struct linger *l, bool (*arrived) (void *arg), void *arg);

/* Its parts.  Times are of any clock, in nanoseconds, and above 0. */
bool linger_wanted (struct linger *l, int64_t t);
void linger_helped (struct linger *l);
void linger_failed (struct linger *l);

/* True if another thread had the processor for too long between the two. */
bool linger_lost (struct linger *l, int64_t before, int64_t t);

#endif /* !MILLRACE_LIBFLUX_LINGER_H */
