#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

static const char usage[] =
    "Usage: flux-broker [OPTIONS] [initial-program [args...]]\n"
    "  -v, --verbose[=LEVEL]    log more on stderr\n"
    "  -S, --setattr=NAME=VAL   set a broker attribute\n"
    "  -c, --config-path=PATH   read the configuration from a file or directory\n"
    "      --conf=VALUE         add KEY=VAL, JSON or a file to the configuration\n"
    "  -h, --help               show this and exit\n";

static int parse_verbose (const char *arg)
{
    int level = 1;

    for (; arg && *arg == 'v'; arg++)
        level++;
    return arg && *arg ? atoi (arg) : level;
}

int options_parse (struct options *opt, struct attrs *attrs, int argc, char *argv[])
{
    static const struct option longopts[] = {
        { "verbose", optional_argument, NULL, 'v' },
        { "setattr", required_argument, NULL, 'S' },
        { "config-path", required_argument, NULL, 'c' },
        { "conf", required_argument, NULL, 'C' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c, nconf = 0;
    flux_error_t error;

    if (!(opt->conf = calloc (argc + 1, sizeof (opt->conf[0]))))
        return -1;
    while ((c = getopt_long (argc, argv, "+v::S:c:h", longopts, NULL)) != -1) {
        switch (c) {
            case 'v':
                opt->verbose += parse_verbose (optarg);
                break;
            case 'S':
                if (attrs_set_cmdline (attrs, optarg, &error) < 0) {
                    fprintf (stderr, "flux-broker: %s\n", error.text);
                    return -1;
                }
                break;
            case 'c':
                opt->config_path = optarg;
                break;
            case 'C':
                opt->conf[nconf++] = optarg;
                break;
            case 'h':
                fputs (usage, stdout);
                return 1;
            default:
                fputs (usage, stderr);
                return -1;
        }
    }
    opt->argc = argc - optind;
    opt->argv = argv + optind;
    return 0;
}

void options_fini (struct options *opt)
{
    free (opt->conf);
}
