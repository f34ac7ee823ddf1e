/* event.c - flux event pub, flux event sub. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"

struct pub {
    bool raw;
    bool sync;
    bool private;
};

static const struct opt pub_opts[] = {
    { 'r', "raw", OPT_NONE, NULL, "PAYLOAD is raw bytes" },
    { 's', "synchronous", OPT_NONE, NULL, "wait until the event has its sequence number" },
    { 'p', "private", OPT_NONE, NULL, "only the instance owner receives it" },
    OPT_END,
};

static const struct opt_table pub_table = {
    .prog = "flux-event pub",
    .usage = "[OPTIONS] TOPIC [PAYLOAD]",
    .summary = "Publish an event.",
    .example = "flux event pub job.done '{\"id\":1}'",
    .opts = pub_opts,
};

static void pub_set (int key, const char *arg, void *data)
{
    struct pub *p = data;

    switch (key) {
        case 'r':
            p->raw = true;
            break;
        case 's':
            p->sync = true;
            break;
        case 'p':
            p->private = true;
            break;
    }
}

/* Without -s an event message is sent as it is: nobody waits for a number. */
static void pub_message (flux_t *h, const struct pub *p, const char *topic, const char *s)
{
    flux_msg_t *msg;

    if (p->raw)
        msg = flux_event_encode_raw (topic, s, s ? strlen (s) : 0);
    else
        msg = flux_event_encode (topic, s);
    if (!msg || (p->private && flux_msg_set_private (msg) < 0)
        || flux_send (h, msg, 0) < 0)
        cmd_die ("%s: %s", topic, flux_strerror (errno));
    flux_msg_destroy (msg);
}

static void pub_sync (flux_t *h, const struct pub *p, const char *topic, const char *s)
{
    int flags = p->private ? FLUX_MSGFLAG_PRIVATE : 0;
    flux_future_t *f;

    if (p->raw)
        f = flux_event_publish_raw (h, topic, flags, s, s ? strlen (s) : 0);
    else
        f = flux_event_publish (h, topic, flags, s);
    if (!f || flux_future_get (f, NULL) < 0)
        cmd_die ("%s: %s", topic, f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
}

static int event_pub (int argc, char **argv)
{
    struct pub p = { 0 };
    int i = opt_parse (&pub_table, argc, argv, pub_set, &p);
    char *payload = NULL;
    flux_t *h;

    if (i == argc)
        opt_usage (&pub_table);
    for (int k = i + 1; k < argc; k++) {
        char *longer;

        if (asprintf (&longer, "%s%s%s", payload ? payload : "", payload ? " " : "", argv[k])
            < 0)
            cmd_die ("out of memory");
        free (payload);
        payload = longer;
    }
    h = cmd_open ();
    if (p.sync)
        pub_sync (h, &p, argv[i], payload);
    else
        pub_message (h, &p, argv[i], payload);
    free (payload);
    flux_close (h);
    return 0;
}

static const struct opt sub_opts[] = {
    { 'c', "count", OPT_REQUIRED, "N", "exit after N events" },
    { 'r', "raw", OPT_NONE, NULL, "payloads are raw bytes" },
    OPT_END,
};

static const struct opt_table sub_table = {
    .prog = "flux-event sub",
    .usage = "[OPTIONS] [TOPIC...]",
    .summary = "Print events whose topic begins with TOPIC (default: all).",
    .opts = sub_opts,
};

struct sub {
    long long count; /* 0 = for ever */
    bool raw;
};

static void sub_set (int key, const char *arg, void *data)
{
    struct sub *s = data;

    if (key == 'c')
        s->count = opt_number (&sub_table, "count", arg, 1, INT_MAX);
    else
        s->raw = true;
}

static void print_event (const flux_msg_t *msg, bool raw)
{
    const char *topic, *s = NULL;
    const void *data = NULL;
    size_t len = 0;

    if (flux_msg_get_topic (msg, &topic) < 0)
        return;
    printf ("%s\t", topic);
    if (raw && flux_event_decode_raw (msg, NULL, &data, &len) == 0)
        fwrite (data, 1, len, stdout);
    else if (flux_event_decode (msg, NULL, &s) == 0 && s)
        printf ("%s", s);
    printf ("\n");
    fflush (stdout);
}

static int event_sub (int argc, char **argv)
{
    struct sub s = { 0 };
    int i = opt_parse (&sub_table, argc, argv, sub_set, &s);
    flux_msg_t *msg;
    flux_t *h = cmd_open ();

    if (i == argc && flux_event_subscribe (h, "") < 0)
        cmd_die ("subscribe: %s", flux_strerror (errno));
    for (; i < argc; i++) {
        if (flux_event_subscribe (h, argv[i]) < 0)
            cmd_die ("%s: %s", argv[i], flux_strerror (errno));
    }
    for (long long n = 0; s.count == 0 || n < s.count; n++) {
        if (!(msg = flux_recv (h, FLUX_MATCH_EVENT, 0)))
            cmd_die ("recv: %s", flux_strerror (errno));
        print_event (msg, s.raw);
        flux_msg_destroy (msg);
    }
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "pub", event_pub, "publish an event" },
    { "sub", event_sub, "print events" },
    { NULL, NULL, NULL },
};

int cmd_event (int argc, char **argv)
{
    return cmd_group ("flux event", subcommands, argc, argv);
}
