#include "config.h"
#include <stdio.h>
#include <jansson.h>

#include "common/base64.h"
#include "common/tap.h"
#include "common/util.h"
#include "guestlog.h"

/* A KVS of one namespace: what each log has become.  Blob number n is called
 * sha1-n.
 */
struct store {
    char *blobs[4096];
    size_t lens[4096];
    size_t nblobs;
    struct text logs[GUESTLOG_KEYS];
    size_t commits;
};

static void store_fini (struct store *s)
{
    while (s->nblobs > 0)
        free (s->blobs[--s->nblobs]);
    for (int i = 0; i < GUESTLOG_KEYS; i++)
        text_fini (&s->logs[i]);
}

static void apply (struct store *s, const char *payload)
{
    json_t *o = json_loads (payload, 0, NULL);
    json_t *op;
    size_t i;

    if (!o)
        bail_out ("not JSON: %s", payload);
    s->commits++;
    json_array_foreach (json_object_get (o, "ops"), i, op) {
        const char *key = json_string_value (json_object_get (op, "key"));
        json_t *data = json_object_get (json_object_get (op, "dirent"), "data");
        struct text *t = &s->logs[*key == 'e' ? 0 : *key == 'o' ? 1 : 2];

        if (json_is_array (data)) {
            size_t n = atoi (json_string_value (json_array_get (data, 0)) + 5);
            text_put (t, s->blobs[n], s->lens[n]);
        }
        else {
            size_t len = json_string_length (data);
            char *p = text_reserve (t, base64_decoded_max (len));
            text_commit (t, base64_decode (p, json_string_value (data), len));
        }
    }
    json_decref (o);
}

static void one_commit_for_what_is_ready_together (void)
{
    struct guestlog g;
    struct store s = { 0 };
    char *payload;
    size_t len;

    guestlog_init (&g);
    ok (!guestlog_next_commit (&g, "ns", &len), "nothing to do, nothing to send");
    text_puts (guestlog_text (&g, GUESTLOG_EXEC), "init\n");
    text_puts (guestlog_text (&g, GUESTLOG_OUTPUT), "header\n");
    text_puts (guestlog_text (&g, GUESTLOG_INPUT), "header\n");
    payload = guestlog_next_commit (&g, "ns", &len);
    apply (&s, payload);
    free (payload);
    is (s.logs[GUESTLOG_EXEC].buf, "init\n", "exec");
    is (s.logs[GUESTLOG_OUTPUT].buf, "header\n", "output");
    is (s.logs[GUESTLOG_INPUT].buf, "header\n", "and input are in one commit");
    text_puts (guestlog_text (&g, GUESTLOG_EXEC), "a\n");
    ok (!guestlog_next_commit (&g, "ns", &(size_t){ 0 }), "the next one waits for it");
    text_puts (guestlog_text (&g, GUESTLOG_EXEC), "b\n");
    guestlog_committed (&g, len);
    payload = guestlog_next_commit (&g, "ns", &len);
    apply (&s, payload);
    free (payload);
    is (s.logs[GUESTLOG_EXEC].buf, "init\na\nb\n", "and has all that gathered");
    ok (!guestlog_idle (&g), "not idle while it is in flight");
    text_puts (guestlog_text (&g, GUESTLOG_EXEC), "done\n");
    guestlog_close (&g);
    payload = guestlog_next_commit (&g, "ns", &(size_t){ 0 });
    ok (payload != NULL, "the last words do not wait");
    free (payload);
    guestlog_committed (&g, len);
    guestlog_committed (&g, 0);
    ok (guestlog_idle (&g) && s.commits == 2, "idle when all is acknowledged");
    store_fini (&s);
    guestlog_fini (&g);
}

/* Deliver, acknowledge and complete in random legal order. */
static void logs_arrive_whole_and_in_order (unsigned int seed)
{
    struct guestlog g;
    struct store s = { 0 };
    struct text want[GUESTLOG_KEYS] = { TEXT_INIT, TEXT_INIT, TEXT_INIT };
    struct {
        unsigned int slot;
        size_t blob;
    } storing[GUESTLOG_STORES];
    unsigned int nstoring = 0, slot;
    size_t lens[2], flying = 0, len, max = 0, big = 0;
    char *payloads[2];
    char ref[32];
    char *p;
    int steps = 0;

    srand (seed);
    guestlog_init (&g);
    while (steps < 4000 || !guestlog_idle (&g)) {
        int key = rand () % GUESTLOG_KEYS;

        if (steps++ < 4000 && !guestlog_full (&g)) {
            size_t n = 1 + rand () % (key == GUESTLOG_OUTPUT ? 40000 : 20);
            char c = 'a' + rand () % 26;

            for (size_t i = 0; i < n; i++) {
                text_putc (&want[key], c);
                text_putc (guestlog_text (&g, key), c);
            }
        }
        if (steps == 4000)
            guestlog_close (&g);
        while ((p = guestlog_next_store (&g, &len, &slot))) {
            storing[nstoring].slot = slot;
            storing[nstoring++].blob = s.nblobs;
            s.lens[s.nblobs] = len;
            s.blobs[s.nblobs++] = p;
            big++;
        }
        if (nstoring > 0 && rand () % 3 == 0) { /* stores complete in any order */
            unsigned int i = rand () % nstoring;

            snprintf (ref, sizeof (ref), "sha1-%zu", storing[i].blob);
            guestlog_stored (&g, storing[i].slot, ref);
            storing[i] = storing[--nstoring];
        }
        while (flying < 2 && (p = guestlog_next_commit (&g, "ns", &len))) {
            payloads[flying] = p;
            lens[flying++] = len;
        }
        if (flying > 0 && rand () % 3 == 0) {
            apply (&s, payloads[0]);
            free (payloads[0]);
            guestlog_committed (&g, lens[0]);
            payloads[0] = payloads[1];
            lens[0] = lens[1];
            flying--;
        }
        if (g.unacked > max)
            max = g.unacked;
    }
    for (int i = 0; i < GUESTLOG_KEYS; i++)
        ok (s.logs[i].len == want[i].len
                && !memcmp (s.logs[i].buf, want[i].buf, want[i].len),
            "log %d arrives whole and in order (seed %u)",
            i,
            seed);
    ok (max < GUESTLOG_FULL + (GUESTLOG_STORES + 1) * 100000, "bounded: at most %zu", max);
    ok (big > 10 && s.commits < 4000, "%zu blobs, %zu commits", big, s.commits);
    for (int i = 0; i < GUESTLOG_KEYS; i++)
        text_fini (&want[i]);
    store_fini (&s);
    guestlog_fini (&g);
}

static void a_lost_blob_does_not_stop_the_rest (void)
{
    struct guestlog g;
    struct store s = { 0 };
    unsigned int slot;
    size_t len;
    char *p;

    guestlog_init (&g);
    for (int i = 0; i < GUESTLOG_BIG; i++)
        text_putc (guestlog_text (&g, GUESTLOG_OUTPUT), 'x');
    p = guestlog_next_store (&g, &len, &slot);
    ok (p && len == GUESTLOG_BIG, "a big piece is stored apart");
    free (p);
    text_puts (guestlog_text (&g, GUESTLOG_OUTPUT), "rest\n");
    ok (!guestlog_next_commit (&g, "ns", &len), "what follows it waits");
    guestlog_store_failed (&g, slot);
    p = guestlog_next_commit (&g, "ns", &len);
    ok (p != NULL, "but not forever");
    apply (&s, p);
    free (p);
    is (s.logs[GUESTLOG_OUTPUT].buf, "rest\n", "the rest arrives");
    guestlog_committed (&g, len);
    ok (guestlog_idle (&g) && g.unacked == 0, "and the books are straight");
    store_fini (&s);
    guestlog_fini (&g);
}

static void much_goes_by_reference (void)
{
    struct guestlog g;
    unsigned int slot;
    size_t len;
    char *p;

    guestlog_init (&g);
    text_puts (guestlog_text (&g, GUESTLOG_OUTPUT), "a line\n");
    ok (guestlog_small_output (&g) && guestlog_quiet (&g), "a line may wait for others");
    for (int i = 0; i < GUESTLOG_BATCH; i++)
        text_putc (guestlog_text (&g, GUESTLOG_OUTPUT), 'x');
    ok (!guestlog_small_output (&g), "many do not");
    free (guestlog_next_store (&g, &len, &slot));
    for (int i = 0; i < GUESTLOG_BATCH; i++)
        text_putc (guestlog_text (&g, GUESTLOG_OUTPUT), 'y');
    guestlog_stored (&g, slot, "sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709");
    p = guestlog_next_commit (&g, "ns", &len);
    ok (p && strlen (p) < 1000, "what gathered behind a piece is not taken along by value");
    free (p);
    guestlog_committed (&g, len);
    p = guestlog_next_store (&g, &len, &slot);
    ok (p && len == GUESTLOG_BATCH, "it is the next piece");
    free (p);
    guestlog_fini (&g);
}

int main (void)
{
    much_goes_by_reference ();
    one_commit_for_what_is_ready_together ();
    logs_arrive_whole_and_in_order (1);
    logs_arrive_whole_and_in_order (2);
    a_lost_blob_does_not_stop_the_rest ();
    return done_testing ();
}
