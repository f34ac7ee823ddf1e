/* treeobj_impl.h - what the three files that implement treeobj.h share. */

#ifndef MILLRACE_TREEOBJ_IMPL_H
#define MILLRACE_TREEOBJ_IMPL_H

#include "treeobj.h"
#include "util.h"

struct treeobj {
    uint32_t refcount;
    uint8_t type;
};

struct val {
    struct treeobj hdr;
    bool plain; /* no character needs an escape */
    size_t len;
    char text[]; /* NUL-terminated */
};

/* Canonical text of references, `"ref","ref"`, that grows at its end.  Objects
 * that share it each know how much of it is theirs.
 */
struct refvec {
    uint32_t refcount;
    struct text text;
};

struct refs {
    struct treeobj hdr; /* valref or dirref */
    size_t count;
    size_t len;         /* of text */
    struct refvec *vec; /* NULL: the text is in this object */
    char text[];
};

struct symlink {
    struct treeobj hdr;
    const char *target; /* all three point into text, NUL-terminated */
    const char *ns;     /* or NULL */
    size_t len;         /* of the canonical text of the data member */
    char text[];
};

struct dirent;

/* A run of consecutive entries, shared between versions of a directory. */
struct dirchunk {
    uint32_t refcount;
    uint16_t count;
    uint16_t cap;
    struct dirent **ents;
    char *text; /* canonical text of the run, or NULL: a cache */
    size_t textlen;
};

struct dir {
    struct treeobj hdr;
    bool has_ref;
    struct blobref ref;
    size_t count; /* of entries */
    size_t size_hint;
    size_t nchunks, cap;
    struct dirchunk **chunks; /* none is empty */
};

void *treeobj_alloc (int type, size_t size);

/* A symlink from its parts and the canonical text of its data member. */
int treeobj_symlink_make (const char *ns,
                          size_t nslen,
                          const char *target,
                          size_t targetlen,
                          const char *canon,
                          size_t canonlen,
                          struct treeobj **ret);

/* Take over text that holds count references and nothing else. */
int treeobj_refs_make (int type,
                       const char *text,
                       size_t len,
                       size_t count,
                       struct treeobj **ret);

void treeobj_dir_free (struct dir *dir);
void treeobj_dir_write (const struct dir *dir, struct text *out);

#endif /* !MILLRACE_TREEOBJ_IMPL_H */
