#include "config.h"
#include <ctype.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>

#include "cmd.h"
#include "common/text.h"
#include "common/utf8.h"
#include "envrule.h"

extern char **environ;

static void set_var (json_t *env, const char *name, size_t namelen, const char *value)
{
    _cleanup_ (freep) char *key = strndup (name, namelen);

    if (!utf8_valid (name, namelen) || !utf8_valid (value, strlen (value)))
        return;
    if (!key || json_object_set_new (env, key, json_string (value)) < 0)
        cmd_die ("out of memory");
}

json_t *env_object (void)
{
    json_t *env = json_object ();

    if (!env)
        cmd_die ("out of memory");
    for (char **e = environ; *e; e++) {
        char *eq = strchr (*e, '=');

        if (eq && eq > *e)
            set_var (env, *e, eq - *e, eq + 1);
    }
    return env;
}

struct pattern {
    const char *glob; /* NULL: use re */
    regex_t re;
};

static void pattern_init (struct pattern *p, const char *s)
{
    size_t len = strlen (s);
    char *re;

    p->glob = s;
    if (len < 2 || s[0] != '/' || s[len - 1] != '/')
        return;
    p->glob = NULL;
    if (asprintf (&re, "^(%.*s)", (int)len - 2, s + 1) < 0)
        cmd_die ("out of memory");
    if (regcomp (&p->re, re, REG_EXTENDED | REG_NOSUB) != 0)
        cmd_die ("ERROR: --env: invalid regular expression %s", s);
    free (re);
}

static void pattern_fini (struct pattern *p)
{
    if (!p->glob)
        regfree (&p->re);
}

static bool pattern_match (struct pattern *p, const char *name)
{
    if (p->glob)
        return fnmatch (p->glob, name, 0) == 0;
    return regexec (&p->re, name, 0, NULL, 0) == 0;
}

static void remove_matching (json_t *env, const char *pattern)
{
    struct pattern p;
    const char *name;
    json_t *value;
    void *tmp;

    pattern_init (&p, pattern);
    json_object_foreach_safe (env, tmp, name, value) {
        if (pattern_match (&p, name))
            json_object_del (env, name);
    }
    pattern_fini (&p);
}

static void copy_matching (json_t *env, const char *pattern)
{
    json_t *mine = env_object ();
    struct pattern p;
    const char *name;
    json_t *value;

    pattern_init (&p, pattern);
    json_object_foreach (mine, name, value) {
        if (pattern_match (&p, name) && !json_object_get (env, name))
            json_object_set (env, name, value);
    }
    pattern_fini (&p);
    json_decref (mine);
}

/* The value of the variable at *s ("V..." or "{V}..."), past which *s moves. */
static const char *lookup (json_t *env, const char **s, const char *rule)
{
    bool braces = **s == '{';
    const char *name = *s + braces;
    size_t len = 0;
    char key[256];
    const char *value;

    while (isalnum ((unsigned char)name[len]) || name[len] == '_')
        len++;
    if (len == 0 || len >= sizeof (key) || (braces && name[len] != '}'))
        cmd_die ("ERROR: --env: Unable to substitute %s", rule);
    memcpy (key, name, len);
    key[len] = '\0';
    *s = name + len + braces;
    if (!(value = json_string_value (json_object_get (env, key))) && !(value = getenv (key)))
        cmd_die ("ERROR: --env: Variable '%s' not found in %s", key, rule);
    return value;
}

static void set_expanded (json_t *env, const char *rule, const char *eq)
{
    struct text t = TEXT_INIT;
    const char *s = eq + 1;

    while (*s) {
        if (*s != '$')
            text_putc (&t, *s++);
        else if (s[1] == '$') {
            text_putc (&t, '$');
            s += 2;
        }
        else {
            s++;
            text_puts (&t, lookup (env, &s, rule));
        }
    }
    text_put (&t, "", 0);
    if (text_error (&t))
        cmd_die ("out of memory");
    set_var (env, rule, eq - rule, t.buf);
    text_fini (&t);
}

static void read_rules (json_t *env, const char *path)
{
    FILE *f;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    _cleanup_ (freep) char *home_path = NULL;

    if (path[0] == '~' && path[1] == '/' && getenv ("HOME")) {
        if (asprintf (&home_path, "%s%s", getenv ("HOME"), path + 1) < 0)
            cmd_die ("out of memory");
        path = home_path;
    }
    if (!(f = fopen (path, "r")))
        cmd_die ("ERROR: --env: [Errno %d] %s: '%s'", errno, strerror (errno), path);
    while ((n = getline (&line, &size, f)) >= 0) {
        while (n > 0 && isspace ((unsigned char)line[n - 1]))
            line[--n] = '\0';
        if (n > 0 && line[0] != '#')
            env_rule (env, line);
    }
    free (line);
    fclose (f);
}

void env_rule (json_t *env, const char *rule)
{
    const char *eq;

    if (rule[0] == '-')
        remove_matching (env, rule + 1);
    else if (rule[0] == '^')
        read_rules (env, rule + 1);
    else if ((eq = strchr (rule, '=')) && eq > rule)
        set_expanded (env, rule, eq);
    else
        copy_matching (env, rule);
}
