#include "config.h"
#include "list.h"
#include "tap.h"

struct item {
    int value;
    struct list node;
};

static int sum_in_order (struct list *head)
{
    struct item *i;
    int n = 0;

    list_foreach (head, i, node)
        n = n * 10 + i->value;
    return n;
}

int main (void)
{
    struct list a = LIST_INIT (a), b = LIST_INIT (b);
    struct item it[5];
    struct item *i;

    for (int k = 0; k < 5; k++) {
        it[k].value = k + 1;
        list_init (&it[k].node);
    }
    ok (list_empty (&a) && !list_first (&a, struct item, node), "a new list is empty");
    list_append (&a, &it[1].node);
    list_append (&a, &it[2].node);
    list_prepend (&a, &it[0].node);
    is_int (sum_in_order (&a), 123, "append and prepend keep order");
    is_int (list_last (&a, struct item, node)->value, 3, "the last is the last");
    list_append (&b, &it[3].node);
    list_append (&b, &it[4].node);
    list_splice (&a, &b);
    is_int (sum_in_order (&a), 12345, "splice appends the whole other list");
    ok (list_empty (&b), "... which is then empty");
    list_foreach (&a, i, node) {
        if (i->value % 2 == 0)
            list_del (&i->node);
    }
    is_int (sum_in_order (&a), 135, "the current entry may be unlinked in the loop");
    ok (!list_linked (&it[1].node) && list_linked (&it[0].node), "list_linked tells");
    list_del (&it[1].node);
    is_int (sum_in_order (&a), 135, "unlinking twice is harmless");
    return done_testing ();
}
