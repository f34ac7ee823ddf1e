/* null_test.c - every public function that is given nothing: none falls over it,
 * and each says EINVAL, or is harmless and keeps errno, as it is specified.
 */

#include "config.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>

#include <flux/core.h>

#include "common/tap.h"

/* Functions that return a pointer, those that return an int, those that return
 * nothing.  What each is given stands in the test's name. */
#define NONE(expr)                                             \
    do {                                                       \
        errno = 0;                                             \
        ok ((expr) == NULL && errno == EINVAL, "%s", #expr);   \
    } while (0)
#define FAILS(expr)                                            \
    do {                                                       \
        errno = 0;                                             \
        ok ((expr) < 0 && errno == EINVAL, "%s", #expr);       \
    } while (0)
#define HARMLESS(expr)                                         \
    do {                                                       \
        errno = EXDEV;                                         \
        (expr);                                                \
        ok (errno == EXDEV, "%s leaves errno", #expr);         \
    } while (0)

static const struct flux_match any = { .typemask = FLUX_MSGTYPE_ANY };
static const struct flux_msg_cred nobody;
static flux_t *h;
static flux_reactor_t *r;
static flux_future_t *plain;

static void nop (flux_future_t *f, void *arg)
{
}

static void nop_handler (flux_t *hh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
}

static void destructors (void)
{
    HARMLESS (flux_msg_destroy (NULL));
    HARMLESS (flux_msg_decref (NULL));
    HARMLESS (flux_conf_decref (NULL));
    HARMLESS (flux_close (NULL));
    HARMLESS (flux_decref (NULL));
    HARMLESS (flux_handle_destroy (NULL));
    HARMLESS (flux_reactor_destroy (NULL));
    HARMLESS (flux_reactor_decref (NULL));
    HARMLESS (flux_watcher_destroy (NULL));
    HARMLESS (flux_msglist_destroy (NULL));
    HARMLESS (flux_msg_handler_destroy (NULL));
    HARMLESS (flux_msg_handler_delvec (NULL));
    HARMLESS (flux_future_destroy (NULL));
    HARMLESS (flux_future_decref (NULL));
    HARMLESS (flux_kvsdir_destroy (NULL));
    HARMLESS (flux_kvsitr_destroy (NULL));
    HARMLESS (flux_kvs_txn_destroy (NULL));
    HARMLESS (flux_plugin_destroy (NULL));
    HARMLESS (flux_plugin_arg_destroy (NULL));
    HARMLESS (flux_match_free (FLUX_MATCH_ANY));
}

static void messages (void)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    const void *data;
    size_t size;

    NONE (flux_msg_incref (NULL));
    NONE (flux_msg_copy (NULL, true));
    FAILS (flux_msg_aux_set (NULL, "a", msg, NULL));
    NONE (flux_msg_aux_get (NULL, "a"));
    NONE (flux_msg_aux_get (msg, NULL));
    FAILS (flux_msg_aux_set (msg, NULL, NULL, NULL));
    FAILS (flux_msg_aux_set (msg, "a", NULL, free));
    FAILS (flux_msg_aux_set (msg, NULL, msg, NULL));
    FAILS (flux_msg_encode_size (NULL));
    FAILS (flux_msg_encode (NULL, &size, 8));
    FAILS (flux_msg_set_type (NULL, 1));
    FAILS (flux_msg_set_private (NULL));
    FAILS (flux_msg_set_streaming (NULL));
    FAILS (flux_msg_set_noresponse (NULL));
    FAILS (flux_msg_set_topic (NULL, "a"));
    FAILS (flux_msg_get_topic (msg, NULL));
    FAILS (flux_msg_get_payload (NULL, &data, &size));
    FAILS (flux_msg_set_payload (NULL, "a", 1));
    FAILS (flux_msg_set_flag (NULL, FLUX_MSGFLAG_PRIVATE));
    FAILS (flux_msg_clear_flag (NULL, FLUX_MSGFLAG_PRIVATE));
    FAILS (flux_msg_set_string (NULL, "a"));
    FAILS (flux_msg_pack (msg, NULL));
    FAILS (flux_msg_unpack (msg, NULL));
    FAILS (flux_msg_unpack (msg, ""));
    FAILS (flux_msg_set_nodeid (NULL, 0));
    FAILS (flux_msg_set_nodeid (msg, FLUX_NODEID_UPSTREAM));
    FAILS (flux_msg_set_userid (NULL, 0));
    FAILS (flux_msg_set_rolemask (NULL, 0));
    FAILS (flux_msg_get_cred (NULL, NULL));
    FAILS (flux_msg_set_cred (NULL, nobody));
    FAILS (flux_msg_authorize (NULL, 0));
    FAILS (flux_msg_set_errnum (NULL, 1));
    FAILS (flux_msg_set_errnum (msg, 1));
    FAILS (flux_msg_set_seq (msg, 1));
    FAILS (flux_msg_set_control (msg, 1, 1));
    FAILS (flux_msg_set_matchtag (NULL, 1));
    FAILS (flux_msg_route_push (NULL, "a"));
    FAILS (flux_msg_route_delete_last (NULL));
    FAILS (flux_msg_route_count (NULL));
    NONE (flux_msg_route_string (NULL));
    ok (!flux_msg_route_first (NULL) && !flux_msg_route_last (NULL), "no message, no hops");
    HARMLESS (flux_msg_route_enable (NULL));
    HARMLESS (flux_msg_route_disable (NULL));
    HARMLESS (flux_msg_route_clear (NULL));
    ok (flux_msg_is_private (NULL) && flux_msg_is_streaming (NULL)
            && flux_msg_is_noresponse (NULL),
        "no message is private, streaming and noresponse");
    ok (!flux_msg_has_flag (NULL, 1) && !flux_msg_has_payload (NULL)
            && !flux_msg_is_local (NULL) && !flux_msg_cmp (NULL, any)
            && !flux_msg_cmp_matchtag (NULL, 1),
        "it has no flag, no payload, is not local and matches nothing");
    ok (!flux_disconnect_match (NULL, NULL) && !flux_cancel_match (NULL, msg),
        "nobody disconnects or cancels");
    flux_msg_destroy (msg);
}

static void codecs (void)
{
    flux_msg_t *event = flux_event_encode ("a", NULL);
    flux_msg_t *req = flux_request_encode ("a", NULL);
    const char *s;
    const void *data;
    size_t len;
    int i;

    NONE (flux_request_encode (NULL, "x"));
    NONE (flux_request_encode_raw (NULL, "x", 1));
    NONE (flux_response_encode (NULL, "x"));
    NONE (flux_response_encode_raw (NULL, "x", 1));
    NONE (flux_response_encode_error (NULL, 1, "x"));
    NONE (flux_response_encode_error ("a", 0, "x"));
    NONE (flux_response_derive (NULL, 0));
    NONE (flux_event_encode (NULL, "x"));
    NONE (flux_event_encode_raw (NULL, "x", 1));
    NONE (flux_event_pack (NULL, "{}"));
    FAILS (flux_request_decode (NULL, &s, &s));
    FAILS (flux_request_decode_raw (req, &s, NULL, &len));
    FAILS (flux_request_decode_raw (req, &s, &data, NULL));
    FAILS (flux_request_unpack (NULL, &s, "{}"));
    FAILS (flux_request_unpack (req, &s, NULL));
    FAILS (flux_response_decode (NULL, &s, &s));
    FAILS (flux_response_decode_raw (NULL, &s, &data, &len));
    FAILS (flux_response_decode_error (NULL, &s));
    FAILS (flux_event_decode (NULL, &s, &s));
    FAILS (flux_event_decode_raw (event, &s, NULL, &len));
    FAILS (flux_event_decode_raw (event, &s, &data, NULL));
    FAILS (flux_event_unpack (event, &s, NULL));
    FAILS (flux_control_decode (NULL, &i, &i));
    FAILS (flux_respond (NULL, req, NULL));
    FAILS (flux_respond (h, NULL, NULL));
    FAILS (flux_respond_raw (NULL, req, NULL, 0));
    FAILS (flux_respond_raw (h, NULL, NULL, 0));
    FAILS (flux_respond_pack (NULL, req, "{}"));
    FAILS (flux_respond_pack (h, NULL, "{}"));
    FAILS (flux_respond_error (NULL, req, 1, NULL));
    FAILS (flux_respond_error (h, NULL, 1, NULL));
    flux_msg_destroy (event);
    flux_msg_destroy (req);
}

static void handles (void)
{
    flux_msg_t *msg = flux_request_encode ("a", NULL), *none = NULL;
    flux_msgcounters_t counters;
    int i;

    NONE (flux_clone (NULL));
    NONE (flux_get_reactor (NULL));
    FAILS (flux_set_reactor (NULL, r));
    NONE (flux_get_conf (NULL));
    FAILS (flux_reconnect (NULL));
    FAILS (flux_opt_set (NULL, "x", &i, sizeof (i)));
    FAILS (flux_opt_set (h, NULL, &i, sizeof (i)));
    FAILS (flux_opt_get (NULL, "x", &i, sizeof (i)));
    FAILS (flux_opt_get (h, NULL, &i, sizeof (i)));
    NONE (flux_aux_get (NULL, "a"));
    NONE (flux_aux_get (h, NULL));
    FAILS (flux_aux_set (NULL, "a", msg, NULL));
    FAILS (flux_aux_set (h, NULL, NULL, NULL));
    HARMLESS (flux_flags_set (NULL, 1));
    HARMLESS (flux_flags_unset (NULL, 1));
    HARMLESS (flux_comms_error_set (NULL, NULL, NULL));
    HARMLESS (flux_matchtag_free (NULL, 1));
    HARMLESS (flux_clr_msgcounters (NULL));
    HARMLESS (flux_get_msgcounters (NULL, &counters));
    HARMLESS (flux_get_msgcounters (h, NULL));
    FAILS (flux_send (NULL, msg, 0));
    FAILS (flux_send (h, NULL, 0));
    FAILS (flux_send_new (h, NULL, 0));
    FAILS (flux_send_new (h, &none, 0));
    NONE (flux_recv (NULL, any, 0));
    FAILS (flux_requeue (NULL, msg, FLUX_RQ_HEAD));
    FAILS (flux_requeue (h, NULL, FLUX_RQ_HEAD));
    FAILS (flux_pollevents (NULL));
    FAILS (flux_pollfd (NULL));
    NONE (flux_handle_create (NULL, NULL, 0));
    ok (flux_matchtag_alloc (NULL) == FLUX_MATCHTAG_NONE && flux_matchtag_avail (NULL) == 0,
        "no handle has no matchtags");
    flux_msg_destroy (msg);
}

static void reactors (void)
{
    HARMLESS (flux_reactor_incref (NULL));
    HARMLESS (flux_watcher_start (NULL));
    HARMLESS (flux_watcher_stop (NULL));
    HARMLESS (flux_watcher_ref (NULL));
    HARMLESS (flux_watcher_unref (NULL));
    HARMLESS (flux_watcher_set_priority (NULL, 1));
    HARMLESS (flux_timer_watcher_reset (NULL, 1., 0.));
    HARMLESS (flux_timer_watcher_again (NULL));
    HARMLESS (flux_periodic_watcher_reset (NULL, 1., 0., NULL));
    HARMLESS (flux_reactor_stop (NULL));
    HARMLESS (flux_reactor_now_update (NULL));
    FAILS (flux_reactor_run (NULL, 0));
    FAILS (flux_watcher_next_wakeup (NULL));
    FAILS (flux_fd_watcher_get_fd (NULL));
    FAILS (flux_signal_watcher_get_signum (NULL));
    FAILS (flux_stat_watcher_get_rstat (NULL, NULL, NULL));
    NONE (flux_handle_watcher_get_flux (NULL));
    NONE (flux_fd_watcher_create (NULL, 0, FLUX_POLLIN, NULL, NULL));
    NONE (flux_handle_watcher_create (NULL, h, FLUX_POLLIN, NULL, NULL));
    NONE (flux_handle_watcher_create (r, NULL, FLUX_POLLIN, NULL, NULL));
    NONE (flux_timer_watcher_create (NULL, 0., 0., NULL, NULL));
    NONE (flux_periodic_watcher_create (NULL, 0., 1., NULL, NULL, NULL));
    NONE (flux_prepare_watcher_create (NULL, NULL, NULL));
    NONE (flux_check_watcher_create (NULL, NULL, NULL));
    NONE (flux_idle_watcher_create (NULL, NULL, NULL));
    NONE (flux_signal_watcher_create (NULL, SIGUSR1, NULL, NULL));
    NONE (flux_stat_watcher_create (NULL, "/tmp", 0., NULL, NULL));
    NONE (flux_stat_watcher_create (r, NULL, 0., NULL, NULL));
    ok (!flux_watcher_is_active (NULL) && flux_watcher_is_referenced (NULL),
        "no watcher is inactive and referenced");
}

static void futures (void)
{
    const void *p;

    FAILS (flux_future_then (NULL, -1., nop, NULL));
    FAILS (flux_future_then (plain, -1., NULL, NULL));
    FAILS (flux_future_wait_for (NULL, 0.));
    FAILS (flux_future_get (NULL, &p));
    HARMLESS (flux_future_reset (NULL));
    HARMLESS (flux_future_incref (NULL));
    HARMLESS (flux_future_fulfill (NULL, NULL, NULL));
    HARMLESS (flux_future_fulfill_error (NULL, 1, NULL));
    HARMLESS (flux_future_fatal_error (NULL, 1, NULL));
    HARMLESS (flux_future_set_flux (NULL, h));
    HARMLESS (flux_future_set_reactor (NULL, r));
    FAILS (flux_future_fulfill_with (NULL, plain));
    FAILS (flux_future_fulfill_with (plain, NULL));
    FAILS (flux_future_aux_set (NULL, "a", "b", NULL));
    NONE (flux_future_aux_get (NULL, "a"));
    NONE (flux_future_aux_get (plain, NULL));
    NONE (flux_future_get_flux (NULL));
    NONE (flux_future_get_reactor (NULL));
    FAILS (flux_future_push (NULL, "a", plain));
    NONE (flux_future_first_child (NULL));
    NONE (flux_future_next_child (NULL));
    NONE (flux_future_get_child (NULL, "a"));
    NONE (flux_future_and_then (NULL, nop, NULL));
    NONE (flux_future_or_then (NULL, nop, NULL));
    FAILS (flux_future_continue (NULL, plain));
    FAILS (flux_future_fulfill_next (NULL, NULL, NULL));
    ok (!flux_future_is_ready (NULL) && !flux_future_has_error (NULL)
            && !flux_future_error_string (NULL),
        "no future is not ready and has no error");
}

static void dispatch (void)
{
    static const struct flux_msg_handler_spec tab[] = { FLUX_MSGHANDLER_TABLE_END };
    flux_msg_handler_t **vec;
    struct flux_msglist *l = flux_msglist_create ();
    flux_msg_t *msg = flux_request_encode ("a", NULL);

    NONE (flux_msg_handler_create (NULL, any, nop_handler, NULL));
    NONE (flux_msg_handler_create (h, any, NULL, NULL));
    HARMLESS (flux_msg_handler_start (NULL));
    HARMLESS (flux_msg_handler_stop (NULL));
    HARMLESS (flux_msg_handler_allow_rolemask (NULL, 1));
    HARMLESS (flux_msg_handler_deny_rolemask (NULL, 1));
    FAILS (flux_msg_handler_addvec (NULL, tab, NULL, &vec));
    FAILS (flux_msg_handler_addvec (h, NULL, NULL, &vec));
    FAILS (flux_msg_handler_addvec (h, tab, NULL, NULL));
    FAILS (flux_msg_handler_addvec_ex (h, "x", NULL, NULL, &vec));
    FAILS (flux_dispatch_requeue (NULL));
    NONE (flux_get_handle_watcher (NULL));
    FAILS (flux_msglist_push (NULL, msg));
    FAILS (flux_msglist_append (l, NULL));
    FAILS (flux_msglist_disconnect (NULL, msg));
    FAILS (flux_msglist_disconnect (l, NULL));
    FAILS (flux_msglist_cancel (NULL, l, msg));
    FAILS (flux_msglist_cancel (h, NULL, msg));
    FAILS (flux_msglist_cancel (h, l, NULL));
    HARMLESS (flux_msglist_delete (NULL));
    ok (flux_msglist_count (NULL) == 0 && !flux_msglist_pop (NULL)
            && !flux_msglist_first (NULL) && !flux_msglist_next (NULL)
            && !flux_msglist_last (NULL),
        "no list is empty");
    flux_msglist_destroy (l);
    flux_msg_destroy (msg);
}

static void calls (void)
{
    flux_msg_t *msg = flux_request_encode ("a", NULL);
    const char *s;
    const void *data;
    size_t len;
    int i;

    NONE (flux_rpc (NULL, "a", NULL, 0, 0));
    NONE (flux_rpc (h, NULL, NULL, 0, 0));
    NONE (flux_rpc (h, "a", NULL, 0, 64));
    NONE (flux_rpc_raw (NULL, "a", NULL, 0, 0, 0));
    NONE (flux_rpc_raw (h, NULL, NULL, 0, 0, 0));
    NONE (flux_rpc_pack (NULL, "a", 0, 0, "{}"));
    NONE (flux_rpc_pack (h, NULL, 0, 0, "{}"));
    NONE (flux_rpc_pack (h, "a", 0, 0, NULL));
    NONE (flux_rpc_message (NULL, msg, 0, 0));
    NONE (flux_rpc_message (h, NULL, 0, 0));
    FAILS (flux_rpc_get (NULL, &s));
    FAILS (flux_rpc_get_raw (NULL, &data, &len));
    FAILS (flux_rpc_get_unpack (NULL, "{}"));
    ok (flux_rpc_get_matchtag (NULL) == FLUX_MATCHTAG_NONE
            && flux_rpc_get_matchtag (plain) == FLUX_MATCHTAG_NONE,
        "what is no RPC has no matchtag");
    NONE (flux_event_subscribe_ex (NULL, "a", 0));
    NONE (flux_event_subscribe_ex (h, NULL, 0));
    NONE (flux_event_unsubscribe_ex (NULL, "a", 0));
    FAILS (flux_event_subscribe (NULL, "a"));
    FAILS (flux_event_unsubscribe (h, NULL));
    NONE (flux_event_publish (NULL, "a", 0, NULL));
    NONE (flux_event_publish (h, NULL, 0, NULL));
    NONE (flux_event_publish (h, "a", 2, NULL));
    NONE (flux_event_publish_raw (NULL, "a", 0, NULL, 0));
    NONE (flux_event_publish_pack (h, "a", 0, NULL));
    FAILS (flux_event_publish_get_seq (NULL, &i));
    NONE (flux_service_register (NULL, "a"));
    NONE (flux_service_register (h, NULL));
    NONE (flux_service_unregister (NULL, "a"));
    NONE (flux_service_unregister (h, NULL));
    flux_msg_destroy (msg);
}

static void clients (void)
{
    double t;
    uint32_t rank;
    flux_error_t e;

    NONE (flux_attr_get (NULL, "a"));
    NONE (flux_attr_get (h, NULL));
    FAILS (flux_attr_set (NULL, "a", "b"));
    FAILS (flux_attr_set (h, NULL, "b"));
    FAILS (flux_attr_set (h, "a", NULL));
    FAILS (flux_attr_set_ex (h, "a", NULL, true, &e));
    FAILS (flux_attr_set_cacheonly (NULL, "a", "b"));
    FAILS (flux_attr_set_cacheonly (h, NULL, "b"));
    ok (!flux_attr_cache_first (NULL) && !flux_attr_cache_next (NULL), "no cache");
    FAILS (flux_get_rank (NULL, &rank));
    FAILS (flux_get_rank (h, NULL));
    FAILS (flux_get_size (NULL, &rank));
    FAILS (flux_get_size (h, NULL));
    FAILS (flux_get_instance_starttime (NULL, &t));
    FAILS (flux_get_instance_starttime (h, NULL));
    FAILS (flux_get_rankbyhost (NULL, "a"));
    FAILS (flux_get_rankbyhost (h, NULL));
    NONE (flux_hostmap_lookup (NULL, "a", &e));
    NONE (flux_hostmap_lookup (h, NULL, &e));
    is (flux_get_hostbyrank (NULL, 0), "(null)", "no handle, no host");
    NONE (flux_sync_create (NULL, 0.));
    HARMLESS (flux_log_set_appname (NULL, "a"));
    HARMLESS (flux_log_set_procid (NULL, "a"));
    HARMLESS (flux_log_set_hostname (NULL, "a"));
    HARMLESS (flux_log_set_redirect (NULL, NULL, NULL));
    NONE (flux_conf_copy (NULL));
    NONE (flux_conf_parse (NULL, NULL));
    NONE (flux_conf_pack (NULL));
    NONE (flux_conf_pack ("[]"));
    FAILS (flux_conf_update (NULL, "a=1", NULL));
    FAILS (flux_conf_unpack (NULL, NULL, "{}"));
    NONE (flux_conf_builtin_get (NULL, FLUX_CONF_AUTO));
    FAILS (flux_module_set_running (NULL));
    FAILS (flux_module_config_request_decode (NULL, NULL));
    FAILS (flux_module_initialize (NULL, NULL, &e));
    FAILS (flux_module_register_handlers (NULL, &e));
    FAILS (flux_module_finalize (NULL, 0, &e));
    FAILS (flux_register_default_methods (NULL, "a", NULL));
    ok (!flux_module_debug_test (NULL, 1, false), "no module has no debug bits");
}

static void the_store (void)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    const char *s;
    const void *data;
    const flux_kvsdir_t *dir;
    uint32_t owner;
    size_t len;
    int i;

    NONE (flux_kvsdir_create (NULL, NULL, NULL, "{}"));
    NONE (flux_kvsdir_create (NULL, NULL, "a", NULL));
    NONE (flux_kvsdir_copy (NULL));
    NONE (flux_kvsitr_create (NULL));
    ok (!flux_kvsitr_next (NULL), "nothing comes next");
    HARMLESS (flux_kvsitr_rewind (NULL));
    HARMLESS (flux_kvsdir_incref (NULL));
    ok (!flux_kvsdir_exists (NULL, "a") && !flux_kvsdir_isdir (NULL, "a")
            && !flux_kvsdir_issymlink (NULL, "a"),
        "no directory has nothing in it");
    NONE (flux_kvs_lookup (NULL, NULL, 0, "a"));
    NONE (flux_kvs_lookup (h, NULL, 0, NULL));
    NONE (flux_kvs_lookup (h, NULL, 0, ""));
    NONE (flux_kvs_lookupat (NULL, 0, "a", "{}"));
    NONE (flux_kvs_lookupat (h, 0, NULL, "{}"));
    NONE (flux_kvs_lookupat (h, 0, "", "{}"));
    NONE (flux_kvs_lookupat (h, 0, "a", NULL));
    FAILS (flux_kvs_lookup_get (NULL, &s));
    FAILS (flux_kvs_lookup_get_raw (NULL, &data, &len));
    FAILS (flux_kvs_lookup_get_unpack (NULL, "{}"));
    FAILS (flux_kvs_lookup_get_treeobj (NULL, &s));
    FAILS (flux_kvs_lookup_get_dir (NULL, &dir));
    FAILS (flux_kvs_lookup_get_symlink (NULL, &s, &s));
    FAILS (flux_kvs_lookup_get (plain, &s));
    NONE (flux_kvs_lookup_get_key (NULL));
    NONE (flux_kvs_lookup_get_key (plain));
    FAILS (flux_kvs_lookup_cancel (NULL));
    FAILS (flux_kvs_lookup_cancel (plain));
    NONE (flux_kvs_getroot (NULL, NULL, 0));
    NONE (flux_kvs_getroot (h, NULL, 1));
    FAILS (flux_kvs_getroot_get_treeobj (NULL, &s));
    FAILS (flux_kvs_getroot_get_blobref (NULL, &s));
    FAILS (flux_kvs_getroot_get_sequence (NULL, &i));
    FAILS (flux_kvs_getroot_get_owner (NULL, &owner));
    FAILS (flux_kvs_txn_put (NULL, 0, "a", "b"));
    FAILS (flux_kvs_txn_put (txn, 0, NULL, "b"));
    FAILS (flux_kvs_txn_put (txn, 0, "", "b"));
    FAILS (flux_kvs_txn_put_raw (NULL, 0, "a", "b", 1));
    FAILS (flux_kvs_txn_put_raw (txn, 0, NULL, "b", 1));
    FAILS (flux_kvs_txn_pack (NULL, 0, "a", "i", 1));
    FAILS (flux_kvs_txn_pack (txn, 0, NULL, "i", 1));
    FAILS (flux_kvs_txn_put_treeobj (NULL, 0, "a", "{}"));
    FAILS (flux_kvs_txn_put_treeobj (txn, 0, NULL, "{}"));
    FAILS (flux_kvs_txn_mkdir (NULL, 0, "a"));
    FAILS (flux_kvs_txn_mkdir (txn, 0, NULL));
    FAILS (flux_kvs_txn_unlink (NULL, 0, "a"));
    FAILS (flux_kvs_txn_unlink (txn, 0, ""));
    FAILS (flux_kvs_txn_symlink (NULL, 0, "a", NULL, "b"));
    FAILS (flux_kvs_txn_symlink (txn, 0, "a", NULL, NULL));
    FAILS (flux_kvs_txn_symlink (txn, 0, NULL, NULL, "b"));
    ok (flux_kvs_txn_is_empty (txn), "none of these left an operation");
    NONE (flux_kvs_commit (NULL, NULL, 0, txn));
    NONE (flux_kvs_commit (h, NULL, 0, NULL));
    FAILS (flux_kvs_commit_get_treeobj (NULL, &s));
    FAILS (flux_kvs_commit_get_rootref (NULL, &s));
    FAILS (flux_kvs_commit_get_sequence (NULL, &i));
    NONE (flux_kvs_copy (NULL, NULL, "a", NULL, "b", 0));
    NONE (flux_kvs_copy (h, NULL, NULL, NULL, "b", 0));
    NONE (flux_kvs_copy (h, NULL, "a", NULL, NULL, 0));
    NONE (flux_kvs_move (NULL, NULL, "a", NULL, "b", 0));
    NONE (flux_kvs_namespace_create (NULL, "a", 0, 0));
    NONE (flux_kvs_namespace_create (h, NULL, 0, 0));
    NONE (flux_kvs_namespace_create (h, "a", 0, 1));
    NONE (flux_kvs_namespace_create_with (h, NULL, NULL, 0, 0));
    NONE (flux_kvs_namespace_remove (NULL, "a"));
    NONE (flux_kvs_namespace_remove (h, NULL));
    FAILS (flux_kvs_get_version (NULL, NULL, &i));
    FAILS (flux_kvs_wait_version (NULL, NULL, 1));
    flux_kvs_txn_destroy (txn);
}

static void jobs (void)
{
    char buf[64];
    const char *s;
    bool b;
    flux_jobid_t id;
    flux_job_state_t state;
    flux_job_result_t result;
    double t;

    FAILS (flux_job_id_parse (NULL, &id));
    FAILS (flux_job_id_parse ("1", NULL));
    FAILS (flux_job_id_encode (1, NULL, NULL, 10));
    FAILS (flux_job_strtostate (NULL, &state));
    FAILS (flux_job_strtostate ("RUN", NULL));
    FAILS (flux_job_strtoresult (NULL, &result));
    FAILS (flux_job_strtoresult ("FAILED", NULL));
    NONE (flux_job_submit (NULL, "{}", 16, 0));
    NONE (flux_job_submit (h, NULL, 16, 0));
    FAILS (flux_job_submit_get_id (NULL, &id));
    NONE (flux_job_wait (NULL, 1));
    FAILS (flux_job_wait_get_status (NULL, &b, &s));
    FAILS (flux_job_wait_get_id (NULL, &id));
    NONE (flux_job_list (NULL, 1, "[]", 0, 0));
    NONE (flux_job_list (h, 1, NULL, 0, 0));
    NONE (flux_job_list (h, -1, "[]", 0, 0));
    NONE (flux_job_list_inactive (NULL, 1, 0., "[]"));
    NONE (flux_job_list_id (NULL, 1, "[]"));
    NONE (flux_job_list_id (h, 1, NULL));
    NONE (flux_job_list_id (h, 1, "{"));
    NONE (flux_job_raise (NULL, 1, "x", 0, NULL));
    NONE (flux_job_raise (h, 1, NULL, 0, NULL));
    NONE (flux_job_cancel (NULL, 1, NULL));
    NONE (flux_job_kill (NULL, 1, 15));
    NONE (flux_job_kill (h, 1, 0));
    NONE (flux_job_set_urgency (NULL, 1, 16));
    FAILS (flux_job_kvs_key (NULL, 10, 1, NULL));
    FAILS (flux_job_kvs_guest_key (NULL, 10, 1, NULL));
    FAILS (flux_job_kvs_namespace (NULL, 10, 1));
    NONE (flux_job_event_watch (NULL, 1, "eventlog", 0));
    NONE (flux_job_event_watch (h, 1, NULL, 0));
    FAILS (flux_job_event_watch_get (NULL, &s));
    FAILS (flux_job_event_watch_cancel (NULL));
    NONE (flux_job_result (NULL, 1, 0));
    NONE (flux_job_result (h, 1, 1));
    FAILS (flux_job_result_get (NULL, &s));
    FAILS (flux_job_result_get_unpack (NULL, "{}"));
    FAILS (flux_job_timeleft (NULL, NULL, &t));
    FAILS (flux_job_timeleft (h, NULL, NULL));
    NONE (flux_unwrap_string (NULL, true, NULL, NULL));
    buf[0] = 1;
    errno = 0;
    ok (flux_job_id_encode (1, NULL, buf, 0) < 0 && errno != 0 && buf[0] == 1,
        "nothing is written into no room");
}

static void plugins (void)
{
    flux_plugin_t *p = flux_plugin_create ();
    flux_plugin_arg_t *args = flux_plugin_arg_create ();

    FAILS (flux_plugin_get_flags (NULL));
    FAILS (flux_plugin_set_flags (NULL, 1));
    FAILS (flux_plugin_set_name (NULL, "a"));
    FAILS (flux_plugin_set_name (p, NULL));
    NONE (flux_plugin_get_name (NULL));
    NONE (flux_plugin_get_uuid (NULL));
    NONE (flux_plugin_get_path (NULL));
    FAILS (flux_plugin_add_handler (NULL, "a", NULL, NULL));
    FAILS (flux_plugin_add_handler (p, NULL, NULL, NULL));
    FAILS (flux_plugin_remove_handler (NULL, "a"));
    FAILS (flux_plugin_remove_handler (p, NULL));
    NONE (flux_plugin_get_handler (NULL, "a"));
    NONE (flux_plugin_match_handler (p, NULL));
    FAILS (flux_plugin_register (NULL, "a", NULL));
    FAILS (flux_plugin_aux_set (NULL, "a", p, NULL));
    NONE (flux_plugin_aux_get (NULL, "a"));
    HARMLESS (flux_plugin_aux_delete_value (NULL, "a"));
    HARMLESS (flux_plugin_aux_delete_value (p, NULL));
    FAILS (flux_plugin_set_conf (NULL, "{}"));
    FAILS (flux_plugin_set_conf (p, NULL));
    NONE (flux_plugin_get_conf (NULL));
    FAILS (flux_plugin_conf_unpack (NULL, "{}"));
    FAILS (flux_plugin_arg_set (NULL, FLUX_PLUGIN_ARG_IN, "{}"));
    FAILS (flux_plugin_arg_pack (NULL, FLUX_PLUGIN_ARG_IN, "{}"));
    FAILS (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, NULL));
    FAILS (flux_plugin_arg_get (NULL, FLUX_PLUGIN_ARG_IN, NULL));
    FAILS (flux_plugin_arg_unpack (NULL, FLUX_PLUGIN_ARG_IN, "{}"));
    FAILS (flux_plugin_call (NULL, "a", args));
    FAILS (flux_plugin_call (p, NULL, args));
    FAILS (flux_plugin_load_dso (NULL, "/x.so"));
    FAILS (flux_plugin_load_dso (p, NULL));
    flux_plugin_arg_destroy (args);
    flux_plugin_destroy (p);
}

int main (void)
{
    if (!(h = flux_open ("loop://", 0)) || !(r = flux_reactor_create (0))
        || !(plain = flux_future_create (NULL, NULL)))
        bail_out ("%s", strerror (errno));
    destructors ();
    messages ();
    codecs ();
    handles ();
    reactors ();
    futures ();
    dispatch ();
    calls ();
    clients ();
    the_store ();
    jobs ();
    plugins ();
    flux_future_destroy (plain);
    flux_reactor_destroy (r);
    flux_close (h);
    return done_testing ();
}
