#include "config.h"
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "common/blobhash.h"
#include "common/tap.h"
#include "db.h"

static char dir[] = "/tmp/db_test.XXXXXX";
static char path[100];
static struct blobhash *hash;

static struct db *open_db (bool truncate)
{
    struct db_config cfg = {
        .path = path,
        .journal_mode = "WAL",
        .synchronous = "NORMAL",
        .max_checkpoints = 2,
        .truncate = truncate,
    };
    struct db *db = NULL;
    char *error;
    int r = db_open (&cfg, &db, &error);

    if (r < 0)
        diag ("%s: %s (%s)", path, strerror (-r), error ? error : "");
    free (error);
    return db;
}

static struct blobref put (struct db *db, const void *data, size_t len)
{
    struct blobref ref;

    blobhash_sum (hash, data, len, &ref);
    if (db_begin (db) < 0 || db_store (db, &ref, data, len) < 0 || db_commit (db) < 0)
        bail_out ("%s", db_error (db));
    return ref;
}

static bool holds (struct db *db, const struct blobref *ref, const void *data, size_t len)
{
    void *got = NULL;
    size_t n = 0;
    bool same =
        db_load (db, ref, &got, &n) == 0 && n == len && memcmp (got, data, len) == 0;

    free (got);
    return same;
}

/* What another program sees in the file. */
static const char *query (const char *sql)
{
    static char result[1000];
    sqlite3_stmt *stmt;
    sqlite3 *sq;

    snprintf (result, sizeof (result), "nothing");
    if (sqlite3_open (path, &sq) != SQLITE_OK
        || sqlite3_prepare_v2 (sq, sql, -1, &stmt, NULL) != SQLITE_OK)
        bail_out ("%s: %s", sql, sqlite3_errmsg (sq));
    if (sqlite3_step (stmt) == SQLITE_ROW)
        snprintf (result, sizeof (result), "%s",
                  (const char *)sqlite3_column_text (stmt, 0));
    sqlite3_finalize (stmt);
    sqlite3_close (sq);
    return result;
}

static void execute (const char *sql)
{
    sqlite3 *sq;

    if (sqlite3_open (path, &sq) != SQLITE_OK
        || sqlite3_exec (sq, sql, NULL, NULL, NULL) != SQLITE_OK)
        bail_out ("%s: %s", sql, sqlite3_errmsg (sq));
    sqlite3_close (sq);
}

static void blobs (void)
{
    struct db *db = open_db (true);
    char big[5000], other[256];
    struct blobref empty, small, large, random, none = { .kind = BLOBREF_SHA1 };
    unsigned int seed = 1;
    void *data;
    size_t len;

    memset (big, 'x', sizeof (big));
    for (size_t i = 0; i < sizeof (other); i++)
        other[i] = rand_r (&seed);
    empty = put (db, "", 0);
    small = put (db, "a\0b", 3);
    large = put (db, big, sizeof (big));
    random = put (db, other, sizeof (other));
    ok (holds (db, &empty, "", 0) && holds (db, &small, "a\0b", 3)
            && holds (db, &large, big, sizeof (big)) && holds (db, &random, other, 256),
        "blobs come back as they went in");
    ok (db_load (db, &none, &data, &len) == -ENOENT && db_validate (db, &none) == -ENOENT,
        "a missing one is ENOENT");
    ok (db_validate (db, &small) == 0, "one that is there validates");
    put (db, "a\0b", 3);
    db_begin (db);
    db_store (db, &none, "x", 1);
    db_rollback (db);
    ok (db_validate (db, &none) == -ENOENT, "what is rolled back is not there");
    db_close (db);
    is (query ("SELECT group_concat(typeof(hash)||size||typeof(object)) FROM "
               "(SELECT * FROM objects ORDER BY size)"),
        "text-1null,text-1blob,text256blob,text5000blob",
        "the layout is the documented one");
    is (query ("SELECT length(object) < 100 FROM objects WHERE size = 5000"), "1",
        "large blobs are compressed");
    is (query ("SELECT length(object) > 256 FROM objects WHERE size = 256"), "1",
        "even if they grow by it");
    db = open_db (false);
    ok (holds (db, &large, big, sizeof (big)), "blobs outlive the process");
    db_close (db);
    db = open_db (true);
    ok (db_validate (db, &large) == -ENOENT, "unless the file is truncated");
    db_close (db);
}

static void checkpoints (void)
{
    struct db *db = open_db (true);
    struct text t = TEXT_INIT;
    int n;

    ok (db_checkpoint_list (db, false, &t, &n) == 0 && n == 0 && db_epoch (db) == 0,
        "there are no checkpoints at first");
    for (int i = 1; i <= 3; i++) {
        char value[30];

        snprintf (value, sizeof (value), "{\"sequence\":%d}", i);
        if (db_checkpoint_put (db, value, false) < 0)
            bail_out ("%s", db_error (db));
    }
    text_clear (&t);
    ok (db_checkpoint_list (db, false, &t, &n) == 0 && n == 2, "the newest are kept");
    is (t.buf, "[{\"sequence\":3},{\"sequence\":2}]", "newest first");
    text_clear (&t);
    db_close (db);
    db = open_db (false);
    ok (db_checkpoint_list (db, true, &t, &n) == 0 && db_epoch (db) == 3,
        "after a restart, too");
    is (t.buf,
        "[{\"id\":3,\"value\":{\"sequence\":3}},{\"id\":2,\"value\":{\"sequence\":2}}]",
        "with their ids");
    text_fini (&t);
    db_close (db);
}

static void rolling_checkpoints (void)
{
    struct db *db = open_db (true);
    struct text t = TEXT_INIT;
    int n;

    db_checkpoint_put (db, "1", false);
    for (int i = 0; i < 10; i++)
        db_checkpoint_put (db, "2", true);
    ok (db_checkpoint_list (db, false, &t, &n) == 0 && n == 2 && db_epoch (db) == 2,
        "rolling checkpoints take one place");
    is (t.buf, "[2,1]", "the newest");
    db_checkpoint_put (db, "3", false);
    text_clear (&t);
    db_checkpoint_list (db, false, &t, &n);
    is (t.buf, "[3,1]", "which the next one takes over");
    ok (db_epoch (db) == 3, "with an epoch of its own");
    text_fini (&t);
    db_close (db);
}

static void collecting (void)
{
    struct db *db = open_db (true);
    struct db_sweep sw = { .epoch = 2, .delete_cap = 2, .window = 1000 };
    struct blobref refs[10];
    int64_t count;
    int marked;

    for (int i = 0; i < 10; i++) {
        if (i == 5)
            db_checkpoint_put (db, "{}", false);
        refs[i] = put (db, &i, sizeof (i));
    }
    db_checkpoint_put (db, "{}", false);
    ok (db_count_older (db, 2, &count) == 0 && count == 10 && db_high_water (db) == 10,
        "ten blobs of older epochs");
    ok (db_mark (db, refs, 3, 2, &marked) == 0 && marked == 3, "three are marked");
    sw.high_water = db_high_water (db);
    ok (db_sweep (db, &sw) == 0 && sw.deleted == 2 && sw.cursor == 5,
        "two are deleted at most");
    sw.delete_cap = 100;
    sw.window = 3;
    ok (db_sweep (db, &sw) == 0 && sw.deleted == 3 && sw.cursor == 8,
        "or those in the next three rows");
    sw.window = 1000;
    ok (db_sweep (db, &sw) == 0 && sw.deleted == 2 && sw.cursor == 10, "or all the rest");
    ok (db_validate (db, &refs[0]) == 0 && db_validate (db, &refs[2]) == 0
            && db_validate (db, &refs[3]) == -ENOENT
            && db_validate (db, &refs[9]) == -ENOENT,
        "marked ones stay");
    db_close (db);
}

static void old_files (void)
{
    struct text t = TEXT_INIT;
    struct db *db;
    int n;

    db_close (open_db (true));
    execute ("DROP TABLE objects; DROP TABLE checkpt_v2;"
             "CREATE TABLE objects(hash BLOB PRIMARY KEY, size INT, object BLOB);"
             "CREATE TABLE checkpt(key TEXT, value TEXT);"
             "INSERT INTO checkpt VALUES('kvs-primary', '{\"old\":1}')");
    db = open_db (false);
    ok (db && db_checkpoint_list (db, false, &t, &n) == 0, "an old file is accepted");
    is (t.buf, "[{\"old\":1}]", "its checkpoint is taken over");
    put (db, "x", 1);
    db_close (db);
    is (query ("SELECT COUNT(*) FROM sqlite_master WHERE name='checkpt'"), "0",
        "and the old table is gone");
    text_fini (&t);
}

static void bad_files (void)
{
    struct db_config cfg = { .path = path,
                             .journal_mode = "WAL",
                             .synchronous = "sometimes" };
    struct db *db = NULL;
    char *error = NULL;
    FILE *f;

    ok (!db_config_valid (&cfg), "an unknown mode is not valid");
    cfg.synchronous = "OFF";
    ok (db_config_valid (&cfg), "a known one is");
    db_close (open_db (true));
    f = fopen (path, "w");
    fputs ("this is no database, this is no database, this is no database", f);
    fclose (f);
    ok (db_open (&cfg, &db, &error) == -EINVAL && error,
        "what is no database is EINVAL: %s", error ? error : "");
    free (error);
    unlink (path);
}

int main (void)
{
    if (!mkdtemp (dir) || blobhash_new (BLOBREF_SHA1, &hash) < 0)
        bail_out ("no place to work in");
    snprintf (path, sizeof (path), "%s/content.sqlite", dir);
    blobs ();
    checkpoints ();
    rolling_checkpoints ();
    collecting ();
    old_files ();
    bad_files ();
    blobhash_free (hash);
    rmdir (dir);
    return done_testing ();
}
