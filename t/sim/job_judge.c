/* RFC 21, read independently of the engine. */

#include "config.h"

#include "job_world.h"

int sim_count_events (const char *log, size_t len, const char *name)
{
    char needle[64];
    const char *p = log;
    int n = 0;

    snprintf (needle, sizeof (needle), "\"name\":\"%s\"", name);
    while ((p = memmem (p, log + len - p, needle, strlen (needle)))) {
        n++;
        p += strlen (needle);
    }
    return n;
}

static bool one_letter (const char *name, size_t len, bool fatal, char *letter)
{
    static const struct {
        const char *name;
        char letter;
    } letters[] = {
        { "submit", 'S' },   { "validate", 'v' },     { "depend", 'd' },
        { "priority", 'p' }, { "urgency", 'u' },      { "alloc", 'a' },
        { "start", 's' },    { "finish", 'f' },       { "release", 'r' },
        { "free", 'F' },     { "clean", 'C' },        { "exception", 'x' },
        { "memo", 0 },       { "flux-restart", 'R' },
    };

    for (size_t i = 0; i < ARRAY_SIZE (letters); i++) {
        if (strlen (letters[i].name) == len && memcmp (letters[i].name, name, len) == 0) {
            *letter = letters[i].letter == 'x' ? (fatal ? 'X' : 0) : letters[i].letter;
            return true;
        }
    }
    return false;
}

/* The letters a log may have next, by what it had last. */
static bool may_follow (char last, char next, bool over, const char *had)
{
    if (next == 'X' || next == 'u')
        return last != 0;
    if (strchr ("SvdasfFC", next) && strchr (had, next))
        return false;
    if (strchr (had, 'C'))
        return false;
    switch (next) {
        case 'S':
            return last == 0;
        case 'v':
            return last == 'S';
        case 'd':
            return strchr (had, 'v') && !over;
        case 'p':
            return strchr (had, 'd') && !strchr (had, 'a') && !over;
        case 'R':
            return strchr (had, 'p') && !strchr (had, 'a') && !over;
        case 'a':
            return strchr (had, 'p') && !over;
        case 's':
            return strchr (had, 'a') && !strchr (had, 'F');
        case 'f':
        case 'r':
            return strchr (had, 's') && !strchr (had, 'F');
        case 'F':
            return strchr (had, 'a') && over;
        case 'C':
            return over && (!strchr (had, 'a') || strchr (had, 'F'));
    }
    return false;
}

void sim_check_log (const struct job *job)
{
    char had[512] = "";
    size_t n = 0;
    static struct text unpacked;
    struct jview log, R;
    const char *p, *next;
    char last = 0, letter;
    bool over = false;
    double t = -1.;
    struct entry e;

    if (job_texts (job, &unpacked, &log, &R) < 0) {
        sim_broke ("a packed job cannot be read", job->id);
        return;
    }
    for (p = log.s; p < log.s + log.len; p = next) {
        if (entry_parse (&e, p, log.s + log.len - p, &next) < 0
            || !one_letter (e.name, e.namelen, e.severity == 0, &letter)) {
            sim_broke ("a strange event", job->id);
            return;
        }
        if (e.timestamp <= t)
            sim_broke ("time does not go on", job->id);
        t = e.timestamp;
        if (letter == 0)
            continue;
        if (!may_follow (last, letter, over, had)) {
            diag ("job %d: %s then %c", (int)job->id, had, letter);
            sim_broke ("an event out of order", job->id);
        }
        over = over || letter == 'X' || letter == 'f';
        last = letter;
        if (n < sizeof (had) - 1)
            had[n++] = letter;
    }
    if ((last == 'C') != (job->state == STATE_INACTIVE))
        sim_broke ("inactive is not the same as clean", job->id);
}
