#include "config.h"
#include <jansson.h>

#include "common/tap.h"
#include "common/testdata.h"

#include "record.h"

static struct intern pool;

/* What the record says, in the form of the vectors. */
static json_t *attrs_of (const struct record *rec, bool with_name)
{
    json_t *o = json_object ();
    const struct {
        const char *key;
        const struct itext *text;
    } texts[] = {
        { "name", rec->name },         { "cwd", rec->cwd },
        { "queue", rec->queue_name },  { "project", rec->project },
        { "bank", rec->bank },         { "ranks", rec->ranks },
        { "nodelist", rec->nodelist },
    };
    const struct {
        const char *key;
        int64_t value;
    } ints[] = {
        { "ntasks", rec->ntasks },
        { "ncores", rec->ncores },
        { "nnodes", rec->nnodes },
    };

    for (size_t i = with_name ? 0 : 5; i < ARRAY_SIZE (texts); i++) {
        if (texts[i].text)
            json_object_set_new (o, texts[i].key, json_string (texts[i].text->s));
    }
    for (size_t i = 0; i < ARRAY_SIZE (ints); i++) {
        if (ints[i].value >= 0)
            json_object_set_new (o, ints[i].key, json_integer (ints[i].value));
    }
    if (with_name && rec->duration >= 0.)
        json_object_set_new (o, "duration", json_real (rec->duration));
    if (rec->expiration >= 0.)
        json_object_set_new (o, "expiration", json_real (rec->expiration));
    return o;
}

static struct jview view_of (json_t *o, char **text)
{
    struct jview v = JVIEW_ABSENT;

    *text = json_dumps (o, JSON_ENCODE_ANY);
    if (jview_parse (*text, strlen (*text), &v) < 0)
        bail_out ("jansson wrote what we cannot read");
    return v;
}

static void same (json_t *got, json_t *want, const char *what, const char *with)
{
    char *g = json_dumps (got, JSON_SORT_KEYS);
    char *w = json_dumps (want, JSON_SORT_KEYS);

    is (g, w, "%s%s", what, with);
    free (g);
    free (w);
    json_decref (got);
}

static void jobspecs (void)
{
    json_t *vectors = testdata_vectors ("job-list-jobspec.json");
    size_t i;
    json_t *c;

    json_array_foreach (json_object_get (vectors, "cases"), i, c)
    {
        struct record *rec = record_new (1);
        const char *why = "";
        char *text;
        struct jview v = view_of (json_object_get (c, "jobspec"), &text);

        record_set_jobspec (rec, v, &pool, &why);
        same (attrs_of (rec, true), json_object_get (c, "attrs"),
              testdata_str (c, "name"), "");
        record_free (rec, &pool);
        free (text);
    }
    json_decref (vectors);
}

static void Rs (void)
{
    json_t *vectors = testdata_vectors ("R.json");
    json_t *specs = json_object_get (vectors, "jobspecs");
    size_t i;
    json_t *c, *spec;
    const char *specname;

    json_array_foreach (json_object_get (vectors, "cases"), i, c)
    {
        json_object_foreach (specs, specname, spec)
        {
            struct record *rec = record_new (1);
            const char *why = "";
            char *spectext, *Rtext;
            struct jview v = view_of (spec, &spectext);
            struct jview R = view_of (json_object_get (c, "R"), &Rtext);

            record_set_jobspec (rec, v, &pool, &why);
            record_set_R (rec, R, &pool, &why);
            same (attrs_of (rec, false),
                  json_object_get (json_object_get (c, "job_list"), specname),
                  testdata_str (c, "name"), specname);
            record_free (rec, &pool);
            free (spectext);
            free (Rtext);
        }
    }
    json_decref (vectors);
}

int main (void)
{
    intern_init (&pool);
    jobspecs ();
    Rs ();
    intern_fini (&pool);
    return done_testing ();
}
