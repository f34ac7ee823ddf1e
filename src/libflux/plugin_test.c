#include "config.h"

#include <flux/core.h>

#include "common/tap.h"

static int calls;

static int count_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const int *step = data;

    calls += *step;
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "topic", topic);
}

static int fail_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return -1;
}

static void handlers (void)
{
    static int one = 1, ten = 10;
    const struct flux_plugin_handler table[] = {
        { "job.state.*", count_cb, &one },
        { "job.state.run", count_cb, &ten },
        { "bad", fail_cb, NULL },
        { NULL, NULL, NULL },
    };
    flux_plugin_t *p = flux_plugin_create ();
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    const char *topic = NULL;

    ok (flux_plugin_get_name (p) == NULL && flux_plugin_get_path (p) == NULL
            && strlen (flux_plugin_get_uuid (p)) == 36,
        "a new plugin has a uuid, no name and no path");
    ok (flux_plugin_register (p, "foo", table) == 0
            && strcmp (flux_plugin_get_name (p), "foo") == 0,
        "a table of handlers is registered with a name");
    ok (flux_plugin_get_handler (p, "job.state.run") == count_cb
            && flux_plugin_get_handler (p, "job.state.sched") == NULL
            && flux_plugin_match_handler (p, "job.state.sched") == count_cb,
        "a handler is got by its very topic, and matched by its glob");
    ok (flux_plugin_call (p, "job.state.run", args) == 1 && calls == 1,
        "of two that match, the one registered first is called, alone");
    ok (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "topic", &topic) == 0
            && strcmp (topic, "job.state.run") == 0,
        "what it packed comes out");
    ok (flux_plugin_call (p, "other", args) == 0 && flux_plugin_call (p, "bad", args) == -1,
        "no handler is 0, one that fails is -1");
    ok (flux_plugin_remove_handler (p, "job.state.*") == 0
            && flux_plugin_call (p, "job.state.run", args) == 1 && calls == 11
            && flux_plugin_add_handler (p, "job.state.run", NULL, NULL) == 0
            && flux_plugin_call (p, "job.state.run", args) == 0,
        "handlers are removed by their topic, or by adding no callback");
    errno = 0;
    ok (flux_plugin_add_handler (p, NULL, count_cb, NULL) == -1 && errno == EINVAL
            && *flux_plugin_strerror (p),
        "no topic is EINVAL, with a sentence");
    flux_plugin_arg_destroy (args);
    flux_plugin_destroy (p);
}

static void arguments (void)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    char *s = NULL;
    int i = 0;

    errno = 0;
    ok (flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &s) == -1 && errno == ENOENT
            && strcmp (flux_plugin_arg_strerror (args), "No args currently set") == 0,
        "arguments that were not set are ENOENT");
    ok (flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_IN, "{\"a\":1,\"b\":2}") == 0
            && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "b", 3) == 0
            && flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &s) == 0
            && strcmp (s, "{\"a\":1,\"b\":3}") == 0,
        "what is packed is merged into what is there");
    free (s);
    ok (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN | FLUX_PLUGIN_ARG_REPLACE, "{s:i}",
                              "c", 4)
                == 0
            && flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "c", &i) == 0
            && i == 4
            && flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "a", &i) == -1
            && errno == EINVAL,
        "or replaces it");
    errno = 0;
    ok (flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_IN, "{") == -1 && errno == EINVAL
            && flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_IN, "[]") == -1 && errno == EINVAL
            && *flux_plugin_arg_strerror (args),
        "what is no object is EINVAL");
    flux_plugin_arg_destroy (args);
}

static int freed;

static void free_cb (void *arg)
{
    freed++;
}

static void the_rest (void)
{
    flux_plugin_t *p = flux_plugin_create ();
    int i = 0, x = 0;

    errno = 0;
    ok (flux_plugin_set_flags (p, FLUX_PLUGIN_RTLD_NOW) == 0
            && flux_plugin_get_flags (p) == FLUX_PLUGIN_RTLD_NOW
            && flux_plugin_set_flags (p, 16) == -1 && errno == EINVAL,
        "flags are known ones");
    errno = 0;
    ok (flux_plugin_conf_unpack (p, "{s:i}", "a", &i) == -1 && errno == ENOENT
            && strcmp (flux_plugin_strerror (p), "No plugin conf set") == 0,
        "there is no configuration at first");
    ok (flux_plugin_set_conf (p, "{\"a\":") == -1
            && strncmp (flux_plugin_strerror (p), "parse error: col ", 17) == 0,
        "a bad one is told with its column");
    ok (flux_plugin_set_conf (p, "{\"a\":7}") == 0
            && strcmp (flux_plugin_get_conf (p), "{\"a\":7}") == 0
            && flux_plugin_conf_unpack (p, "{s:i}", "a", &i) == 0 && i == 7,
        "a good one is unpacked");
    ok (flux_plugin_aux_set (p, "x", &x, free_cb) == 0 && flux_plugin_aux_get (p, "x") == &x
            && flux_plugin_aux_set (p, NULL, &i, free_cb) == 0,
        "it has auxiliary items");
    flux_plugin_aux_delete_value (p, &x);
    ok (freed == 1 && flux_plugin_aux_get (p, "x") == NULL, "one is deleted by its value");
    errno = 0;
    ok (flux_plugin_load_dso (p, "/nosuch.so") == -1 && errno == ENOENT
            && strcmp (flux_plugin_strerror (p), "/nosuch.so: No such file or directory")
                   == 0,
        "a shared object that is not there is told by its path");
    flux_plugin_destroy (p);
    ok (freed == 2, "the others go with the plugin");
    flux_plugin_destroy (NULL);
    errno = 0;
    ok (flux_plugin_call (NULL, "x", NULL) == -1 && errno == EINVAL
            && flux_plugin_get_name (NULL) == NULL,
        "no plugin at all is EINVAL");
}

int main (int argc, char **argv)
{
    handlers ();
    arguments ();
    the_rest ();
    return done_testing ();
}
