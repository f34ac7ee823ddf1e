#include "config.h"
#include <errno.h>
#include <string.h>

#include "common/tap.h"
#include "mainlog.h"

#define SUBMIT \
    "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":100,\"flags\":0}}\n"
#define START "{\"timestamp\":2.0,\"name\":\"start\"}\n"
#define PARTIAL                                                                       \
    "{\"timestamp\":3.0,\"name\":\"release\",\"context\":{\"ranks\":\"0\",\"final\":" \
    "false}}\n"
#define RELEASE                                                                         \
    "{\"timestamp\":3.0,\"name\":\"release\",\"context\":{\"ranks\":\"all\",\"final\":" \
    "true}}\n"
#define CLEAN "{\"timestamp\":4.0,\"name\":\"clean\"}\n"

static int feed (struct mainlog *ml, const char *s)
{
    return mainlog_feed (ml, s, strlen (s));
}

static void facts (void)
{
    struct mainlog ml;

    mainlog_init (&ml);
    ok (!mainlog_exists (&ml) && !ml.known, "a new log says nothing");
    is_int (feed (&ml, SUBMIT), 0, "the first entry is taken");
    ok (ml.known && ml.userid == 100, "and says whose job it is");
    mainlog_complete (&ml);
    is_int (ml.initial, strlen (SUBMIT), "so much there was at the start");
    feed (&ml, START PARTIAL);
    ok (ml.started && !ml.final, "a part of the resources does not move the guest data");
    feed (&ml, RELEASE CLEAN "{\"timestamp\":5.0,\"name\":\"more\"}\n");
    ok (ml.final && ml.clean, "the last one does");
    feed (&ml, "{\"timestamp\":6.0,\"name\":\"evenmore\"}\n");
    is (ml.text.buf, SUBMIT START PARTIAL RELEASE CLEAN, "nothing comes after clean");
    mainlog_complete (&ml);
    is_int (ml.initial, strlen (SUBMIT), "the start stays where it was");
    mainlog_fini (&ml);
}

static void odd_logs (void)
{
    struct mainlog ml;

    mainlog_init (&ml);
    is_int (mainlog_feed (&ml, NULL, 0), -EINVAL, "an append of nothing is an error");
    is_int (feed (&ml, "no newline"), 0, "half an entry is no error");
    ok (!mainlog_exists (&ml), "but it is nothing either");
    is_int (feed (&ml, "not json\ntail"), 0, "entries are not judged");
    ok (mainlog_exists (&ml) && !ml.known, "but an odd first one tells no owner");
    is (ml.text.buf, "not json\n", "and the tail is dropped");
    mainlog_fini (&ml);
}

static void owners (void)
{
    static const char *const bad[] = {
        "",
        "\n",
        "{}\n",
        START,
        "{\"timestamp\":1.0,\"name\":\"submit\"}\n",
        "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{}}\n",
        "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":\"5\"}}\n",
        "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":-1}}\n",
        "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":5}}",
    };
    uint32_t userid;
    bool all = true;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        all &= mainlog_owner (bad[i], strlen (bad[i]), &userid) == -EPROTO;
    ok (all, "a log that does not begin with submit and a userid has no owner");
    ok (mainlog_owner (SUBMIT START, strlen (SUBMIT START), &userid) == 0
            && userid == 100,
        "one that does has");
}

int main (void)
{
    facts ();
    odd_logs ();
    owners ();
    return done_testing ();
}
