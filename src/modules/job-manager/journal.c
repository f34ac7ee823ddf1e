#include "config.h"

#include "common/util.h"

#include "job.h"
#include "journal.h"

enum phase {
    PHASE_INACTIVE, /* sending inactive jobs */
    PHASE_ACTIVE,
    PHASE_LIVE,
};

/* Names as bits for the events we know, as texts for others. */
struct filter {
    bool given;
    uint32_t known;
    struct jview names; /* an object, copied */
};

struct kept {
    struct list node;
    size_t len;
    char payload[];
};

struct consumer {
    struct list node;
    void *token;
    enum phase phase;
    double t_clean; /* PHASE_INACTIVE: the last one sent */
    uint64_t id;
    const struct job *next; /* PHASE_ACTIVE: the next one to send, or NULL */
    struct list kept;
    size_t kept_bytes;
    bool paused;
    bool overrun; /* for good: an event was not kept */
    bool group;
    struct text open; /* the group that is being written, without its tail ... */
    uint64_t open_id; /* ... and whose it is */
    struct filter allow;
    struct filter deny;
};

void journal_init (struct journal *j,
                   const struct list *active,
                   const struct treap *inactive,
                   journal_send_f send,
                   void *arg)
{
    *j = (struct journal){
        .active = active,
        .inactive = inactive,
        .send = send,
        .arg = arg,
    };
    list_init (&j->consumers);
}

static void consumer_free (struct consumer *c)
{
    struct kept *k = NULL;

    if (!c)
        return;
    list_del (&c->node);
    list_foreach (&c->kept, k, node)
        free (k);
    text_fini (&c->open);
    free ((char *)c->allow.names.s);
    free ((char *)c->deny.names.s);
    free (c);
}

void journal_fini (struct journal *j)
{
    struct consumer *c = NULL;

    list_foreach (&j->consumers, c, node)
        consumer_free (c);
    text_fini (&j->message);
    text_fini (&j->unpacked);
}

/* ---- filters -------------------------------------------------------------- */

static int filter_init (struct filter *f, struct jview names)
{
    struct jview key, value;
    struct jiter it;
    char *copy;

    *f = (struct filter){ .given = false };
    if (!jview_present (names))
        return 0;
    if (!(copy = malloc (names.len)))
        return -ENOMEM;
    memcpy (copy, names.s, names.len);
    f->names = (struct jview){ copy, names.len };
    f->given = true;
    jiter_init (&it, f->names);
    while (jiter_next (&it, &key, &value)) {
        for (int ev = EV_OTHER + 1; ev < EV_COUNT; ev++) {
            if (jview_equal (key, event_name (ev)))
                f->known |= 1u << ev;
        }
    }
    return 0;
}

static bool
filter_has (const struct filter *f, enum event ev, const char *name, size_t len)
{
    struct jview key, value;
    struct jiter it;
    const char *s;
    size_t n;

    if (ev != EV_OTHER)
        return f->known & (1u << ev);
    jiter_init (&it, f->names);
    while (jiter_next (&it, &key, &value)) {
        if (jview_plain (key, &s, &n) && n == len && memcmp (s, name, len) == 0)
            return true;
    }
    return false;
}

static bool passes (const struct consumer *c, enum event ev, const char *name, size_t len)
{
    if (c->allow.given && !filter_has (&c->allow, ev, name, len))
        return false;
    return !c->deny.given || !filter_has (&c->deny, ev, name, len);
}

/* ---- messages ------------------------------------------------------------- */

static void put_head (struct text *t, uint64_t id)
{
    text_puts (t, "{\"id\":");
    text_put_int (t, (int64_t)id);
    text_puts (t, ",\"events\":[");
}

static void put_tail (struct text *t, const struct itext *jobspec, struct jview R)
{
    text_putc (t, ']');
    if (jobspec) {
        text_puts (t, ",\"jobspec\":");
        text_put (t, jobspec->s, jobspec->len);
    }
    if (jview_present (R)) {
        text_puts (t, ",\"R\":");
        jview_put (t, R);
    }
    text_putc (t, '}');
}

/* The name in a line as we write them, without decoding the rest. */
static bool quick_name (const char *p, size_t len, const char **name, size_t *namelen)
{
    static const char head[] = "{\"timestamp\":", mid[] = ",\"name\":\"";
    const char *end = p + len, *quote;

    if (len < sizeof (head) || memcmp (p, head, sizeof (head) - 1) != 0)
        return false;
    p += sizeof (head) - 1;
    p += strspn (p, "0123456789.+-eE");
    if ((size_t)(end - p) < sizeof (mid) || memcmp (p, mid, sizeof (mid) - 1) != 0)
        return false;
    p += sizeof (mid) - 1;
    if (!(quote = memchr (p, '"', end - p)) || memchr (p, '\\', quote - p))
        return false;
    *name = p;
    *namelen = quote - p;
    return true;
}

static bool line_passes (const struct consumer *c, const char *line, size_t len)
{
    const char *name, *next;
    struct entry e;
    size_t n;

    if (!c->allow.given && !c->deny.given)
        return true;
    if (quick_name (line, len, &name, &n))
        return passes (c, event_number (name, n), name, n);
    return entry_parse (&e, line, len, &next) == 0 && passes (c, e.ev, e.name, e.namelen);
}

/* The log is lines; a line without its newline is an array element. */
static void
put_log (struct text *t, const struct consumer *c, const char *log, size_t len)
{
    const char *p = log, *end = log + len;
    bool first = true;

    while (p < end) {
        const char *eol = memchr (p, '\n', end - p);

        must (eol != NULL);
        if (line_passes (c, p, eol + 1 - p)) {
            if (!first)
                text_putc (t, ',');
            first = false;
            text_put (t, p, eol - p);
        }
        p = eol + 1;
    }
}

static int send_job (struct journal *j, const struct consumer *c, const struct job *job)
{
    struct text *t = &j->message;
    struct jview log, R;
    int r;

    if ((r = job_texts (job, &j->unpacked, &log, &R)) < 0)
        return r;
    text_clear (t);
    put_head (t, job->id);
    put_log (t, c, log.s, log.len);
    put_tail (t, job->jobspec, R);
    if (text_error (t))
        return -ENOMEM;
    j->send (c->token, t->buf, t->len, j->arg);
    return 0;
}

/* For later.  What one that does not read has no room for is left out, and with it all
 * that follows: it has overrun, also if it reads again before anybody has looked.
 */
static int keep (struct consumer *c, const struct text *t)
{
    struct kept *k;

    if (c->paused && c->kept_bytes > JOURNAL_KEPT_MAX)
        c->overrun = true;
    if (c->overrun)
        return 0;
    if (!(k = malloc (sizeof (*k) + t->len + 1)))
        return -ENOMEM;
    list_init (&k->node);
    k->len = t->len;
    memcpy (k->payload, t->buf, t->len + 1);
    list_append (&c->kept, &k->node);
    c->kept_bytes += t->len;
    return 0;
}

/* ---- consumers ------------------------------------------------------------ */

static void start_active (struct journal *j, struct consumer *c)
{
    c->phase = PHASE_ACTIVE;
    c->next = list_first (j->active, struct job, active);
}

int journal_add (struct journal *j,
                 void *token,
                 bool full,
                 bool group,
                 struct jview allow,
                 struct jview deny)
{
    struct consumer *c = calloc (1, sizeof (*c));

    if (!c)
        return -ENOMEM;
    list_init (&c->node);
    list_init (&c->kept);
    c->token = token;
    c->group = group;
    if (filter_init (&c->allow, allow) < 0 || filter_init (&c->deny, deny) < 0) {
        consumer_free (c);
        return -ENOMEM;
    }
    if (full)
        c->t_clean = -1.;
    else
        start_active (j, c);
    list_append (&j->consumers, &c->node);
    return 0;
}

static struct consumer *find (const struct journal *j, const void *token)
{
    struct consumer *c = NULL;

    list_foreach (&j->consumers, c, node) {
        if (c->token == token)
            return c;
    }
    return NULL;
}

bool journal_remove (struct journal *j, const void *token)
{
    struct consumer *c = find (j, token);

    consumer_free (c);
    return c != NULL;
}

void *journal_next_token (const struct journal *j, const void *token)
{
    struct consumer *c;

    if (!token)
        c = list_first (&j->consumers, struct consumer, node);
    else if ((c = find (j, token)))
        c = c->node.next == &j->consumers
                ? NULL
                : list_entry (c->node.next, struct consumer, node);
    return c ? c->token : NULL;
}

size_t journal_count (const struct journal *j)
{
    struct consumer *c = NULL;
    size_t n = 0;

    list_foreach (&j->consumers, c, node)
        n++;
    return n;
}

/* Has this active job's backlog been sent to c? */
static bool was_sent (const struct consumer *c, const struct job *job)
{
    if (c->phase == PHASE_INACTIVE)
        return false;
    return !c->next || job->serial < c->next->serial;
}

/* Events go out at once; if not, others are before them. */
static bool is_direct (const struct consumer *c)
{
    return c->phase == PHASE_LIVE && !c->paused && list_empty (&c->kept);
}

void journal_pause (struct journal *j, const void *token, bool pause)
{
    struct consumer *c = find (j, token);

    if (c)
        c->paused = pause;
}

void *journal_overrun (const struct journal *j)
{
    struct consumer *c = NULL;

    list_foreach (&j->consumers, c, node) {
        if (c->overrun)
            return c->token;
    }
    return NULL;
}

static int send_open (struct journal *j, struct consumer *c)
{
    if (c->open.len > 0) {
        text_puts (&c->open, "]}");
        if (text_error (&c->open))
            return -ENOMEM;
        j->send (c->token, c->open.buf, c->open.len, j->arg);
        text_clear (&c->open);
    }
    return 0;
}

int journal_flush (struct journal *j)
{
    struct consumer *c = NULL;

    if (!j->open)
        return 0;
    j->open = false;
    list_foreach (&j->consumers, c, node) {
        if (send_open (j, c) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* What comes with an event. */
static struct jview event_R (const struct job *job, const struct entry *e)
{
    return e->ev == EV_ALLOC && job->R ? (struct jview){ job->R->s, job->R->len }
                                       : JVIEW_ABSENT;
}

static const struct itext *event_jobspec (const struct job *job, const struct entry *e)
{
    return e->ev == EV_SUBMIT ? job->jobspec : NULL;
}

/* A group ends with the event that something comes with. */
static int add_to_group (struct journal *j,
                         struct consumer *c,
                         const struct job *job,
                         const struct entry *e,
                         const char *line,
                         size_t len)
{
    struct text *t = &c->open;

    if (c->open_id != job->id && send_open (j, c) < 0)
        return -ENOMEM;
    if (t->len > 0)
        text_putc (t, ',');
    else
        put_head (t, job->id);
    c->open_id = job->id;
    j->open = true;
    text_put (t, line, len - 1);
    if (e->ev != EV_SUBMIT && e->ev != EV_ALLOC)
        return text_error (t);
    put_tail (t, event_jobspec (job, e), event_R (job, e));
    if (text_error (t))
        return -ENOMEM;
    j->send (c->token, t->buf, t->len, j->arg);
    text_clear (t);
    return 0;
}

/* The message for those who get one for each event. */
static int write_message (struct journal *j,
                          const struct job *job,
                          const struct entry *e,
                          const char *line,
                          size_t len)
{
    struct text *t = &j->message;

    text_clear (t);
    put_head (t, job->id);
    text_put (t, line, len - 1);
    put_tail (t, event_jobspec (job, e), event_R (job, e));
    j->written++;
    return text_error (t);
}

int journal_event (struct journal *j,
                   const struct job *job,
                   const struct entry *e,
                   const char *line,
                   size_t len)
{
    struct text *t = &j->message;
    struct consumer *c = NULL;
    bool written = false;
    int r;

    j->events++;
    list_foreach (&j->consumers, c, node) {
        if (!passes (c, e->ev, e->name, e->namelen)
            || (c->phase != PHASE_LIVE && !was_sent (c, job)))
            continue;
        if (c->group && is_direct (c)) {
            if ((r = add_to_group (j, c, job, e, line, len)) < 0)
                return r;
            continue;
        }
        if (!written && (r = write_message (j, job, e, line, len)) < 0)
            return r;
        written = true;
        if (is_direct (c))
            j->send (c->token, t->buf, t->len, j->arg);
        else if ((r = keep (c, t)) < 0)
            return r;
    }
    return 0;
}

static const struct job *next_active (const struct journal *j, const struct job *job)
{
    return job->active.next == j->active
               ? NULL
               : list_entry (job->active.next, struct job, active);
}

/* Will c, as it stands, come past this job when it is an inactive one? */
static bool will_reach (const struct consumer *c, const struct job *job)
{
    return c->phase == PHASE_INACTIVE
           && (job->t_clean > c->t_clean
               || (job->t_clean == c->t_clean && job->id > c->id));
}

int journal_job_ends (struct journal *j, const struct job *job)
{
    struct consumer *c = NULL;

    list_foreach (&j->consumers, c, node) {
        if (c->phase != PHASE_LIVE && !was_sent (c, job) && !will_reach (c, job)
            && send_job (j, c, job) < 0)
            return -ENOMEM;
    }
    journal_job_vanishes (j, job);
    return 0;
}

void journal_job_vanishes (struct journal *j, const struct job *job)
{
    struct consumer *c = NULL;

    list_foreach (&j->consumers, c, node) {
        if (c->next == job)
            c->next = next_active (j, job);
    }
}

/* ---- backlog -------------------------------------------------------------- */

static const struct job *next_inactive (const struct journal *j, const struct consumer *c)
{
    struct job last = { .id = c->id, .t_clean = c->t_clean };
    struct treap_node *n = treap_seek (j->inactive, &last.order);
    const struct job *job;

    if (!n)
        return NULL;
    job = container_of (n, struct job, order);
    if (job->id == c->id && job->t_clean == c->t_clean) {
        if (!(n = treap_next (n)))
            return NULL;
        job = container_of (n, struct job, order);
    }
    return job;
}

static size_t send_kept (struct journal *j, struct consumer *c)
{
    struct kept *k = list_first (&c->kept, struct kept, node);
    size_t len = k->len;

    list_del (&k->node);
    c->kept_bytes -= len;
    j->send (c->token, k->payload, len, j->arg);
    free (k);
    return len;
}

/* One step of one consumer's backlog.  Returns about how many bytes it sent. */
static ssize_t step (struct journal *j, struct consumer *c)
{
    const struct job *job;

    if (c->phase == PHASE_LIVE)
        return send_kept (j, c);
    if (c->phase == PHASE_INACTIVE) {
        if (!(job = next_inactive (j, c))) {
            start_active (j, c);
            return 0;
        }
        c->t_clean = job->t_clean;
        c->id = job->id;
        return send_job (j, c, job) < 0 ? -ENOMEM : (ssize_t)j->message.len;
    }
    if (!(job = c->next)) {
        c->phase = PHASE_LIVE;
        j->send (c->token, JOURNAL_SENTINEL, sizeof (JOURNAL_SENTINEL) - 1, j->arg);
        while (!list_empty (&c->kept))
            send_kept (j, c);
        return 0;
    }
    c->next = next_active (j, job);
    return send_job (j, c, job) < 0 ? -ENOMEM : (ssize_t)j->message.len;
}

void journal_finish (struct journal *j)
{
    struct consumer *c = NULL;

    list_foreach (&j->consumers, c, node) {
        while (c->phase == PHASE_LIVE && !list_empty (&c->kept))
            send_kept (j, c);
    }
}

int journal_pump (struct journal *j, size_t bytes)
{
    struct consumer *c = NULL;
    size_t sent = 0;

    list_foreach (&j->consumers, c, node) {
        while (!c->paused && (c->phase != PHASE_LIVE || !list_empty (&c->kept))) {
            ssize_t n;

            if (sent >= bytes)
                return 1;
            if ((n = step (j, c)) < 0)
                return n;
            sent += n;
        }
    }
    return 0;
}
