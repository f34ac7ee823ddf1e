/* jitter.c - preloaded into programs under test: now and then a call that waits
 * or speaks takes longer than it would.
 *
 * A machine that is shared, slow or quick shows orders of events that a developer
 * never sees.  This shows them on any machine: each thread sleeps at random before
 * or after the calls at which threads and processes meet, and one program in ten is
 * late at its start.  Nothing that a program may rely on is changed.
 *
 *  JITTER_PERMILLE   how many of 1000 calls are late (20)
 *  JITTER_USEC       by how much at most (3000)
 *  JITTER_SEED       the same in two runs: the same draws by the n-th thread of a
 *                    program (which process is which remains the kernel's choice)
 *
 * See scripts/jitter.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static unsigned permille = 20, longest = 3000;
static uint64_t seed;
static atomic_uint threads;
static _Thread_local uint64_t state;

static uint64_t draw (void)
{
    if (!state)
        state = (seed + 1) * 0x9e3779b97f4a7c15ULL
                ^ (uint64_t)atomic_fetch_add (&threads, 1) * 0xbf58476d1ce4e5b9ULL
                ^ (seed ? 0 : (uint64_t)getpid () << 20);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* By the system call itself: no function of the C library is entered, so that this
 * may run in a signal handler or between fork and exec.
 */
static void late (unsigned of_1000, unsigned usec)
{
    if (draw () % 1000 >= of_1000)
        return;
    struct timespec t = { .tv_nsec = (long)(draw () % (usec + 1)) * 1000 };
    (void)syscall (SYS_nanosleep, &t, NULL);
}

static unsigned number (const char *name, unsigned value)
{
    const char *s = getenv (name);
    return s && *s ? (unsigned)strtoul (s, NULL, 10) : value;
}

__attribute__ ((constructor)) static void start (void)
{
    permille = number ("JITTER_PERMILLE", permille);
    longest = number ("JITTER_USEC", longest);
    if (longest > 900000)
        longest = 900000;
    seed = number ("JITTER_SEED", 0);
    late (100, longest * 10 > 900000 ? 900000 : longest * 10);
}

#define NEXT(name)              \
    static typeof (name) *next; \
    if (!next)                  \
    next = (typeof (name) *)dlsym (RTLD_NEXT, #name)

int epoll_wait (int fd, struct epoll_event *events, int max, int timeout)
{
    NEXT (epoll_wait);
    int n = next (fd, events, max, timeout);
    late (permille, longest);
    return n;
}

int poll (struct pollfd *fds, nfds_t n, int timeout)
{
    NEXT (poll);
    int rc = next (fds, n, timeout);
    late (permille, longest);
    return rc;
}

ssize_t read (int fd, void *buf, size_t size)
{
    NEXT (read);
    late (permille, longest);
    return next (fd, buf, size);
}

ssize_t write (int fd, const void *buf, size_t size)
{
    NEXT (write);
    late (permille, longest);
    ssize_t n = next (fd, buf, size);
    late (permille, longest);
    return n;
}

ssize_t writev (int fd, const struct iovec *iov, int n)
{
    NEXT (writev);
    late (permille, longest);
    return next (fd, iov, n);
}

ssize_t recvmsg (int fd, struct msghdr *msg, int flags)
{
    NEXT (recvmsg);
    late (permille, longest);
    return next (fd, msg, flags);
}

ssize_t recv (int fd, void *buf, size_t size, int flags)
{
    NEXT (recv);
    late (permille, longest);
    return next (fd, buf, size, flags);
}

ssize_t sendmsg (int fd, const struct msghdr *msg, int flags)
{
    NEXT (sendmsg);
    late (permille, longest);
    ssize_t n = next (fd, msg, flags);
    late (permille, longest);
    return n;
}

ssize_t send (int fd, const void *buf, size_t size, int flags)
{
    NEXT (send);
    late (permille, longest);
    return next (fd, buf, size, flags);
}
