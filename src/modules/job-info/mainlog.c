#include "config.h"
#include <errno.h>
#include <string.h>

#include "common/eventlog.h"
#include "common/util.h"
#include "mainlog.h"

void mainlog_init (struct mainlog *ml)
{
    memset (ml, 0, sizeof (*ml));
    text_init (&ml->text);
}

void mainlog_fini (struct mainlog *ml)
{
    text_fini (&ml->text);
}

size_t mainlog_whole (const char *data, size_t len)
{
    const char *end = len > 0 ? memrchr (data, '\n', len) : NULL;

    return end ? (size_t)(end + 1 - data) : 0;
}

int mainlog_owner (const char *log, size_t len, uint32_t *userid)
{
    const char *pos = log;
    const char *line;
    struct eventlog_entry e;
    int64_t value;

    if (!(line = eventlog_next_line (&pos, log + len, &len))
        || eventlog_entry_decode (line, len, &e) < 0 || !eventlog_entry_is (&e, "submit")
        || jview_int (jview_get (e.context, "userid"), &value) < 0 || value < 0
        || value > UINT32_MAX)
        return -EPROTO;
    *userid = value;
    return 0;
}

static void mainlog_note (struct mainlog *ml, const char *line, size_t len)
{
    struct eventlog_entry e;

    if (eventlog_entry_decode (line, len, &e) < 0)
        return; /* whoever reads it may complain */
    if (eventlog_entry_is (&e, "start"))
        ml->started = true;
    else if (eventlog_entry_is (&e, "release"))
        ml->final |= jview_is (jview_get (e.context, "final"), JVIEW_TRUE);
    else if (eventlog_entry_is (&e, "clean"))
        ml->clean = true;
}

int mainlog_feed (struct mainlog *ml, const void *data, size_t len)
{
    const char *pos = data;
    const char *end = pos + mainlog_whole (data, len);
    const char *line;
    bool first = !mainlog_exists (ml);

    if (len == 0)
        return -EINVAL;
    while (!ml->clean && (line = eventlog_next_line (&pos, end, &len)))
        mainlog_note (ml, line, len);
    if (pos > (const char *)data && !text_error (&ml->text))
        text_put (&ml->text, data, pos - (const char *)data);
    if (text_error (&ml->text))
        return -ENOMEM;
    if (first && mainlog_exists (ml))
        ml->known = mainlog_owner (ml->text.buf, ml->text.len, &ml->userid) == 0;
    return 0;
}

void mainlog_complete (struct mainlog *ml)
{
    if (!ml->complete) {
        ml->complete = true;
        ml->initial = ml->text.len;
    }
}
