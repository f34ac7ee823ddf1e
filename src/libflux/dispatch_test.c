#include "config.h"

#include "dispatch_test.h"

static void set_rolemask (flux_t *h, uint32_t rolemask)
{
    must (flux_opt_set (h, FLUX_OPT_TESTING_ROLEMASK, &rolemask, sizeof (rolemask)) == 0);
}

static void send_request (flux_t *h, const char *topic)
{
    flux_msg_t *msg = flux_request_encode (topic, NULL);

    must (msg && flux_msg_set_matchtag (msg, 7777) == 0);
    must (flux_send_new (h, &msg, 0) == 0);
}

static void send_response (flux_t *h, const char *topic, uint32_t tag, int errnum)
{
    flux_msg_t *msg = flux_response_encode (topic, NULL);

    must (msg && flux_msg_set_matchtag (msg, tag) == 0);
    must (flux_msg_set_errnum (msg, errnum) == 0);
    must (flux_send_new (h, &msg, 0) == 0);
}

/* What the caller of a request got back: its errnum and text. */
static int answer_errnum;
static char answer_text[128];

static void
answer_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *s;

    must (flux_msg_get_errnum (msg, &answer_errnum) == 0);
    answer_text[0] = '\0';
    if (flux_response_decode_error (msg, &s) == 0)
        snprintf (answer_text, sizeof (answer_text), "%s", s);
    strcat (trace, "<");
}

static flux_msg_handler_t *catch_answers (flux_t *h)
{
    flux_msg_handler_t *mh;

    mh = flux_msg_handler_create (h, FLUX_MATCH_RESPONSE, answer_cb, NULL);
    must (mh != NULL);
    flux_msg_handler_allow_rolemask (mh, FLUX_ROLE_ALL);
    flux_msg_handler_start (mh);
    return mh;
}

static void arguments (flux_t *h)
{
    struct flux_match match = FLUX_MATCH_ANY;
    flux_msg_handler_t *a;

    errno = 0;
    ok (!flux_msg_handler_create (NULL, match, note_cb, NULL) && errno == EINVAL,
        "no handle is EINVAL");
    errno = 0;
    ok (!flux_msg_handler_create (h, match, NULL, NULL) && errno == EINVAL,
        "no callback is EINVAL");
    errno = 0;
    ok (flux_dispatch_requeue (h) < 0 && errno == EINVAL,
        "requeue on what is no clone is EINVAL");
    match = flux_match_init (FLUX_MSGTYPE_RESPONSE, 42, NULL);
    a = flux_msg_handler_create (h, match, note_cb, NULL);
    errno = 0;
    ok (a && !flux_msg_handler_create (h, match, note_cb, NULL) && errno == EEXIST,
        "a second handler for a matchtag is EEXIST");
    errno = ENOTTY;
    flux_msg_handler_destroy (a);
    flux_msg_handler_destroy (NULL);
    flux_msg_handler_start (NULL);
    flux_msg_handler_stop (NULL);
    flux_msg_handler_delvec (NULL);
    is_int (errno, ENOTTY, "destroy keeps errno, NULL is harmless");
    ok (flux_get_handle_watcher (h) != NULL, "the handle watcher can be had");
    ok (!flux_watcher_is_active (flux_get_handle_watcher (h)), "it is not active");
    a = handle (h, FLUX_MSGTYPE_REQUEST, "x", "x");
    ok (flux_watcher_is_active (flux_get_handle_watcher (h)), "it is while a handler is");
    flux_msg_handler_destroy (a);
    ok (!flux_watcher_is_active (flux_get_handle_watcher (h)), "and no longer");
}

static void requests (flux_t *h)
{
    flux_msg_handler_t *ans = catch_answers (h);
    flux_msg_handler_t *a, *b, *g, *any;

    clear ();
    a = handle (h, FLUX_MSGTYPE_REQUEST, "x.y", "a");
    g = handle (h, FLUX_MSGTYPE_REQUEST, "x.*", "g");
    send_request (h, "x.y");
    send_request (h, "x.z");
    send_request (h, "x.y.z");
    run (h);
    is (trace, "agg", "an exact topic comes before a newer glob, whose * crosses dots");
    clear ();
    b = handle (h, FLUX_MSGTYPE_REQUEST, "x.y", "b");
    send_request (h, "x.y");
    run (h);
    is (trace, "b", "the newest of a topic shadows the older");
    clear ();
    flux_msg_handler_stop (b);
    send_request (h, "x.y");
    run (h);
    is (trace, "g", "stopped, it does not reveal that, but the globs are asked");
    clear ();
    flux_msg_handler_destroy (b);
    send_request (h, "x.y");
    run (h);
    is (trace, "a", "destroyed, it does");
    clear ();
    any = handle (h, FLUX_MSGTYPE_ANY, "x.w", "*");
    b = handle (h, FLUX_MSGTYPE_REQUEST, NULL, "n");
    send_request (h, "x.w");
    run (h);
    is (trace, "n", "the newest of the others gets it, an any-type topic being one");
    clear ();
    flux_msg_handler_destroy (b);
    send_request (h, "x.w");
    run (h);
    is (trace, "*", "then that");
    flux_msg_handler_destroy (any);
    flux_msg_handler_destroy (g);
    clear ();
    send_request (h, "x.w");
    run (h);
    is (trace, "<", "one that nobody handles is answered");
    is_int (answer_errnum, ENOSYS, "with ENOSYS");
    is (answer_text, "Unknown service method 'x.w'", "naming the topic");
    flux_msg_handler_destroy (a);
    flux_msg_handler_destroy (ans);
}

static void send_noresponse (flux_t *h, const char *topic)
{
    flux_msg_t *msg = flux_request_encode (topic, NULL);

    must (msg && flux_msg_set_noresponse (msg) == 0);
    must (flux_send_new (h, &msg, 0) == 0);
}

static void roles (flux_t *h)
{
    flux_msg_handler_t *ans = catch_answers (h);
    flux_msg_handler_t *a = handle (h, FLUX_MSGTYPE_REQUEST, "x", "a");
    flux_msg_handler_t *e = handle (h, FLUX_MSGTYPE_EVENT, "x", "e");

    set_rolemask (h, FLUX_ROLE_USER);
    clear ();
    send_request (h, "x");
    run (h);
    is (trace, "<", "owner only is the default");
    is_int (answer_errnum, EPERM, "others get EPERM");
    is (answer_text, "Request requires owner credentials", "and are told");
    flux_msg_handler_allow_rolemask (a, FLUX_ROLE_ADMIN);
    send_request (h, "x");
    run (h);
    is (answer_text, "Request rejected due to insufficient privilege", "or so");
    clear ();
    send_noresponse (h, "x");
    send_noresponse (h, "nosuch");
    send_event (h, "x");
    run (h);
    is (trace, "", "NORESPONSE and events are refused silently");
    flux_msg_handler_allow_rolemask (a, FLUX_ROLE_USER);
    flux_msg_handler_allow_rolemask (e, FLUX_ROLE_USER);
    send_request (h, "x");
    send_event (h, "x");
    run (h);
    is (trace, "ae", "allowed roles pass");
    flux_msg_handler_deny_rolemask (a, FLUX_ROLE_ALL);
    clear ();
    send_request (h, "x");
    run (h);
    is (trace, "<", "denied ones do not");
    set_rolemask (h, FLUX_ROLE_OWNER);
    clear ();
    send_request (h, "x");
    run (h);
    is (trace, "a", "the owner cannot be denied");
    flux_msg_handler_destroy (a);
    flux_msg_handler_destroy (e);
    flux_msg_handler_destroy (ans);
}

static void events (flux_t *h)
{
    flux_msg_handler_t *mh[12];
    static char *names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l" };

    clear ();
    for (int i = 0; i < 12; i++)
        mh[i] = handle (h, FLUX_MSGTYPE_EVENT, i % 2 ? "ev.*" : "ev.x", names[i]);
    send_event (h, "ev.x");
    send_event (h, "other");
    run (h);
    is (trace, "lkjihgfedcba", "every match gets an event, newest first; others vanish");
    clear ();
    flux_msg_handler_stop (mh[3]);
    send_event (h, "ev.y");
    run (h);
    is (trace, "ljhfb", "if it runs");
    for (int i = 0; i < 12; i++)
        flux_msg_handler_destroy (mh[i]);
}

static void responses (flux_t *h)
{
    struct flux_match match = flux_match_init (FLUX_MSGTYPE_RESPONSE, 0, "r.*");
    flux_msg_handler_t *any, *mh;
    flux_msg_t *msg;
    uint32_t tag = flux_matchtag_alloc (h);
    uint32_t avail = flux_matchtag_avail (h);

    match.matchtag = tag;
    mh = flux_msg_handler_create (h, match, note_cb, "t");
    any = handle (h, FLUX_MSGTYPE_RESPONSE, NULL, "a");
    clear ();
    send_response (h, "r.x", tag, 0);
    run (h);
    is (trace, "a", "a stopped matchtag handler does not get the response");
    flux_msg_handler_start (mh);
    clear ();
    send_response (h, "r.x", tag, 0);
    send_response (h, "other", tag, 0);
    send_response (h, "r.x", tag + 1, 0);
    run (h);
    is (trace, "taa", "a running one does, if topic and matchtag agree");
    clear ();
    msg = flux_response_encode ("r.x", NULL);
    must (flux_msg_set_matchtag (msg, tag) == 0 && flux_msg_route_push (msg, "abc") == 0);
    must (flux_send_new (h, &msg, 0) == 0);
    run (h);
    is (trace, "a", "and it has no routes");
    flux_msg_handler_destroy (mh);
    flux_msg_handler_destroy (any);

    any = handle (h, FLUX_MSGTYPE_REQUEST, NULL, "q");
    msg = flux_response_encode ("r.x", NULL);
    must (flux_msg_set_matchtag (msg, tag) == 0 && flux_msg_set_streaming (msg) == 0);
    must (flux_send_new (h, &msg, 0) == 0);
    run (h);
    is_int (flux_matchtag_avail (h), avail, "a late streamed success frees no matchtag");
    msg = flux_response_encode_error ("r.x", EPERM, NULL);
    must (flux_msg_set_matchtag (msg, tag) == 0 && flux_msg_set_streaming (msg) == 0);
    must (flux_send_new (h, &msg, 0) == 0);
    run (h);
    is_int (flux_matchtag_avail (h), avail + 1, "a late streamed error does");
    tag = flux_matchtag_alloc (h);
    send_response (h, "r.x", tag, 0);
    run (h);
    is_int (flux_matchtag_avail (h), avail + 1, "so does a late plain response");
    flux_msg_handler_destroy (any);
}

static flux_msg_handler_t *pair[3];

static void
destroy_all_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    strcat (trace, arg);
    for (int i = 0; i < 3; i++) {
        flux_msg_handler_destroy (pair[i]);
        pair[i] = NULL;
    }
}

static void
create_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    strcat (trace, arg);
    if (!pair[1])
        pair[1] = handle (h, FLUX_MSGTYPE_EVENT, "ev", "n");
}

static void changes_inside (flux_t *h)
{
    struct flux_match match = flux_match_init (FLUX_MSGTYPE_EVENT, 0, "ev");

    clear ();
    for (int i = 0; i < 3; i++) {
        pair[i] = flux_msg_handler_create (h, match, destroy_all_cb, "d");
        flux_msg_handler_start (pair[i]);
    }
    send_event (h, "ev");
    run (h);
    is (trace, "d", "handlers destroyed by the first do not get the event");

    clear ();
    pair[0] = flux_msg_handler_create (h, match, create_cb, "c");
    flux_msg_handler_start (pair[0]);
    send_event (h, "ev");
    run (h);
    is (trace, "c", "one created meanwhile does not either");
    send_event (h, "ev");
    run (h);
    is (trace, "cnc", "but the next");
    flux_msg_handler_destroy (pair[0]);
    flux_msg_handler_destroy (pair[1]);
    pair[0] = pair[1] = NULL;
}

static void tables (flux_t *h)
{
    const struct flux_msg_handler_spec tab[] = {
        { FLUX_MSGTYPE_REQUEST, "a", note_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "b", note_cb, FLUX_ROLE_USER },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **v = NULL;

    errno = 0;
    ok (flux_msg_handler_addvec (NULL, tab, NULL, &v) < 0 && errno == EINVAL
            && flux_msg_handler_addvec (h, NULL, NULL, &v) < 0 && errno == EINVAL
            && flux_msg_handler_addvec (h, tab, NULL, NULL) < 0 && errno == EINVAL,
        "NULL is EINVAL");
    ok (flux_msg_handler_addvec_ex (h, "svc", tab, "*", &v) == 0, "addvec_ex");
    ok (v[0] && v[1] && !v[2], "makes one handler per entry");
    clear ();
    send_request (h, "svc.a");
    send_request (h, "svc.b");
    run (h);
    is (trace, "**", "with the service's name, started");
    set_rolemask (h, FLUX_ROLE_USER);
    clear ();
    send_request (h, "svc.a");
    send_request (h, "svc.b");
    run (h);
    is (trace, "*", "roles are added to the owner's");
    set_rolemask (h, FLUX_ROLE_OWNER);
    flux_msg_handler_delvec (v);
    ok (!flux_watcher_is_active (flux_get_handle_watcher (h)), "delvec stops them all");
    while (true) {
        flux_msg_t *msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
        if (!msg)
            break;
        flux_msg_destroy (msg);
    }
}

static void clones (flux_t *h)
{
    flux_t *c = flux_clone (h);
    flux_msg_handler_t *q, *e;
    flux_msg_t *msg;
    const char *topic;
    const char *want[] = { "other", "ev", "r", "ev2" };

    is_int (flux_dispatch_requeue (c), 0, "requeue on a clone that received nothing");
    q = handle (c, FLUX_MSGTYPE_REQUEST, "x", "q");
    e = handle (c, FLUX_MSGTYPE_EVENT, "ev", "e");
    clear ();
    send_request (h, "other");
    send_request (h, "x");
    send_event (h, "ev");
    send_response (h, "r", 999, 0);
    send_event (h, "ev2");
    run (c);
    is (trace, "qe", "a clone's handlers get their messages");
    is_int (flux_dispatch_requeue (c), 0, "the others, and all events, go back");
    for (size_t i = 0; i < ARRAY_SIZE (want); i++) {
        msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
        ok (msg && flux_msg_get_topic (msg, &topic) == 0 && !strcmp (topic, want[i]),
            "in order: %s", want[i]);
        flux_msg_destroy (msg);
    }
    ok (!flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK), "and nothing else");
    flux_msg_handler_destroy (q);
    flux_msg_handler_destroy (e);
    flux_close (c);
}

int main (void)
{
    flux_t *h = loop_open ();

    arguments (h);
    requests (h);
    roles (h);
    events (h);
    responses (h);
    changes_inside (h);
    tables (h);
    clones (h);
    flux_close (h);
    return done_testing ();
}
