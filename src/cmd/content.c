/* content.c - flux content: blobs by name, without the KVS. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "common/blobref.h"
#include "common/text.h"

/* Requests under way at once: enough to keep the service busy, few enough
 * that blobs do not pile up here.
 */
enum { WINDOW = 64 };

enum { KEY_CHUNKSIZE = 256 };

struct content {
    flux_t *h;
    bool bypass;
    long long chunksize;
    bool no_header;
    bool json;
    int kind; /* of the instance's hash */
    flux_future_t *ring[WINDOW];
    size_t first, count;
};

#define BYPASS_OPT { 'b', "bypass-cache", OPT_NONE, NULL,                                 \
      "go to the backing store directly" }

static const struct opt load_opts[] = { BYPASS_OPT, OPT_END };

static const struct opt_table load_table = {
    .prog = "flux-content load",
    .usage = "[OPTIONS] [BLOBREF...]",
    .summary =
        "Write the blobs of these names, or of those on standard input, one a line.",
    .opts = load_opts,
};

static const struct opt store_opts[] = {
    BYPASS_OPT,
    { KEY_CHUNKSIZE, "chunksize", OPT_REQUIRED, "N",
      "split the input into blobs of N bytes" },
    OPT_END,
};

static const struct opt_table store_table = {
    .prog = "flux-content store",
    .usage = "[OPTIONS]",
    .summary = "Store standard input and print its blobref.",
    .example = "flux content store <file",
    .opts = store_opts,
};

static void set (int key, const char *arg, void *data)
{
    struct content *c = data;

    switch (key) {
        case 'b':
            c->bypass = true;
            break;
        case 'n':
            c->no_header = true;
            break;
        case 'j':
            c->json = true;
            break;
        case KEY_CHUNKSIZE:
            c->chunksize = opt_number (&store_table, "chunksize", arg, 0, INT_MAX);
            break;
    }
}

/* Send a blob or a digest to the cache's or the backing store's method. */
static flux_future_t *send (struct content *c,
                            const char *method,
                            const void *data,
                            size_t len)
{
    char topic[64];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), "%s.%s", c->bypass ? "content-backing" : "content",
              method);
    f = flux_rpc_raw (c->h, topic, len ? data : NULL, len,
                      c->bypass ? 0 : FLUX_NODEID_ANY, 0);
    if (!f)
        cmd_die ("%s: %s", topic, flux_strerror (errno));
    return f;
}

/* Queue a request; 'take' gets the oldest answer when the window is full, and
 * all that are left when f is NULL.
 */
static void enqueue (struct content *c,
                     flux_future_t *f,
                     void (*take) (struct content *c, flux_future_t *f))
{
    while (c->count > 0 && (!f || c->count == WINDOW)) {
        take (c, c->ring[c->first]);
        c->first = (c->first + 1) % WINDOW;
        c->count--;
    }
    if (f)
        c->ring[(c->first + c->count++) % WINDOW] = f;
}

/* -- load -- */

static void write_blob (struct content *c, flux_future_t *f)
{
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        cmd_die ("error loading blob: %s", cmd_future_error (f));
    if (len > 0 && fwrite (data, 1, len, stdout) != len)
        cmd_die ("stdout: %s", strerror (errno));
    flux_future_destroy (f);
}

static void load_one (struct content *c, const char *name)
{
    struct blobref ref;

    if (blobref_parse (name, strlen (name), &ref) < 0)
        cmd_die ("error loading blob: %s: invalid blobref", name);
    enqueue (c, send (c, "load", ref.bytes, blobref_digest_size (ref.kind)), write_blob);
}

/* Returns the number of names. */
static size_t load_lines (struct content *c)
{
    char *line = NULL;
    size_t size = 0, n = 0;

    while (getline (&line, &size, stdin) >= 0) {
        line[strcspn (line, " \t\r\n")] = '\0';
        if (*line) {
            load_one (c, line);
            n++;
        }
    }
    free (line);
    return n;
}

static int load (int argc, char **argv)
{
    struct content c = { .bypass = false };
    int i = opt_parse (&load_table, argc, argv, set, &c);
    size_t n = argc - i;

    c.h = cmd_open ();
    for (; i < argc; i++)
        load_one (&c, argv[i]);
    if (n == 0)
        n = load_lines (&c);
    if (n == 0)
        cmd_die ("no blobrefs were specified");
    enqueue (&c, NULL, write_blob);
    fflush (stdout);
    flux_close (c.h);
    return 0;
}

/* -- store -- */

static void print_ref (struct content *c, flux_future_t *f)
{
    char buf[BLOBREF_TEXT_SIZE];
    struct blobref ref;
    const void *digest;
    size_t len;

    if (flux_rpc_get_raw (f, &digest, &len) < 0)
        cmd_die ("error storing blob: %s", cmd_future_error (f));
    if (blobref_from_digest (c->kind, digest, len, &ref) < 0)
        cmd_die ("error storing blob: %s", flux_strerror (EPROTO));
    printf ("%s\n", blobref_str (&ref, buf));
    flux_future_destroy (f);
}

/* Read the next blob of the input; its length, 0 at the end. */
static size_t read_chunk (const struct content *c, struct text *t)
{
    size_t n = 1;

    text_clear (t);
    while (n > 0 && (c->chunksize == 0 || t->len < (size_t)c->chunksize)) {
        size_t room = c->chunksize ? c->chunksize - t->len : 1 << 16;
        char *p = text_reserve (t, room < 1 << 16 ? room : 1 << 16);

        if (!p)
            cmd_die ("out of memory");
        n = fread (p, 1, room < 1 << 16 ? room : 1 << 16, stdin);
        text_commit (t, n);
    }
    if (ferror (stdin))
        cmd_die ("stdin: %s", strerror (errno));
    return t->len;
}

static int store (int argc, char **argv)
{
    struct content c = { .bypass = false };
    struct text t = TEXT_INIT;
    const char *hash;
    bool any = false;

    if (opt_parse (&store_table, argc, argv, set, &c) < argc)
        opt_usage (&store_table);
    c.h = cmd_open ();
    if (!(hash = flux_attr_get (c.h, "content.hash"))
        || (c.kind = blobref_kind_parse (hash)) < 0)
        cmd_die ("content.hash: %s", hash ? hash : flux_strerror (errno));
    while (read_chunk (&c, &t) > 0 || !any) {
        enqueue (&c, send (&c, "store", t.buf, t.len), print_ref);
        any = true;
    }
    enqueue (&c, NULL, print_ref);
    text_fini (&t);
    flux_close (c.h);
    return 0;
}

/* -- flush, dropcache -- */

static int simple (const struct opt_table *table, const char *topic, int argc, char **argv)
{
    flux_future_t *f;
    flux_t *h;

    if (opt_parse (table, argc, argv, NULL, NULL) < argc)
        opt_usage (table);
    h = cmd_open ();
    if (!(f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0)) || flux_rpc_get (f, NULL) < 0)
        cmd_die ("%s: %s", topic, f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int flush (int argc, char **argv)
{
    static const struct opt_table table = {
        .prog = "flux-content flush",
        .usage = "",
        .summary = "Wait until all blobs are in the backing store.",
    };

    return simple (&table, "content.flush", argc, argv);
}

static int dropcache (int argc, char **argv)
{
    static const struct opt_table table = {
        .prog = "flux-content dropcache",
        .usage = "",
        .summary = "Drop the blobs that are in the backing store from memory.",
    };

    return simple (&table, "content.dropcache", argc, argv);
}

/* -- checkpoint -- */

static const struct opt list_opts[] = {
    { 'n', "no-header", OPT_NONE, NULL, "no header line" },
    { 'j', "json", OPT_NONE, NULL, "print JSON, one checkpoint a line" },
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-content checkpoint list",
    .usage = "[OPTIONS]",
    .summary = "List the checkpoints of the KVS, newest first.",
    .opts = list_opts,
};

static void print_checkpoint (size_t index, json_t *o)
{
    double timestamp = 0;
    json_int_t sequence = 0;
    const char *rootref = "";
    char number[24], seq[24], when[32] = "";
    struct tm tm;
    time_t t;

    if (json_unpack (o, "{s?F s?I s:s}", "timestamp", &timestamp, "sequence", &sequence,
                     "rootref", &rootref)
        < 0)
        cmd_die ("checkpoint %zu: %s", index, flux_strerror (EPROTO));
    t = timestamp;
    if (gmtime_r (&t, &tm))
        strftime (when, sizeof (when), "%FT%TZ", &tm);
    snprintf (number, sizeof (number), "%zu", index);
    snprintf (seq, sizeof (seq), "%lld", (long long)sequence);
    printf ("%-10s %-10s %-20s %s\n", number, seq, when, rootref);
}

static int checkpoint_list (int argc, char **argv)
{
    struct content c = { .bypass = false };
    json_t *value, *list, *o;
    flux_future_t *f;
    size_t i;

    if (opt_parse (&list_table, argc, argv, set, &c) < argc)
        opt_usage (&list_table);
    c.h = cmd_open ();
    f = flux_rpc (c.h, "content.checkpoint-get", NULL, FLUX_NODEID_ANY, 0);
    if (!f || flux_rpc_get_unpack (f, "{s:o}", "value", &value) < 0)
        cmd_die ("error fetching checkpoints: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    /* an old server answers with one object */
    list = json_is_array (value) ? json_incref (value) : json_pack ("[O]", value);
    if (!c.json && !c.no_header)
        printf ("%-10s %-10s %-20s %s\n", "Index", "Sequence", "Time", "Rootref");
    json_array_foreach (list, i, o) {
        if (!c.json)
            print_checkpoint (i, o);
        else {
            json_dumpf (o, stdout, JSON_COMPACT);
            printf ("\n");
        }
    }
    json_decref (list);
    flux_future_destroy (f);
    flux_close (c.h);
    return 0;
}

static bool kvs_is_loaded (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "kvs.getroot", "{\"namespace\":\"primary\"}", 0, 0);
    bool loaded = f && (flux_rpc_get (f, NULL) == 0 || errno != ENOSYS);

    flux_future_destroy (f);
    return loaded;
}

static const struct opt_table update_table = {
    .prog = "flux-content checkpoint update",
    .usage = "BLOBREF",
    .summary = "Make the KVS start with this root.  It must not be loaded.",
};

static int checkpoint_update (int argc, char **argv)
{
    int i = opt_parse (&update_table, argc, argv, NULL, NULL);
    flux_future_t *f;
    flux_t *h;

    if (argc - i != 1)
        opt_usage (&update_table);
    if (!blobref_text_valid (argv[i], strlen (argv[i])))
        cmd_die ("%s: invalid blobref", argv[i]);
    h = cmd_open ();
    if (kvs_is_loaded (h))
        cmd_die ("please unload kvs module before updating checkpoint");
    f = flux_rpc_pack (h, "content-backing.checkpoint-put", 0, 0, "{s:{s:i s:s s:i s:f}}",
                       "value", "version", 1, "rootref", argv[i], "sequence", 0,
                       "timestamp", flux_reactor_time ());
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("error updating checkpoint: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd checkpoint_commands[] = {
    { "list", checkpoint_list, "list the checkpoints" },
    { "update", checkpoint_update, "make the KVS start with another root" },
    { NULL, NULL, NULL },
};

static int checkpoint (int argc, char **argv)
{
    return cmd_group ("flux content checkpoint", checkpoint_commands, argc, argv);
}

static const struct cmd subcommands[] = {
    { "load", load, "write blobs by name" },
    { "store", store, "store standard input, print its name" },
    { "flush", flush, "wait until all is in the backing store" },
    { "dropcache", dropcache, "drop from memory what is there" },
    { "checkpoint", checkpoint, "list and change the checkpoints of the KVS" },
    { NULL, NULL, NULL },
};

int cmd_content (int argc, char **argv)
{
    return cmd_group ("flux content", subcommands, argc, argv);
}
