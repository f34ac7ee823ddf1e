#include "config.h"

#include "jwords.h"

bool jwords_valid (const json_t *o)
{
    for (size_t i = 0; i < json_array_size (o); i++) {
        if (!json_is_string (json_array_get (o, i)))
            return false;
    }
    return json_is_array (o);
}

bool jwords_command (const json_t *o)
{
    return jwords_valid (o) && json_array_size (o) > 0;
}
