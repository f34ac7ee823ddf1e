#include "config.h"
#include <flux/core.h>

#include "common/tap.h"

#define VAL "{\"data\":\"\",\"type\":\"val\",\"ver\":1}"
#define DIR "{\"data\":{},\"type\":\"dir\",\"ver\":1}"
#define REF "[\"sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91\"]"
#define DIRREF "{\"data\":" REF ",\"type\":\"dirref\",\"ver\":1}"
#define LINK "{\"data\":{\"target\":\"v\"},\"type\":\"symlink\",\"ver\":1}"

static const char object[] = "{\"data\":{\"z\":" VAL ",\"d\":" DIR ",\"r\":" DIRREF
                             ",\"l\":" LINK "},\"type\":\"dir\",\"ver\":1}";

static void a_directory_tells_its_entries (void)
{
    flux_kvsdir_t *dir = flux_kvsdir_create (NULL, NULL, "a.b", object);
    flux_kvsdir_t *cpy;
    flux_kvsitr_t *itr;
    char names[16] = "";
    const char *name;

    ok (dir && flux_kvsdir_get_size (dir) == 4, "it has four");
    ok (flux_kvsdir_exists (dir, "z") && !flux_kvsdir_exists (dir, "y"), "z is one");
    ok (flux_kvsdir_isdir (dir, "d") && flux_kvsdir_isdir (dir, "r")
            && !flux_kvsdir_isdir (dir, "z") && !flux_kvsdir_isdir (dir, "y"),
        "d and r are directories");
    ok (flux_kvsdir_issymlink (dir, "l") && !flux_kvsdir_issymlink (dir, "d"),
        "l is a link");
    is (flux_kvsdir_key (dir), "a.b", "its key");
    ok (!flux_kvsdir_rootref (dir) && !flux_kvsdir_handle (dir),
        "it is no snapshot and has no handle");

    itr = flux_kvsitr_create (dir);
    while ((name = flux_kvsitr_next (itr)))
        strcat (names, name);
    is (names, "dlrz", "they come in order");
    ok (!flux_kvsitr_next (itr), "the end stays the end");
    flux_kvsitr_rewind (itr);
    is (flux_kvsitr_next (itr), "d", "but for rewind");
    flux_kvsitr_destroy (itr);

    cpy = flux_kvsdir_copy (dir);
    flux_kvsdir_incref (dir);
    flux_kvsdir_destroy (dir);
    ok (flux_kvsdir_exists (dir, "z"), "it lives while it is referenced");
    flux_kvsdir_destroy (dir);
    ok (flux_kvsdir_get_size (cpy) == 4, "a copy lives on");
    flux_kvsdir_destroy (cpy);
}

static void is_key_at (const char *key, const char *name, const char *want)
{
    flux_kvsdir_t *dir = flux_kvsdir_create (NULL, DIRREF, key, DIR);
    char *s = flux_kvsdir_key_at (dir, name);

    is (s, want, "%s in %s", name, key);
    free (s);
    is (flux_kvsdir_rootref (dir), DIRREF, "... of a snapshot");
    flux_kvsdir_destroy (dir);
}

static void bad_arguments_are_refused (void)
{
    ok (!flux_kvsdir_create (NULL, NULL, NULL, DIR) && errno == EINVAL, "no key");
    ok (!flux_kvsdir_create (NULL, NULL, "a", NULL) && errno == EINVAL, "no object");
    ok (!flux_kvsdir_create (NULL, NULL, "a", "foo") && errno == EINVAL, "not JSON");
    ok (!flux_kvsdir_create (NULL, NULL, "a", VAL) && errno == EINVAL, "a value");
    ok (!flux_kvsdir_create (NULL, NULL, "a", DIRREF) && errno == EINVAL, "a dirref");
    ok (!flux_kvsitr_create (NULL) && errno == EINVAL, "iterating over NULL");
    ok (!flux_kvsitr_next (NULL) && !flux_kvsdir_exists (NULL, "a")
            && !flux_kvsdir_isdir (NULL, "a") && !flux_kvsdir_key (NULL),
        "questions to NULL");
    ok (flux_kvsdir_get_size (NULL) < 0 && !flux_kvsdir_copy (NULL)
            && !flux_kvsdir_key_at (NULL, "a"),
        "copies of NULL");
    flux_kvsitr_rewind (NULL);
    flux_kvsitr_destroy (NULL);
    flux_kvsdir_destroy (NULL);
}

int main (void)
{
    a_directory_tells_its_entries ();
    is_key_at (".", "x", "x");
    is_key_at ("a", "x", "a.x");
    is_key_at ("a.", "x", "a.x");
    bad_arguments_are_refused ();
    return done_testing ();
}
