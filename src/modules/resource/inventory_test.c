#include "config.h"
#include <stdio.h>
#include <unistd.h>

#include "common/tap.h"
#include "common/util.h"
#include "inventory.h"

static void is_short (struct rset *r, const char *want, const char *name)
{
    struct text t = TEXT_INIT;

    rset_dumps (r, &t);
    is (t.buf, want, "%s", name);
    text_fini (&t);
}

static void configured (void)
{
    json_t *o = json_pack ("[{s:s s:s s:s}{s:s s:[s]}]",
                           "hosts", "n[0-2]",
                           "cores", "0-3",
                           "gpus", "0",
                           "hosts", "n1",
                           "properties", "fast");
    struct rset *r = NULL;
    flux_error_t error = { "" };

    ok (inventory_config (o, &r, &error) == 0, "a configuration %s", error.text);
    is_short (r, "rank[0-2]/core[0-3],gpu0", "its resources");
    ok (rset_has_property (r, 1, "fast") && !rset_has_property (r, 0, "fast"),
        "a later entry adds to a host");
    is (rset_host_at (r, 2), "n2", "hosts are in order");
    rset_free (r);
    json_array_append_new (o, json_pack ("{s:s s:s}", "hosts", "n0", "cores", "3"));
    ok (inventory_config (o, &r, &error) == -EINVAL, "a core twice: %s", error.text);
    json_array_append_new (o, json_pack ("{s:s s:i}", "hosts", "n0", "x", 1));
    ok (inventory_config (o, &r, &error) == -EINVAL, "an unknown key: %s", error.text);
    json_decref (o);
    o = json_array ();
    ok (inventory_config (o, &r, &error) == -EINVAL, "nothing: %s", error.text);
    json_decref (o);
}

static void faked (void)
{
    json_t *o = json_pack ("{s:i s:i s:i}", "nnodes", 4, "cores-per-node", 4, "gpus-per-node", 2);
    struct rset *r = NULL;
    flux_error_t error = { "" };

    ok (inventory_fake (o, &r, &error) == 0, "fake resources %s", error.text);
    is_short (r, "rank[0-3]/core[0-3],gpu[0-1]", "as asked for");
    is (rset_host_at (r, 3), "fake3", "with names");
    rset_free (r);
    json_object_set_new (o, "nnodes", json_integer (0));
    ok (inventory_fake (o, &r, &error) == -EINVAL, "no nodes: %s", error.text);
    json_decref (o);
}

static void probed (void)
{
    struct rset *r = NULL;
    flux_error_t error = { "" };
    long cpus = sysconf (_SC_NPROCESSORS_CONF);
    size_t cores;

    ok (inventory_probe (2, "vm,vm", &r, &error) == 0, "this machine %s", error.text);
    cores = rset_count (r, RSET_CORE) / 2;
    ok (cores >= 1 && cores <= (size_t)cpus, "has %zu cores, of %ld CPUs", cores, cpus);
    ok (rset_nnodes (r) == 2 && !strcmp (rset_host_at (r, 1), "vm"), "two brokers on it");
    rset_free (r);
    ok (inventory_probe (2, "vm", &r, &error) == -EINVAL, "too few hosts: %s", error.text);
}

int main (void)
{
    configured ();
    faked ();
    probed ();
    return done_testing ();
}
