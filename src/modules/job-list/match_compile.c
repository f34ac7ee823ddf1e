/* Constraints, from JSON to what is matched with. */

#include "config.h"

#include "match_private.h"

void match_free (struct match *m, struct jl *jl)
{
    void *v;

    if (!m)
        return;
    switch (m->op) {
        case OP_USERID:
            free (m->userids);
            break;
        case OP_NAME:
        case OP_QUEUE:
            for (size_t i = 0; i < m->count; i++)
                intern_put (&jl->pool, m->texts[i]);
            free (m->texts);
            break;
        case OP_AND:
        case OP_OR:
        case OP_NOT:
            for (size_t i = 0; i < m->count; i++)
                match_free (m->children[i], jl);
            free (m->children);
            break;
        default:
            break;
    }
    hostlist_destroy (m->hosts);
    idset_destroy (m->ranks);
    while ((v = table_pop (&m->by_name)))
        free (v);
    table_fini (&m->by_name);
    while ((v = table_pop (&m->verdicts)))
        free (v);
    table_fini (&m->verdicts);
    free (m);
}

/* ---- compiling ------------------------------------------------------------------ */

struct compiler {
    struct jl *jl;
    unsigned int max_ids;
    struct text *why;
};

static int refuse (struct compiler *c, const char *why)
{
    text_puts (c->why, why);
    return -EINVAL;
}

/* ... '<the string v>' ... */
static int
refuse_value (struct compiler *c, const char *before, struct jview v, const char *after)
{
    text_puts (c->why, before);
    jview_string (v, c->why);
    text_puts (c->why, after);
    return -EINVAL;
}

static int compile_userids (struct compiler *c, struct match *m, struct jview values)
{
    struct jview v;
    struct jiter it;
    int64_t i;

    if (!(m->userids = calloc (jview_count (values) + 1, sizeof (uint32_t))))
        return -ENOMEM;
    jiter_init (&it, values);
    while (jiter_next (&it, NULL, &v)) {
        if (jview_int (v, &i) < 0)
            return refuse (c, "userid value must be an integer");
        m->userids[m->count++] = (uint32_t)i;
    }
    return 0;
}

static int compile_texts (struct compiler *c,
                          struct match *m,
                          struct jview values,
                          const char *complaint)
{
    struct jview v;
    struct jiter it;

    if (!(m->texts = calloc (jview_count (values) + 1, sizeof (m->texts[0]))))
        return -ENOMEM;
    jiter_init (&it, values);
    while (jiter_next (&it, NULL, &v)) {
        _cleanup_ (text_fini)
        struct text t = TEXT_INIT;

        if (!jview_is (v, JVIEW_STRING))
            return refuse (c, complaint);
        if (jview_string (v, &t) < 0
            || !(m->texts[m->count] =
                     intern_get (&c->jl->pool, t.buf ? t.buf : "", t.len)))
            return -ENOMEM;
        m->count++;
    }
    return 0;
}

struct word {
    const char *upper, *lower;
    const char *upper_short, *lower_short;
    int bits;
};

static const struct word state_words[] = {
    { "NEW", "new", "N", "n", STATE_NEW },
    { "DEPEND", "depend", "D", "d", STATE_DEPEND },
    { "PRIORITY", "priority", "P", "p", STATE_PRIORITY },
    { "SCHED", "sched", "S", "s", STATE_SCHED },
    { "RUN", "run", "R", "r", STATE_RUN },
    { "CLEANUP", "cleanup", "C", "c", STATE_CLEANUP },
    { "INACTIVE", "inactive", "I", "i", STATE_INACTIVE },
    { "PENDING", "pending", "PD", "pd", STATE_PENDING },
    { "RUNNING", "running", "RU", "ru", STATE_RUNNING },
    { "ACTIVE", "active", "A", "a", STATE_ACTIVE },
    { NULL, NULL, NULL, NULL, 0 },
};

static const struct word result_words[] = {
    { "COMPLETED", "completed", "CD", "cd", RESULT_COMPLETED },
    { "FAILED", "failed", "F", "f", RESULT_FAILED },
    { "CANCELED", "canceled", "CA", "ca", RESULT_CANCELED },
    { "TIMEOUT", "timeout", "TO", "to", RESULT_TIMEOUT },
    { NULL, NULL, NULL, NULL, 0 },
};

static int word_bits (const struct word *words, struct jview v)
{
    for (; words->upper; words++) {
        if (jview_equal (v, words->upper) || jview_equal (v, words->lower)
            || jview_equal (v, words->upper_short) || jview_equal (v, words->lower_short))
            return words->bits;
    }
    return 0;
}

static int compile_mask (struct compiler *c,
                         struct match *m,
                         struct jview values,
                         const char *what,
                         const struct word *words,
                         int all)
{
    struct jview v;
    struct jiter it;

    jiter_init (&it, values);
    while (jiter_next (&it, NULL, &v)) {
        int64_t i;

        if (jview_is (v, JVIEW_STRING)) {
            if (!(i = word_bits (words, v))) {
                text_printf (c->why, "invalid %s value '", what);
                return refuse_value (c, "", v, "' specified");
            }
        }
        else if (jview_int (v, &i) < 0) {
            text_printf (c->why, "%s value invalid type", what);
            return -EINVAL;
        }
        if (i & ~(int64_t)all) {
            text_printf (c->why, "invalid %s value '%llXh' specified", what,
                         (unsigned long long)i);
            return -EINVAL;
        }
        m->mask |= i;
    }
    return 0;
}

/* Where each host stands in the list, the first time if it is there twice. */
static int index_hosts (struct match *m)
{
    size_t order = 0;

    for (const char *name = hostlist_first (m->hosts); name;
         name = hostlist_next (m->hosts)) {
        size_t size = strlen (name) + 1;
        struct host *host = malloc (sizeof (*host) + size);
        int r;

        if (!host)
            return -ENOMEM;
        host->order = ++order;
        memcpy (host->name, name, size);
        if ((r = table_put_str (&m->by_name, host->name, host)) < 0)
            free (host);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

static int compile_hosts (struct compiler *c, struct match *m, struct jview values)
{
    struct jview v;
    struct jiter it;

    if (!(m->hosts = hostlist_create ()))
        return -ENOMEM;
    jiter_init (&it, values);
    while (jiter_next (&it, NULL, &v)) {
        _cleanup_ (freep)
        char *s = NULL;

        if (!jview_is (v, JVIEW_STRING))
            return refuse (c, "host value must be a string");
        if (jview_strdup (v, &s) < 0)
            return -ENOMEM;
        if (hostlist_append (m->hosts, s) <= 0)
            return refuse (c, "host value not in valid Hostlist format");
        if ((unsigned int)hostlist_count (m->hosts) > c->max_ids)
            return refuse (c, "too many hosts specified");
    }
    return hostlist_count (m->hosts) > MATCH_HOSTS_FEW ? index_hosts (m) : 0;
}

static int compile_ranks (struct compiler *c, struct match *m, struct jview values)
{
    struct jview v;
    struct jiter it;

    if (!(m->ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    jiter_init (&it, values);
    while (jiter_next (&it, NULL, &v)) {
        _cleanup_ (freep)
        char *s = NULL;
        idset_error_t error = { "" };
        size_t count = 0;

        if (!jview_is (v, JVIEW_STRING))
            return refuse (c, "ranks value must be a string");
        if (jview_strdup (v, &s) < 0)
            return -ENOMEM;
        if (idset_decode_info (s, -1, &count, NULL, &error) < 0) {
            text_printf (c->why, "ranks value '%s': %s", s, error.text);
            return -EINVAL;
        }
        if (count > c->max_ids)
            return refuse (c, "too many ranks specified");
        if (idset_decode_add (m->ranks, s, -1, &error) < 0)
            return -ENOMEM;
        if (idset_count (m->ranks) > c->max_ids)
            return refuse (c, "too many ranks specified");
    }
    return 0;
}

static int
compile_time (struct compiler *c, struct match *m, const char *op, struct jview values)
{
    _cleanup_ (freep)
    char *s = NULL;
    struct jview v = jview_at (values, 0);
    const char *p;
    char *end;

    if (!jview_present (v))
        return refuse (c, "timestamp value not specified");
    if (!jview_is (v, JVIEW_STRING)) {
        text_printf (c->why, "%s value must be a string", op);
        return -EINVAL;
    }
    if (jview_strdup (v, &s) < 0)
        return -ENOMEM;
    p = s;
    if (*p != '>' && *p != '<')
        return refuse (c, "timestamp comparison operator not specified");
    m->compare = *p++ == '>' ? GT : LT;
    if (*p == '=') {
        m->compare = m->compare == GT ? GE : LE;
        p++;
    }
    m->t = strtod (p, &end);
    if (*end != '\0')
        return refuse (c, "Invalid timestamp value specified");
    if (!(m->t >= 0.))
        return refuse (c, "timestamp value must be >= 0.0");
    return 0;
}

static int compile (struct compiler *c, struct jview constraint, struct match **ret);

static int compile_children (struct compiler *c, struct match *m, struct jview values)
{
    struct jview v;
    struct jiter it;
    int r;

    if (!(m->children = calloc (jview_count (values) + 1, sizeof (m->children[0]))))
        return -ENOMEM;
    jiter_init (&it, values);
    while (jiter_next (&it, NULL, &v)) {
        if ((r = compile (c, v, &m->children[m->count])) < 0)
            return r;
        m->count++;
    }
    return 0;
}

static const struct {
    const char *name;
    enum op op;
} operators[] = {
    { "userid", OP_USERID },
    { "name", OP_NAME },
    { "queue", OP_QUEUE },
    { "states", OP_STATES },
    { "results", OP_RESULTS },
    { "hostlist", OP_HOSTLIST },
    { "ranks", OP_RANKS },
    { "t_submit", OP_T_SUBMIT },
    { "t_depend", OP_T_DEPEND },
    { "t_priority", OP_T_PRIORITY },
    { "t_sched", OP_T_SCHED },
    { "t_run", OP_T_RUN },
    { "t_cleanup", OP_T_CLEANUP },
    { "t_inactive", OP_T_INACTIVE },
    { "and", OP_AND },
    { "or", OP_OR },
    { "not", OP_NOT },
};

static int
find_operator (struct compiler *c, struct jview key, const char **name, enum op *op)
{
    for (size_t i = 0; i < ARRAY_SIZE (operators); i++) {
        if (jview_equal (key, operators[i].name)) {
            *name = operators[i].name;
            *op = operators[i].op;
            return 0;
        }
    }
    return refuse_value (c, "unknown constraint operator: ", key, "");
}

static int
compile_values (struct compiler *c, struct match *m, const char *name, struct jview v)
{
    switch (m->op) {
        case OP_USERID:
            return compile_userids (c, m, v);
        case OP_NAME:
            return compile_texts (c, m, v, "name value must be a string");
        case OP_QUEUE:
            return compile_texts (c, m, v, "queue value must be a string");
        case OP_STATES:
            return compile_mask (c, m, v, "states", state_words, 127);
        case OP_RESULTS:
            return compile_mask (c, m, v, "results", result_words, 15);
        case OP_HOSTLIST:
            return compile_hosts (c, m, v);
        case OP_RANKS:
            return compile_ranks (c, m, v);
        case OP_AND:
        case OP_OR:
        case OP_NOT:
            return compile_children (c, m, v);
        default:
            return compile_time (c, m, name, v);
    }
}

static int compile (struct compiler *c, struct jview constraint, struct match **ret)
{
    struct jview key, values, more;
    struct jiter it;
    struct match *m;
    const char *name;
    enum op op = OP_ALL;
    int r;

    if (!jview_is (constraint, JVIEW_OBJECT))
        return refuse (c, "constraint must be JSON object");
    jiter_init (&it, constraint);
    if (jiter_next (&it, &key, &values)) {
        if (jiter_next (&it, NULL, &more))
            return refuse (c, "constraint must only contain 1 element");
        if (!jview_is (values, JVIEW_ARRAY)) {
            text_puts (c->why, "operator ");
            return refuse_value (c, "", key, " values not an array");
        }
        if ((r = find_operator (c, key, &name, &op)) < 0)
            return r;
    }
    if (!(m = calloc (1, sizeof (*m))))
        return -ENOMEM;
    m->op = op;
    table_init (&m->by_name);
    table_init (&m->verdicts);
    if (op != OP_ALL && (r = compile_values (c, m, name, values)) < 0) {
        match_free (m, c->jl);
        return r;
    }
    *ret = m;
    return 0;
}

int match_compile (struct match **ret,
                   struct jl *jl,
                   struct jview constraint,
                   unsigned int max_ids,
                   struct text *why)
{
    struct compiler c = { .jl = jl, .max_ids = max_ids, .why = why };

    if (!jview_present (constraint))
        constraint = (struct jview){ "{}", 2 };
    return compile (&c, constraint, ret);
}

int match_restrict (struct match **mp, uint32_t userid)
{
    struct match *and = calloc (1, sizeof (*and));
    struct match *user = calloc (1, sizeof (*user));

    if (!and || !user || !(and->children = calloc (2, sizeof (and->children[0])))
        || !(user->userids = malloc (sizeof (uint32_t)))) {
        if (and)
            free (and->children);
        free (and);
        free (user);
        return -ENOMEM;
    }
    table_init (&and->by_name);
    table_init (&and->verdicts);
    table_init (&user->by_name);
    table_init (&user->verdicts);
    user->op = OP_USERID;
    user->userids[0] = userid;
    user->count = 1;
    and->op = OP_AND;
    and->children[0] = user;
    and->children[1] = *mp;
    and->count = 2;
    *mp = and;
    return 0;
}
