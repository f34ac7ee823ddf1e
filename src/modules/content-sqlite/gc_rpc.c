#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "sqlite.h"

#define MARK_MAX 16384
#define DELETE_CAP_MAX 8192
#define WINDOW_MAX 524288

/* content-backing.gc-info
 *   { "epoch":I "get_count"?b }
 *   -> { "current_epoch":I "high_water":I "candidates"?I }
 */
void gc_info_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sqlite *s = arg;
    int64_t high_water, candidates = 0;
    json_int_t epoch;
    int get_count = 0;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:I s?b}", "epoch", &epoch, "get_count",
                             &get_count)
        < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    store_all (s);
    if ((high_water = db_high_water (s->db)) < 0
        || (get_count && (r = db_count_older (s->db, epoch, &candidates)) < 0)) {
        respond_error (s, msg, high_water < 0 ? -high_water : -r, db_error (s->db));
        return;
    }
    if ((get_count ? flux_respond_pack (
             h, msg, "{s:I s:I s:I}", "current_epoch", (json_int_t)db_epoch (s->db),
             "high_water", (json_int_t)high_water, "candidates", (json_int_t)candidates)
                   : flux_respond_pack (h, msg, "{s:I s:I}", "current_epoch",
                                        (json_int_t)db_epoch (s->db), "high_water",
                                        (json_int_t)high_water))
        < 0)
        flux_log_error (h, "error responding to content-backing.gc-info");
}

static int get_refs (json_t *hashes, struct blobref *refs)
{
    size_t i;
    json_t *o;

    json_array_foreach (hashes, i, o)
    {
        const char *s = json_string_value (o);

        if (!s || blobref_parse (s, strlen (s), &refs[i]) < 0)
            return -EPROTO;
    }
    return 0;
}

/* content-backing.mark
 *   { "epoch":I "hashes":[s,...] } -> { "marked":i }
 */
void mark_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (freep) struct blobref *refs = NULL;
    struct sqlite *s = arg;
    json_t *hashes;
    json_int_t epoch;
    size_t count;
    int marked, r;

    if (flux_request_unpack (msg, NULL, "{s:I s:o}", "epoch", &epoch, "hashes", &hashes)
            < 0
        || !json_is_array (hashes)) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    if ((count = json_array_size (hashes)) > MARK_MAX) {
        char text[80];

        snprintf (text, sizeof (text), "mark request of %zu hashes exceeds limit of %d",
                  count, MARK_MAX);
        respond_error (s, msg, EINVAL, text);
        return;
    }
    if (!(refs = calloc (count + 1, sizeof (refs[0])))) {
        respond_error (s, msg, ENOMEM, NULL);
        return;
    }
    store_all (s);
    if ((r = get_refs (hashes, refs)) < 0)
        respond_error (s, msg, -r, NULL);
    else if ((r = db_mark (s->db, refs, count, epoch, &marked)) < 0)
        respond_error (s, msg, -r, db_error (s->db));
    else if (flux_respond_pack (h, msg, "{s:i}", "marked", marked) < 0)
        flux_log_error (h, "error responding to content-backing.mark");
}

/* content-backing.sweep
 *   { "epoch":I "cursor":I "high_water":I "delete_cap":i "window":i }
 *   -> { "deleted":I "cursor":I }
 */
void sweep_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sqlite *s = arg;
    json_int_t epoch, cursor, high_water;
    struct db_sweep sw;
    int cap, window, r;

    if (flux_request_unpack (msg, NULL, "{s:I s:I s:I s:i s:i}", "epoch", &epoch,
                             "cursor", &cursor, "high_water", &high_water, "delete_cap",
                             &cap, "window", &window)
        < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    if (cursor < 0 || high_water < 0 || cap <= 0 || window <= 0) {
        respond_error (s, msg, EINVAL, NULL);
        return;
    }
    sw = (struct db_sweep){
        .epoch = epoch,
        .cursor = cursor,
        .high_water = high_water,
        .delete_cap = cap < DELETE_CAP_MAX ? cap : DELETE_CAP_MAX,
        .window = window < WINDOW_MAX ? window : WINDOW_MAX,
    };
    store_all (s);
    if ((r = db_sweep (s->db, &sw)) < 0)
        respond_error (s, msg, -r, db_error (s->db));
    else if (flux_respond_pack (h, msg, "{s:I s:I}", "deleted", (json_int_t)sw.deleted,
                                "cursor", (json_int_t)sw.cursor)
             < 0)
        flux_log_error (h, "error responding to content-backing.sweep");
}
