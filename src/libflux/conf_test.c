#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

static char dir[] = "/tmp/conf_test.XXXXXX";

static const char *in_dir (const char *name)
{
    static char path[256];

    snprintf (path, sizeof (path), "%s/%s", dir, name);
    return path;
}

static void put_file (const char *name, const char *text)
{
    FILE *f = fopen (in_dir (name), "w");

    must (f != NULL);
    fputs (text, f);
    fclose (f);
}

static void is_conf (const flux_conf_t *conf, const char *want, const char *what)
{
    char *text = NULL;
    json_t *o;

    if (conf && flux_conf_unpack (conf, NULL, "o", &o) == 0)
        text = json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS);
    is (text, want, "%s", what);
    free (text);
}

static void a_conf_is_an_object (void)
{
    flux_conf_t *conf = flux_conf_create ();
    flux_conf_t *cpy;
    flux_error_t error;
    const char *s;
    int i;

    is_conf (conf, "{}", "a new one is empty");
    flux_conf_decref (flux_conf_incref (conf));
    is_conf (conf, "{}", "it is counted");
    flux_conf_decref (conf);

    conf = flux_conf_pack ("{s:{s:i s:s}}", "t", "i", 42, "s", "x");
    is_conf (conf, "{\"t\":{\"i\":42,\"s\":\"x\"}}", "one is packed");
    ok (flux_conf_unpack (conf, &error, "{s:{s:i s:s}}", "t", "i", &i, "s", &s) == 0
            && i == 42 && strcmp (s, "x") == 0,
        "... and unpacked");
    errno = 0;
    ok (flux_conf_unpack (conf, &error, "{s:{s:i}}", "t", "s", &i) < 0 && errno == EINVAL,
        "a wrong type is refused");
    is (error.text, "Expected integer, got string", "... saying so");
    cpy = flux_conf_copy (conf);
    ok (flux_conf_update (cpy, "t.i=1", NULL) == 0, "a copy is changed");
    is_conf (cpy, "{\"t\":{\"i\":1,\"s\":\"x\"}}", "... it is");
    is_conf (conf, "{\"t\":{\"i\":42,\"s\":\"x\"}}", "... the original is not");
    flux_conf_decref (cpy);
    flux_conf_decref (conf);

    ok (!flux_conf_pack ("[i]", 1) && errno == EINVAL, "an array is no configuration");
    ok (!flux_conf_pack ("{") && errno == EINVAL, "nor is a bad format");
    ok (!flux_conf_copy (NULL) && errno == EINVAL, "NULL has no copy");
    ok (flux_conf_unpack (NULL, NULL, "{}") < 0 && errno == EINVAL, "nor members");
    flux_conf_decref (NULL);
}

static void a_conf_is_updated (void)
{
    flux_conf_t *conf = flux_conf_create ();
    flux_error_t error;

    ok (flux_conf_update (conf, "a.b.c=[1,2]", NULL) == 0, "a dotted key, JSON");
    ok (flux_conf_update (conf, "a.s=x=y z", NULL) == 0, "text with '='");
    ok (flux_conf_update (conf, "{\"a\":{\"b\":{\"d\":true}},\"e\":null}", NULL) == 0,
        "an object");
    is_conf (conf,
             "{\"a\":{\"b\":{\"c\":[1,2],\"d\":true},\"s\":\"x=y z\"},\"e\":null}",
             "are merged");
    ok (flux_conf_update (conf, "a=1", NULL) == 0
            && flux_conf_update (conf, "a.b=2", NULL) == 0,
        "a value becomes a table");
    is_conf (conf, "{\"a\":{\"b\":2},\"e\":null}", "... the later one wins");

    ok (flux_conf_update (conf, "=x", &error) < 0 && errno == EINVAL, "no key");
    ok (flux_conf_update (conf, "a..b=x", &error) < 0 && errno == EINVAL, "a hole in it");
    ok (flux_conf_update (conf, "a.=x", &error) < 0 && errno == EINVAL, "an open end");
    ok (flux_conf_update (conf, "a=\xff", &error) < 0 && errno == EINVAL, "not UTF-8");
    ok (flux_conf_update (conf, "{\"a\":", &error) < 0 && errno == EINVAL, "half a one");
    ok (flux_conf_update (conf, "{\n}x", &error) < 0 && errno == EINVAL, "and more");
    ok (strncmp (error.text, "configuration:2: ", 17) == 0, "... with its line");
    ok (flux_conf_update (conf, "[t]\na=\n", &error) < 0 && errno == EINVAL, "bad TOML");
    ok (strncmp (error.text, "configuration:2: ", 17) == 0, "... with its line too");
    ok (flux_conf_update (conf, in_dir ("nosuch.json"), &error) < 0 && errno == ENOENT,
        "a missing file");
    ok (flux_conf_update (conf, NULL, &error) < 0 && errno == EINVAL, "NULL");
    ok (flux_conf_update (NULL, "a=1", &error) < 0 && errno == EINVAL, "into NULL");
    is_conf (conf, "{\"a\":{\"b\":2},\"e\":null}", "are refused and change nothing");
    flux_conf_decref (conf);
}

static void files_are_read (void)
{
    flux_error_t error;
    flux_conf_t *conf;

    conf = flux_conf_parse (dir, &error);
    is_conf (conf, "{}", "an empty directory is an empty configuration");
    flux_conf_decref (conf);

    put_file ("b.json", "{\"t\":{\"y\":3,\"z\":4}}\n");
    put_file ("a.json", "{\"t\":{\"x\":1,\"y\":2}}\n");
    put_file ("README", "not read\n");
    conf = flux_conf_parse (in_dir ("a.json"), &error);
    is_conf (conf, "{\"t\":{\"x\":1,\"y\":2}}", "a file is read");
    ok (flux_conf_update (conf, in_dir ("b.json"), &error) == 0, "... and another");
    is_conf (conf, "{\"t\":{\"x\":1,\"y\":3,\"z\":4}}", "... merged");
    flux_conf_decref (conf);
    conf = flux_conf_parse (dir, &error);
    is_conf (conf, "{\"t\":{\"x\":1,\"y\":3,\"z\":4}}", "a directory is read in order");
    flux_conf_decref (conf);

    put_file ("c.json", "{\"t\":\n\n!}\n");
    ok (!flux_conf_parse (dir, &error) && errno == EINVAL, "one bad file fails all");
    ok (strncmp (error.text, in_dir ("c.json:3: "), strlen (in_dir ("c.json:3: "))) == 0,
        "... and is named with its line (%s)",
        error.text);
    put_file ("c.json", "[]\n");
    ok (!flux_conf_parse (dir, &error) && errno == EINVAL, "an array is refused");
    unlink (in_dir ("c.json"));
    put_file ("c.toml", "a = 1\nb =\n");
    ok (!flux_conf_parse (dir, &error) && errno == EINVAL
            && strstr (error.text, "c.toml:2: "),
        "bad TOML is named with its line (%s)",
        error.text);
    ok (!flux_conf_parse (in_dir ("none"), &error) && errno == ENOENT, "ENOENT is told");
    ok (!flux_conf_parse (NULL, &error) && errno == EINVAL, "NULL is refused");
    unlink (in_dir ("a.json"));
    unlink (in_dir ("b.json"));
    unlink (in_dir ("c.toml"));
    unlink (in_dir ("README"));
}

static flux_conf_t *toml (const char *text, flux_error_t *error)
{
    flux_conf_t *conf;

    put_file ("t.toml", text);
    conf = flux_conf_parse (in_dir ("t.toml"), error);
    unlink (in_dir ("t.toml"));
    return conf;
}

static void toml_is_read (void)
{
    static const struct {
        const char *text;
        const char *want;
    } tab[] = {
        { "", "{}" },
        { "# nothing\n", "{}" },
        { "a = 1\nb = -2\nc = 0xff\nd = 1_000\n",
          "{\"a\":1,\"b\":-2,\"c\":255,\"d\":1000}" },
        { "a = 9223372036854775807", "{\"a\":9223372036854775807}" },
        { "a = true\nb = 1.5\nc = 1e3", "{\"a\":true,\"b\":1.5,\"c\":1000.0}" },
        { "a = \"x\\ty \\u00e9\"\nb = 'c:\\d'", "{\"a\":\"x\\ty é\",\"b\":\"c:\\\\d\"}" },
        { "a = [1, [\"x\"], {y = 2}]", "{\"a\":[1,[\"x\"],{\"y\":2}]}" },
        { "[a.b]\nc = 1\n[a]\nd = 2\n", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}" },
        { "a.\"b.c\" = 1", "{\"a\":{\"b.c\":1}}" },
        { "[[a]]\nx = 1\n[[a]]\nx = 2\n", "{\"a\":[{\"x\":1},{\"x\":2}]}" },
        { "t = 1979-05-27T07:32:00Z", "{\"t\":{\"iso-8601-ts\":\"1979-05-27T07:32:00Z\"}}" },
        { "t = 1979-05-27", "{\"t\":{\"iso-8601-ts\":\"1979-05-27\"}}" },
    };
    static const struct {
        const char *text;
        const char *at;
    } bad[] = {
        { "a", "t.toml:1: " },
        { "a = 1\na = 2\n", "t.toml:2: " },
        { "\n\n[x\n", "t.toml:3: " },
        { "a = 9223372036854775808", "t.toml:1: " },
        { "x = 1\na = nan", "t.toml:2: " },
        { "x = 1\na = [1, inf]", "t.toml:2: " },
        { "x = 1\n\"a\\u0000b\" = 1", "t.toml:2: " },
        { "a = \"\xff\"", "t.toml:1: " },
        { "[a]\n[a]\n", "t.toml:2: " },
    };
    flux_error_t error;
    flux_conf_t *conf;

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        error.text[0] = '\0';
        conf = toml (tab[i].text, &error);
        is_conf (conf, tab[i].want, tab[i].want);
        flux_conf_decref (conf);
    }
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        errno = 0;
        ok (!toml (bad[i].text, &error) && errno == EINVAL
                && strstr (error.text, bad[i].at),
            "refused: %s",
            error.text);
    }
    conf = flux_conf_create ();
    ok (flux_conf_update (conf, "[t]\na = 1\n", &error) == 0, "TOML text is merged");
    is_conf (conf, "{\"t\":{\"a\":1}}", "... it is");
    flux_conf_decref (conf);
}

static void toml_files_are_merged (void)
{
    flux_error_t error;
    flux_conf_t *conf;

    put_file ("1.toml", "[t]\na = 1\nb = 1\n");
    put_file ("2.toml", "[t]\nb = 2\n[u]\nx = \"y\"\n");
    put_file ("2.toml.bak", "not read\n");
    conf = flux_conf_parse (dir, &error);
    is_conf (conf,
             "{\"t\":{\"a\":1,\"b\":2},\"u\":{\"x\":\"y\"}}",
             "a directory of TOML is read in order");
    flux_conf_decref (conf);
    unlink (in_dir ("1.toml"));
    unlink (in_dir ("2.toml"));
    unlink (in_dir ("2.toml.bak"));
}

static void paths_are_known (void)
{
    const char *installed = flux_conf_builtin_get ("module_path", FLUX_CONF_INSTALLED);
    const char *intree = flux_conf_builtin_get ("module_path", FLUX_CONF_INTREE);
    const char *used = flux_conf_builtin_get ("module_path", FLUX_CONF_AUTO);

    ok (installed && installed[0] == '/', "the installed module path: %s", installed);
    ok (intree && strstr (intree, "/src/modules/.libs")
            && strcmp (intree, installed) != 0,
        "this test runs in a build tree");
    is (used, intree, "so that tree's path is the one to use");
    is (flux_conf_builtin_get ("rc1_path", FLUX_CONF_AUTO), "flux modprobe rc1", "rc1");
    ok (!flux_conf_builtin_get ("nosuch", FLUX_CONF_AUTO) && errno == EINVAL,
        "an unknown name is refused");
    ok (!flux_conf_builtin_get ("rundir", 42) && errno == EINVAL, "so is a wrong hint");
    ok (!flux_conf_builtin_get (NULL, FLUX_CONF_AUTO) && errno == EINVAL, "and NULL");
}

int main (void)
{
    must (mkdtemp (dir) != NULL);
    a_conf_is_an_object ();
    a_conf_is_updated ();
    files_are_read ();
    toml_is_read ();
    toml_files_are_merged ();
    paths_are_known ();
    rmdir (dir);
    return done_testing ();
}
