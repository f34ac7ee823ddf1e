/* target_tasks.c - what the tasks of a job write: output, and PMI. */

#include "config.h"
#include <stdio.h>

#include "common/base64.h"
#include "common/pmi.h"
#include "common/text.h"
#include "modules/job-exec/output.h"
#include "fuzz.h"

/* ---- output: nothing lost, nothing reordered -------------------------------- */

#define TASKS 2

/* Append the data of every entry to the text of its task and stream. */
static void read_entry (json_t *o, struct text got[TASKS][OUTPUT_STREAMS], int *eofs)
{
    const char *name, *stream, *rank, *data = NULL, *encoding = "UTF-8";
    struct text *t;
    json_t *context;
    size_t len = 0;
    int eof = 0;

    must (json_unpack (o, "{s:s s:o}", "name", &name, "context", &context) == 0);
    if (strcmp (name, "data") != 0)
        return;
    must (json_unpack (context, "{s:s s:s s?s% s?s s?b}", "stream", &stream, "rank",
                       &rank, "data", &data, &len, "encoding", &encoding, "eof", &eof)
          == 0);
    t = &got[atoi (rank)][strcmp (stream, "stdout") == 0 ? OUTPUT_STDOUT : OUTPUT_STDERR];
    if (data && strcmp (encoding, "base64") == 0) {
        char *buf = malloc (base64_decoded_max (len) + 1);
        ssize_t n = base64_decode (buf, data, len);

        must (n >= 0);
        text_put (t, buf, n);
        free (buf);
    }
    else if (data)
        text_put (t, data, len);
    *eofs += eof;
}

static void
read_log (const struct text *log, struct text got[TASKS][OUTPUT_STREAMS], int *eofs)
{
    const char *p = log->buf, *end = p + log->len;

    while (p < end) {
        const char *newline = memchr (p, '\n', end - p);
        json_t *o;

        must (newline != NULL);
        must ((o = json_loadb (p, newline - p, JSON_ALLOW_NUL, NULL)) != NULL);
        read_entry (o, got, eofs);
        json_decref (o);
        p = newline + 1;
    }
}

/* The first byte says which streams are unbuffered; then come writes: one byte
 * of task and stream, one of length, the data.
 */
static void output_one (const char *data, size_t size)
{
    struct text want[TASKS][OUTPUT_STREAMS] = { 0 }, got[TASKS][OUTPUT_STREAMS] = { 0 };
    struct fuzz_dice d = { data, data + size };
    struct output_config config = { .ntasks = TASKS };
    struct text log = TEXT_INIT;
    struct output *o;
    int eofs = 0;

    config.stream[0].unbuffered = fuzz_roll (&d, 2);
    config.stream[1].unbuffered = fuzz_roll (&d, 2);
    text_puts (&log, "");
    must (output_create (&config, &log, &o) == 0);
    while (d.p < d.end) {
        unsigned int which = fuzz_roll (&d, 4);
        size_t len = fuzz_roll (&d, 128);
        char *copy;

        if (len > (size_t)(d.end - d.p))
            len = d.end - d.p;
        copy = fuzz_bytes (d.p, len);
        if (len > 0)
            output_data (o, 1.5, which / 2, which % 2, copy, len);
        text_put (&want[which / 2][which % 2], copy, len);
        d.p += len;
        free (copy);
    }
    for (int i = 0; i < 4; i++)
        output_eof (o, 1.5, i / 2, i % 2);
    output_finish (o, 2.);
    must (text_error (&log) == 0);
    read_log (&log, got, &eofs);
    must (eofs == 4);
    for (int i = 0; i < 4; i++) {
        struct text *a = &want[i / 2][i % 2], *b = &got[i / 2][i % 2];

        must (a->len == b->len && (a->len == 0 || memcmp (a->buf, b->buf, a->len) == 0));
        text_fini (a);
        text_fini (b);
    }
    output_destroy (o);
    text_fini (&log);
}

static const char *const output_seeds[] = {
    "AA\1\4abc\n\1\5xyz\nq\2\1r\3\2s\n",
    "BB\1\6\xc3\xa9\n\xe2\x82\xac\1\2\xf0\x9f\1\2\x98\x80",
    "AB\2\x10"
    "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
    NULL,
};

static const char *const output_words[] = {
    "\n",           "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
    "\xe2\x82\xac", "\xf0\x9f\x98\x80",
    "\xff",         "\x1b[0m",
    "\"\\",         "\x7f",
    NULL,
};

const struct fuzz_target fuzz_output = {
    .name = "output",
    .one = output_one,
    .seeds = output_seeds,
    .words = output_words,
};

/* ---- pmi -------------------------------------------------------------------- */

struct answers {
    struct text lines[TASKS];
    int aborts, errors;
};

static void on_send (void *arg, uint32_t task, const char *line, size_t len)
{
    struct answers *a = arg;

    must (task < TASKS && len > 0 && line[len - 1] == '\n');
    must (memchr (line, '\n', len) == line + len - 1);
    text_put (&a->lines[task], line, len);
}

static void on_abort (void *arg, uint32_t task, int code, const char *message)
{
    ((struct answers *)arg)->aborts++;
}

static void on_error (void *arg, uint32_t task, const char *line)
{
    ((struct answers *)arg)->errors++;
}

static const struct pmi_ops pmi_ops = { .send = on_send,
                                        .abort = on_abort,
                                        .protocol_error = on_error };

/* Lines that begin with '!' come from task 1.  In whole lines, or in pieces. */
static void speak (const char *data, size_t size, size_t piece, struct answers *a)
{
    const char *p = data, *end = data + size;
    struct pmi *pmi;

    *a = (struct answers){ 0 };
    must (pmi_create (TASKS, "kvsname", &pmi_ops, a, &pmi) == 0);
    must (pmi_preset (pmi, "PMI_process_mapping", "(vector,(0,1,2))") == 0);
    while (p < end) {
        const char *newline = memchr (p, '\n', end - p);
        const char *stop = newline ? newline + 1 : end;
        uint32_t task = *p == '!';

        for (p += task; p < stop;) {
            size_t n = (size_t)(stop - p) < piece ? (size_t)(stop - p) : piece;
            char *copy = fuzz_bytes (p, n);

            pmi_input (pmi, task, copy, n);
            free (copy);
            p += n;
        }
    }
    pmi_destroy (pmi);
}

static void pmi_one (const char *data, size_t size)
{
    struct answers whole, parts;

    speak (data, size, (size_t)-1, &whole);
    speak (data, size, 3, &parts);
    must (whole.aborts == parts.aborts && whole.errors == parts.errors);
    for (int i = 0; i < TASKS; i++) {
        struct text *a = &whole.lines[i], *b = &parts.lines[i];

        must (a->len == b->len && (a->len == 0 || memcmp (a->buf, b->buf, a->len) == 0));
        text_fini (a);
        text_fini (b);
    }
}

static const char *const pmi_seeds[] = {
    "cmd=init pmi_version=1 pmi_subversion=1\ncmd=get_maxes\ncmd=get_appnum\n"
    "cmd=get_my_kvsname\ncmd=get kvsname=kvsname key=PMI_process_mapping\n"
    "cmd=put kvsname=kvsname key=a value=b c=d\n!cmd=barrier_in\ncmd=barrier_in\n"
    "!cmd=get kvsname=kvsname key=a\ncmd=finalize\n!cmd=finalize\n",
    "cmd=get_universe_size\ncmd=abort "
    "exitcode=3\nmcmd=spawn\nnprocs=1\nexecname=x\nendcmd\n",
    "cmd=lookup_name service=s\ncmd=publish_name service=s port=p\ncmd=unpublish_name\n",
    NULL,
};

static const char *const pmi_words[] = {
    "cmd=",
    "kvsname=kvsname",
    "key=",
    "value=",
    "cmd=barrier_in\n",
    "\n!",
    "mcmd=spawn\n",
    "endcmd\n",
    "cmd=put kvsname=kvsname key=k value=v\n",
    "cmd=finalize\n",
    NULL,
};

const struct fuzz_target fuzz_pmi = {
    .name = "pmi",
    .one = pmi_one,
    .seeds = pmi_seeds,
    .words = pmi_words,
};
