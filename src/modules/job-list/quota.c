/* How many requests of one user are unanswered here for as long as the user likes:
 * list-id for a state that does not come, job-stats that go on.
 *
 * Bound: QUOTA_MAX of them; further ones get EDQUOT.  The owner may have any
 * number.
 */

#include "config.h"

#include "service.h"

#define QUOTA_MAX 4096

/* False: whose message that is need not be counted. */
static bool is_counted (const flux_msg_t *msg, uint32_t *userid)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred (msg, &cred) < 0)
        cred = (struct flux_msg_cred){ FLUX_USERID_UNKNOWN, FLUX_ROLE_NONE };
    *userid = cred.userid;
    return !(cred.rolemask & FLUX_ROLE_OWNER);
}

/* The count is the value itself. */
static int set_count (struct service *s, uint32_t userid, uintptr_t n)
{
    table_del_u64 (&s->quotas, userid);
    return n > 0 ? table_put_u64 (&s->quotas, userid, (void *)n) : 0;
}

static uintptr_t get_count (struct service *s, uint32_t userid)
{
    return (uintptr_t)table_get_u64 (&s->quotas, userid);
}

bool quota_take (struct service *s, const flux_msg_t *msg)
{
    uint32_t userid;
    uintptr_t n;

    if (!is_counted (msg, &userid))
        return true;
    if ((n = get_count (s, userid)) >= QUOTA_MAX)
        service_refuse (s, msg, EDQUOT, "too many requests of one user are waiting");
    else if (set_count (s, userid, n + 1) < 0)
        service_refuse (s, msg, ENOMEM, NULL);
    else
        return true;
    return false;
}

void quota_give (struct service *s, const flux_msg_t *msg)
{
    uint32_t userid;

    if (is_counted (msg, &userid))
        set_count (s, userid, get_count (s, userid) - 1);
}
