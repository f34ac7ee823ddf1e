/* db_checkpoint.c - checkpoints, and garbage collection by their epochs. */

#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "db_impl.h"

static int insert_checkpoint (struct db *db, const char *value)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db, "INSERT INTO checkpt_v2(value) VALUES(?1)", &stmt)) < 0)
        return r;
    if (sqlite3_bind_text (stmt, 1, value, -1, SQLITE_STATIC) != SQLITE_OK)
        r = db_fail (db);
    else
        r = db_step_done (db, stmt);
    sqlite3_finalize (stmt);
    return r;
}

static int forget_old (struct db *db)
{
    char sql[200];

    snprintf (sql, sizeof (sql),
              "DELETE FROM checkpt_v2 WHERE id NOT IN "
              "(SELECT id FROM checkpt_v2 ORDER BY id DESC LIMIT %d)",
              db->max_checkpoints);
    return db_exec (db, sql);
}

/* Replace the rolling checkpoint by another. */
static int roll_checkpoint (struct db *db, const char *value)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db, "UPDATE checkpt_v2 SET value=?1 WHERE id=?2", &stmt)) < 0)
        return r;
    if (sqlite3_bind_text (stmt, 1, value, -1, SQLITE_STATIC) != SQLITE_OK
        || sqlite3_bind_int64 (stmt, 2, db->rolling) != SQLITE_OK)
        r = db_fail (db);
    else
        r = db_step_done (db, stmt);
    sqlite3_finalize (stmt);
    return r;
}

static int drop_rolling (struct db *db)
{
    char sql[100];

    if (db->rolling == 0)
        return 0;
    snprintf (sql, sizeof (sql), "DELETE FROM checkpt_v2 WHERE id=%jd",
              (intmax_t)db->rolling);
    return db_exec (db, sql);
}

static int append_checkpoint (struct db *db, const char *value, bool rolling)
{
    int64_t id;
    int r;

    if ((r = db_begin (db)) < 0)
        return r;
    if ((r = insert_checkpoint (db, value)) < 0)
        goto error;
    id = sqlite3_last_insert_rowid (db->sq);
    if ((r = drop_rolling (db)) < 0 || (r = forget_old (db)) < 0
        || (r = db_commit (db)) < 0)
        goto error;
    db->epoch = id;
    db->rolling = rolling ? id : 0;
    return 0;
error:
    db_rollback (db);
    return r;
}

static int put_checkpoint (struct db *db, const char *value, bool rolling)
{
    if (rolling && db->rolling > 0)
        return roll_checkpoint (db, value);
    return append_checkpoint (db, value, rolling);
}

int db_checkpoint_put (struct db *db, const char *value, bool rolling)
{
    int r;

    if (!db->sync_checkpoints)
        return put_checkpoint (db, value, rolling);
    /* Other commits may be lost in a power failure, as long as no checkpoint
     * refers to them.  Syncing the log with this one syncs them all.
     */
    if ((r = db_exec (db, "PRAGMA synchronous=FULL")) < 0)
        return r;
    r = put_checkpoint (db, value, rolling);
    if (db_exec (db, "PRAGMA synchronous=NORMAL") < 0 && r == 0)
        r = -EIO;
    return r;
}

int db_checkpoint_list (struct db *db, bool with_id, struct text *json, int *count)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db, "SELECT id, value FROM checkpt_v2 ORDER BY id DESC", &stmt))
        < 0)
        return r;
    *count = 0;
    text_putc (json, '[');
    while ((r = sqlite3_step (stmt)) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text (stmt, 1);

        if ((*count)++ > 0)
            text_putc (json, ',');
        if (with_id)
            text_printf (
                json, "{\"id\":%jd,\"value\":", (intmax_t)sqlite3_column_int64 (stmt, 0));
        text_puts (json, value ? value : "null");
        if (with_id)
            text_putc (json, '}');
    }
    text_putc (json, ']');
    r = r == SQLITE_DONE ? text_error (json) : db_fail (db);
    sqlite3_finalize (stmt);
    return r;
}

/* ---- garbage collection ---- */

int64_t db_epoch (const struct db *db)
{
    return db->epoch;
}

int64_t db_high_water (struct db *db)
{
    int64_t rowid;
    int r = db_get_int (db, "SELECT MAX(rowid) FROM objects", &rowid);

    return r < 0 ? r : rowid;
}

int db_count_older (struct db *db, int64_t epoch, int64_t *count)
{
    char sql[100];

    snprintf (sql, sizeof (sql), "SELECT COUNT(*) FROM objects WHERE epoch < %jd",
              (intmax_t)epoch);
    return db_get_int (db, sql, count);
}

static int mark_all (struct db *db,
                     sqlite3_stmt *stmt,
                     const struct blobref *refs,
                     size_t count,
                     int64_t epoch,
                     int *marked)
{
    int r;

    for (size_t i = 0; i < count; i++) {
        if ((r = db_bind_ref (db, stmt, 1, &refs[i])) < 0)
            return r;
        if (sqlite3_bind_int64 (stmt, 2, epoch) != SQLITE_OK)
            return db_fail (db);
        if ((r = db_step_done (db, stmt)) < 0)
            return r;
        *marked += sqlite3_changes (db->sq);
    }
    return 0;
}

int db_mark (struct db *db,
             const struct blobref *refs,
             size_t count,
             int64_t epoch,
             int *marked)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db, "UPDATE objects SET epoch=MAX(epoch, ?2) WHERE hash=?1",
                         &stmt))
        < 0)
        return r;
    *marked = 0;
    if ((r = db_begin (db)) == 0) {
        if ((r = mark_all (db, stmt, refs, count, epoch, marked)) < 0
            || (r = db_commit (db)) < 0)
            db_rollback (db);
    }
    sqlite3_finalize (stmt);
    return r;
}

/* The last row to be deleted if the cap is hit, else the end. */
static int
find_limit (struct db *db, const struct db_sweep *sw, int64_t end, int64_t *limit)
{
    sqlite3_stmt *stmt;
    int r;

    if ((r = db_prepare (db,
                         "SELECT rowid FROM objects "
                         "WHERE rowid > ?1 AND rowid <= ?2 AND epoch < ?3 "
                         "ORDER BY rowid LIMIT 1 OFFSET ?4",
                         &stmt))
        < 0)
        return r;
    sqlite3_bind_int64 (stmt, 1, sw->cursor);
    sqlite3_bind_int64 (stmt, 2, end);
    sqlite3_bind_int64 (stmt, 3, sw->epoch);
    sqlite3_bind_int64 (stmt, 4, sw->delete_cap - 1);
    switch (sqlite3_step (stmt)) {
        case SQLITE_ROW:
            *limit = sqlite3_column_int64 (stmt, 0);
            break;
        case SQLITE_DONE:
            *limit = end;
            break;
        default:
            r = db_fail (db);
    }
    sqlite3_finalize (stmt);
    return r;
}

int db_sweep (struct db *db, struct db_sweep *sw)
{
    int64_t end = sw->high_water;
    int64_t limit = 0;
    char sql[200];
    int r;

    if (sw->high_water - sw->cursor > sw->window)
        end = sw->cursor + sw->window;
    if ((r = find_limit (db, sw, end, &limit)) < 0)
        return r;
    snprintf (sql, sizeof (sql),
              "DELETE FROM objects WHERE rowid > %jd AND rowid <= %jd AND epoch < %jd",
              (intmax_t)sw->cursor, (intmax_t)limit, (intmax_t)sw->epoch);
    if ((r = db_exec (db, sql)) < 0)
        return r;
    sw->deleted = sqlite3_changes (db->sq);
    sw->cursor = limit > sw->cursor ? limit : sw->cursor;
    return 0;
}
