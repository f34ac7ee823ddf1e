/* tap.h - emit the Test Anything Protocol, version 12, for prove(1).
 *
 * A test program is main () with ok () lines, ended by return done_testing ().
 * Names read as statements about behaviour.
 */

#ifndef MILLRACE_TAP_H
#define MILLRACE_TAP_H

#include <stdbool.h>
#include "util.h"

/* Report one result.  Returns cond, so that a test can stop digging. */
bool tap_ok (bool cond, const char *file, int line, const char *fmt, ...)
    _printf_ (4, 5);

#define ok(cond, ...) tap_ok ((cond), __FILE__, __LINE__, __VA_ARGS__)

/* Compare and show both sides on failure.  NULL equals only NULL. */
#define is(got, want, ...) tap_is ((got), (want), __FILE__, __LINE__, __VA_ARGS__)
bool tap_is (const char *got,
             const char *want,
             const char *file,
             int line,
             const char *fmt,
             ...) _printf_ (5, 6);

#define is_int(got, want, ...)                                                \
    tap_is_int ((got), (want), __FILE__, __LINE__, __VA_ARGS__)
bool tap_is_int (long long got,
                 long long want,
                 const char *file,
                 int line,
                 const char *fmt,
                 ...) _printf_ (5, 6);

void diag (const char *fmt, ...) _printf_ (1, 2);
void skip (int count, const char *fmt, ...) _printf_ (2, 3);

/* Nothing more makes sense: print "Bail out!" and exit 255. */
_noreturn_ void bail_out (const char *fmt, ...) _printf_ (1, 2);

/* Print the plan; returns the exit code for main (). */
int done_testing (void);

#endif /* !MILLRACE_TAP_H */
