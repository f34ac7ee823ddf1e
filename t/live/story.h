/* story.h - what a test that hangs was doing.
 *
 * Purpose: a hang on a machine that nobody can look at must tell from its output
 * where it hangs.
 *
 * All is written to stderr, which prove shows.  Bounds: STORY_LINES of what the
 * test printed last and of each log; STORY_INSTANCES instances, none waited for longer
 * than STORY_SECONDS per question; STORY_FRAMES lines of stacks, if there is a gdb.
 */

#ifndef T_LIVE_STORY_H
#define T_LIVE_STORY_H

#include <sys/types.h>

enum {
    STORY_LINES = 25,
    STORY_FRAMES = 400,
    STORY_INSTANCES = 6,
    STORY_SECONDS = 10,
};

/* From now on what is written to stdout passes through us and is remembered; not
 * if stdout is a terminal.  Returns the descriptor that the test is to write to.
 */
int story_listen (void);

/* All that is below has ended: let the rest pass. */
void story_end (void);

/* Tell of these processes: what they are and wait for, which instances they are
 * of, what those say of their modules, and their last log entries.
 */
void story_tell (const pid_t *pids, int count);

/* One line of a process: its number, its parent's, state, what it is. */
void story_process (pid_t pid);

#endif /* !T_LIVE_STORY_H */
