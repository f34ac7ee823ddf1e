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
        { "dependency-add", 'D' }, { "dependency-remove", 'D' },
        { "prolog-start", 'P' },   { "prolog-finish", 'Q' },
        { "epilog-start", 'E' },   { "epilog-finish", 'e' },
        { "jobspec-update", 'j' }, { "resource-update", 'U' },
        { "set-flags", 0 },        { "debug.alloc-request", 0 },
        { "debug.start-request", 0 }, { "debug.start-lost", 0 },
        { "debug.exec-reattach-start", 0 }, { "debug.exec-reattach-finish", 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE (letters); i++) {
        if (strlen (letters[i].name) == len && memcmp (letters[i].name, name, len) == 0) {
            *letter = letters[i].letter == 'x' ? (fatal ? 'X' : 0) : letters[i].letter;
            return true;
        }
    }
    return false;
}

/* The letters a log may have next, by what it had last; 'prologs' and
 * 'epilogs' are under way.
 */
static bool may_follow (char last, char next, bool over, const char *had,
                        int prologs, int epilogs)
{
    if (next == 'X' || next == 'u')
        return last != 0;
    if (next == 'D')
        return last != 0 && !strchr (had, 'd') && !over;
    if (strchr ("SvdasfFC", next) && strchr (had, next))
        return false;
    if (strchr (had, 'C'))
        return false;
    switch (next) {
        case 'S':
            return last == 0;
        case 'v':
            return last == 'S' || last == 'D' || last == 'j';
        case 'j':
            return !strchr (had, 'a');
        case 'U':
            return strchr (had, 'a') && !over;
        case 'P':
            return strchr (had, 'a') && !strchr (had, 's') && !over;
        case 'E':
            return strchr (had, 'a') && !strchr (had, 'F') && over;
        case 'Q':
            return prologs > 0;
        case 'e':
            return epilogs > 0;
        case 'd':
            return strchr (had, 'v') && !over;
        case 'p':
            return strchr (had, 'd') && !strchr (had, 'a') && !over;
        case 'R':
            return strchr (had, 'p') && !strchr (had, 'a') && !over;
        case 'a':
            return strchr (had, 'p') && !over;
        case 's':
            return strchr (had, 'a') && !strchr (had, 'F') && prologs == 0;
        case 'f':
        case 'r':
            return strchr (had, 's') && !strchr (had, 'F');
        case 'F':
            return strchr (had, 'a') && over && prologs + epilogs == 0;
        case 'C':
            return over && prologs + epilogs == 0
                   && (!strchr (had, 'a') || strchr (had, 'F'));
    }
    return false;
}

/* Did it end with success, as its log has it? */
static bool succeeded (const struct job *job, bool *excepted)
{
    static struct text unpacked;
    struct jview log, R;
    const char *p, *next;
    struct entry e;

    if (job_texts (job, &unpacked, &log, &R) < 0)
        return false;
    for (p = log.s; p < log.s + log.len; p = next) {
        if (entry_parse (&e, p, log.s + log.len - p, &next) < 0)
            return false;
        *excepted = e.ev == EV_EXCEPTION;
        if (e.ev == EV_FINISH || (e.ev == EV_EXCEPTION && e.severity == 0))
            return e.ev == EV_FINISH && e.status == 0;
    }
    return false;
}

/* A dependency is gone: rightly so, if its job is still known? */
static bool is_true (const struct entry *e)
{
    char description[64] = "";
    const struct job *job;
    bool excepted = false, success;
    const char *id;
    size_t len;

    if (!jview_plain (e->value, &id, &len) || len >= sizeof (description))
        return false;
    memcpy (description, id, len);
    if (strncmp (description, "begin-time=", 11) == 0)
        return e->timestamp > strtod (description + 11, NULL) - 0.01;
    if (!(id = strchr (description, '=')) || !(job = jm_lookup (sim.jm, atoi (id + 1))))
        return true;
    if (strncmp (description, "after-start", 11) == 0)
        return job->started;
    if (job->state != STATE_INACTIVE)
        return false;
    success = succeeded (job, &excepted);
    if (strncmp (description, "after-success", 13) == 0)
        return success;
    if (strncmp (description, "after-failure", 13) == 0)
        return !success;
    return strncmp (description, "after-finish", 12) == 0 || excepted;
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
    int prologs = 0, epilogs = 0;
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
        if (e.ev == EV_DEPENDENCY_REMOVE && !is_true (&e))
            sim_broke ("a dependency is gone that is not fulfilled", job->id);
        if (letter == 0)
            continue;
        if (!may_follow (last, letter, over, had, prologs, epilogs)) {
            diag ("job %d: %s then %c", (int)job->id, had, letter);
            sim_broke ("an event out of order", job->id);
        }
        prologs += (letter == 'P') - (letter == 'Q');
        epilogs += (letter == 'E') - (letter == 'e');
        over = over || letter == 'X' || letter == 'f';
        last = letter;
        if (n < sizeof (had) - 1)
            had[n++] = letter;
    }
    if ((last == 'C') != (job->state == STATE_INACTIVE))
        sim_broke ("inactive is not the same as clean", job->id);
}
