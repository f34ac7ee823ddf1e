/* job.h - the subcommands of flux job, by file. */

#ifndef MILLRACE_CMD_JOB_H
#define MILLRACE_CMD_JOB_H

/* job_events.c */
int job_eventlog (int argc, char **argv);
int job_wait_event (int argc, char **argv);
int job_info (int argc, char **argv);

/* job_act.c */
int job_raise (int argc, char **argv);
int job_cancel (int argc, char **argv);
int job_kill (int argc, char **argv);
int job_urgency (int argc, char **argv);
int job_wait (int argc, char **argv);
int job_status (int argc, char **argv);

/* jobmass.c */
int job_raiseall (int argc, char **argv);
int job_killall (int argc, char **argv);

/* job_past.c */
int job_last (int argc, char **argv);
int job_purge (int argc, char **argv);
int job_memo (int argc, char **argv);
int job_timeleft (int argc, char **argv);

/* job_list.c */
int job_list (int argc, char **argv);
int job_list_inactive (int argc, char **argv);
int job_list_ids (int argc, char **argv);
int job_stats (int argc, char **argv);

#endif /* !MILLRACE_CMD_JOB_H */
