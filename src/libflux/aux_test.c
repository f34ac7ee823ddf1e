#include "config.h"
#include <stdio.h>

#include "common/tap.h"
#include "common/util.h"
#include "aux.h"

static char died[64];

static void note (void *arg)
{
    strcat (died, arg);
    errno = EXDEV;
}

static void bad_arguments (void)
{
    struct aux_item *aux = NULL;

    errno = 0;
    ok (aux_set (&aux, NULL, NULL, NULL) < 0 && errno == EINVAL, "nothing is no item");
    errno = 0;
    ok (aux_set (&aux, "a", NULL, note) < 0 && errno == EINVAL,
        "a destructor needs a value");
    errno = 0;
    ok (aux_set (&aux, NULL, "x", NULL) < 0 && errno == EINVAL,
        "an anonymous item needs a destructor");
    errno = 0;
    ok (!aux_get (aux, NULL) && errno == EINVAL, "NULL cannot be looked up");
    errno = 0;
    ok (!aux_get (aux, "a") && errno == ENOENT, "what was not set is not there");
}

static void order_of_death (void)
{
    struct aux_item *aux = NULL;

    ok (aux_set (&aux, NULL, "1", note) == 0 && aux_set (&aux, "a", "a", note) == 0
            && aux_set (&aux, NULL, "2", note) == 0 && aux_set (&aux, "b", "b", note) == 0
            && aux_set (&aux, "", "e", note) == 0,
        "named and anonymous items go in, even an empty name");
    is (aux_get (aux, "a"), "a", "a name finds its value");
    is (aux_get (aux, ""), "e", "the empty name too");
    died[0] = '\0';
    ok (aux_set (&aux, "a", "A", note) == 0, "a name can be set again");
    is (died, "a", "... which destroys the old value");
    is (aux_get (aux, "a"), "A", "... and gives the new one");
    died[0] = '\0';
    ok (aux_set (&aux, "b", NULL, NULL) == 0 && !aux_get (aux, "b"), "NULL deletes");
    is (died, "b", "... and destroys");
    ok (aux_set (&aux, "b", NULL, NULL) == 0, "deleting what is not there is fine");
    ok (aux_set (&aux, "c", "c", note) == 0, "one more");
    died[0] = '\0';
    errno = 0;
    aux_destroy (&aux);
    is (died, "cAe12", "named items go newest first, then anonymous ones in order");
    ok (errno == 0 && !aux, "errno survives destructors");
}

static void by_value (void)
{
    struct aux_item *aux = NULL;
    char *v = "v";

    died[0] = '\0';
    ok (aux_set (&aux, "x", "x", note) == 0 && aux_set (&aux, NULL, v, note) == 0,
        "two items");
    aux_delete_value (&aux, v);
    is (died, "v", "an item can be deleted by its value");
    aux_delete_value (&aux, v);
    is (died, "v", "... once");
    is (aux_get (aux, "x"), "x", "... and the other stays");
    aux_destroy (&aux);
}

int main (void)
{
    bad_arguments ();
    order_of_death ();
    by_value ();
    return done_testing ();
}
