/* pending.h - functions of the rooms that are being built at the same time:
 * weak, so that the library links before they are there.
 */

#pragma weak flux_attr_get
#pragma weak flux_get_rank
#pragma weak flux_attr_set_cacheonly
#pragma weak flux_log
