#!/bin/sh
test_description='bash completes commands, options and job ids, and runs nothing of the user'\''s'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

# complete WORD...: what bash would offer for the last word.
cat >complete.sh <<EOF
source "$SRCDIR/etc/completions/flux"
COMP_WORDS=("\$@") COMP_CWORD=\$((\$# - 1))
_flux
printf '%s\n' "\${COMPREPLY[@]}"
EOF
offered () {
    bash complete.sh "$@" 2>err && test ! -s err
}
test_expect_success 'commands, from the help of flux' '
    offered flux kv >out && echo kvs >want && test_cmp want out &&
    offered flux "" >out && grep -x mpiexec out && grep -x post-job-event out && ! grep -i example out
'
test_expect_success 'subcommands, two levels deep' '
    offered flux kvs ge >out && printf "get\ngetroot\n" >want && test_cmp want out &&
    offered flux content checkpoint "" >out && printf "list\nupdate\n" >want && test_cmp want out
'
test_expect_success 'options; one that wants a value says so' '
    offered flux kvs get --w >out && printf -- "--waitcreate\n--watch\n" >want && test_cmp want out &&
    offered flux kvs get -N x --name >out && echo --namespace= >want && test_cmp want out &&
    offered flux mpiexec -gen >out && grep -x -- -genvlist out &&
    offered flux run ls --lab >out && ! grep kvs out
'
test_expect_success 'what follows a command is not run to ask for its help' '
    cat >trap <<-EOF && chmod +x trap &&
	#!/bin/sh
	touch $PWD/ran
	EOF
    offered flux run ./trap -- >out && offered flux start ./trap "" >out && offered flux exec ./trap "" >out && test ! -e ran
'
test_expect_success 'ids of active jobs' '
    flux start sh -c "flux submit sleep 100 >id && bash complete.sh flux job attach \"\" >out && flux cancel --all" &&
    flux job id --to=f58plain $(cat id) >want && test_cmp want out
'
test_expect_success 'and silence where there is no instance' '
    unset FLUX_URI && offered flux cancel "" >out && ! grep . out
'
test_done
