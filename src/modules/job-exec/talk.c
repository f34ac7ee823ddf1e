#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "talk.h"

void talk_vprintf (struct talk *t, const char *fmt, va_list ap)
{
    vsnprintf (t->line, sizeof (t->line), fmt, ap);
}

int talk_encode (const struct talk *t, struct text *out)
{
    text_puts (out, t->line);
    text_putc (out, '\n');
    text_put (out, t->data, t->len);
    return text_error (out);
}

int talk_decode (struct talk *t, const char *payload, size_t size)
{
    const char *eol = size > 0 ? memchr (payload, '\n', size) : NULL;

    if (!eol || (size_t)(eol - payload) >= sizeof (t->line))
        return -EPROTO;
    memcpy (t->line, payload, eol - payload);
    t->line[eol - payload] = '\0';
    t->data = eol + 1;
    t->len = payload + size - t->data;
    return 0;
}
