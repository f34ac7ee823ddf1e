#include "config.h"
#include <stdio.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

static flux_msg_t *msgs[5];

static struct flux_msglist *list_of (int n)
{
    struct flux_msglist *l = flux_msglist_create ();

    for (int i = 0; i < n; i++) {
        if (!l || flux_msglist_append (l, msgs[i]) < 0)
            bail_out ("out of memory");
    }
    return l;
}

static void cursor (void)
{
    struct flux_msglist *l = list_of (4);
    const flux_msg_t *m;

    ok (flux_msglist_count (l) == 4, "four messages");
    ok (!flux_msglist_next (l), "without a cursor nothing is next");
    ok (flux_msglist_first (l) == msgs[0] && flux_msglist_next (l) == msgs[1],
        "first, next");
    flux_msglist_delete (l);
    ok (flux_msglist_next (l) == msgs[2], "after delete the successor is next");
    m = flux_msglist_pop (l);
    ok (m == msgs[2], "pop takes the one at the cursor");
    flux_msg_decref (m);
    ok (flux_msglist_next (l) == msgs[3], "... and the successor is next");
    ok (!flux_msglist_next (l) && !flux_msglist_next (l), "the end stays the end");
    ok (flux_msglist_last (l) == msgs[3], "last");
    ok (flux_msglist_push (l, msgs[4]) == 0 && !flux_msglist_next (l),
        "push resets the cursor");
    m = flux_msglist_pop (l);
    ok (m == msgs[4], "without a cursor pop takes the first");
    flux_msg_decref (m);
    ok (flux_msglist_count (l) == 2, "two are left");
    flux_msglist_first (l);
    flux_msglist_delete (l);
    flux_msglist_delete (l);
    ok (flux_msglist_count (l) == 1, "delete needs a cursor that is on a message");
    ok (flux_msglist_next (l) == msgs[3], "deleting the first leaves the second next");
    flux_msglist_destroy (l);
}

static void draining (void)
{
    struct flux_msglist *l = list_of (3);
    const flux_msg_t *m;
    int i = 0;
    bool good = true;

    while ((m = flux_msglist_pop (l))) {
        good = good && m == msgs[i++];
        flux_msg_decref (m);
    }
    ok (good && i == 3 && flux_msglist_count (l) == 0, "pop drains in order");
    flux_msglist_destroy (l);

    l = list_of (3);
    for (m = flux_msglist_first (l); m; m = flux_msglist_next (l))
        flux_msglist_delete (l);
    ok (flux_msglist_count (l) == 0, "a loop that deletes deletes all");
    flux_msglist_destroy (l);

    /* the cursor sits behind the first entry, which then goes */
    l = list_of (3);
    flux_msglist_first (l);
    flux_msglist_next (l);
    flux_msglist_delete (l);
    m = flux_msglist_pop (l);
    ok (m == msgs[0] && flux_msglist_next (l) == msgs[2],
        "popping the predecessor does not lose the place");
    flux_msg_decref (m);
    flux_msglist_destroy (l);
}

static void bad_arguments (void)
{
    struct flux_msglist *l = list_of (0);

    errno = 0;
    ok (flux_msglist_append (NULL, msgs[0]) < 0 && errno == EINVAL, "append: no list");
    errno = 0;
    ok (flux_msglist_append (l, NULL) < 0 && errno == EINVAL, "append: no message");
    errno = 0;
    ok (flux_msglist_push (NULL, msgs[0]) < 0 && errno == EINVAL, "push: no list");
    errno = 0;
    ok (flux_msglist_push (l, NULL) < 0 && errno == EINVAL, "push: no message");
    ok (flux_msglist_count (NULL) == 0 && !flux_msglist_first (NULL)
            && !flux_msglist_next (NULL) && !flux_msglist_last (NULL)
            && !flux_msglist_pop (NULL),
        "no list has no messages");
    ok (!flux_msglist_first (l) && !flux_msglist_last (l) && !flux_msglist_pop (l),
        "an empty list neither");
    flux_msglist_delete (NULL);
    flux_msglist_delete (l);
    flux_msglist_destroy (NULL);
    flux_msglist_destroy (l);
}

static flux_msg_t *request (const char *sender, uint32_t userid, uint32_t rolemask)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred = { userid, rolemask };

    if (!msg || flux_msg_set_topic (msg, "a.b") < 0 || flux_msg_set_cred (msg, cred) < 0)
        bail_out ("out of memory");
    flux_msg_route_enable (msg);
    if (sender
        && (flux_msg_route_push (msg, sender) < 0
            || flux_msg_route_push (msg, "hop") < 0))
        bail_out ("out of memory");
    return msg;
}

static void disconnect (void)
{
    flux_msg_t *a1 = request ("A", 100, FLUX_ROLE_USER);
    flux_msg_t *a2 = request ("A", 101, FLUX_ROLE_USER);
    flux_msg_t *b = request ("B", 100, FLUX_ROLE_USER);
    flux_msg_t *user = request ("A", 100, FLUX_ROLE_USER);
    flux_msg_t *owner = request ("A", 0, FLUX_ROLE_OWNER);
    struct flux_msglist *l = flux_msglist_create ();

    ok (flux_disconnect_match (user, a1), "same sender, same user: match");
    ok (!flux_disconnect_match (user, a2), "same sender, other user: none");
    ok (!flux_disconnect_match (user, b), "other sender: none");
    ok (flux_disconnect_match (owner, a2), "the owner may end anyone's");
    ok (!flux_disconnect_match (owner, b), "... but only this sender's");
    ok (!flux_disconnect_match (NULL, b) && !flux_disconnect_match (owner, NULL),
        "NULL matches nothing");
    ok (flux_msg_set_matchtag (a1, 7) == 0
            && flux_msg_pack (user, "{s:i}", "matchtag", 7) == 0,
        "a cancel request names matchtag 7");
    ok (flux_cancel_match (user, a1), "... which matches");
    ok (flux_msg_set_matchtag (a1, 8) == 0 && !flux_cancel_match (user, a1),
        "... and not matchtag 8");
    ok (!flux_cancel_match (owner, a1),
        "a cancel request without payload matches nothing");
    flux_msglist_append (l, a1);
    flux_msglist_append (l, b);
    flux_msglist_append (l, a2);
    flux_msglist_append (l, a1);
    ok (flux_msglist_disconnect (l, user) == 2, "a user's disconnect removes the user's");
    ok (flux_msglist_disconnect (l, owner) == 1, "the owner's removes the rest");
    ok (flux_msglist_count (l) == 1 && flux_msglist_first (l) == b,
        "the other sender's stays");
    errno = 0;
    ok (flux_msglist_disconnect (NULL, owner) < 0 && errno == EINVAL, "no list: EINVAL");
    flux_msglist_destroy (l);
    flux_msg_destroy (a1);
    flux_msg_destroy (a2);
    flux_msg_destroy (b);
    flux_msg_destroy (user);
    flux_msg_destroy (owner);
}

int main (void)
{
    for (size_t i = 0; i < ARRAY_SIZE (msgs); i++) {
        if (!(msgs[i] = flux_msg_create (FLUX_MSGTYPE_EVENT)))
            bail_out ("out of memory");
    }
    cursor ();
    draining ();
    bad_arguments ();
    disconnect ();
    for (size_t i = 0; i < ARRAY_SIZE (msgs); i++)
        flux_msg_destroy (msgs[i]);
    return done_testing ();
}
