#!/bin/sh
test_description='The flux command by itself: what it says without a broker'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

test_expect_success 'flux alone prints its usage and fails' '
    test_expect_code 1 flux 2>err &&
    grep "^Usage: flux" err
'
test_expect_success 'flux --help succeeds' '
    flux --help >out &&
    grep "^Usage: flux" out
'
test_expect_success 'an unknown command is named in one line' '
    test_expect_code 1 flux nosuchcmd 2>err &&
    test_line_count 1 err &&
    grep "nosuchcmd. is not a flux command" err
'
test_expect_success 'an unknown option is named, with a hint' '
    test_expect_code 1 flux kvs get --nosuch a 2>err &&
    grep "^flux-kvs get: unrecognized option .--nosuch" err &&
    grep "flux-kvs get --help" err
'
test_expect_success 'options may not be abbreviated' '
    test_expect_code 2 flux run --ntas=2 true 2>err &&
    grep "unrecognized option .--ntas" err && grep "^Usage: flux run " err
'
test_expect_success 'a group without subcommand lists them' '
    test_expect_code 1 flux kvs 2>err &&
    grep "^  get " err
'
test_expect_success 'an external flux-NAME is run' '
    mkdir bin &&
    printf "#!/bin/sh\necho external \$1\n" >bin/flux-extern &&
    chmod +x bin/flux-extern &&
    PATH="$(pwd)/bin:$PATH" flux extern x >out &&
    echo "external x" >expect &&
    test_cmp expect out
'
test_expect_success 'lptest makes the pattern' '
    flux lptest 5 3 >out &&
    printf "%s\n" "!\"#\$%" "\"#\$%&" "#\$%&'"'"'" >expect &&
    test_cmp expect out &&
    flux lptest >out && test_line_count 200 out
'
test_expect_success 'no broker: one line, and quickly' '
    test_expect_code 1 env FLUX_URI=local:///nosuch/socket \
        FLUX_LOCAL_CONNECTOR_RETRY_COUNT=0 flux getattr rank 2>err &&
    test_line_count 1 err &&
    grep "broker socket /nosuch/socket was not found" err
'
test_expect_success 'a stale FLUX_URI: the same' '
    test_expect_code 1 env "FLUX_URI=local://$(pwd)/bin/flux-extern" \
        FLUX_LOCAL_CONNECTOR_RETRY_COUNT=0 flux run true 2>err &&
    test_line_count 1 err &&
    grep "^flux-run: ERROR: Unable to connect to Flux: " err
'
test_expect_success 'a URI that is none: the same' '
    test_expect_code 1 env FLUX_URI=nosuch://x flux jobs 2>err &&
    test_line_count 1 err
'
test_expect_success '--dry-run prints the jobspec (RFC 25)' '
    flux run "--env=-*" --cwd=/home/u -o rlimit=0 --dry-run -N2 -n3 a >out &&
    grep "^{\"resources\": \[{\"type\": \"node\", \"count\": 2, \"with\": \[{\"type\": \"slot\", \"count\": 2, \"with\": \[{\"type\": \"core\", \"count\": 1}\], \"label\": \"task\"}\]}\], \"tasks\": \[{\"command\": \[\"a\"\], \"slot\": \"task\", \"count\": {\"total\": 3}}\], \"attributes\": {\"system\": {\"duration\": 0, \"environment\": {}, \"cwd\": \"/home/u\"" out
'
test_expect_success 'contradicting options are refused' '
    test_expect_code 1 flux run --dry-run -N2 -n1 a 2>err &&
    grep "flux-run: ERROR: node count must not be greater than task count" err &&
    test_expect_code 1 flux run --dry-run -x a 2>err &&
    grep "exclusive can only be set with a node count" err
'
test_expect_success 'env rules apply in order' '
    A=1 B=2 flux run --dry-run "--env=-*" --env=A --env=C=x\$A-\$B true >out &&
    grep "\"environment\": {\"A\": \"1\", \"C\": \"x1-2\"}" out
'

test_done
