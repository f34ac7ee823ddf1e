#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "info.h"

struct user {
    uint32_t userid;
    size_t count;
};

struct client {
    char *sender;
    struct table tags; /* matchtag -> struct client_item */
    struct list items;
    bool throttled;
};

static void client_free (struct client *c)
{
    if (c) {
        table_fini (&c->tags);
        free (c->sender);
        free (c);
    }
}

static const char *sender_of (const flux_msg_t *msg)
{
    const char *sender = flux_msg_route_first (msg);

    return sender ? sender : "";
}

static struct client *client_get (struct job_info *ji, const char *sender)
{
    struct client *c = table_get_str (&ji->clients, sender);

    if (c)
        return c;
    if (!(c = calloc (1, sizeof (*c))))
        return NULL;
    table_init (&c->tags);
    list_init (&c->items);
    if (!(c->sender = strdup (sender))
        || table_put_str (&ji->clients, c->sender, c) < 0) {
        client_free (c);
        return NULL;
    }
    return c;
}

static void client_drop_if_unused (struct job_info *ji, struct client *c)
{
    if (list_empty (&c->items)) {
        table_del_str (&ji->clients, c->sender);
        client_free (c);
    }
}

/* Count the item among those of its user. */
static int
user_enter (struct job_info *ji, struct client_item *item, const flux_msg_t *msg)
{
    struct flux_msg_cred cred;
    struct user *u;

    if (flux_msg_get_cred (msg, &cred) < 0)
        return -1;
    if ((cred.rolemask & FLUX_ROLE_OWNER))
        return 0;
    if (!(u = table_get_u64 (&ji->users, cred.userid))) {
        if (!(u = calloc (1, sizeof (*u))))
            return -1;
        u->userid = cred.userid;
        if (table_put_u64 (&ji->users, u->userid, u) < 0) {
            free (u);
            errno = ENOMEM;
            return -1;
        }
    }
    if (u->count == USER_ITEMS_MAX) {
        errno = EDQUOT;
        return -1;
    }
    u->count++;
    item->user = u;
    return 0;
}

static void user_leave (struct job_info *ji, struct client_item *item)
{
    struct user *u = item->user;

    if (u && --u->count == 0) {
        table_del_u64 (&ji->users, u->userid);
        free (u);
    }
    item->user = NULL;
}

int client_add (struct job_info *ji, struct client_item *item, const flux_msg_t *msg)
{
    struct client *c;
    int r;

    list_init (&item->link);
    if (flux_msg_get_matchtag (msg, &item->matchtag) < 0)
        return -1;
    if (!(c = client_get (ji, sender_of (msg)))) {
        errno = ENOMEM;
        return -1;
    }
    if ((r = table_put_u64 (&c->tags, item->matchtag, item)) < 0) {
        client_drop_if_unused (ji, c);
        errno = r == -EEXIST ? EINVAL : -r;
        return -1;
    }
    if (user_enter (ji, item, msg) < 0) {
        table_del_u64 (&c->tags, item->matchtag);
        client_drop_if_unused (ji, c);
        return -1;
    }
    item->client = c;
    item->msg = flux_msg_incref (msg);
    list_append (&c->items, &item->link);
    return 0;
}

void client_del (struct job_info *ji, struct client_item *item)
{
    if (item->client) {
        table_del_u64 (&item->client->tags, item->matchtag);
        list_del (&item->link);
        client_drop_if_unused (ji, item->client);
        item->client = NULL;
        user_leave (ji, item);
        flux_msg_decref (item->msg);
        item->msg = NULL;
    }
}

struct client_item *client_find (struct job_info *ji, const flux_msg_t *msg)
{
    struct client *c = table_get_str (&ji->clients, sender_of (msg));
    struct client_item *item;
    int matchtag;

    if (!c || flux_request_unpack (msg, NULL, "{s:i}", "matchtag", &matchtag) < 0)
        return NULL;
    item = table_get_u64 (&c->tags, (uint32_t)matchtag);
    return item && flux_disconnect_match (msg, item->msg) ? item : NULL;
}

/* The last item takes the client with it. */
static void client_end (struct client *c, const flux_msg_t *msg, int errnum)
{
    size_t n = table_count (&c->tags);
    struct list *pos = c->items.next;

    while (n-- > 0) {
        struct client_item *item = list_entry (pos, struct client_item, link);

        pos = pos->next;
        if (!msg || flux_disconnect_match (msg, item->msg))
            item->end (item, errnum);
    }
}

void client_disconnect (struct job_info *ji, const flux_msg_t *msg)
{
    struct client *c = table_get_str (&ji->clients, sender_of (msg));

    if (c)
        client_end (c, msg, 0);
}

bool client_throttled (const struct client_item *item)
{
    return item->client && item->client->throttled;
}

/* What is delivered now may end items, and the last takes the client with it. */
void client_throttle (struct job_info *ji, const flux_msg_t *msg, bool on)
{
    struct client *c = table_get_str (&ji->clients, sender_of (msg));
    struct list *pos;
    size_t n;

    if (!c || c->throttled == on)
        return;
    c->throttled = on;
    n = table_count (&c->tags);
    pos = c->items.next;
    while (n-- > 0) {
        struct client_item *item = list_entry (pos, struct client_item, link);

        pos = pos->next;
        if (item->throttle)
            item->throttle (item, on);
    }
}

void client_end_all (struct job_info *ji, int errnum)
{
    struct client *c;

    while ((c = table_pop (&ji->clients)))
        client_end (c, NULL, errnum);
}
