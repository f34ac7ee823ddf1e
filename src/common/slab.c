#include "config.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "list.h"
#include "slab.h"

#define STEP 16 /* bytes between the sizes of slabs, and the alignment of objects */
#define SLABS (SLAB_SIZE_MAX / STEP)
#define BLOCK_SIZE 32768 /* and its alignment: an object finds its block by its address */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAVE_SLABS false
#else
#define HAVE_SLABS true
#endif

struct place {
    struct place *next;
};

struct block {
    struct list link;   /* among those of its class with room; not linked if it is full */
    struct place *free; /* places that were in use */
    unsigned int used;
    unsigned int fresh; /* offset of the first place that never was */
};

struct slab {
    struct list blocks; /* with room */
    struct place *kept; /* freed last first, in blocks for which they are in use */
    unsigned int nkept;
};

static _Thread_local bool on;
static _Thread_local size_t nblocks;
static _Thread_local struct slab slabs[SLABS];

#define FIRST_PLACE ((sizeof (struct block) + STEP - 1) / STEP * STEP)

static struct slab *slab_of (size_t size)
{
    return &slabs[size == 0 ? 0 : (size - 1) / STEP];
}

/* The size of its places. */
static size_t place_size (const struct slab *s)
{
    return (s - slabs + 1) * STEP;
}

/* Is there a place that never was in use? */
static bool has_fresh (const struct block *b, size_t size)
{
    return b->fresh + size <= BLOCK_SIZE;
}

static struct block *block_new (struct slab *s)
{
    struct block *b = aligned_alloc (BLOCK_SIZE, BLOCK_SIZE);

    if (b) {
        *b = (struct block){ .fresh = FIRST_PLACE };
        list_init (&b->link);
        list_append (&s->blocks, &b->link);
        nblocks++;
    }
    return b;
}

static void *block_take (struct slab *s)
{
    struct block *b = list_first (&s->blocks, struct block, link);
    size_t size = place_size (s);
    void *p;

    if (!b && !(b = block_new (s)))
        return NULL;
    if (b->free) {
        p = b->free;
        b->free = b->free->next;
    }
    else {
        p = (char *)b + b->fresh;
        b->fresh += size;
    }
    b->used++;
    if (!b->free && !has_fresh (b, size))
        list_del (&b->link);
    return p;
}

static void block_give_back (struct slab *s, struct place *p)
{
    struct block *b = (struct block *)((uintptr_t)p & ~(uintptr_t)(BLOCK_SIZE - 1));

    if (--b->used == 0) {
        list_del (&b->link);
        free (b);
        nblocks--;
        return;
    }
    p->next = b->free;
    b->free = p;
    if (!list_linked (&b->link))
        list_prepend (&s->blocks, &b->link);
}

void *slab_alloc (size_t size)
{
    struct slab *s;
    struct place *p;

    if (!on || size > SLAB_SIZE_MAX)
        return malloc (size);
    s = slab_of (size);
    if (!(p = s->kept))
        return block_take (s);
    s->kept = p->next;
    s->nkept--;
    return p;
}

static void keep_or_give_back (struct slab *s, struct place *p)
{
    if (s->nkept == SLAB_KEEP) {
        block_give_back (s, p);
        return;
    }
    p->next = s->kept;
    s->kept = p;
    s->nkept++;
}

void slab_free (void *object, size_t size)
{
    int saved_errno = errno;

    if (!on || size > SLAB_SIZE_MAX)
        free (object);
    else if (object)
        keep_or_give_back (slab_of (size), object);
    errno = saved_errno;
}

void slab_begin (void)
{
    must (!on);
    for (int i = 0; i < SLABS; i++)
        slabs[i] = (struct slab){ .blocks = LIST_INIT (slabs[i].blocks) };
    on = HAVE_SLABS;
}

void slab_end (void)
{
    struct place *p;

    if (!on)
        return;
    for (int i = 0; i < SLABS; i++) {
        while ((p = slabs[i].kept)) {
            slabs[i].kept = p->next;
            block_give_back (&slabs[i], p);
        }
    }
    on = nblocks > 0; /* else who frees what is left would give it to free () */
}
