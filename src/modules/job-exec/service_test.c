#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/tap.h"
#include "common/util.h"
#include "world.h"

static struct world w;

#define SH(script) "[\"sh\",\"-c\",\"" script "\"]"

static void run_job (const struct world_start *start)
{
    world_start (&w, start);
    world_run (&w, world_released);
}

static void is_status (int want, const char *name)
{
    is_int (w.job.status, want, "%s: status", name);
    ok (w.job.order_ok && w.job.linked && w.job.grafted,
        "%s: link before start, graft before release",
        name);
}

static void is_data (const char *stream, int rank, const char *want, const char *name)
{
    is (world_data (&w, stream, rank, NULL), want, "%s: %s of rank %d", name, stream, rank);
}

static void is_exec_log (const char *want, const char *name)
{
    is (world_names (&w, LOG_EXECLOG), want, "%s: exec.eventlog", name);
}

#define FULL_LOG                                                              \
    "init starting shell.init shell.start shell.task-exit shell-exit complete done"

static void a_job (void)
{
    run_job (&(struct world_start){ .command = "[\"true\"]" });
    is_status (0, "true");
    is_exec_log (FULL_LOG, "true");
    is (world_names (&w, LOG_OUT), "header data data", "output: a header, two EOFs");
    is (world_names (&w, LOG_IN), "header", "input: a header");
    ok (w.job.removed, "the namespace is removed");
    ok (w.job.commits <= 3, "%d commits", w.job.commits);
    run_job (&(struct world_start){ .command = SH ("echo hi; echo err >&2; exit 3") });
    is_status (3 << 8, "exit 3");
    is_data ("stdout", 0, "hi\n", "exit 3");
    is_data ("stderr", 0, "err\n", "exit 3");
    run_job (&(struct world_start){ .command = SH ("exit $FLUX_TASK_RANK"), .ntasks = 4 });
    is_status (3 << 8, "the largest exit code counts");
}

static void what_tasks_see (void)
{
    static const char *env = "{\"PATH\":\"/bin:/usr/bin\",\"A\":\"b c\",\"GONE\":null,"
                             "\"PMI_RANK\":\"77\",\"HOSTNAME\":\"elsewhere\"}";

    setenv ("OF_THE_BROKER", "1", 1);
    run_job (&(struct world_start){
        .command = SH ("echo $A.$GONE.$OF_THE_BROKER.$PMI_RANK.$FLUX_TASK_RANK."
                       "$FLUX_TASK_LOCAL_ID.$FLUX_JOB_SIZE.$FLUX_JOB_NNODES"),
        .environment = env,
        .ntasks = 2,
    });
    is_data ("stdout", 0, "b c...0.0.0.2.1\n", "environment");
    is_data ("stdout", 1, "b c...1.1.1.2.1\n", "environment");
    run_job (&(struct world_start){
        .command = SH ("test -d $FLUX_JOB_TMPDIR && touch $FLUX_JOB_TMPDIR/x && "
                       "test $FLUX_URI = local:///test/local-0 && "
                       "test $HOSTNAME != elsewhere && "
                       "test $FLUX_JOB_ID_PATH = /$FLUX_JOB_ID && "
                       "test $CUDA_VISIBLE_DEVICES = -1"),
        .environment = env,
    });
    is_status (0, "its directory, its broker, its names");
    run_job (&(struct world_start){ .command = "[\"pwd\"]", .cwd = "/usr" });
    is_data ("stdout", 0, "/usr\n", "cwd");
    run_job (&(struct world_start){ .command = "[\"pwd\"]", .cwd = "/no/such" });
    is_data ("stdout", 0, "/tmp\n", "a missing cwd");
    ok (strstr (world_names (&w, LOG_OUT), "log") != NULL, "is said in the output");
    run_job (&(struct world_start){ .command = "[\"echo\",\"{{task.id}}of{{size}}\",\"{{x}}\"]",
                                    .ntasks = 2 });
    is_data ("stdout", 1, "1of2 {{x}}\n", "tags in the command");
    run_job (&(struct world_start){
        .command = SH ("ulimit -n; ulimit -c"),
        .system = "{\"shell\":{\"options\":{\"rlimit\":{\"nofile\":123,\"core\":0}}}}",
    });
    is_data ("stdout", 0, "123\n0\n", "limits");
}

static void what_goes_wrong (void)
{
    run_job (&(struct world_start){ .command = "[\"no-such-program\"]" });
    is_status (127 << 8, "no such program");
    is (w.job.type, "exec", "its exception");
    ok (strstr (w.job.note, "start failed: no-such-program: No such file or directory")
            && !strncmp (w.job.note, "task 0 (host ", 13),
        "says: %s",
        w.job.note);
    is_exec_log ("init starting shell.init shell-exit complete done", "no such program");
    run_job (&(struct world_start){ .command = "[\"/tmp\"]" });
    is_status (126 << 8, "a directory as program");
    run_job (&(struct world_start){ .command = SH ("kill -9 $$") });
    is_status (137 << 8, "killed by 9");
    run_job (&(struct world_start){ .command = "[\"true\"]",
                                    .raw_count = "{\"per_slot\":2}" });
    is_status (1 << 8, "two tasks per slot");
    is (w.job.note, "", "is no exception");
    is_exec_log ("init starting log shell-exit complete done", "two tasks per slot");
    run_job (&(struct world_start){ .command = "[\"true\"]", .environment = "[\"A=1\"]" });
    is_status (1 << 8, "a list as environment");
    run_job (&(struct world_start){ .command = "[\"true\"]", .reattach = true });
    ok (w.job.status == -1 && strstr (w.job.note, "reattach to running job"),
        "reattach is refused: %s",
        w.job.note);
    run_job (&(struct world_start){
        .command = "[\"true\"]",
        .system = "{\"shell\":{\"options\":{\"output\":{\"limit\":\"0\"}}}}" });
    is_status (1 << 8, "an output limit of nothing");
}

static bool has_output (struct world *world)
{
    return world_data (world, "stdout", 0, NULL)[0] != '\0';
}

static void ends (void)
{
    const struct world_start sleeper = { .command = SH ("echo on; sleep 100 & wait"),
                                         .ntasks = 2 };

    world_start (&w, &sleeper);
    world_run (&w, has_output);
    world_event_exception (&w, 1);
    world_event_kill (&w, SIGKILL);
    world_run (&w, world_released);
    is_status (137 << 8, "a kill event reaches whole process groups");
    world_start (&w, &sleeper);
    world_run (&w, has_output);
    world_event_exception (&w, 0);
    world_run (&w, world_released);
    is_status (143 << 8, "a fatal exception is SIGTERM");
    world_start (&w, &(struct world_start){ .command = SH ("trap '' TERM; echo on; "
                                                           "while :; do sleep 1; done") });
    world_run (&w, has_output);
    world_event_exception (&w, 0);
    world_run (&w, world_released);
    is_status (137 << 8, "and SIGKILL for those who do not listen");
    world_start (&w, &(struct world_start){ .command = "[\"sleep\",\"100\"]" });
    world_event_exception (&w, 0);
    world_run (&w, world_released);
    ok (w.job.order_ok && (w.job.status == -1 || w.job.status == 143 << 8),
        "an exception while it starts ends it, too");
    run_job (&(struct world_start){ .command = "[\"sleep\",\"100\"]",
                                    .expiration = 0.3,
                                    .duration = 0.3 });
    is_status (142 << 8, "time is up: SIGALRM");
    is (w.job.type, "timeout", "and a timeout");
    is (w.job.note, "resource allocation expired", "that says so");
    run_job (&(struct world_start){
        .command = SH ("if test $FLUX_TASK_RANK = 1; then exit 4; fi; sleep 100"),
        .ntasks = 2,
        .system = "{\"shell\":{\"options\":{\"exit-on-error\":1}}}" });
    is_status (4 << 8, "exit-on-error");
    ok (strstr (w.job.note, "failed (Exit 4) and exit-on-error is set"), "%s", w.job.note);
    run_job (&(struct world_start){
        .command = SH ("if test $FLUX_TASK_RANK = 1; then exit 4; fi; sleep 100"),
        .ntasks = 2,
        .system = "{\"shell\":{\"options\":{\"exit-timeout\":\"0.1s\"}}}" });
    ok (strstr (w.job.note, "(Exit 4) and exit-timeout=0.1s has expired"), "%s", w.job.note);
}

static bool stdin_refused (struct world *world)
{
    return world->stdin_errnum == EPIPE;
}

static void input (void)
{
    const struct world_start cat = { .command = "[\"cat\"]", .ntasks = 2 };

    world_start (&w, &cat);
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"all\",\"data\":\"early\\n\"}");
    world_run (&w, world_started);
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"0\",\"data\":\"one\\n\",\"eof\":true}");
    world_stdin (&w,
                 "{\"stream\":\"stdin\",\"rank\":\"1\",\"data\":\"dHdvCg==\","
                 "\"encoding\":\"base64\"}");
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"0\",\"data\":\"late\"}");
    world_run (&w, stdin_refused); /* while task 1 still reads */
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"1\",\"eof\":true}");
    world_run (&w, world_released);
    is_status (0, "cat");
    is_data ("stdout", 0, "early\none\n", "stdin");
    is_data ("stdout", 1, "early\ntwo\n", "stdin");
    is_int (w.stdin_responses, 5, "after EOF it is refused");
    is (world_names (&w, LOG_IN), "header data data data data", "all of it is logged");
    world_start (&w, &(struct world_start){
                         .command = "[\"cat\"]",
                         .system = "{\"shell\":{\"options\":{\"input\":{\"limit\":3}}}}" });
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"all\",\"data\":\"1234\"}");
    world_run (&w, world_released);
    ok (strstr (w.job.note, "stdin exceeds"), "too much input: %.40s...", w.job.note);
}

static bool paused (struct world *world)
{
    return world->job.paused;
}

/* Compare with what the program writes on its own. */
static bool same_as (const char *command, const char *got, size_t len)
{
    char buf[65536];
    FILE *f = popen (command, "re");
    bool same = f != NULL;
    size_t n, pos = 0;

    while (f && (n = fread (buf, 1, sizeof (buf), f)) > 0) {
        same = same && pos + n <= len && !memcmp (buf, got + pos, n);
        pos += n;
    }
    if (f)
        pclose (f);
    return same && pos == len;
}

static void much_output (void)
{
    const char *data;
    size_t len;

    run_job (&(struct world_start){ .command = "[\"seq\",\"1\",\"200000\"]" });
    is_status (0, "seq");
    data = world_data (&w, "stdout", 0, &len);
    ok (same_as ("seq 1 200000", data, len), "%zu bytes arrive in order", len);
    diag ("%d commits, %u blobs, %.1f ms", w.job.commits, w.nblobs, w.job.t_release * 1e3);

    /* A KVS that stands still must not make the broker grow. */
    world_start (&w, &(struct world_start){ .command = "[\"seq\",\"1\",\"5000000\"]" });
    world_run (&w, world_started);
    w.hold = true;
    world_ask_stats (&w);
    world_run (&w, paused);
    ok (flux_msglist_count (w.held) <= 6, "a KVS that stands still stops the task");
    world_let_go (&w);
    world_run (&w, world_released);
    data = world_data (&w, "stdout", 0, &len);
    ok (same_as ("seq 1 5000000", data, len), "after a pause: %zu bytes", len);
    diag ("%d commits, %u blobs, %.1f ms", w.job.commits, w.nblobs, w.job.t_release * 1e3);
}

static char *slurp (const char *path)
{
    static char buf[4096];
    FILE *f = fopen (path, "re");
    size_t n = f ? fread (buf, 1, sizeof (buf) - 1, f) : 0;

    buf[n] = '\0';
    if (f)
        fclose (f);
    unlink (path);
    return buf;
}

static void files (void)
{
    char dir[] = "/tmp/job-exec-files-XXXXXX";
    char path[64];

    if (!mkdtemp (dir))
        bail_out ("mkdtemp");
    run_job (&(struct world_start){
        .command = SH ("echo out; echo err >&2"),
        .cwd = dir,
        .system = "{\"shell\":{\"options\":{\"output\":{\"stdout\":{\"type\":\"file\","
                  "\"path\":\"o\"}}}}}" });
    snprintf (path, sizeof (path), "%s/o", dir);
    is (slurp (path), "out\nerr\n", "stdout and stderr in one file");
    is (world_names (&w, LOG_OUT), "header redirect redirect", "which the log says");
    run_job (&(struct world_start){
        .command = SH ("printf 'a\\\\nb'"),
        .cwd = dir,
        .ntasks = 2,
        .system = "{\"shell\":{\"options\":{\"output\":{\"stdout\":{\"type\":\"file\","
                  "\"path\":\"o.{{taskid}}\",\"label\":true}}}}}" });
    snprintf (path, sizeof (path), "%s/o.1", dir);
    is (slurp (path), "1: a\n1: b", "labels, and a file for each task");
    snprintf (path, sizeof (path), "%s/o.0", dir);
    is (slurp (path), "0: a\n0: b", "labels, and a file for each task");
    run_job (&(struct world_start){
        .command = "[\"true\"]",
        .system = "{\"shell\":{\"options\":{\"output\":{\"stdout\":{\"type\":\"file\","
                  "\"path\":\"/no/such/x\"}}}}}" });
    is_status (1 << 8, "a file that cannot be made");
    ok (strstr (w.job.note, "No such file"), "%s", w.job.note);
    snprintf (path, sizeof (path), "%s/i", dir);
    FILE *f = fopen (path, "we");
    fputs ("from a file\n", f);
    fclose (f);
    run_job (&(struct world_start){
        .command = "[\"cat\"]",
        .cwd = dir,
        .ntasks = 2,
        .system = "{\"shell\":{\"options\":{\"input\":{\"stdin\":{\"type\":\"file\","
                  "\"path\":\"i\"}}}}}" });
    is_data ("stdout", 1, "from a file\n", "input from a file");
    slurp (path);
    ok (rmdir (dir) == 0, "no other files");
}

static void pmi (void)
{
    const char *client = getenv ("PMI_CLIENT")
                                    ?: "src/modules/job-exec/pmi_client";
    char command[256];

    snprintf (command, sizeof (command), "[\"%s\"]", client);
    run_job (&(struct world_start){ .command = command, .ntasks = 4, .cwd = "." });
    is_status (0, "a PMI client on 4 tasks");
    is_data ("stdout", 3, "3 of 4: 0 1 2 3\n", "keys of all ranks");
    snprintf (command, sizeof (command), "[\"%s\",\"abort\"]", client);
    run_job (&(struct world_start){ .command = command, .ntasks = 2, .cwd = "." });
    is_status (143 << 8, "PMI_Abort");
    is (w.job.note, "PMI_Abort: aborted", "its note");
    run_job (&(struct world_start){ .command = SH ("echo hello >&3; sleep 100") });
    is (w.job.note, "PMI-1 wire protocol error", "nonsense is an error");
}

#define MPIEXEC(members)                                                      \
    "{\"shell\":{\"options\":{\"exit-timeout\":\"none\",\"mpiexec\":{"             \
    "\"token\":\"t\"" members "}}}}"

/* Run a job that is followed. */
static void follow_job (const struct world_start *start)
{
    world_start (&w, start);
    world_run (&w, world_released);
    ok (w.job.attach_errnum == ENODATA && !w.job.news_after_end, "the stream has an end");
}

static void followed (void)
{
    const char *news;
    struct text copy = TEXT_INIT;

    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = SH ("echo $PMI_RANK; exit $PMI_RANK"),
                                       .ntasks = 2,
                                       .system = MPIEXEC ("") });
    is_status (1 << 8, "a followed job");
    is_data ("stdout", 1, "1\n", "a followed job");
    is (world_news (&w, "stdout", 1, NULL), "1\n", "its follower has its output");
    is (world_note_names (&w), "shell.init task-exit task-exit finish", "and how it went");
    news = world_news (&w, "stdout", 0, NULL);
    text_puts (&copy, news);
    is (world_data (&w, "stdout", 0, NULL), copy.buf, "the KVS has the same");
    text_fini (&copy);

    world_start (&w, &(struct world_start){ .command = "[\"true\"]",
                                            .system = MPIEXEC ("") });
    world_run (&w, world_released);
    ok (!w.job.started && strstr (w.job.note, "is gone"), "no follower: %s", w.job.note);

    world_attach (&w, "t");
    world_attach (&w, "t");
    world_run (&w, world_attach_ended);
    is_int (w.job.attach_errnum, EEXIST, "a client follows one job at a time");
    world_disconnect (&w);
    world_attach (&w, "");
    w.job.attach_errnum = 0;
    world_run (&w, world_attach_ended);
    is_int (w.job.attach_errnum, EPROTO, "a token has at least one letter");

    world_attach (&w, "t");
    world_start (&w, &(struct world_start){ .command = SH ("echo on; sleep 100 & wait"),
                                            .system = MPIEXEC ("") });
    world_run (&w, has_output);
    world_disconnect (&w);
    world_run (&w, world_released);
    is_status (143 << 8, "a job does not outlive its follower");
    ok (strstr (w.job.note, "is gone"), "%s", w.job.note);
}

static void followed_to_the_end (void)
{
    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = SH ("if test $PMI_RANK = 1; then kill -9 $$;"
                                                      " fi; trap '' TERM; sleep 100 & wait"),
                                       .ntasks = 3,
                                       .system = MPIEXEC (",\"cleanup\":true") });
    is_status (137 << 8, "a task that is killed");
    ok (strstr (w.job.note, "task rank 1") && strstr (w.job.note, "was killed (Killed)"),
        "ends the others at once: %s",
        w.job.note);
    ok (!strncmp (world_note_names (&w), "shell.init task-exit exception task-exit", 40),
        "first the cause: %s",
        world_note_names (&w));

    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = SH ("if test $PMI_RANK = 1; then kill -9 $$;"
                                                      " fi; exit 3"),
                                       .ntasks = 2,
                                       .system = MPIEXEC (",\"cleanup\":false") });
    is_status (137 << 8, "without cleanup");
    is (w.job.note, "", "nobody is killed for another's end");

    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = SH ("echo 'cmd=abort exitcode=7' >&3;"
                                                      " trap '' TERM; sleep 100 & wait"),
                                       .ntasks = 2,
                                       .system = MPIEXEC ("") });
    is_status (7 << 8, "the code of an abort counts");
    ok (strstr (world_note_names (&w), "abort exception") != NULL,
        "%s",
        world_note_names (&w));

    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = "[\"no-such-program\"]",
                                       .system = MPIEXEC ("") });
    is_status (127 << 8, "a program that is not there");
    is (world_note_names (&w), "shell.init exception finish", "is told to the follower");

    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = "[\"true\"]",
                                       .cwd = "/no/such",
                                       .system = MPIEXEC ("") });
    is_status (1 << 8, "a directory that is not there");
    ok (strstr (w.job.note, "Could not change dir"), "%s", w.job.note);
}

/* Programs of their own, with their own environment. */
static void sections (void)
{
    static const char two[] =
        ",\"umask\":63,\"sections\":["
        "{\"ntasks\":1,\"command\":[\"sh\",\"-c\",\"echo $A.$B; pwd; umask\"],"
        "\"cwd\":\"/usr\",\"env\":{\"A\":\"1\",\"B\":null}},"
        "{\"ntasks\":2,\"command\":[\"sh\",\"-c\",\"echo $A.$B.$PMI_RANK.{{size}}\"],"
        "\"env\":{\"A\":\"2\"},\"envnone\":true}]";
    char system[1024];

    snprintf (system, sizeof (system), MPIEXEC ("%s"), two);
    world_attach (&w, "t");
    follow_job (&(struct world_start){
        .command = "[\"false\"]",
        .environment = "{\"PATH\":\"/bin:/usr/bin\",\"A\":\"0\",\"B\":\"b\"}",
        .ntasks = 3,
        .system = system });
    is_status (0, "three tasks, two programs");
    is_data ("stdout", 0, "1.\n/usr\n0077\n", "the first one");
    is_data ("stdout", 1, "2..1.3\n", "the second one, twice");
    is_data ("stdout", 2, "2..2.3\n", "the second one, twice");

    world_attach (&w, "t");
    follow_job (&(struct world_start){ .command = "[\"true\"]",
                                       .ntasks = 2,
                                       .system = system });
    is_status (1 << 8, "sections for three tasks, and two tasks");
    world_attach (&w, "t");
    follow_job (&(struct world_start){
        .command = "[\"true\"]",
        .system = MPIEXEC (",\"sections\":[{\"ntasks\":1,\"command\":[]}]") });
    is_status (1 << 8, "a section without a command");
}

static bool one_answered (struct world *world)
{
    return world->stdin_responses == 1;
}

static bool two_answered (struct world *world)
{
    return world->stdin_responses == 2;
}

/* The task whose output is its process id has stopped: SIGCONT before that would be
 * in vain.
 */
static bool is_stopped (struct world *world)
{
    const char *pid = world_data (world, "stdout", 0, NULL);
    char path[64], state = '?';
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%d/stat", atoi (pid));
    if (!strchr (pid, '\n') || !(f = fopen (path, "r")))
        return false;
    if (fscanf (f, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    fclose (f);
    return state == 'T';
}

static void followed_input (void)
{
    struct text t = TEXT_INIT;
    size_t len, before;

    world_attach (&w, "t");
    world_start (&w, &(struct world_start){ .command = "[\"cat\"]",
                                            .ntasks = 2,
                                            .system = MPIEXEC (",\"stdin\":\"0\"") });
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"all\",\"data\":\"x\\n\"}");
    world_run (&w, world_started);
    world_stdin (&w, "{\"stream\":\"stdin\",\"rank\":\"all\",\"eof\":true}");
    world_run (&w, world_released);
    is_status (0, "the others have an empty input");
    is_data ("stdout", 0, "x\n", "rank 0 has it");
    is_data ("stdout", 1, "", "rank 1 has none");
    is (world_names (&w, LOG_IN), "header", "it is not kept");

    text_puts (&t, "{\"stream\":\"stdin\",\"rank\":\"all\",\"eof\":true,\"data\":\"");
    for (int i = 0; i < 300000; i++)
        text_putc (&t, 'a' + i % 26);
    text_puts (&t, "\"}");
    world_attach (&w, "t");
    world_start (&w, &(struct world_start){ .command = SH ("echo $$; kill -STOP $$; cat"),
                                            .system = MPIEXEC (",\"stdin\":\"0\"") });
    world_run (&w, is_stopped);
    (void)world_data (&w, "stdout", 0, &before);
    world_stdin (&w, t.buf);
    world_stdin (&w, "{}");
    world_run (&w, one_answered);
    is_int (w.stdin_errnum, EPROTO, "a task that does not read holds up the answer");
    world_event_kill (&w, SIGCONT);
    world_run (&w, two_answered);
    is_int (w.stdin_errnum, 0, "it comes when all is read");
    world_run (&w, world_released);
    (void)world_data (&w, "stdout", 0, &len);
    is_int (len - before, 300000, "and written");
    text_fini (&t);
}

static void followed_output (void)
{
    const char *data;
    size_t len;

    /* A follower that does not read must not make the broker grow. */
    world_attach (&w, "t");
    world_start (&w, &(struct world_start){ .command = "[\"seq\",\"1\",\"5000000\"]",
                                            .system = MPIEXEC ("") });
    world_run (&w, world_started);
    world_ask_stats (&w);
    world_run (&w, paused);
    ok (w.job.news.len < 8 << 20, "a follower that does not read stops the task");
    while (!w.job.released) {
        world_ack (&w, "t", 1 << 20);
        world_step (&w);
    }
    data = world_news (&w, "stdout", 0, &len);
    ok (same_as ("seq 1 5000000", data, len), "all of it comes in the end");

    world_attach (&w, "t");
    world_start (&w,
                 &(struct world_start){
                     .command = "[\"seq\",\"1\",\"5000\"]",
                     .system = "{\"shell\":{\"options\":{\"mpiexec\":{\"token\":\"t\"},"
                               "\"output\":{\"limit\":\"10k\"}}}}" });
    world_run (&w, world_released);
    data = world_news (&w, "stdout", 0, &len);
    ok (same_as ("seq 1 5000", data, len), "beyond the limit the follower has all");
    (void)world_data (&w, "stdout", 0, &len);
    ok (len <= 10240 && strstr (world_names (&w, LOG_OUT), "log"), "the KVS has no more");
}

static void mock (void)
{
    run_job (&(struct world_start){
        .command = "[\"true\"]",
        .system = "{\"exec\":{\"test\":{\"run_duration\":\"0.01s\",\"wait_status\":256}}}" });
    is_status (256, "a mock job");
    is_exec_log ("init starting recoverable complete done", "mock");
    run_job (&(struct world_start){
        .command = "[\"true\"]",
        .system = "{\"exec\":{\"test\":{\"mock_exception\":\"init\"}}}" });
    ok (!w.job.started && w.job.order_ok, "one that fails to begin");
    is (w.job.note, "mock initialization exception generated", "says so");
    is_exec_log ("init done", "mock");
    world_start (&w, &(struct world_start){ .command = "[\"true\"]",
                                            .system = "{\"exec\":{\"test\":{}}}" });
    world_run (&w, world_started);
    world_event_exception (&w, 0);
    world_run (&w, world_released);
    is_status (SIGTERM, "a mock job ends with the raw signal");
}

static void no_namespace (void)
{
    static const char *const system[] = { NULL,
                                          "{\"exec\":{\"test\":{\"run_duration\":\"1d\"}}}" };

    w.begin_errnum = ENOMEM;
    for (int i = 0; i < 2; i++) {
        run_job (&(struct world_start){ .command = "[\"true\"]", .system = system[i] });
        is (w.job.note, "failed to create guest ns: Cannot allocate memory",
            "%s without a namespace ends, and says why", i ? "a mock" : "a job");
        ok (!i == !w.job.started, "only the mock has started, and is ended");
    }
    w.begin_errnum = 0;
}

static int compare (const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : 1;
}

/* Figures for the report; the KVS of this world answers at once. */
static void launch_cost (void)
{
    enum { RUNS = 200 };
    static double start[RUNS], finish[RUNS], release[RUNS];
    bool good = true;

    for (int i = 0; i < RUNS; i++) {
        run_job (&(struct world_start){ .command = "[\"/bin/true\"]" });
        good = good && w.job.status == 0;
        start[i] = w.job.t_start;
        finish[i] = w.job.t_finish;
        release[i] = w.job.t_release;
    }
    qsort (start, RUNS, sizeof (double), compare);
    qsort (finish, RUNS, sizeof (double), compare);
    qsort (release, RUNS, sizeof (double), compare);
    ok (good, "%d jobs one after the other", RUNS);
    diag ("median ms from request: start %.2f, finish %.2f, release %.2f (%d commits)",
          start[RUNS / 2] * 1e3,
          finish[RUNS / 2] * 1e3,
          release[RUNS / 2] * 1e3,
          w.job.commits);
}

int main (void)
{
    char *argv[] = { "kill-timeout=0.2s" };

    world_init (&w, 1, argv);
    a_job ();
    what_tasks_see ();
    what_goes_wrong ();
    ends ();
    input ();
    much_output ();
    files ();
    pmi ();
    followed ();
    followed_to_the_end ();
    sections ();
    followed_input ();
    followed_output ();
    mock ();
    no_namespace ();
    launch_cost ();
    world_fini (&w);
    return done_testing ();
}
