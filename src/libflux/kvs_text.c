#include "config.h"
#include <flux/core.h>

#include "common/utf8.h"
#include "kvs_private.h"

const char *kvs_namespace (const char *ns)
{
    if (!ns && !(ns = getenv ("FLUX_KVS_NAMESPACE")))
        ns = KVS_PRIMARY_NAMESPACE;
    return ns;
}

int kvs_put_string (struct text *t, const char *s)
{
    size_t len = strlen (s);

    if (!utf8_valid (s, len)) {
        errno = EINVAL;
        return -1;
    }
    text_put_json_string (t, s, len);
    return 0;
}

char *kvs_dirref (const char *rootref)
{
    struct text t = TEXT_INIT;
    char *s;

    text_printf (&t, "{\"data\":[\"%s\"],\"type\":\"dirref\",\"ver\":1}", rootref);
    if (!(s = text_take (&t, NULL))) {
        text_fini (&t);
        errno = ENOMEM;
    }
    return s;
}
