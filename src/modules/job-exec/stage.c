/* job-exec/stage.c - files that came with the jobspec go to the job's directory.
 *
 *   attributes.system.files
 *     { name: { "mode":i "size"?:i "encoding"?:"utf-8"|"base64" "data"?:any } ... }
 *
 * mode is that of stat(2): regular files, directories, symbolic links (data is
 * the target).  Without an encoding data is JSON, written compactly.  Names are
 * paths below the directory; one that would lead out of it is refused.
 */
#include "config.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base64.h"
#include "common/errprintf.h"
#include "common/util.h"
#include "exec.h"

struct content {
    const char *data;
    size_t len;
    char *mem; /* to be freed */
};

static int get_content (json_t *file, struct content *c)
{
    const char *encoding = json_string_value (json_object_get (file, "encoding"));
    json_t *data = json_object_get (file, "data");
    ssize_t n;

    *c = (struct content){ .data = "" };
    if (!data)
        return 0;
    if (!encoding) {
        if (!(c->mem = json_dumps (data, JSON_COMPACT | JSON_ENCODE_ANY)))
            return -ENOMEM;
        c->data = c->mem;
        c->len = strlen (c->mem);
        return 0;
    }
    if (!json_is_string (data))
        return -EINVAL;
    c->data = json_string_value (data);
    c->len = json_string_length (data);
    if (!strcmp (encoding, "utf-8"))
        return 0;
    if (strcmp (encoding, "base64"))
        return -EINVAL;
    if (!(c->mem = malloc (base64_decoded_max (c->len) + 1)))
        return -ENOMEM;
    if ((n = base64_decode (c->mem, c->data, c->len)) < 0) {
        free (move_ptr (c->mem));
        return -EINVAL;
    }
    c->mem[n] = '\0';
    c->data = c->mem;
    c->len = n;
    return 0;
}

static int write_all (int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= n;
    }
    return 0;
}

static int make_file (int dir, const char *name, mode_t mode, const struct content *c)
{
    int fd, r;

    if (S_ISDIR (mode))
        return mkdirat (dir, name, mode & 07777) < 0 ? -errno : 0;
    if (S_ISLNK (mode))
        return strlen (c->data) != c->len             ? -EINVAL
               : symlinkat (c->data, dir, name) < 0 ? -errno
                                                      : 0;
    if (!S_ISREG (mode))
        return -EINVAL;
    fd = openat (dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    r = write_all (fd, c->data, c->len);
    if (r == 0 && fchmod (fd, mode & 07777) < 0)
        r = -errno;
    if (close (fd) < 0 && r == 0)
        r = -errno;
    return r;
}

/* The directory that the last component of a name is to be in; those on the way
 * are made.  No component is followed if it is a link.
 */
static int open_parent (int dir, const char **name, int *ret)
{
    int fd = fcntl (dir, F_DUPFD_CLOEXEC, 0);
    char part[256];

    while (fd >= 0 && strchr (*name, '/')) {
        size_t len = strcspn (*name, "/");
        int next;

        if (len == 0 || len >= sizeof (part) || !strncmp (*name, "../", 3)) {
            close (fd);
            return -EINVAL;
        }
        memcpy (part, *name, len);
        part[len] = '\0';
        if (mkdirat (fd, part, 0700) < 0 && errno != EEXIST)
            next = -1;
        else
            next = openat (fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close (fd);
        fd = next;
        *name += len + 1;
    }
    if (fd < 0)
        return -errno;
    *ret = fd;
    return 0;
}

static int stage (int dir, const char *name, json_t *file)
{
    json_t *mode = json_object_get (file, "mode");
    struct content c;
    int parent = -1, r;

    if (!json_is_integer (mode) || !*name || *name == '/')
        return -EINVAL;
    if ((r = open_parent (dir, &name, &parent)) < 0)
        return r;
    if ((r = get_content (file, &c)) == 0)
        r = make_file (parent, name, json_integer_value (mode), &c);
    free (c.mem);
    close (parent);
    return r;
}

int stage_files (struct job *job)
{
    json_t *system = json_object_get (json_object_get (job->J, "attributes"), "system");
    json_t *files = json_object_get (system, "files");
    const char *name;
    json_t *file;
    int dir, r = 0;

    if (json_object_size (files) == 0)
        return 0;
    if (!job->tmpdir || (dir = open (job->tmpdir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        job_fatal (job, "exec", "shell_init: files: there is no job directory");
        return -ENOENT;
    }
    json_object_foreach (files, name, file) {
        if ((r = stage (dir, name, file)) < 0) {
            job_fatal (job, "exec", "shell_init: file %s: %s", name, strerror (-r));
            break;
        }
    }
    close (dir);
    return r;
}
