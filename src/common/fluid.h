/* fluid.h - 64-bit job ids: how they are made and how they are spelled (RFC 19).
 *
 * id = timestamp in ms << 24 | generator id << 10 | sequence   (40/14/10 bits)
 *
 * The "words" and "emoji" spellings need tables that are not ours and are left
 * out: asking for them, or parsing them, is -EINVAL.
 */

#ifndef MILLRACE_FLUID_H
#define MILLRACE_FLUID_H

#include <stddef.h>
#include <stdint.h>

enum fluid_type {
    FLUID_DEC,      /* 1234 */
    FLUID_HEX,      /* 0x4d2 */
    FLUID_DOTHEX,   /* 0000.0000.0000.04d2 */
    FLUID_KVS,      /* job.0000.0000.0000.04d2, the job's KVS directory */
    FLUID_F58,      /* U+0192 NH, in UTF-8 */
    FLUID_F58PLAIN, /* fNH */
};

/* Room for any spelling and its NUL. */
#define FLUID_BUFSIZE 24

#define FLUID_GENERATOR_MAX 16367 /* the 16 ids above are reserved */

/* A type by its name, in any case; NULL is "dec".
 * Returns 0, -EPROTO (no such type) or -EINVAL (a type that is left out).
 */
int fluid_type_parse (const char *name, enum fluid_type *type);

/* Spell id.  Returns the length (without the NUL), or -EOVERFLOW with buf
 * unspecified when it does not fit.
 */
int fluid_encode (char *buf, size_t size, uint64_t id, enum fluid_type type);

/* Read any of the spellings above, by their look.  Blanks are accepted in
 * front of all of them, and behind decimal and hex ones.
 * Returns 0, -EINVAL, or -ERANGE (above 2^64 - 1).
 */
int fluid_decode (const char *s, uint64_t *id);

static inline uint64_t fluid_timestamp (uint64_t id)
{
    return id >> 24;
}

/* A source of unique, increasing ids.  It has no clock: the caller tells the
 * time, in ms of a clock of its own.
 */
struct fluid_generator {
    uint64_t clock0;    /* caller's clock at the start */
    uint64_t offset;    /* timestamp of the first id */
    uint64_t timestamp; /* of the last id */
    uint32_t id;
    uint32_t sequence; /* next for that timestamp */
};

/* offset: the least timestamp to use, e.g. one above that of the last id ever
 * made.  Returns 0 or -EINVAL (id too large, offset of 41 bits).
 */
int fluid_generator_init (struct fluid_generator *g,
                          uint32_t id,
                          uint64_t offset,
                          uint64_t now_ms);

/* The next id.  A clock that steps back only stops the timestamp; a
 * millisecond whose 1023 sequence numbers are used up is followed by the next
 * one at once: ids then run ahead of the clock instead of waiting for it.
 * Returns 0 or -EOVERFLOW (timestamp of 41 bits).
 */
int fluid_generate (struct fluid_generator *g, uint64_t now_ms, uint64_t *id);

#endif /* !MILLRACE_FLUID_H */
