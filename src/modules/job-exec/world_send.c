/* What the test sends to the module. */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/tap.h"
#include "world_private.h"

flux_msg_t *world_request (const char *topic)
{
    flux_msg_t *msg = flux_request_encode (topic, NULL);

    if (!msg)
        bail_out ("no request");
    return msg;
}

void world_post (struct world *w, flux_msg_t *msg)
{
    if (flux_send (w->h, msg, 0) < 0)
        bail_out ("send: %s", strerror (errno));
    flux_msg_destroy (msg);
}

void world_ask_stats (struct world *w)
{
    world_post (w, world_request ("job-exec.stats-get"));
}

static json_t *loads (const char *s)
{
    json_error_t error;
    json_t *o = json_loads (s, 0, &error);

    if (!o)
        bail_out ("%s: %s", s, error.text);
    return o;
}

void world_start (struct world *w, const struct world_start *start)
{
    static uint64_t id = 1ULL << 24;
    int n = start->ntasks ? start->ntasks : 1;
    double wall = flux_reactor_time ();
    flux_msg_t *msg = world_request ("job-exec.start");
    json_t *system, *count, *R, *redacted;

    world_forget_job (w);
    w->job.id = id += 1 << 10;
    system = loads (start->system ? start->system : "{}");
    count = start->raw_count ? loads (start->raw_count) : json_pack ("{s:i}", "total", n);
    json_object_set_new (system, "duration", json_real (start->duration));
    json_object_set_new (system, "cwd", json_string (start->cwd ? start->cwd : "/"));
    json_decref (w->J);
    w->J = json_pack ("{s:i s:[{s:s s:i s:s s:[{s:s s:i}]}] s:[{s:o s:s s:o}] s:{s:o}}",
                      "version", 1,
                      "resources",
                        "type", "slot", "count", n, "label", "task",
                        "with", "type", "core", "count", 1,
                      "tasks",
                        "command", loads (start->command), "slot", "task", "count", count,
                      "attributes", "system", system);
    if (!w->J)
        bail_out ("no jobspec");
    redacted = json_deep_copy (w->J);
    json_object_set_new (system,
                         "environment",
                         loads (start->environment ? start->environment
                                                   : "{\"PATH\":\"/bin:/usr/bin\"}"));
    R = json_pack ("{s:i s:{s:[{s:s s:{s:s}}] s:f s:f s:i s:[s]}}",
                   "version", 1,
                   "execution",
                     "R_lite", "rank", "0", "children", "core", "0",
                     "starttime", wall,
                     "expiration", start->expiration > 0 ? wall + start->expiration : 0.,
                     "nslots", n,
                     "nodelist", "vm");
    w->t0 = world_now ();
    if (flux_msg_pack (msg,
                       "{s:I s:i s:o s:b s:o}",
                       "id", (json_int_t)w->job.id,
                       "userid", (int)getuid (),
                       "jobspec", redacted,
                       "reattach", start->reattach,
                       "R", R) < 0)
        bail_out ("no start request");
    flux_msg_set_streaming (msg);
    world_post (w, msg);
}

void world_event_kill (struct world *w, int signum)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "shell-%ju.kill", (uintmax_t)w->job.id);
    world_post (w, flux_event_pack (topic, "{s:i}", "signum", signum));
}

void world_event_exception (struct world *w, int severity)
{
    world_post (w,
          flux_event_pack ("job-exception",
                           "{s:I s:s s:i}",
                           "id", (json_int_t)w->job.id,
                           "type", "cancel",
                           "severity", severity));
}

void world_stdin (struct world *w, const char *json)
{
    char topic[80], id[32];
    flux_msg_t *msg;

    if (flux_job_id_encode (w->job.id, "f58plain", id, sizeof (id)) < 0)
        bail_out ("no id");
    snprintf (topic, sizeof (topic), "%u-shell-%s.stdin", getuid (), id);
    msg = world_request (topic);
    if (flux_msg_set_string (msg, json) < 0 || flux_msg_set_matchtag (msg, 1) < 0)
        bail_out ("no stdin request");
    world_post (w, msg);
}

/* A client's request has a route, which tells clients from each other. */
static flux_msg_t *client_request (const char *topic)
{
    flux_msg_t *msg = world_request (topic);

    flux_msg_route_enable (msg);
    if (flux_msg_route_push (msg, "client") < 0)
        bail_out ("no route");
    return msg;
}

void world_attach (struct world *w, const char *token)
{
    flux_msg_t *msg = client_request ("job-exec.attach");

    if (flux_msg_pack (msg, "{s:s}", "token", token) < 0
        || flux_msg_set_matchtag (msg, 2) < 0 || flux_msg_set_streaming (msg) < 0)
        bail_out ("no attach request");
    world_post (w, msg);
}

void world_ack (struct world *w, const char *token, size_t bytes)
{
    flux_msg_t *msg = client_request ("job-exec.attach-ack");

    if (flux_msg_pack (msg, "{s:s s:I}", "token", token, "bytes", (json_int_t)bytes) < 0
        || flux_msg_set_noresponse (msg) < 0)
        bail_out ("no ack request");
    world_post (w, msg);
}

void world_disconnect (struct world *w)
{
    flux_msg_t *msg = client_request ("job-exec.disconnect");

    flux_msg_set_noresponse (msg);
    world_post (w, msg);
}
