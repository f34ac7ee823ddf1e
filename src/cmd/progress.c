#include "config.h"
#include <langinfo.h>
#include <sys/ioctl.h>

#include "cmd.h"
#include "common/text.h"
#include "progress.h"

struct progress {
    FILE *out;
    size_t total;
    size_t count[4]; /* by state */
    bool jps;
    bool shown;
    double t0;
    struct text line;
};

struct progress *progress_create (FILE *out, size_t total, bool jps, double now)
{
    struct progress *p = calloc (1, sizeof (*p));

    if (!p)
        cmd_die ("out of memory");
    p->out = out;
    p->total = total;
    p->count[PROGRESS_PENDING] = total;
    p->jps = jps;
    p->t0 = now;
    return p;
}

void progress_destroy (struct progress *p)
{
    if (p) {
        if (p->shown)
            fputc ('\n', p->out);
        text_fini (&p->line);
        free (p);
    }
}

void progress_move (struct progress *p, enum progress_state from, enum progress_state to)
{
    if (p) {
        p->count[from]--;
        p->count[to]++;
    }
}

/* A bar of 'width' columns, in eighths of one where the terminal has them. */
static void put_bar (struct text *t, double part, int width)
{
    static const char *eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    bool utf8 = strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
    int units = part * width * 8, used = units / 8;

    text_puts (t, utf8 ? "│" : "|");
    for (int i = 0; i < used; i++)
        text_puts (t, utf8 ? "█" : "#");
    if (utf8 && units % 8 > 0) {
        text_puts (t, eighths[units % 8]);
        used++;
    }
    for (; used < width; used++)
        text_putc (t, ' ');
    text_puts (t, utf8 ? "│" : "|");
}

const char *progress_line (struct progress *p, double now, int columns)
{
    enum { REST = 32 + 2 + 8 + 12 }; /* all but the bar */
    size_t done = p->count[PROGRESS_COMPLETED] + p->count[PROGRESS_FAILED];
    double part = p->total ? (double)done / p->total : 1.;
    double elapsed = now > p->t0 ? now - p->t0 : 0;
    long seconds = elapsed;

    text_clear (&p->line);
    text_printf (&p->line, "PD:%-4zu R:%-4zu CD:%-4zu F:%-4zu ",
                 p->count[PROGRESS_PENDING], p->count[PROGRESS_RUNNING],
                 p->count[PROGRESS_COMPLETED], p->count[PROGRESS_FAILED]);
    put_bar (&p->line, part, columns > REST + 4 ? columns - REST : 4);
    text_printf (&p->line, " %5.1f%% ", part * 100);
    if (p->jps)
        text_printf (&p->line, "%5.1f job/s", elapsed > 0 ? done / elapsed : 0.);
    else
        text_printf (&p->line, "%ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60,
                     seconds % 60);
    if (text_error (&p->line) < 0)
        cmd_die ("out of memory");
    return p->line.buf;
}

void progress_draw (struct progress *p, double now)
{
    struct winsize w;
    int columns = 80;

    if (!p)
        return;
    if (ioctl (fileno (p->out), TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        columns = w.ws_col;
    fprintf (p->out, "\r\033[K%s", progress_line (p, now, columns));
    fflush (p->out);
    p->shown = true;
}

void progress_hide (struct progress *p)
{
    if (p && p->shown) {
        fputs ("\r\033[K", p->out);
        fflush (p->out);
        p->shown = false;
    }
}
