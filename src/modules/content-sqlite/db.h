/* content-sqlite/db.h - blobs and checkpoints in one SQLite file.
 *
 * Layout (spec kvs.md §5.1; stock Flux reads and writes the same):
 *
 *   objects(hash BLOB PRIMARY KEY, size INT, object BLOB, epoch INT DEFAULT 0)
 *     hash    raw digest, with storage class TEXT
 *     object  blobs of 256 bytes and more: one LZ4 block, size says how much it
 *             unpacks to; smaller ones as they are, size -1; empty ones: NULL
 *     epoch   number of the newest checkpoint when it was stored last
 *   checkpt_v2(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, value TEXT)
 *
 * Errors: 0 or a negative errno that SQLite's code maps to; db_error () is the
 * sentence of the last one.
 *
 * Bound: SQLite keeps DB_CACHE_KIB of the file's pages.  A blob is stored at a random
 * place of the index of hashes (some 40 bytes for each), and if that is not in memory, it
 * is read for it.
 *
 * Not thread-safe.  One process at a time has the file (locking_mode is
 * EXCLUSIVE).
 */

#ifndef CONTENT_SQLITE_DB_H
#define CONTENT_SQLITE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/blobref.h"
#include "common/text.h"

#define DB_CACHE_KIB (32 * 1024)

struct db;

struct db_config {
    const char *path;
    const char *journal_mode; /* see db_config_valid () */
    const char *synchronous;
    int max_checkpoints; /* > 0 */
    bool truncate;       /* begin with an empty file */
};

/* Are the two modes ones that SQLite knows? */
bool db_config_valid (const struct db_config *cfg);

/* On failure *error is set to a sentence that the caller frees, or NULL. */
int db_open (const struct db_config *cfg, struct db **ret, char **error);
void db_close (struct db *db);
const char *db_error (const struct db *db);

/* A blob in malloc ()ed memory (never NULL).  -ENOENT: no such. */
int db_load (struct db *db, const struct blobref *ref, void **data, size_t *len);

/* -ENOENT if it is not there; its content is not looked at. */
int db_validate (struct db *db, const struct blobref *ref);

/* Stores between begin and commit are made durable together, or not at all. */
int db_begin (struct db *db);
int db_store (struct db *db, const struct blobref *ref, const void *data, size_t len);
int db_commit (struct db *db);
void db_rollback (struct db *db);

/* Append a checkpoint, compact JSON text, and forget all but the newest.  When
 * this returns, it and all that was stored before are as safe as the
 * configuration allows.  Raises the epoch.
 *
 * A rolling checkpoint only keeps a place: the next one, rolling or not, takes
 * it over, so that those that are meant to be kept are not pushed out.  A
 * rolling one that follows another does not raise the epoch.
 */
int db_checkpoint_put (struct db *db, const char *value, bool rolling);

/* All checkpoints, newest first, as {"id":i,"value":o} or only o. */
int db_checkpoint_list (struct db *db, bool with_id, struct text *json, int *count);

/* ---- garbage collection ---- */

int64_t db_epoch (const struct db *db);
int64_t db_high_water (struct db *db); /* largest rowid, or negative */
int db_count_older (struct db *db, int64_t epoch, int64_t *count);

/* Raise the epoch of the blobs that are there, and count them. */
int db_mark (struct db *db,
             const struct blobref *refs,
             size_t count,
             int64_t epoch,
             int *marked);

struct db_sweep {
    int64_t epoch;      /* delete what is older */
    int64_t cursor;     /* in: look behind this row; out: where to go on */
    int64_t high_water; /* ... not past this one */
    int delete_cap;     /* delete at most so many */
    int64_t window;     /* look at at most so many */
    int64_t deleted;    /* out */
};

int db_sweep (struct db *db, struct db_sweep *sw);

/* ---- statistics ---- */

struct db_stats {
    int64_t objects;
    int64_t file_size; /* bytes */
    int64_t file_free;
};

int db_stats (struct db *db, struct db_stats *stats);

#endif /* !CONTENT_SQLITE_DB_H */
