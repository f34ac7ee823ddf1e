#include "config.h"
#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <stdio.h>

#include "db_impl.h"

#define LZ4_MIN 256 /* bytes: smaller blobs are not compressed */

static const char *const journal_modes[] = { "DELETE", "TRUNCATE", "PERSIST",
                                             "MEMORY", "WAL",      "OFF" };
static const char *const sync_modes[] = { "EXTRA", "FULL", "NORMAL", "OFF" };

static bool one_of (const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp (s, list[i]) == 0)
            return true;
    }
    return false;
}

bool db_config_valid (const struct db_config *cfg)
{
    return one_of (cfg->journal_mode, journal_modes, ARRAY_SIZE (journal_modes))
           && one_of (cfg->synchronous, sync_modes, ARRAY_SIZE (sync_modes));
}

/* ---- errors ---- */

static int map_error (int code)
{
    switch (code & 0xff) {
        case SQLITE_IOERR:
            return EIO;
        case SQLITE_NOMEM:
            return ENOMEM;
        case SQLITE_ABORT:
        case SQLITE_PERM:
        case SQLITE_READONLY:
            return EPERM;
        case SQLITE_TOOBIG:
            return EFBIG;
        case SQLITE_FULL:
            return ENOSPC;
    }
    return EINVAL;
}

int db_fail (struct db *db)
{
    int code = sqlite3_extended_errcode (db->sq);

    snprintf (db->error, sizeof (db->error), "%s (%d)", sqlite3_errmsg (db->sq), code);
    return -map_error (code);
}

const char *db_error (const struct db *db)
{
    return db->error;
}

/* ---- statements ---- */

int db_exec (struct db *db, const char *sql)
{
    if (sqlite3_exec (db->sq, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail (db);
    return 0;
}

int db_prepare (struct db *db, const char *sql, sqlite3_stmt **stmt)
{
    if (sqlite3_prepare_v2 (db->sq, sql, -1, stmt, NULL) != SQLITE_OK)
        return db_fail (db);
    return 0;
}

int db_step_done (struct db *db, sqlite3_stmt *stmt)
{
    int r = 0;

    if (sqlite3_step (stmt) != SQLITE_DONE)
        r = db_fail (db);
    sqlite3_reset (stmt);
    return r;
}

int db_bind_ref (struct db *db, sqlite3_stmt *stmt, int i, const struct blobref *ref)
{
    if (sqlite3_bind_text (stmt, i, (const char *)ref->bytes,
                           blobref_digest_size (ref->kind), SQLITE_STATIC)
        != SQLITE_OK)
        return db_fail (db);
    return 0;
}

int db_get_int (struct db *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db, sql, &stmt)) < 0)
        return r;
    if (sqlite3_step (stmt) == SQLITE_ROW)
        *value = sqlite3_column_int64 (stmt, 0);
    else
        r = db_fail (db);
    sqlite3_finalize (stmt);
    return r;
}

/* ---- opening ---- */

static int set_modes (struct db *db, const struct db_config *cfg)
{
    char sql[200];

    snprintf (sql, sizeof (sql),
              "PRAGMA locking_mode=EXCLUSIVE;"
              "PRAGMA cache_size=-%d;"
              "PRAGMA journal_mode=%s;"
              "PRAGMA synchronous=%s",
              DB_CACHE_KIB, cfg->journal_mode, cfg->synchronous);
    db->sync_checkpoints = strcmp (cfg->journal_mode, "WAL") == 0
                           && strcmp (cfg->synchronous, "NORMAL") == 0;
    return db_exec (db, sql);
}

/* Is what is there sound?  SQLite answers with "ok" or a list of complaints. */
static int check (struct db *db)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db, "PRAGMA quick_check", &stmt)) < 0)
        return r;
    if (sqlite3_step (stmt) != SQLITE_ROW)
        r = db_fail (db);
    else if (strcmp ((const char *)sqlite3_column_text (stmt, 0), "ok") != 0) {
        snprintf (db->error, sizeof (db->error), "%s",
                  (const char *)sqlite3_column_text (stmt, 0));
        r = -EINVAL;
    }
    sqlite3_finalize (stmt);
    return r;
}

/* Older files lack the epoch, or have their checkpoint in another table. */
static int upgrade (struct db *db)
{
    int64_t n;
    int r;

    if ((r = db_get_int (db,
                         "SELECT COUNT(*) FROM pragma_table_info('objects') "
                         "WHERE name='epoch'",
                         &n))
        < 0)
        return r;
    if (n == 0
        && (r = db_exec (db, "ALTER TABLE objects ADD COLUMN epoch INT DEFAULT 0")) < 0)
        return r;
    if ((r = db_get_int (db,
                         "SELECT COUNT(*) FROM sqlite_master "
                         "WHERE type='table' AND name='checkpt'",
                         &n))
        < 0)
        return r;
    if (n == 0)
        return 0;
    if ((r = db_get_int (db,
                         "SELECT COUNT(*) FROM checkpt "
                         "WHERE key='kvs-primary' AND NOT json_valid(value)",
                         &n))
        < 0)
        return r;
    if (n > 0) {
        snprintf (db->error, sizeof (db->error), "the old checkpoint is not JSON");
        return -EINVAL;
    }
    return db_exec (db, "BEGIN;"
                        "INSERT INTO checkpt_v2(value) "
                        "SELECT value FROM checkpt WHERE key='kvs-primary';"
                        "DROP TABLE checkpt;"
                        "COMMIT");
}

static int create_tables (struct db *db)
{
    return db_exec (db,
                    "CREATE TABLE IF NOT EXISTS objects("
                    "hash BLOB PRIMARY KEY, size INT, object BLOB, epoch INT DEFAULT 0);"
                    "CREATE TABLE IF NOT EXISTS checkpt_v2("
                    "id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, value TEXT)");
}

static int prepare_all (struct db *db)
{
    int r;

    if ((r = db_prepare (db, "SELECT object, size FROM objects WHERE hash=?1", &db->load))
            < 0
        || (r = db_prepare (db,
                            "INSERT INTO objects(hash, size, object, epoch) "
                            "VALUES(?1, ?2, ?3, ?4) "
                            "ON CONFLICT(hash) DO UPDATE SET epoch=excluded.epoch",
                            &db->store))
               < 0
        || (r = db_prepare (db, "SELECT 1 FROM objects WHERE hash=?1", &db->validate)) < 0
        || (r = db_prepare (db, "BEGIN", &db->begin)) < 0
        || (r = db_prepare (db, "COMMIT", &db->commit)) < 0
        || (r = db_prepare (db, "ROLLBACK", &db->rollback)) < 0)
        return r;
    return 0;
}

static int setup (struct db *db, const struct db_config *cfg)
{
    int r;

    if ((r = set_modes (db, cfg)) < 0 || (r = check (db)) < 0
        || (r = create_tables (db)) < 0 || (r = upgrade (db)) < 0
        || (r = db_get_int (db, "SELECT MAX(id) FROM checkpt_v2", &db->epoch)) < 0
        || (r = prepare_all (db)) < 0)
        return r;
    return 0;
}

static void remove_file (const char *path)
{
    static const char *const suffix[] = { "", "-wal", "-shm", "-journal" };

    for (size_t i = 0; i < ARRAY_SIZE (suffix); i++) {
        char name[PATH_MAX];

        snprintf (name, sizeof (name), "%s%s", path, suffix[i]);
        unlink (name);
    }
}

int db_open (const struct db_config *cfg, struct db **ret, char **error)
{
    struct db *db;
    int r;

    *error = NULL;
    if (cfg->truncate)
        remove_file (cfg->path);
    if (access (cfg->path, F_OK) == 0 && access (cfg->path, R_OK | W_OK) < 0)
        return -errno;
    if (!(db = calloc (1, sizeof (*db))))
        return -ENOMEM;
    db->max_checkpoints = cfg->max_checkpoints;
    if (sqlite3_open (cfg->path, &db->sq) != SQLITE_OK)
        r = db->sq ? db_fail (db) : -ENOMEM;
    else
        r = setup (db, cfg);
    if (r < 0) {
        *error = strdup (db->error);
        db_close (db);
        return r;
    }
    *ret = db;
    return 0;
}

void db_close (struct db *db)
{
    if (db) {
        sqlite3_finalize (db->load);
        sqlite3_finalize (db->store);
        sqlite3_finalize (db->validate);
        sqlite3_finalize (db->begin);
        sqlite3_finalize (db->commit);
        sqlite3_finalize (db->rollback);
        sqlite3_close (db->sq);
        free (db->lz4);
        free_keep_errno (db);
    }
}

/* ---- blobs ---- */

/* The row that the load statement is at. */
static int unpack (struct db *db, void **data, size_t *len)
{
    int packed = sqlite3_column_bytes (db->load, 0);
    const void *object = sqlite3_column_blob (db->load, 0); /* NULL if empty */
    int64_t size = sqlite3_column_int64 (db->load, 1);
    char *buf;

    if (size == -1)
        size = packed;
    else if (size < 0 || size > INT_MAX)
        goto corrupt;
    if (!(buf = malloc (size + 1)))
        return -ENOMEM;
    if (sqlite3_column_int64 (db->load, 1) == -1) {
        if (size > 0)
            memcpy (buf, object, size);
    }
    else if (LZ4_decompress_safe (object, buf, packed, size) != size) {
        free (buf);
        goto corrupt;
    }
    *data = buf;
    *len = size;
    return 0;
corrupt:
    snprintf (db->error, sizeof (db->error), "an object does not unpack");
    return -EINVAL;
}

int db_load (struct db *db, const struct blobref *ref, void **data, size_t *len)
{
    int r;

    if ((r = db_bind_ref (db, db->load, 1, ref)) < 0)
        return r;
    switch (sqlite3_step (db->load)) {
        case SQLITE_ROW:
            r = unpack (db, data, len);
            break;
        case SQLITE_DONE:
            r = -ENOENT;
            break;
        default:
            r = db_fail (db);
    }
    sqlite3_reset (db->load);
    return r;
}

int db_validate (struct db *db, const struct blobref *ref)
{
    int r;

    if ((r = db_bind_ref (db, db->validate, 1, ref)) < 0)
        return r;
    switch (sqlite3_step (db->validate)) {
        case SQLITE_ROW:
            r = 0;
            break;
        case SQLITE_DONE:
            r = -ENOENT;
            break;
        default:
            r = db_fail (db);
    }
    sqlite3_reset (db->validate);
    return r;
}

int db_begin (struct db *db)
{
    return db_step_done (db, db->begin);
}

int db_commit (struct db *db)
{
    return db_step_done (db, db->commit);
}

void db_rollback (struct db *db)
{
    /* Some errors have done so already. */
    if (!sqlite3_get_autocommit (db->sq)) {
        sqlite3_step (db->rollback);
        sqlite3_reset (db->rollback);
    }
}

/* Compress into db->lz4. */
static int pack (struct db *db, const void *data, size_t len, int *packed)
{
    size_t need;

    if (len > LZ4_MAX_INPUT_SIZE)
        return -EFBIG;
    need = LZ4_compressBound (len);
    if (db->lz4_size < need) {
        char *buf = realloc (db->lz4, need);

        if (!buf)
            return -ENOMEM;
        db->lz4 = buf;
        db->lz4_size = need;
    }
    *packed = LZ4_compress_default (data, db->lz4, len, db->lz4_size);
    return *packed > 0 ? 0 : -EINVAL;
}

static int bind_object (struct db *db, const void *data, size_t len)
{
    sqlite3_stmt *s = db->store;
    int packed, r;

    if (len < LZ4_MIN) {
        /* An empty blob: NULL, as bind_blob () makes of a NULL pointer. */
        if (sqlite3_bind_int64 (s, 2, -1) != SQLITE_OK
            || sqlite3_bind_blob (s, 3, len > 0 ? data : NULL, len, SQLITE_STATIC)
                   != SQLITE_OK)
            return db_fail (db);
        return 0;
    }
    if ((r = pack (db, data, len, &packed)) < 0)
        return r;
    if (sqlite3_bind_int64 (s, 2, len) != SQLITE_OK
        || sqlite3_bind_blob (s, 3, db->lz4, packed, SQLITE_STATIC) != SQLITE_OK)
        return db_fail (db);
    return 0;
}

int db_store (struct db *db, const struct blobref *ref, const void *data, size_t len)
{
    int r;

    if ((r = db_bind_ref (db, db->store, 1, ref)) < 0
        || (r = bind_object (db, data, len)) < 0)
        return r;
    if (sqlite3_bind_int64 (db->store, 4, db->epoch) != SQLITE_OK)
        return db_fail (db);
    return db_step_done (db, db->store);
}

int db_stats (struct db *db, struct db_stats *stats)
{
    int64_t pages, free_pages, page_size;
    int r;

    if ((r = db_get_int (db, "SELECT COUNT(*) FROM objects", &stats->objects)) < 0
        || (r = db_get_int (db, "PRAGMA page_count", &pages)) < 0
        || (r = db_get_int (db, "PRAGMA freelist_count", &free_pages)) < 0
        || (r = db_get_int (db, "PRAGMA page_size", &page_size)) < 0)
        return r;
    stats->file_size = pages * page_size;
    stats->file_free = free_pages * page_size;
    return 0;
}
