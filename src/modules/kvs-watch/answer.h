/* answer.h - what kvs answers to a lookup, decoded in one pass.
 *
 *   {"val":TREEOBJ,"rootseq":i,"rootref":s}    the key is there
 *   {"errno":2,"rootseq":i,"rootref":s}        it is missing
 *   {"same":true,"tag":s,...}                  it is what the lookup's "unless" named
 *
 * If only the end of a log was asked for, a kvs that knows of such requests
 * (ours) adds to a valref
 *   "from":i           the number of its first reference
 *   "blobs":[s|null]   the data of the first references, in base64
 * and, if "unless" was given, "tag":s to a value that can be named so.
 *
 * A watcher of values gets the object as it stands in the answer, so its text
 * is all that is needed; a log needs the object's references.
 */

#ifndef KVS_WATCH_ANSWER_H
#define KVS_WATCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/blobref.h"
#include "common/treeobj.h"
#include "bytes.h"

struct watch_result {
    int errnum;          /* 0, or a positive errno: then nothing else counts */
    uint64_t rootseq;    /* the root that was read */
    const char *rootref; /* may be NULL */
    const char *text;    /* the object; NULL: the key is missing, or the same */
    bool same;
    const char *tag; /* NULL: none */
    size_t len;
    struct treeobj *obj;  /* the same, if it was asked for */
    size_t from;          /* valref: number of its first reference */
    struct bytes **blobs; /* of the first references; NULL where not at hand */
    size_t nblobs;
};

#define ANSWER_BLOBS_MAX 64 /* more are ignored */
#define ANSWER_TAG_MAX 128  /* a longer tag, too */

struct watch_answer {
    struct watch_result result; /* borrows from the text and from this */
    char rootref[BLOBREF_TEXT_SIZE];
    char tag[ANSWER_TAG_MAX];
    struct bytes *blobs[ANSWER_BLOBS_MAX];
};

/* Decode the text; with want_obj, the object as well.  Returns 0, -EPROTO or
 * -ENOMEM; in any case watch_answer_fini () is due after.
 */
int watch_answer_decode (struct watch_answer *a,
                         const char *text,
                         size_t len,
                         bool want_obj);
void watch_answer_fini (struct watch_answer *a);

#endif /* !KVS_WATCH_ANSWER_H */
