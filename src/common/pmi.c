#include "config.h"
#include <stdbool.h>
#include <stdio.h>

#include "table.h"
#include "text.h"
#include "util.h"
#include "pmi.h"

struct pmi_task {
    char line[PMI_LINE_MAX]; /* unfinished */
    size_t len;
    bool in_barrier;
    bool in_spawn; /* between mcmd=spawn and endcmd */
    bool finalized;
    bool broken;   /* spoke nonsense: not listened to any more */
};

struct pmi_pair {
    char key[PMI_KEYLEN_MAX];
    char *value;
};

struct pmi {
    struct pmi_task **tasks; /* made when a task first speaks */
    uint32_t ntasks;
    uint32_t nlocal;   /* of the tasks, those that are served here */
    uint32_t nbarrier; /* tasks in the barrier */
    unsigned int barriers; /* left so far */
    uint32_t universe;
    uint32_t (*appnum) (void *arg, uint32_t task); /* NULL: 0 */
    struct table kvs; /* key -> pair */
    void (*gathered) (void *arg); /* NULL: all tasks are served here */
    struct text fresh; /* what others have not heard of: key=value\n ... */
    char *kvsname;
    const struct pmi_ops *ops;
    void *arg;
};

int pmi_create (uint32_t ntasks,
                const char *kvsname,
                const struct pmi_ops *ops,
                void *arg,
                struct pmi **ret)
{
    struct pmi *p;

    if (!(p = calloc (1, sizeof (*p))))
        return -ENOMEM;
    p->tasks = calloc (ntasks + 1, sizeof (p->tasks[0]));
    p->kvsname = strdup (kvsname);
    p->ntasks = p->nlocal = p->universe = ntasks;
    p->ops = ops;
    p->arg = arg;
    table_init (&p->kvs);
    if (!p->tasks || !p->kvsname) {
        pmi_destroy (p);
        return -ENOMEM;
    }
    *ret = p;
    return 0;
}

void pmi_destroy (struct pmi *p)
{
    struct pmi_pair *pair;

    if (!p)
        return;
    while ((pair = table_pop (&p->kvs))) {
        free (pair->value);
        free (pair);
    }
    table_fini (&p->kvs);
    for (uint32_t i = 0; p->tasks && i < p->ntasks; i++)
        free (p->tasks[i]);
    free (p->tasks);
    text_fini (&p->fresh);
    free (p->kvsname);
    free (p);
}

static int store (struct pmi *p, const char *key, const char *value)
{
    struct pmi_pair *pair = table_get_str (&p->kvs, key);
    char *copy;

    if (!(copy = strdup (value)))
        return -ENOMEM;
    if (!pair) {
        if (!(pair = calloc (1, sizeof (*pair)))) {
            free (copy);
            return -ENOMEM;
        }
        strcpy (pair->key, key);
        if (table_put_str (&p->kvs, pair->key, pair) < 0) {
            free (copy);
            free (pair);
            return -ENOMEM;
        }
    }
    free (pair->value);
    pair->value = copy;
    return 0;
}

bool pmi_is_open (const struct pmi *p, uint32_t task)
{
    return task < p->ntasks && p->tasks[task] && !p->tasks[task]->finalized;
}

bool pmi_is_finalized (const struct pmi *p, uint32_t task)
{
    return task < p->ntasks && p->tasks[task] && p->tasks[task]->finalized;
}

unsigned int pmi_barriers (const struct pmi *p)
{
    return p->barriers;
}

int pmi_preset (struct pmi *p, const char *key, const char *value)
{
    if (strlen (key) >= PMI_KEYLEN_MAX || strlen (value) >= PMI_VALLEN_MAX)
        return -EINVAL;
    return store (p, key, value);
}

void pmi_set_appnum (struct pmi *p, uint32_t (*appnum) (void *arg, uint32_t task))
{
    p->appnum = appnum;
}

void pmi_set_universe (struct pmi *p, uint32_t size)
{
    p->universe = size;
}

void pmi_set_exchange (struct pmi *p, uint32_t nlocal, void (*gathered) (void *arg))
{
    p->nlocal = nlocal;
    p->gathered = gathered;
}

void pmi_take (struct pmi *p, struct text *pairs)
{
    text_put (pairs, p->fresh.buf, p->fresh.len);
    text_clear (&p->fresh);
}

int pmi_add (struct pmi *p, const char *pairs, size_t len)
{
    const char *end = pairs + len;

    while (pairs < end) {
        const char *eol = memchr (pairs, '\n', end - pairs);
        const char *eq = eol ? memchr (pairs, '=', eol - pairs) : NULL;
        char key[PMI_KEYLEN_MAX], value[PMI_VALLEN_MAX];
        int r;

        if (!eq || eq == pairs || (size_t)(eq - pairs) >= sizeof (key)
            || (size_t)(eol - eq) > sizeof (value))
            return -EPROTO;
        snprintf (key, sizeof (key), "%.*s", (int)(eq - pairs), pairs);
        snprintf (value, sizeof (value), "%.*s", (int)(eol - eq - 1), eq + 1);
        if ((r = store (p, key, value)) < 0)
            return r;
        pairs = eol + 1;
    }
    return 0;
}

static void send_line (struct pmi *p, uint32_t task, const char *fmt, ...)
    _printf_ (3, 4);

static void send_line (struct pmi *p, uint32_t task, const char *fmt, ...)
{
    char buf[PMI_VALLEN_MAX + 128];
    va_list ap;
    int n;

    va_start (ap, fmt);
    n = vsnprintf (buf, sizeof (buf), fmt, ap);
    va_end (ap);
    must (n > 0 && (size_t)n < sizeof (buf));
    p->ops->send (p->arg, task, buf, n);
}

/* The value of key=value in a line of blank-separated pairs; that of the two
 * free-text keys runs to the end of the line.  The line is cut there.  A key
 * matches only at the start of a word.
 */
static char *get_word (char *line, const char *key)
{
    size_t len = strlen (key);
    bool rest = !strcmp (key, "value") || !strcmp (key, "error_msg");
    char *p = line;

    while (*p) {
        p += strspn (p, " ");
        if (!strncmp (p, key, len) && p[len] == '=') {
            p += len + 1;
            if (!rest)
                p[strcspn (p, " ")] = '\0';
            return p;
        }
        if (!strncmp (p, "value=", 6) || !strncmp (p, "error_msg=", 10))
            return NULL;
        p += strcspn (p, " ");
    }
    return NULL;
}

/* The same into a buffer; false if it is absent.  What does not fit is cut,
 * and *toolong says so.
 */
static bool copy_word (const char *line,
                       const char *key,
                       char *buf,
                       size_t size,
                       bool *toolong)
{
    char copy[PMI_LINE_MAX];
    char *s;

    snprintf (copy, sizeof (copy), "%s", line);
    *toolong = false;
    if (!(s = get_word (copy, key)))
        return false;
    if (strlen (s) >= size) {
        *toolong = true;
        s[size - 1] = '\0';
    }
    strcpy (buf, s);
    return true;
}

static void do_init (struct pmi *p, uint32_t task, const char *line)
{
    char version[8], subversion[8];
    bool toolong;

    p->tasks[task]->finalized = false; /* one program after another */
    if (copy_word (line, "pmi_version", version, sizeof (version), &toolong)
        && copy_word (line, "pmi_subversion", subversion, sizeof (subversion), &toolong)
        && atoi (version) == 1 && atoi (subversion) >= 1)
        send_line (p,
                   task,
                   "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\n");
    else
        send_line (p, task, "cmd=response_to_init rc=-1\n");
}

static int put_rc (struct pmi *p, const char *line)
{
    char name[PMI_KVSNAME_MAX], key[PMI_KEYLEN_MAX], value[PMI_VALLEN_MAX];
    bool toolong;

    if (!copy_word (line, "kvsname", name, sizeof (name), &toolong))
        return 4;
    if (toolong)
        return 8;
    if (!copy_word (line, "key", key, sizeof (key), &toolong) || !*key)
        return 4;
    if (toolong)
        return 5;
    if (!copy_word (line, "value", value, sizeof (value), &toolong))
        return 4;
    if (toolong)
        return 7;
    if (table_count (&p->kvs) >= (size_t)PMI_KEYS_MAX * p->ntasks)
        return 4;
    if (strchr (key, '=') || store (p, key, value) < 0)
        return 4;
    if (p->gathered && strncmp (key, "local::", 7))
        text_printf (&p->fresh, "%s=%s\n", key, value);
    return text_error (&p->fresh) ? 4 : 0;
}

static void do_put (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p, task, "cmd=put_result rc=%d\n", put_rc (p, line));
}

static void do_get (struct pmi *p, uint32_t task, const char *line)
{
    char name[PMI_KVSNAME_MAX], key[PMI_KEYLEN_MAX];
    struct pmi_pair *pair;
    bool toolong;

    if (copy_word (line, "kvsname", name, sizeof (name), &toolong) && toolong)
        send_line (p, task, "cmd=get_result rc=8\n");
    else if (copy_word (line, "key", key, sizeof (key), &toolong) && toolong)
        send_line (p, task, "cmd=get_result rc=5\n");
    else if (copy_word (line, "key", key, sizeof (key), &toolong)
             && (pair = table_get_str (&p->kvs, key)))
        send_line (p, task, "cmd=get_result rc=0 value=%s\n", pair->value);
    else
        send_line (p, task, "cmd=get_result rc=4\n");
}

void pmi_release (struct pmi *p, int rc)
{
    p->nbarrier = 0;
    p->barriers++;
    for (uint32_t i = 0; i < p->ntasks; i++) {
        if (!p->tasks[i] || !p->tasks[i]->in_barrier)
            continue;
        p->tasks[i]->in_barrier = false;
        send_line (p, i, "cmd=barrier_out rc=%d\n", rc);
    }
}

static void do_barrier (struct pmi *p, uint32_t task, const char *line)
{
    if (p->tasks[task]->in_barrier)
        return;
    p->tasks[task]->in_barrier = true;
    if (++p->nbarrier < p->nlocal)
        return;
    if (p->gathered)
        p->gathered (p->arg);
    else
        pmi_release (p, 0);
}

static void do_abort (struct pmi *p, uint32_t task, const char *line)
{
    char copy[PMI_LINE_MAX], code[16];
    char *msg;
    bool toolong;

    snprintf (copy, sizeof (copy), "%s", line);
    msg = get_word (copy, "error_msg");
    if (!copy_word (line, "exitcode", code, sizeof (code), &toolong) || toolong)
        strcpy (code, "1");
    p->ops->abort (p->arg, task, atoi (code), msg && *msg ? msg : "aborted");
}

static void do_get_maxes (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p,
               task,
               "cmd=maxes rc=0 kvsname_max=%d keylen_max=%d vallen_max=%d\n",
               PMI_KVSNAME_MAX,
               PMI_KEYLEN_MAX,
               PMI_VALLEN_MAX);
}

static void do_get_appnum (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p,
               task,
               "cmd=appnum rc=0 appnum=%u\n",
               p->appnum ? p->appnum (p->arg, task) : 0);
}

static void do_get_universe_size (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p, task, "cmd=universe_size rc=0 size=%u\n", p->universe);
}

static void do_get_my_kvsname (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p, task, "cmd=my_kvsname rc=0 kvsname=%s\n", p->kvsname);
}

static void do_finalize (struct pmi *p, uint32_t task, const char *line)
{
    p->tasks[task]->finalized = true;
    send_line (p, task, "cmd=finalize_ack rc=0\n");
}

static void do_publish (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p, task, "cmd=publish_result rc=-1 msg=command not implemented\n");
}

static void do_unpublish (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p, task, "cmd=unpublish_result rc=-1 msg=command not implemented\n");
}

static void do_lookup (struct pmi *p, uint32_t task, const char *line)
{
    send_line (p, task, "cmd=lookup_result rc=-1 msg=command not implemented\n");
}

static const struct {
    const char *name;
    void (*run) (struct pmi *p, uint32_t task, const char *line);
} commands[] = {
    { "init", do_init },
    { "get_maxes", do_get_maxes },
    { "get_appnum", do_get_appnum },
    { "get_universe_size", do_get_universe_size },
    { "get_my_kvsname", do_get_my_kvsname },
    { "put", do_put },
    { "get", do_get },
    { "barrier_in", do_barrier },
    { "finalize", do_finalize },
    { "abort", do_abort },
    { "publish_name", do_publish },
    { "unpublish_name", do_unpublish },
    { "lookup_name", do_lookup },
};

static void run_line (struct pmi *p, uint32_t task, const char *line)
{
    struct pmi_task *t = p->tasks[task];
    char name[32];
    bool toolong;

    if (t->in_spawn) {
        if (!strcmp (line, "endcmd")) {
            t->in_spawn = false;
            send_line (p, task, "cmd=spawn_result rc=-1\n");
        }
        return;
    }
    if (!strcmp (line, "mcmd=spawn")) {
        t->in_spawn = true;
        return;
    }
    if (copy_word (line, "cmd", name, sizeof (name), &toolong)) {
        for (size_t i = 0; i < ARRAY_SIZE (commands); i++) {
            if (!strcmp (name, commands[i].name)) {
                commands[i].run (p, task, line);
                return;
            }
        }
    }
    t->broken = true;
    p->ops->protocol_error (p->arg, task, line);
}

void pmi_input (struct pmi *p, uint32_t task, const char *data, size_t len)
{
    struct pmi_task *t;

    must (task < p->ntasks);
    if (!(t = p->tasks[task]) && !(t = p->tasks[task] = calloc (1, sizeof (*t)))) {
        p->ops->protocol_error (p->arg, task, "out of memory");
        return;
    }
    for (; len > 0 && !t->broken; data++, len--) {
        if (*data == '\n') {
            t->line[t->len] = '\0';
            t->len = 0;
            run_line (p, task, t->line);
        }
        else if (t->len < sizeof (t->line) - 1 && *data)
            t->line[t->len++] = *data;
        else {
            t->line[t->len] = '\0';
            t->broken = true;
            p->ops->protocol_error (p->arg, task, t->line);
        }
    }
}
