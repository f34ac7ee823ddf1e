/* treeobj_impl.h - what the three files that implement treeobj.h share. */

#ifndef MILLRACE_TREEOBJ_IMPL_H
#define MILLRACE_TREEOBJ_IMPL_H

#include "treeobj.h"
#include "util.h"

struct treeobj {
    uint32_t refcount;
    uint8_t type;
    uint16_t size; /* in memory, of what slab.h has; more: UINT16_MAX */
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
    size_t saved; /* bytes: the references in so much of the text are */
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

struct dirent {
    uint32_t refcount;
    uint32_t namelen;
    struct treeobj *obj;
    char name[]; /* NUL-terminated */
};

/* A run of consecutive entries, shared between versions of a directory. */
struct dirchunk {
    uint32_t refcount;
    uint16_t count;
    uint16_t cap;
    bool saved;  /* all it refers to is: see treeobj_dir_set_saved () */
    char *text;  /* canonical text of the run, or NULL: a cache */
    size_t size; /* of that text, cached or not; 0: not known */
    struct dirent *ents[];
};

struct dir {
    struct treeobj hdr;
    bool has_ref;
    void *memo;
    void (*memo_free) (void *memo);
    struct blobref ref;
    size_t count; /* of entries */
    size_t size_hint;
    size_t nchunks, cap;
    struct dirchunk **chunks; /* none is empty; points to 'one' while one is enough */
    struct dirchunk *one;
};

/* What canonical texts are made of, around the data. */
#define DATA_HEAD "{\"data\":"
#define VAL_TAIL ",\"type\":\"val\",\"ver\":1}"
#define VALREF_TAIL ",\"type\":\"valref\",\"ver\":1}"
#define DIRREF_TAIL ",\"type\":\"dirref\",\"ver\":1}"
#define DIR_TAIL ",\"type\":\"dir\",\"ver\":1}"
#define SYMLINK_TAIL ",\"type\":\"symlink\",\"ver\":1}"
#define LITERAL_SIZE(s) (sizeof (s) - 1)

void *treeobj_alloc (int type, size_t size);

/* The text of a valref's or dirref's references. */
const char *treeobj_refs_text (const struct refs *r);

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
size_t treeobj_dir_size (struct dir *dir);

/* The text of a chunk is that of its entries with commas between. */
size_t treeobj_entry_size (const struct dirent *e);
size_t treeobj_chunk_size (struct dirchunk *c);

#endif /* !MILLRACE_TREEOBJ_IMPL_H */
