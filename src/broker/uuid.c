#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "uuid.h"

int uuid_generate_text (char buf[UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t u[16];
    char *p = buf;

    if (getrandom (u, sizeof (u), 0) != sizeof (u))
        return errno ? -errno : -EIO;
    u[6] = (u[6] & 0x0f) | 0x40;
    u[8] = (u[8] & 0x3f) | 0x80;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[u[i] >> 4];
        *p++ = hex[u[i] & 15];
    }
    *p = '\0';
    return 0;
}
