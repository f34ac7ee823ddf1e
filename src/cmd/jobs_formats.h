/* jobs_formats.h - the layouts that flux jobs and flux pgrep know by name. */

#ifndef MILLRACE_CMD_JOBS_FORMATS_H
#define MILLRACE_CMD_JOBS_FORMATS_H

#define JOBS_FORMAT_ID "{id.f58:>12} ?:{queue:<8.8} "
#define JOBS_FORMAT_WHO JOBS_FORMAT_ID "+:{username:<8} {name:<10.10+} "
#define JOBS_FORMAT_HOW "{contextual_time!F:>8h} {contextual_info}"

#define JOBS_FORMAT_DEFAULT                                                               \
    JOBS_FORMAT_WHO "{status_abbrev:>2.2} {ntasks:>6} {nnodes:>6h} " JOBS_FORMAT_HOW
#define JOBS_FORMAT_CUTE                                                                  \
    JOBS_FORMAT_WHO "{status_emoji:>5.5} {ntasks:>6} {nnodes:>6h} " JOBS_FORMAT_HOW
#define JOBS_FORMAT_LONG                                                                  \
    JOBS_FORMAT_WHO "{status:>9.9} {ntasks:>6} {nnodes:>6h} {t_submit!d:%b%d %R::>12} "   \
                    "{t_remaining!F:>12h} " JOBS_FORMAT_HOW
#define JOBS_FORMAT_DEPS                                                                  \
    JOBS_FORMAT_ID "{name:<10.10+} {urgency:<3} {priority:<12} {state:<8.8} {dependencies}"
#define JOBS_FORMAT_ENDREASON                                                             \
    JOBS_FORMAT_WHO "{status_abbrev:>2.2} {t_inactive!d:%b%d %R::>12h} {inactive_reason}"

#endif /* !MILLRACE_CMD_JOBS_FORMATS_H */
