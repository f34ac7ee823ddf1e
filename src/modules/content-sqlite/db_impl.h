/* content-sqlite/db_impl.h - what the files of db.h share. */

#ifndef CONTENT_SQLITE_DB_IMPL_H
#define CONTENT_SQLITE_DB_IMPL_H

#include <sqlite3.h>

#include "common/util.h"
#include "db.h"

struct db {
    sqlite3 *sq;
    sqlite3_stmt *load;
    sqlite3_stmt *store;
    sqlite3_stmt *validate;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *rollback;
    int64_t epoch;
    int64_t rolling; /* id of the newest checkpoint if it is a rolling one, else 0 */
    int max_checkpoints;
    bool sync_checkpoints; /* checkpoints are synced, other commits are not */
    char *lz4;             /* room to compress into, kept */
    size_t lz4_size;
    char error[256];
};

/* Remember what went wrong, as errno: negative. */
int db_fail (struct db *db);

/* Run one statement without a result. */
int db_exec (struct db *db, const char *sql);
int db_prepare (struct db *db, const char *sql, sqlite3_stmt **stmt);

/* Step a statement that returns no rows, and reset it. */
int db_step_done (struct db *db, sqlite3_stmt *stmt);

/* Digests have storage class TEXT. */
int db_bind_ref (struct db *db, sqlite3_stmt *stmt, int i, const struct blobref *ref);

/* A statement that returns one integer (0 if NULL). */
int db_get_int (struct db *db, const char *sql, int64_t *value);

#endif /* !CONTENT_SQLITE_DB_IMPL_H */
