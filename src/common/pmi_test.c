#include "config.h"
#include <stdio.h>

#include "tap.h"
#include "text.h"
#include "util.h"
#include "pmi.h"

enum { TASKS = 4 };

struct sink {
    struct text lines[TASKS]; /* what each task was sent */
    char aborted[64];
    int errors;
    int gathered;
};

static void on_send (void *arg, uint32_t task, const char *line, size_t len)
{
    struct sink *s = arg;

    if (len == 0 || line[len - 1] != '\n' || memchr (line, '\n', len - 1))
        bail_out ("an answer is not one line");
    text_put (&s->lines[task], line, len);
}

static void on_abort (void *arg, uint32_t task, int code, const char *message)
{
    struct sink *s = arg;
    snprintf (s->aborted, sizeof (s->aborted), "%u: %d %s", task, code, message);
}

static void on_error (void *arg, uint32_t task, const char *line)
{
    struct sink *s = arg;
    s->errors++;
}

static const struct pmi_ops ops = { on_send, on_abort, on_error };

static void sink_fini (struct sink *s)
{
    for (int i = 0; i < TASKS; i++)
        text_fini (&s->lines[i]);
}

/* Say one line (the newline is added); the answer lines since the last call. */
static const char *ask (struct pmi *p, struct sink *s, uint32_t task, const char *line)
{
    static char answer[4096];

    text_clear (&s->lines[task]);
    pmi_input (p, task, line, strlen (line));
    pmi_input (p, task, "\n", 1);
    snprintf (answer,
              sizeof (answer),
              "%s",
              s->lines[task].len > 0 ? s->lines[task].buf : "");
    return answer;
}

/* The captured dialogue of two MPICH processes on one node, section A: replay
 * what the clients wrote, rank by rank up to each barrier, and compare what
 * the server says.
 */
struct dialogue {
    char *client[64];
    char *server[64];
    size_t count;
};

static char *next_line (FILE *f, char *buf, size_t size)
{
    if (!fgets (buf, size, f))
        return NULL;
    buf[strcspn (buf, "\n")] = '\0';
    return buf;
}

static FILE *open_session (void)
{
    const char *srcdir = getenv ("SRCDIR");
    char path[4096];
    FILE *f;

    snprintf (path, sizeof (path), "%s/t/vectors/pmi-session.txt", srcdir ? srcdir : "..");
    if (!(f = fopen (path, "r")))
        bail_out ("%s: %s", path, strerror (errno));
    return f;
}

static void read_dialogues (struct dialogue *d, int count)
{
    FILE *f = open_session ();
    char buf[4096];
    int rank = -1;

    while (next_line (f, buf, sizeof (buf)) && strncmp (buf, "## B.", 5)) {
        if (!strncmp (buf, "### rank ", 9))
            rank = atoi (buf + 9);
        else if (rank >= 0 && rank < count && !strncmp (buf, "C> ", 3)) {
            d[rank].client[d[rank].count] = strdup (buf + 3);
            d[rank].server[d[rank].count++] = NULL;
        }
        else if (rank >= 0 && rank < count && !strncmp (buf, "S> ", 3))
            d[rank].server[d[rank].count - 1] = strdup (buf + 3);
    }
    fclose (f);
}

static void replay (struct pmi *p, struct sink *s, struct dialogue *d, int count)
{
    size_t at[TASKS] = { 0 };
    bool more = true, good = true;

    while (more) {
        more = false;
        for (int r = 0; r < count; r++) {
            while (at[r] < d[r].count) {
                size_t i = at[r]++;
                bool barrier = !strcmp (d[r].client[i], "cmd=barrier_in");
                const char *got = ask (p, s, r, d[r].client[i]);
                char want[4096];

                more = true;
                if (barrier)
                    break; /* released when the last one is in */
                snprintf (want, sizeof (want), "%s\n", d[r].server[i]);
                if (strcmp (got, want)) {
                    diag ("rank %d: %s", r, d[r].client[i]);
                    diag ("got %s", got);
                    good = false;
                }
            }
        }
        for (int r = 0; r < count && more; r++) {
            if (at[r] < d[r].count || s->lines[r].len > 0)
                good = good && s->lines[r].len > 0;
        }
    }
    ok (good, "the server answers a real MPICH as upstream does");
}

static void free_dialogues (struct dialogue *d, int count)
{
    for (int r = 0; r < count; r++) {
        for (size_t i = 0; i < d[r].count; i++) {
            free (d[r].client[i]);
            free (d[r].server[i]);
        }
    }
}

/* Section B: "shellN rankN C> line", "... S> line"; what is no command is of the
 * shell's own log.  Returns how many commands there are in it.
 */
static size_t read_two_nodes (struct dialogue *d)
{
    FILE *f = open_session ();
    char buf[4096];
    bool inside = false;
    size_t count = 0;

    while (next_line (f, buf, sizeof (buf)) && strncmp (buf, "## C.", 5)) {
        char *line = strstr (buf, "> cmd=");
        int rank = atoi (buf + strlen ("shell0 rank"));

        if (!strncmp (buf, "## B.", 5))
            inside = true;
        if (!inside || !line || strncmp (buf, "shell", 5))
            continue;
        if (line[-1] == 'C') {
            d[rank].client[d[rank].count++] = strdup (line + 2);
            count++;
        }
        else
            d[rank].server[d[rank].count - 1] = strdup (line + 2);
    }
    fclose (f);
    return count;
}

/* What each has put goes to the other, and both go on. */
static void swap_and_release (struct pmi **p)
{
    struct text pairs = TEXT_INIT;

    for (int r = 0; r < 2; r++)
        pmi_take (p[r], &pairs);
    for (int r = 0; r < 2; r++) {
        if (pmi_add (p[r], pairs.buf ? pairs.buf : "", pairs.len) < 0)
            bail_out ("exchange");
        pmi_release (p[r], 0);
    }
    text_fini (&pairs);
}

static void gathered (void *arg)
{
    struct sink *s = arg;

    s->gathered++;
}

/* Two tasks, each with a server of its own. */
static void a_real_session_of_two_nodes (void)
{
    struct dialogue d[2] = { 0 };
    struct sink s[2] = { 0 };
    size_t at[2] = { 0 }, asked = 0, right = 0, count = read_two_nodes (d);
    struct pmi *p[2];
    int left = 0; /* barriers */

    for (int r = 0; r < 2; r++) {
        if (pmi_create (2, "ƒKB6CNB", &ops, &s[r], &p[r]) < 0
            || pmi_preset (p[r], "PMI_process_mapping", "(vector,(0,2,1))") < 0)
            bail_out ("no server");
        pmi_set_exchange (p[r], 1, gathered);
    }
    while (at[0] < d[0].count || at[1] < d[1].count) {
        for (int r = 0; r < 2; r++) {
            bool waits = false;

            for (; at[r] < d[r].count && !waits; at[r]++, asked++) {
                const char *got = ask (p[r], &s[r], r, d[r].client[at[r]]);
                size_t len = strlen (d[r].server[at[r]]);

                waits = !strcmp (d[r].client[at[r]], "cmd=barrier_in");
                if (waits ? !*got : !strncmp (got, d[r].server[at[r]], len) && got[len] == '\n')
                    right++;
            }
        }
        if (s[0].gathered > left && s[0].gathered == s[1].gathered) {
            swap_and_release (p);
            left++;
        }
    }
    ok (count > 20 && asked == count && right == count,
        "two servers answer a real MPICH as upstream's do: %zu of %zu", right, count);
    ok (pmi_barriers (p[0]) == 3 && pmi_barriers (p[1]) == 3, "with three barriers");
    for (int r = 0; r < 2; r++) {
        pmi_destroy (p[r]);
        sink_fini (&s[r]);
    }
    free_dialogues (d, 2);
}

static void a_real_session (void)
{
    struct sink s = { 0 };
    struct dialogue d[2] = { 0 };
    struct pmi *p;

    read_dialogues (d, 2);
    ok (d[0].count > 10 && d[1].count > 10, "there is a session to replay");
    if (pmi_create (2, "ƒB5882s", &ops, &s, &p) < 0)
        bail_out ("no server");
    ok (pmi_preset (p, "PMI_process_mapping", "(vector,(0,1,2))") == 0, "preset key");
    replay (p, &s, d, 2);
    ok (s.errors == 0, "no protocol errors");
    for (int r = 0; r < 2; r++) {
        for (size_t i = 0; i < d[r].count; i++) {
            free (d[r].client[i]);
            free (d[r].server[i]);
        }
    }
    pmi_destroy (p);
    sink_fini (&s);
}

static void answers (void)
{
    static const struct {
        const char *line;
        const char *answer;
    } cases[] = {
        { "cmd=init pmi_version=2 pmi_subversion=0", "cmd=response_to_init rc=-1\n" },
        { "cmd=init pmi_version=1 pmi_subversion=0", "cmd=response_to_init rc=-1\n" },
        { "cmd=get_universe_size", "cmd=universe_size rc=0 size=2\n" },
        { "cmd=get kvsname=k key=nope", "cmd=get_result rc=4\n" },
        { "cmd=put kvsname=k key=a value=x = y z=1", "cmd=put_result rc=0\n" },
        { "cmd=get kvsname=k key=a", "cmd=get_result rc=0 value=x = y z=1\n" },
        { "cmd=put kvsname=k key=a value=", "cmd=put_result rc=0\n" },
        { "cmd=get kvsname=k key=a", "cmd=get_result rc=0 value=\n" },
        { "cmd=put kvsname=k value=1", "cmd=put_result rc=4\n" },
        { "cmd=put kvsname=k key=b value=key=c", "cmd=put_result rc=0\n" },
        { "cmd=get kvsname=k key=c", "cmd=get_result rc=4\n" },
        { "cmd=publish_name service=a port=b",
          "cmd=publish_result rc=-1 msg=command not implemented\n" },
        { "cmd=lookup_name service=a",
          "cmd=lookup_result rc=-1 msg=command not implemented\n" },
        { "mcmd=spawn", "" },
        { "nprocs=2", "" },
        { "endcmd", "cmd=spawn_result rc=-1\n" },
    };
    struct sink s = { 0 };
    struct pmi *p;

    if (pmi_create (2, "k", &ops, &s, &p) < 0)
        bail_out ("no server");
    for (size_t i = 0; i < ARRAY_SIZE (cases); i++)
        is (ask (p, &s, 0, cases[i].line), cases[i].answer, "%s", cases[i].line);
    pmi_destroy (p);
    sink_fini (&s);
}

static void sizes (void)
{
    char line[PMI_LINE_MAX], word[PMI_VALLEN_MAX + 1];
    struct sink s = { 0 };
    struct pmi *p;

    if (pmi_create (1, "k", &ops, &s, &p) < 0)
        bail_out ("no server");
    memset (word, 'x', sizeof (word));
    snprintf (line, sizeof (line), "cmd=put kvsname=k key=%.63s value=v", word);
    is (ask (p, &s, 0, line), "cmd=put_result rc=0\n", "a key of 63 bytes");
    snprintf (line, sizeof (line), "cmd=put kvsname=k key=%.64s value=v", word);
    is (ask (p, &s, 0, line), "cmd=put_result rc=5\n", "not one of 64");
    snprintf (line, sizeof (line), "cmd=put kvsname=k key=a value=%.1023s", word);
    is (ask (p, &s, 0, line), "cmd=put_result rc=0\n", "a value of 1023 bytes");
    ok (strlen (ask (p, &s, 0, "cmd=get kvsname=k key=a")) == 1023 + 27, "comes back");
    snprintf (line, sizeof (line), "cmd=put kvsname=k key=a value=%.1024s", word);
    is (ask (p, &s, 0, line), "cmd=put_result rc=7\n", "not one of 1024");
    snprintf (line, sizeof (line), "cmd=put kvsname=%.64s key=a value=1", word);
    is (ask (p, &s, 0, line), "cmd=put_result rc=8\n", "nor a kvsname of 64");
    ok (s.errors == 0, "none of it is a protocol error");
    for (int i = 0; i < PMI_LINE_MAX; i++)
        pmi_input (p, 0, "y", 1);
    ok (s.errors == 1, "an endless line is");
    is (ask (p, &s, 0, "cmd=get_appnum"), "", "such a task is not listened to any more");
    pmi_destroy (p);
    sink_fini (&s);
}

static void barriers (void)
{
    struct sink s = { 0 };
    struct pmi *p;

    if (pmi_create (3, "k", &ops, &s, &p) < 0)
        bail_out ("no server");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            text_clear (&s.lines[i]);
        pmi_input (p, 1, "cmd=barrier_in\n", 15);
        pmi_input (p, 1, "cmd=barrier_in\n", 15);
        pmi_input (p, 0, "cmd=barrier_in\n", 15);
        ok (s.lines[0].len == 0 && s.lines[1].len == 0, "round %d: two wait", round);
        pmi_input (p, 2, "cmd=barr", 8);
        pmi_input (p, 2, "ier_in\n", 7);
        ok (pmi_barriers (p) == (unsigned int)round + 1, "round %d: is counted", round);
        ok (!strcmp (s.lines[0].buf, "cmd=barrier_out rc=0\n")
                && !strcmp (s.lines[1].buf, "cmd=barrier_out rc=0\n")
                && !strcmp (s.lines[2].buf, "cmd=barrier_out rc=0\n"),
            "round %d: the third lets all go",
            round);
    }
    pmi_destroy (p);
    sink_fini (&s);
}

/* Tasks 0 and 2 are here, 1 is elsewhere. */
static void exchange (void)
{
    struct sink s = { 0 };
    struct text pairs = TEXT_INIT;
    struct pmi *p;

    if (pmi_create (3, "k", &ops, &s, &p) < 0)
        bail_out ("no server");
    pmi_set_exchange (p, 2, gathered);
    ask (p, &s, 0, "cmd=put kvsname=k key=a value=x = y");
    ask (p, &s, 0, "cmd=put kvsname=k key=local::b value=1");
    is (ask (p, &s, 2, "cmd=get kvsname=k key=a"), "cmd=get_result rc=0 value=x = y\n",
        "who is served here sees a key at once");
    pmi_input (p, 0, "cmd=barrier_in\n", 15);
    ok (s.gathered == 0, "one of two is in the barrier");
    text_clear (&s.lines[0]);
    is (ask (p, &s, 2, "cmd=barrier_in"), "", "when both are they wait for others");
    ok (s.gathered == 1, "and whoever runs the servers is told");
    pmi_take (p, &pairs);
    is (pairs.buf, "a=x = y\n", "what is new goes to the others, but for local keys");
    ok (pmi_add (p, "c=1=2\nd=\n", 9) == 0, "what the others have is added");
    ok (pmi_add (p, "c", 1) == -EPROTO && pmi_add (p, "=1\n", 3) == -EPROTO,
        "but no nonsense");
    pmi_release (p, 0);
    is (s.lines[0].buf, "cmd=barrier_out rc=0\n", "all go on");
    is (ask (p, &s, 2, "cmd=get kvsname=k key=c"), "cmd=get_result rc=0 value=1=2\n",
        "and find it");
    text_clear (&pairs);
    pmi_take (p, &pairs);
    ok (pairs.len == 0, "which is not new here");
    pmi_input (p, 0, "cmd=barrier_in\n", 15);
    pmi_input (p, 2, "cmd=barrier_in\n", 15);
    text_clear (&s.lines[0]);
    pmi_release (p, -1);
    is (s.lines[0].buf, "cmd=barrier_out rc=-1\n", "a barrier may fail");
    text_fini (&pairs);
    pmi_destroy (p);
    sink_fini (&s);
}

static void endings (void)
{
    struct sink s = { 0 };
    struct pmi *p;

    if (pmi_create (2, "k", &ops, &s, &p) < 0)
        bail_out ("no server");
    is (ask (p, &s, 1, "cmd=abort exitcode=7"), "", "abort has no answer");
    is (s.aborted, "1: 7 aborted", "but consequences");
    ask (p, &s, 0, "cmd=abort exitcode=7 error_msg=it = broken");
    is (s.aborted, "0: 7 it = broken", "and may say why");
    ask (p, &s, 0, "hello");
    ok (s.errors == 1, "anything else is a protocol error");
    ask (p, &s, 1, "cmd=no_such_command");
    ok (s.errors == 2, "so is an unknown command");
    pmi_destroy (p);
    sink_fini (&s);
}

int main (void)
{
    a_real_session ();
    a_real_session_of_two_nodes ();
    answers ();
    sizes ();
    barriers ();
    exchange ();
    endings ();
    return done_testing ();
}
