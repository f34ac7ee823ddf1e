#include "config.h"

#include <string.h>

#include "common/tap.h"

#include "runat.h"

static void plain (const char *line, const char *want)
{
    char **argv = command_split_plain (line, "/usr/local/bin:/usr/bin:/bin");
    char buf[512] = "";

    for (int i = 0; argv && argv[i]; i++)
        strcat (strcat (buf, i ? "|" : ""), argv[i]);
    is (argv ? buf : NULL, want, "'%s' %s", line, want ? "runs as it is" : "needs a shell");
    command_free_argv (argv);
}

int main (void)
{
    plain ("true", "true");
    plain ("  sleep \t 0.1  ", "sleep|0.1");
    plain ("/bin/sh -x script", "/bin/sh|-x|script");
    plain ("", NULL);
    plain ("exit 3", NULL);
    plain ("nosuchprogram x", NULL);
    plain ("/bin", NULL);
    plain ("true; false", NULL);
    plain ("true && false", NULL);
    plain ("echo $HOME", NULL);
    plain ("echo 'a b'", NULL);
    plain ("echo *", NULL);
    plain ("A=1 true", NULL);
    plain ("echo a\\ b", NULL);
    plain ("true\nfalse", NULL);
    plain ("cat < x", NULL);
    plain ("ls ~", NULL);
    plain ("echo #x", NULL);
    plain ("time true", NULL);
    plain ("ls {a,b}", NULL);
    return done_testing ();
}
