#include "config.h"
#include <errno.h>

#include "common/util.h"
#include "guest.h"

void guest_init (struct guest *g, bool waitcreate, bool sentinel)
{
    *g = (struct guest){
        .state = GUEST_WAIT,
        .waitcreate = waitcreate,
        .sentinel = sentinel,
    };
}

static struct guest_todo finish (struct guest *g, int errnum)
{
    struct guest_todo todo = { .finish = true, .errnum = errnum };

    if (errnum == ENODATA && g->sentinel) {
        g->sentinel = false;
        todo.sentinel = true;
    }
    g->state = GUEST_DONE;
    return todo;
}

static struct guest_todo open_final (struct guest *g)
{
    g->state = GUEST_FINAL;
    return (struct guest_todo){ .source = GUEST_OPEN_FINAL };
}

struct guest_todo guest_phase (struct guest *g, bool started, bool final, bool clean)
{
    bool moved = final || (started && clean);

    switch (g->state) {
        case GUEST_WAIT:
            if (moved)
                return open_final (g);
            if (clean) {
                g->sentinel = false; /* of nothing, there is no start either */
                return finish (g, ENODATA);
            }
            if (started) {
                g->state = GUEST_LIVE;
                return (struct guest_todo){ .source = GUEST_OPEN_LIVE };
            }
            break;
        case GUEST_LIVE:
            /* A watch that waits for a namespace that is gone would wait for
             * ever; any other ends by itself.
             */
            if (moved && !g->answered)
                return open_final (g);
            break;
        case GUEST_FINAL:
        case GUEST_DONE:
            break;
    }
    return (struct guest_todo){ 0 };
}

struct guest_todo guest_data (struct guest *g, size_t len, bool *deliver)
{
    struct guest_todo todo = { 0 };

    must (g->state == GUEST_LIVE || g->state == GUEST_FINAL);
    *deliver = len > 0;
    if (len == 0) {
        todo = finish (g, EINVAL);
        todo.source = GUEST_CLOSE;
        todo.errtext = "illegal append of zero bytes";
        return todo;
    }
    if (g->state == GUEST_LIVE)
        g->answered = g->delivered = true;
    return todo;
}

struct guest_todo guest_sentinel (struct guest *g)
{
    struct guest_todo todo = { 0 };

    must (g->state == GUEST_LIVE);
    g->answered = true;
    if (g->sentinel) {
        g->sentinel = false;
        todo.sentinel = true;
    }
    return todo;
}

struct guest_todo guest_end (struct guest *g, int errnum)
{
    must (g->state == GUEST_LIVE || g->state == GUEST_FINAL);
    if (g->state == GUEST_FINAL || (errnum != ENOTSUP && errnum != ESTALE))
        return finish (g, errnum);
    if (errnum == ENOTSUP && g->answered && g->delivered)
        return finish (g, ENODATA);
    return open_final (g);
}

struct guest_todo guest_resume (struct guest *g, bool started, bool final, bool clean)
{
    struct guest_todo todo;

    if (g->state == GUEST_FINAL)
        return open_final (g);
    g->answered = false;
    todo = guest_phase (g, started, final, clean);
    if (g->state == GUEST_LIVE)
        todo.source = GUEST_OPEN_LIVE;
    return todo;
}
