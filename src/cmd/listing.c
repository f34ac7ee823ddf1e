#include "config.h"
#include <stdio.h>
#include <sys/ioctl.h>

#include "cmd.h"
#include "listing.h"

struct format *listing_format (const char *s, const struct format_source *source)
{
    flux_error_t error;
    struct format *f = format_parse (s, source, &error);

    if (!f)
        cmd_die ("ERROR: Error in user format: %s", error.text);
    return f;
}

/* Cut a line to 'width' code points, the last of them a '+'. */
static void cut (struct text *t, int width)
{
    size_t bytes = 0;

    if (width <= 0 || format_text_width (t->buf) <= (size_t)width)
        return;
    for (int n = 1; n < width; n++) {
        bytes++;
        while ((t->buf[bytes] & 0xc0) == 0x80)
            bytes++;
    }
    strcpy (t->buf + bytes, "+");
}

static void put_line (const struct listing *l, struct text *t, const char *color)
{
    if (text_error (t) < 0)
        cmd_die ("out of memory");
    if (!t->buf || t->buf[strspn (t->buf, " \t")] == '\0')
        return;
    cut (t, l->width);
    if (color)
        fputs (color, stdout);
    puts (t->buf);
    if (color)
        fputs ("\033[0;0m", stdout);
}

void listing_print (const struct listing *l, const void **items, size_t n)
{
    struct text t = TEXT_INIT;
    flux_error_t error;

    format_sort (l->format, items, n);
    format_fit (l->format, items, n, !l->no_header);
    if (!l->no_header) {
        format_header (l->format, &t);
        put_line (l, &t, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        text_clear (&t);
        if (format_line (l->format, items[i], &t, &error) < 0)
            cmd_die ("ERROR: %s", error.text);
        put_line (l, &t, l->color ? l->color (items[i]) : NULL);
    }
    text_fini (&t);
}

bool listing_color (const char *arg, bool *color)
{
    const char *no_color = getenv ("NO_COLOR");

    if (!arg || strcmp (arg, "always") == 0)
        *color = true;
    else if (strcmp (arg, "never") == 0)
        *color = false;
    else if (strcmp (arg, "auto") == 0)
        *color = isatty (STDOUT_FILENO) && !(no_color && *no_color);
    else
        return false;
    return true;
}

int listing_terminal_width (void)
{
    struct winsize w;

    return ioctl (STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}
