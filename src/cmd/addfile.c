#include "config.h"
#include <stdio.h>
#include <sys/stat.h>

#include "addfile.h"
#include "cmd.h"
#include "common/text.h"
#include "common/utf8.h"

enum { DEFAULT_PERMS = 0600 };

struct spec {
    char *name; /* NULL: not given */
    int perms;  /* -1: not given */
    const char *arg;
};

static void parse_perms (struct spec *s, const char *perms)
{
    char *end;
    long n = strtol (perms, &end, 8);

    if (end == perms || *end || n < 0 || n > 07777)
        cmd_die ("ERROR: --add-file: invalid permissions '%s'", perms);
    s->perms = n;
}

static void parse_spec (struct spec *s, const char *arg)
{
    size_t n = strcspn (arg, "=\n");
    char *colon;

    *s = (struct spec){ .perms = -1, .arg = arg };
    if (arg[n] != '=')
        return;
    s->name = cmd_strndup (arg, n);
    s->arg = arg + n + 1;
    if ((colon = strchr (s->name, ':'))) {
        parse_perms (s, colon + 1);
        *colon = '\0';
    }
    if (!*s->name)
        cmd_die ("ERROR: --add-file: a name is missing in '%s'", arg);
}

/* The content that ARG is, or false if it is a path. */
static bool literal (const char *arg, struct text *t)
{
    if (!strchr (arg, '\n') && !strstr (arg, "\\n"))
        return false;
    for (; *arg; arg++) {
        if (arg[0] == '\\' && arg[1] == 'n') {
            text_putc (t, '\n');
            arg++;
        }
        else
            text_putc (t, *arg);
    }
    return true;
}

static void read_file (const char *path, struct text *t, mode_t *mode)
{
    FILE *f = fopen (path, "r");
    char buf[8192];
    struct stat sb;
    size_t n;

    if (!f || fstat (fileno (f), &sb) < 0)
        cmd_die ("ERROR: --add-file: [Errno %d] %s: '%s'", errno, strerror (errno), path);
    if (!S_ISREG (sb.st_mode))
        cmd_die ("ERROR: --add-file: %s is not a regular file", path);
    while ((n = fread (buf, 1, sizeof (buf), f)) > 0)
        text_put (t, buf, n);
    if (ferror (f))
        cmd_die ("ERROR: --add-file: %s: %s", path, strerror (errno));
    fclose (f);
    *mode = sb.st_mode;
}

static json_t *encode (const struct text *t, const char **encoding)
{
    struct text b64 = TEXT_INIT;
    json_t *o;

    if (utf8_valid (t->buf ? t->buf : "", t->len)) {
        *encoding = "utf-8";
        return json_stringn (t->buf ? t->buf : "", t->len);
    }
    *encoding = "base64";
    text_put_base64 (&b64, t->buf, t->len);
    o = json_string (b64.buf);
    text_fini (&b64);
    return o;
}

void addfile_text (json_t *files, const char *name, int mode, const struct text *t)
{
    const char *encoding;
    json_t *data, *o;

    if (text_error (t) < 0 || !(data = encode (t, &encoding)))
        cmd_die ("out of memory");
    o = json_pack ("{s:i s:I s:s s:o}", "mode", mode, "size", (json_int_t)t->len, "encoding",
                   encoding, "data", data);
    if (!name || json_object_set_new (files, name, o) < 0)
        cmd_die ("ERROR: --add-file: the name is not UTF-8");
}

void addfile (json_t *files, const char *arg)
{
    struct text t = TEXT_INIT;
    mode_t mode = S_IFREG | DEFAULT_PERMS;
    const char *slash;
    struct spec s;

    parse_spec (&s, arg);
    if (!literal (s.arg, &t))
        read_file (s.arg, &t, &mode);
    else if (!s.name)
        cmd_die ("ERROR: --add-file: content needs a name: NAME=CONTENT");
    if (!s.name) {
        slash = strrchr (s.arg, '/');
        s.name = strdup (slash ? slash + 1 : s.arg);
    }
    if (s.perms >= 0)
        mode = S_IFREG | s.perms;
    addfile_text (files, s.name, mode, &t);
    text_fini (&t);
    free (s.name);
}
