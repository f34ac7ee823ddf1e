/* target_merge.c - transactions that wait for each other and are merged.
 *
 * The input is an array of transactions: each an array of operations, or an
 * object with such as "ops" (the steps of the golden transactions); bytes that
 * are no JSON are the dice by which some are made up.  They are sent at once to one engine, which merges them, and one after another to
 * another: the answers and the root must be the same.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "modules/kvs/testbed.h"
#include "fuzz.h"

#define TXNS_MAX 5

struct side {
    struct tb_store store;
    struct testbed tb;
    struct tb_req *req[TXNS_MAX];
};

static void put (struct testbed *tb, const char *ops)
{
    struct tb_req *req = tb_commit (tb, "primary", 0, 0, ops);

    tb_pump (tb);
    must (req->done && req->r.errnum == 0);
    tb_req_free (req);
}

static void side_init (struct side *s)
{
    struct kvs_config cfg = { .owner = 0, .hash = BLOBREF_SHA1, .merge = true };
    struct blobref root;

    tb_store_init (&s->store, BLOBREF_SHA1);
    tb_init (&s->tb, &s->store, &cfg);
    tb_empty_root (&s->tb, &root);
    must (kvs_engine_ns_create (s->tb.e, "primary", 0, 0, &root, 0, KVS_NS_SILENT) == 0);
    tb_pump (&s->tb);
    tb_put (&s->tb, "primary", "a.b.c", "value");
    tb_put (&s->tb, "primary", "log",
            "a value that is too long to stay in its directory, for sure");
    put (&s->tb, "[{\"key\":\"l\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"symlink\","
                 "\"data\":{\"target\":\"a.b\"}}}]");
}

static void side_fini (struct side *s)
{
    for (size_t i = 0; i < TXNS_MAX; i++) {
        if (s->req[i])
            tb_req_free (s->req[i]);
    }
    tb_fini (&s->tb);
    tb_store_fini (&s->store);
}

static void send (struct side *s, json_t *txns, bool pump)
{
    json_t *txn;
    size_t i;

    json_array_foreach (txns, i, txn)
    {
        json_t *ops = json_object_get (txn, "ops");
        char *text = json_dumps (ops ? ops : txn, JSON_ENCODE_ANY);

        if (i == TXNS_MAX || !text) {
            free (text);
            break;
        }
        s->req[i] = tb_commit (&s->tb, "primary", 0, 0, text);
        free (text);
        if (pump)
            tb_pump (&s->tb);
    }
    tb_pump (&s->tb);
}

static void compare (struct side *a, struct side *b)
{
    struct blobref x, y;
    int64_t seq;

    for (size_t i = 0; i < TXNS_MAX && a->req[i]; i++) {
        must (a->req[i]->done && b->req[i]->done);
        /* A value that is no base64 is found out when it is stored: not if one
         * behind it in the same commit took its place.
         */
        if (b->req[i]->r.errnum == EPROTO)
            return;
        must (a->req[i]->r.errnum == b->req[i]->r.errnum);
    }
    must (kvs_engine_root (a->tb.e, "primary", &x, &seq) == 0);
    must (kvs_engine_root (b->tb.e, "primary", &y, &seq) == 0);
    must (blobref_equal (&x, &y));
}

/* ---- transactions by dice ---- */

#define VAL(s) "{\"data\":\"" s "\",\"type\":\"val\",\"ver\":1}"
#define LONG \
    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
#define LINK(s) "{\"data\":{\"target\":\"" s "\"},\"type\":\"symlink\",\"ver\":1}"

static const char *const keys[] = {
    "a", "a.b", "a.b.c", "a.b.d", "log", "l", "l.c", "l.d", "x.y", "x", "a.b.c.d", ".",
};

static const char *const objects[] = {
    VAL (""),
    VAL ("MQ=="),
    VAL ("dmFsdWU="),
    VAL (LONG),
    VAL ("**"), /* no base64, but too short to be found out */
    LINK ("a.b"),
    LINK ("l"),
    LINK ("x"),
    LINK ("."),
    "{\"data\":{},\"type\":\"dir\",\"ver\":1}",
    "{\"data\":{\"c\":" VAL (LONG) ",\"d\":{\"data\":{\"e\":" VAL (
        "MQ==") "},\"type\":\"dir\",\"ver\":1}},\"type\":\"dir\",\"ver\":1}",
    "{\"data\":[\"sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709\"],\"type\":\"valref\","
    "\"ver\":1}",
    "{\"data\":[\"sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709\"],\"type\":\"dirref\","
    "\"ver\":1}",
};

static void roll_condition (struct fuzz_dice *d, struct text *t)
{
    unsigned int what = fuzz_roll (d, 2 + ARRAY_SIZE (objects));

    text_printf (t, "{\"key\":\"%s\",\"if\":%s},", keys[fuzz_roll (d, ARRAY_SIZE (keys))],
                 what == 0   ? "null"
                 : what == 1 ? "true"
                             : objects[what - 2]);
}

static void roll_op (struct fuzz_dice *d, struct text *t)
{
    unsigned int what = fuzz_roll (d, 3);

    text_printf (t, "{\"key\":\"%s\",\"flags\":%d,\"dirent\":%s},",
                 keys[fuzz_roll (d, ARRAY_SIZE (keys))], what == 1 ? 32 : 0,
                 what == 2 ? "null" : objects[fuzz_roll (d, ARRAY_SIZE (objects))]);
}

static void close_list (struct text *t)
{
    if (t->buf[t->len - 1] == ',')
        t->len--;
    text_puts (t, "]");
}

static json_t *roll_transactions (const char *data, size_t size)
{
    struct fuzz_dice d = { data, data + size };
    struct text t = TEXT_INIT;
    json_t *o;

    text_puts (&t, "[");
    for (int txns = 0; txns < TXNS_MAX && d.p < d.end; txns++) {
        text_puts (&t, "[");
        for (unsigned int n = fuzz_roll (&d, 3); n > 0; n--)
            roll_condition (&d, &t);
        for (unsigned int n = fuzz_roll (&d, 4); n > 0; n--)
            roll_op (&d, &t);
        close_list (&t);
        text_puts (&t, ",");
    }
    close_list (&t);
    must (text_error (&t) == 0);
    o = json_loads (t.buf, 0, NULL);
    must (o);
    text_fini (&t);
    return o;
}

static void kvsmerge_one (const char *data, size_t size)
{
    json_t *json = fuzz_json (data, size);
    json_t *txns = json ? json : roll_transactions (data, size);
    char *text = fuzz_dump (txns);
    struct side merged = { .req = { NULL } }, single = { .req = { NULL } };

    /* Merged ones share a sequence number: there are fewer. */
    if (!json_is_array (txns) || !text || strstr (text, "\"rootseq\"")) {
        free (text);
        json_decref (txns);
        return;
    }
    side_init (&merged);
    side_init (&single);
    send (&merged, txns, false);
    send (&single, txns, true);
    compare (&merged, &single);
    side_fini (&merged);
    side_fini (&single);
    free (text);
    json_decref (txns);
}

#define PUT(key, s) "{\"key\":\"" key "\",\"flags\":0,\"dirent\":" VAL (s) "}"
#define APPEND(key, s) "{\"key\":\"" key "\",\"flags\":32,\"dirent\":" VAL (s) "}"

static const struct fuzz_source kvsmerge_sources[] = {
    { "kvs-transactions.json", "steps", FUZZ_JSON },
    { 0 },
};

static const char *const kvsmerge_seeds[] = {
    "[[{\"key\":\"k\",\"if\":null}," PUT (
        "k",
        "MQ==") "],[{\"key\":\"k\",\"if\":null}," PUT ("k",
                                                       "Mg==") "],[{\"key\":\"k\","
                                                               "\"if\":" VAL ("MQ==") "},"
                                                                                      "{"
                                                                                      "\""
                                                                                      "ke"
                                                                                      "y"
                                                                                      "\""
                                                                                      ":"
                                                                                      "\""
                                                                                      "k"
                                                                                      "\""
                                                                                      ","
                                                                                      "\""
                                                                                      "fl"
                                                                                      "ag"
                                                                                      "s"
                                                                                      "\""
                                                                                      ":0"
                                                                                      ","
                                                                                      "\""
                                                                                      "di"
                                                                                      "re"
                                                                                      "nt"
                                                                                      "\""
                                                                                      ":n"
                                                                                      "ul"
                                                                                      "l}"
                                                                                      "]"
                                                                                      "]",
    "[[" PUT ("a.b.c", LONG) "],[{\"key\":\"a.b.c\",\"if\":" VAL (LONG) "}," APPEND (
        "a.b.c",
        "MQ==") "],[{\"key\":\"a.b\",\"if\":true}],[" PUT ("a",
                                                           "MQ==") "," PUT ("l.x",
                                                                            "MQ==") "]]",
    "[[" APPEND ("log", "MQ==") "],[" APPEND ("l", "MQ==") "],[" APPEND (
        "log",
        "Mg==") "],["
                "{\"key\":\"l.c\",\"if\":true},{\"key\":\"a.b\",\"flags\":0,\"dirent\":"
                "null}],[{\"key\":\"l.c\",\"if\":true}]]",
    "[[" PUT ("z", "*" LONG) "],[{\"key\":\"z\",\"if\":null}," PUT ("y", "MQ==") "]]",
    NULL,
};

static const char *const kvsmerge_words[] = {
    "],[",
    "{\"key\":\"a.b.c\",\"if\":null},",
    "{\"key\":\"a.b.c\",\"if\":true},",
    "{\"key\":\"l.c\",\"if\":" VAL ("dmFsdWU=") "},",
    PUT ("a.b.c", "MQ==") ",",
    PUT ("l.d", LONG) ",",
    APPEND ("log", "MQ==") ",",
    "{\"key\":\"a.b\",\"flags\":0,\"dirent\":{\"data\":{\"x\":" VAL (
        LONG) "},\"type\":\"dir\",\"ver\":1}},",
    "{\"key\":\"l\",\"flags\":0,\"dirent\":null},",
    NULL,
};

const struct fuzz_target fuzz_kvsmerge = {
    .name = "kvsmerge",
    .one = kvsmerge_one,
    .sources = kvsmerge_sources,
    .seeds = kvsmerge_seeds,
    .words = kvsmerge_words,
};
