/* broker/patient.h - which messages have a little time.
 *
 * Events and what streams go to followers: whom they find asleep is woken when the
 * sender has done (monitor.h).  For requests and answers somebody waits.
 */

#ifndef MILLRACE_BROKER_PATIENT_H
#define MILLRACE_BROKER_PATIENT_H

#include <stdbool.h>
#include <flux/core.h>

static inline bool patient (const flux_msg_t *msg)
{
    int type;

    return flux_msg_get_type (msg, &type) == 0
           && (type == FLUX_MSGTYPE_EVENT
               || (type == FLUX_MSGTYPE_RESPONSE && flux_msg_is_streaming (msg)));
}

#endif /* !MILLRACE_BROKER_PATIENT_H */
