/* words.h - a line of text to words, as a shell would see them.
 *
 * Blanks separate; quotes ('...', "...") and backslashes keep; # begins a
 * comment where a word could begin.  Nothing is expanded.
 */

#ifndef MILLRACE_CMD_WORDS_H
#define MILLRACE_CMD_WORDS_H

/* The words lie in line, which is changed; the array is for the caller to free
 * and ends with NULL.  Returns NULL if a quote is not closed.
 */
char **words_split (char *line, int *argc);

#endif /* !MILLRACE_CMD_WORDS_H */
