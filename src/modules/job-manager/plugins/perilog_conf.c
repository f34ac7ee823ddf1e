/* Reading what perilog.so is configured with. */

#include "config.h"
#include <math.h>
#include <stdlib.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/jwords.h"
#include "common/util.h"

#include "perilog.h"

#define PROLOG_TIMEOUT (30 * 60.)
#define KILL_TIMEOUT 60.

const char *perilog_name (enum perilog which)
{
    return which == PROLOG ? "prolog" : "epilog";
}

const char *perilog_description (enum perilog which)
{
    return which == PROLOG ? "job-manager.prolog" : "job-manager.epilog";
}

static void command_fini (struct perilog_command *c)
{
    json_decref (move_ptr (c->argv));
}

void perilog_conf_fini (struct perilog_conf *pc)
{
    for (int i = 0; i < PERILOG_COUNT; i++)
        command_fini (&pc->command[i]);
    for (size_t i = 0; i < pc->nignore; i++)
        regfree (&pc->ignore[i]);
    free (move_ptr (pc->ignore));
    pc->nignore = 0;
}

/* Without a command the IMP runs one, if there is an IMP. */
static int find_command (struct perilog_command *c,
                         const char *name,
                         json_t *given,
                         const char *imp,
                         flux_error_t *error)
{
    if (given && !jwords_command (given))
        return errprintf (error, "[job-manager.%s]: command must be an array", name);
    if (!given && !imp)
        return errprintf (
            error, "[job-manager.%s]: no command specified and exec.imp not defined",
            name);
    c->argv = given ? json_incref (given) : json_pack ("[s s s]", imp, "run", name);
    return c->argv ? 0 : errprintf (error, "out of memory");
}

/* "infinity" and 0 are no limit. */
static int parse_timeout (const char *s, double *seconds)
{
    if (!s)
        return 0;
    if (fsd_parse (s, seconds) < 0)
        return -1;
    if (isinf (*seconds))
        *seconds = -1.;
    return 0;
}

static int parse_command (struct perilog_command *c,
                          enum perilog which,
                          json_t *table,
                          const char *imp,
                          flux_error_t *error)
{
    const char *name = perilog_name (which), *timeout = NULL;
    int per_rank = 0, cancel = which == PROLOG, first_error = 0;
    json_t *command = NULL;
    json_error_t e;

    c->timeout = which == PROLOG ? PROLOG_TIMEOUT : -1.;
    c->kill_timeout = KILL_TIMEOUT;
    if (json_unpack_ex (table, &e, 0, "{s?o s?b s?s s?F s?b s?b !}", "command", &command,
                        "per-rank", &per_rank, "timeout", &timeout, "kill-timeout",
                        &c->kill_timeout, "cancel-on-exception", &cancel,
                        "exit-on-first-error", &first_error)
        < 0)
        return errprintf (error, "[job-manager.%s]: %s", name, e.text);
    if (parse_timeout (timeout, &c->timeout) < 0)
        return errprintf (error, "[job-manager.%s]: invalid %s timeout", name, name);
    if (!(c->kill_timeout >= 0.))
        return errprintf (error, "[job-manager.%s]: invalid kill-timeout", name);
    c->per_rank = per_rank;
    c->cancel_on_exception = cancel;
    c->exit_on_first_error = first_error;
    return find_command (c, name, command, imp, error);
}

static int parse_ignore (struct perilog_conf *pc, json_t *list, flux_error_t *error)
{
    json_t *o;
    size_t i;

    if (!json_is_array (list))
        return errprintf (
            error, "[job-manager.perilog]: log-ignore must be an array of strings");
    if (!(pc->ignore = calloc (json_array_size (list) + 1, sizeof (pc->ignore[0]))))
        return errprintf (error, "out of memory");
    json_array_foreach (list, i, o)
    {
        char why[100];
        int r;

        if (!json_is_string (o))
            return errprintf (
                error, "[job-manager.perilog]: log-ignore must be an array of strings");
        r = regcomp (&pc->ignore[i], json_string_value (o), REG_EXTENDED | REG_NOSUB);
        if (r != 0) {
            regerror (r, &pc->ignore[i], why, sizeof (why));
            return errprintf (error, "[job-manager.perilog]: log-ignore: %s: %s",
                              json_string_value (o), why);
        }
        pc->nignore++;
    }
    return 0;
}

static int parse (struct perilog_conf *pc, json_t *conf, flux_error_t *error)
{
    json_t *table[PERILOG_COUNT] = { NULL }, *perilog = NULL, *ignore = NULL;
    const char *imp = NULL;
    json_error_t e;

    if (json_unpack_ex (conf, &e, 0, "{s?{s?o s?o s?o} s?{s?s}}", "job-manager", "prolog",
                        &table[PROLOG], "epilog", &table[EPILOG], "perilog", &perilog,
                        "exec", "imp", &imp)
        < 0)
        return errprintf (error, "perilog: %s", e.text);
    if (perilog && json_unpack_ex (perilog, &e, 0, "{s?o !}", "log-ignore", &ignore) < 0)
        return errprintf (error, "[job-manager.perilog]: %s", e.text);
    if (ignore && parse_ignore (pc, ignore, error) < 0)
        return -1;
    for (int i = 0; i < PERILOG_COUNT; i++) {
        if (table[i] && parse_command (&pc->command[i], i, table[i], imp, error) < 0)
            return -1;
    }
    return 0;
}

int perilog_conf_parse (struct perilog_conf *pc, json_t *conf, flux_error_t *error)
{
    struct perilog_conf new = { 0 };

    if (parse (&new, conf, error) < 0) {
        perilog_conf_fini (&new);
        return -1;
    }
    perilog_conf_fini (pc);
    *pc = new;
    return 0;
}

bool perilog_conf_ignores (const struct perilog_conf *pc, const char *line)
{
    for (size_t i = 0; i < pc->nignore; i++) {
        if (regexec (&pc->ignore[i], line, 0, NULL, 0) == 0)
            return true;
    }
    return false;
}
