#include "config.h"
#include <locale.h>

#include "common/tap.h"
#include "progress.h"

static void a_line_tells_how_far_it_is (void)
{
    struct progress *p = progress_create (stdout, 4, false, 100.);

    is (progress_line (p, 100.5, 64),
        "PD:4    R:0    CD:0    F:0    |          |   0.0% 0:00:00",
        "nothing is done at first");
    progress_move (p, PROGRESS_PENDING, PROGRESS_RUNNING);
    progress_move (p, PROGRESS_RUNNING, PROGRESS_COMPLETED);
    progress_move (p, PROGRESS_PENDING, PROGRESS_RUNNING);
    progress_move (p, PROGRESS_PENDING, PROGRESS_FAILED);
    is (progress_line (p, 100. + 3661, 64),
        "PD:1    R:1    CD:1    F:1    |#####     |  50.0% 1:01:01",
        "what is completed or has failed is done");
    is (progress_line (p, 0., 10), "PD:1    R:1    CD:1    F:1    |##  |  50.0% 0:00:00",
        "the bar has a least width, and time does not run backwards");
    progress_destroy (p);
}

static void jobs_per_second (void)
{
    struct progress *p = progress_create (stdout, 10, true, 0.);

    for (int i = 0; i < 10; i++)
        progress_move (p, PROGRESS_PENDING, PROGRESS_COMPLETED);
    is (progress_line (p, 4., 60),
        "PD:0    R:0    CD:10   F:0    |######| 100.0%   2.5 job/s",
        "the rate takes the place of the time");
    progress_destroy (p);
    p = progress_create (stdout, 0, true, 0.);
    is (progress_line (p, 0., 60),
        "PD:0    R:0    CD:0    F:0    |######| 100.0%   0.0 job/s",
        "no jobs are done at once");
    progress_destroy (p);
}

static void nothing_is_drawn_for_nobody (void)
{
    progress_move (NULL, PROGRESS_PENDING, PROGRESS_RUNNING);
    progress_draw (NULL, 0.);
    progress_hide (NULL);
    progress_destroy (NULL);
    ok (true, "no progress is accepted everywhere");
}

static void eighths_where_there_are_such (void)
{
    struct progress *p;

    if (!setlocale (LC_CTYPE, "C.UTF-8")) {
        skip (1, "no UTF-8 locale");
        return;
    }
    p = progress_create (stdout, 3, false, 0.);
    progress_move (p, PROGRESS_PENDING, PROGRESS_COMPLETED);
    is (progress_line (p, 0., 58), "PD:2    R:0    CD:1    F:0    │█▎  │  33.3% 0:00:00",
        "the bar has eighths of columns");
    progress_destroy (p);
}

int main (void)
{
    a_line_tells_how_far_it_is ();
    jobs_per_second ();
    nothing_is_drawn_for_nobody ();
    eighths_where_there_are_such ();
    return done_testing ();
}
