#include "config.h"

#include "intern.h"
#include "util.h"

void intern_init (struct intern *pool)
{
    table_init (&pool->texts);
    pool->bytes = 0;
}

void intern_fini (struct intern *pool)
{
    must (table_count (&pool->texts) == 0);
    table_fini (&pool->texts);
}

struct itext *intern_get (struct intern *pool, const char *s, size_t len)
{
    struct itext *t = table_get (&pool->texts, s, len);

    if (t)
        return intern_ref (t);
    if (len >= UINT32_MAX || !(t = malloc (sizeof (*t) + len + 1)))
        return NULL;
    t->refs = 1;
    t->len = len;
    if (len > 0)
        memcpy (t->s, s, len);
    t->s[len] = '\0';
    if (table_put (&pool->texts, t->s, len, t) < 0) {
        free (t);
        return NULL;
    }
    pool->bytes += len;
    return t;
}

void intern_put (struct intern *pool, struct itext *t)
{
    if (!t || --t->refs > 0)
        return;
    must (table_del (&pool->texts, t->s, t->len) == t);
    pool->bytes -= t->len;
    free_keep_errno (t);
}

void intern_set (struct intern *pool, struct itext **slot, struct itext *new)
{
    intern_put (pool, *slot);
    *slot = new;
}
