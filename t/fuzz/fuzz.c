#include "config.h"
#include <stdio.h>

#include "fuzz.h"

extern const struct fuzz_target fuzz_message, fuzz_usock, fuzz_payload;
extern const struct fuzz_target fuzz_scan, fuzz_edit;
extern const struct fuzz_target fuzz_treeobj, fuzz_kvsops, fuzz_kvsmerge;
extern const struct fuzz_target fuzz_jobspec, fuzz_rset, fuzz_eventlog;
extern const struct fuzz_target fuzz_constraint, fuzz_joblist;
extern const struct fuzz_target fuzz_idset, fuzz_hostlist, fuzz_words;
extern const struct fuzz_target fuzz_output, fuzz_pmi;

const struct fuzz_target *const fuzz_targets[] = {
    &fuzz_message,    &fuzz_usock,   &fuzz_payload, &fuzz_scan,     &fuzz_edit,
    &fuzz_treeobj,    &fuzz_kvsops,  &fuzz_jobspec, &fuzz_rset,     &fuzz_eventlog,
    &fuzz_kvsmerge,
    &fuzz_constraint, &fuzz_joblist, &fuzz_idset,   &fuzz_hostlist, &fuzz_words,
    &fuzz_output,     &fuzz_pmi,     NULL,
};

const struct fuzz_target *fuzz_find (const char *name)
{
    for (size_t i = 0; fuzz_targets[i]; i++) {
        if (strcmp (fuzz_targets[i]->name, name) == 0)
            return fuzz_targets[i];
    }
    return NULL;
}

char *fuzz_bytes (const char *data, size_t size)
{
    char *p = malloc (size ? size : 1);

    must (p != NULL);
    if (size > 0)
        memcpy (p, data, size);
    return p;
}

char *fuzz_string (const char *data, size_t size)
{
    size_t len = strnlen (data, size);
    char *p = malloc (len + 1);

    must (p != NULL);
    memcpy (p, data, len);
    p[len] = '\0';
    return p;
}

json_t *fuzz_json (const char *data, size_t size)
{
    if (memchr (data, '\0', size)) /* jansson overlooks one behind a number */
        return NULL;
    return json_loadb (data, size, JSON_DECODE_ANY, NULL);
}

char *fuzz_dump (const json_t *o)
{
    char *s = json_dumps (o, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);

    must (s != NULL);
    return s;
}

/* ---- seeds ------------------------------------------------------------------ */

struct sink {
    void (*add) (void *arg, const char *data, size_t size);
    void *arg;
    const struct fuzz_source *source;
};

static void add_hex (const struct sink *s, const char *hex)
{
    size_t n = strlen (hex) / 2;
    char *buf = malloc (n + 1);

    must (buf != NULL);
    for (size_t i = 0; i < n; i++) {
        unsigned int byte;

        must (sscanf (hex + 2 * i, "%2x", &byte) == 1);
        buf[i] = byte;
    }
    s->add (s->arg, buf, n);
    free (buf);
}

static void add_value (const struct sink *s, const json_t *o)
{
    char *text;

    switch (s->source->kind) {
        case FUZZ_STRING:
            if (json_is_string (o))
                s->add (s->arg, json_string_value (o), json_string_length (o));
            break;
        case FUZZ_HEX:
            if (json_is_string (o))
                add_hex (s, json_string_value (o));
            break;
        case FUZZ_JSON:
            text = json_dumps (o, JSON_ENCODE_ANY | JSON_COMPACT);
            s->add (s->arg, text, strlen (text));
            free (text);
            break;
    }
}

static void walk (const struct sink *s, json_t *o)
{
    const char *key;
    json_t *v;
    size_t i;

    if (!s->source->key && json_is_string (o))
        add_value (s, o);
    json_array_foreach (o, i, v) walk (s, v);
    json_object_foreach (o, key, v)
    {
        if (s->source->key && strcmp (key, s->source->key) == 0)
            add_value (s, v);
        else
            walk (s, v);
    }
}

void fuzz_seeds (const struct fuzz_target *t,
                 void (*add) (void *arg, const char *data, size_t size),
                 void *arg)
{
    struct sink s = { .add = add, .arg = arg };
    const char *srcdir = getenv ("SRCDIR");

    for (size_t i = 0; t->seeds && t->seeds[i]; i++)
        add (arg, t->seeds[i], strlen (t->seeds[i]));
    for (s.source = t->sources; s.source && s.source->file; s.source++) {
        char path[4096];
        json_t *o;

        snprintf (path, sizeof (path), "%s/t/vectors/%s", srcdir ? srcdir : "..",
                  s.source->file);
        if (!(o = json_load_file (path, JSON_ALLOW_NUL, NULL))) {
            fprintf (stderr, "fuzz: %s: cannot be read; set SRCDIR\n", path);
            exit (1);
        }
        walk (&s, o);
        json_decref (o);
    }
}
