#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "service.h"

/* kvs.getroot
 *   { "namespace":s }
 *   -> { "owner":i "rootseq":i "rootref":s "flags":i "namespace":s }
 */
void getroot_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct request *req;
    const char *ns;

    if (flux_request_unpack (msg, NULL, "{s:s}", "namespace", &ns) < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    if (turn_wait (s, msg, getroot_cb))
        return;
    service_look (s);
    if ((req = request_new (s, msg)))
        kvs_engine_getroot (s->e, &req->r, ns);
    service_run (s);
}

/* kvs.root-log, rank 0
 *   { "namespace":s "since"?I "limit"?I }
 *   -> { "roots":[ [seq,time,rootref], ... ] }
 * The roots that can still be read, with a sequence of since or more, oldest
 * first, at most limit (0: all); the last one of all is current.  time: seconds since the epoch, a real.
 */
void root_log_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    json_int_t since = 0, limit = 0;
    struct request *req;
    const char *ns;

    if (flux_request_unpack (msg, NULL, "{s:s s?I s?I}", "namespace", &ns, "since", &since,
                             "limit", &limit)
            < 0
        || limit < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    service_look (s);
    if ((req = request_new (s, msg)))
        kvs_engine_root_log (s->e, &req->r, ns, since, limit);
    service_run (s);
}

/* kvs.root-forget, rank 0: the past roots of all namespaces, before blobs that
 * only they need are removed.  {} -> {}
 */
void root_forget_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    if (s->rank > 0) {
        respond_error (s, msg, EINVAL, "the log of roots is kept by rank 0");
        return;
    }
    kvs_engine_root_forget (s->e);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "error responding to kvs.root-forget");
}

/* kvs.wait-version
 *   { "namespace":s "rootseq":i }
 *   -> { "rootseq":i "rootref":s }
 */
void wait_version_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct request *req;
    const char *ns;
    json_int_t seq;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s s:I}", "namespace", &ns, "rootseq", &seq)
        < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    if (!(req = request_new (s, msg)))
        return;
    if ((r = request_will_wait (req)) < 0) {
        request_reject (req, -r,
                        r == -EDQUOT ? "too many requests wait for a version" : NULL);
        return;
    }
    service_look (s);
    kvs_engine_wait_version (s->e, &req->r, ns, seq);
    service_run (s);
}

/* kvs.setroot-pause, kvs.setroot-unpause
 *   { "namespace":s } -> { }
 */
static void pause_request (struct service *s, const flux_msg_t *msg, bool pause)
{
    struct request *req;
    const char *ns;

    if (flux_request_unpack (msg, NULL, "{s:s}", "namespace", &ns) < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    service_look (s);
    if ((req = request_new (s, msg)))
        kvs_engine_pause (s->e, &req->r, ns, pause);
    service_run (s);
}

void pause_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    pause_request (arg, msg, true);
}

void unpause_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    pause_request (arg, msg, false);
}
