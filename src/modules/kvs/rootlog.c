#include "config.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "rootlog.h"

void rootlog_init (struct rootlog *log, int64_t seq, double time, const struct blobref *ref)
{
    *log = (struct rootlog){ .last = { seq, time, *ref } };
}

void rootlog_fini (struct rootlog *log)
{
    free (log->v);
    *log = (struct rootlog){ 0 };
}

static struct root_record *record_at (const struct rootlog *log, size_t i)
{
    return &log->v[(log->first + i) & (log->cap - 1)];
}

int rootlog_reserve (struct rootlog *log)
{
    size_t cap = log->cap ? log->cap * 2 : 8;
    struct root_record *v;

    if (log->count < log->cap || log->count >= ROOTLOG_MAX - 1)
        return 0;
    if (!(v = malloc (cap * sizeof (v[0]))))
        return -ENOMEM;
    for (size_t i = 0; i < log->count; i++)
        v[i] = *record_at (log, i);
    free (log->v);
    log->v = v;
    log->cap = cap;
    log->first = 0;
    return 0;
}

static void forget_first (struct rootlog *log)
{
    log->first = (log->first + 1) & (log->cap - 1);
    log->count--;
}

void rootlog_add (struct rootlog *log,
                  int64_t seq,
                  double time,
                  const struct blobref *ref)
{
    if (log->count > 0 && (log->count >= ROOTLOG_MAX - 1 || log->count == log->cap))
        forget_first (log);
    if (log->count < log->cap)
        *record_at (log, log->count++) = log->last;
    log->last = (struct root_record){ seq, time, *ref };
}

void rootlog_forget (struct rootlog *log, int64_t seq)
{
    while (log->count > 0 && record_at (log, 0)->seq < seq)
        forget_first (log);
}

bool rootlog_has (const struct rootlog *log, const struct blobref *ref)
{
    bool found = blobref_equal (&log->last.ref, ref);

    for (size_t i = log->count; !found && i > 0; i--)
        found = blobref_equal (&record_at (log, i - 1)->ref, ref);
    return found;
}

size_t rootlog_count (const struct rootlog *log)
{
    return log->count + 1;
}

static void write_record (const struct root_record *r, struct text *out)
{
    char ref[BLOBREF_TEXT_SIZE];

    if (out->len > 0 && out->buf[out->len - 1] == ']')
        text_putc (out, ',');
    text_printf (out, "[%" PRId64 ",%.6f,\"%s\"]", r->seq, r->time,
                 blobref_str (&r->ref, ref));
}

void rootlog_write (const struct rootlog *log,
                    int64_t since,
                    size_t limit,
                    struct text *out)
{
    size_t lo = 0, hi = log->count;

    if (since < 0) {
        uint64_t n = -(uint64_t)since;

        lo = hi = n > log->count ? 0 : log->count + 1 - n;
        since = INT64_MIN;
    }
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (record_at (log, mid)->seq < since)
            lo = mid + 1;
        else
            hi = mid;
    }
    text_putc (out, '[');
    hi = limit > 0 && limit < log->count - lo ? lo + limit : log->count;
    for (size_t i = lo; i < hi; i++)
        write_record (record_at (log, i), out);
    if (log->last.seq >= since && (limit == 0 || hi - lo < limit))
        write_record (&log->last, out);
    text_putc (out, ']');
}
