#include "config.h"
#include <stdio.h>
#include <jansson.h>

#include "kvsops.h"
#include "tap.h"

int main (void)
{
    struct kvsops ops = KVSOPS_INIT, more = KVSOPS_INIT;
    char *s;
    json_t *o;

    ok (kvsops_empty (&ops), "no ops at first");
    s = kvsops_finish (&ops, "primary", 0);
    is (s, "{\"namespace\":\"primary\",\"flags\":0,\"ops\":[]}", "an empty commit");
    free (s);

    kvsops_put (&ops, "a", "hi", 2);
    kvsops_append (&ops, "b", "x\n", 2);
    s = kvsops_finish (&ops, "n\"s", 4);
    is (s,
        "{\"namespace\":\"n\\\"s\",\"flags\":4,\"ops\":["
        "{\"key\":\"a\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":"
        "\"aGk=\"}},"
        "{\"key\":\"b\",\"flags\":32,\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":"
        "\"eAo=\"}}]}",
        "values and appends");
    free (s);
    ok (kvsops_empty (&ops), "finish starts over");

    kvsops_append_ref (&ops, "o", "sha1-00");
    kvsops_put_dirref (&ops, "d", "sha1-01");
    kvsops_symlink (&ops, "l", "job-1", ".");
    kvsops_symlink (&ops, "m", NULL, "a.b");
    kvsops_unlink (&ops, "u");
    s = kvsops_finish (&ops, "primary", 0);
    is (s,
        "{\"namespace\":\"primary\",\"flags\":0,\"ops\":["
        "{\"key\":\"o\",\"flags\":48,\"dirent\":{\"ver\":1,\"type\":\"valref\",\"data\":"
        "[\"sha1-00\"]}},"
        "{\"key\":\"d\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"dirref\",\"data\":"
        "[\"sha1-01\"]}},"
        "{\"key\":\"l\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"symlink\",\"data\":"
        "{\"namespace\":\"job-1\",\"target\":\".\"}}},"
        "{\"key\":\"m\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"symlink\",\"data\":"
        "{\"target\":\"a.b\"}}},"
        "{\"key\":\"u\",\"flags\":0,\"dirent\":null}]}",
        "references, links, unlink");
    ok ((o = json_loads (s, 0, NULL)) != NULL, "which is JSON");
    json_decref (o);
    free (s);

    kvsops_put_treeobj (&more, "t", "{}");
    kvsops_mkdir (&more, "d");
    kvsops_if_absent (&ops, "a");
    kvsops_if_exists (&ops, "e");
    kvsops_if_treeobj (&ops, "t", "{}");
    kvsops_if_seq (&ops, 42);
    kvsops_concat (&ops, &more);
    s = kvsops_finish (&ops, "primary", 0);
    is (s,
        "{\"namespace\":\"primary\",\"flags\":0,\"ops\":["
        "{\"key\":\"a\",\"if\":null},{\"key\":\"e\",\"if\":true},{\"key\":\"t\",\"if\":{}},"
        "{\"rootseq\":42},{\"key\":\"t\",\"flags\":0,\"dirent\":{}},"
        "{\"key\":\"d\",\"flags\":0,\"dirent\":{\"data\":{},\"type\":\"dir\",\"ver\":1}}]}",
        "conditions stand before what they are for");
    free (s);
    kvsops_fini (&more);
    kvsops_fini (&ops);
    return done_testing ();
}
