#!/bin/sh
test_description='MPI programs, built with MPICH, on one broker and on four'
. "$(dirname "$0")/lib.sh"
under_flux -s 4
. "$T/sharness.sh"

# scripts/check installs it.
if ! command -v mpicc.mpich >/dev/null; then
    skip_all='MPICH is not installed'
    test_done
fi

# A name that no other test has.
prog=mpi$$

# Shared memory is what there is between processes of one machine.
ranks () {
    seq 0 $(($1 - 1)) | sed "s/\$/ of $1/" | sort
}

test_expect_success 'a program' '
    mpicc.mpich -o $prog "$T/mpi/prog.c"
'
test_expect_success 'hello, on 1 to 8 ranks of one broker' '
    for n in 1 2 3 4 5 6 7 8; do
        flux run -N1 --tasks-per-node=$n ./$prog hello >out && ranks $n >expect && sort out >sorted &&
        test_cmp expect sorted || return 1
    done
'
test_expect_success 'hello, over 2 to 4 brokers' '
    for n in 2 3 4; do
        flux run -N$n -n$n ./$prog hello >out && ranks $n >expect && sort out >sorted &&
        test_cmp expect sorted || return 1
    done &&
    flux run -N4 --tasks-per-node=2 ./$prog hello >out && ranks 8 >expect && sort out >sorted &&
    test_cmp expect sorted
'
test_expect_success 'hello under mpiexec, on more ranks than there are cores too' '
    for n in 1 2 4 8; do
        flux mpiexec -n $n ./$prog hello >out && ranks $n >expect && sort out >sorted &&
        test_cmp expect sorted || return 1
    done
'
test_expect_success 'a ring' '
    echo ring 8 >expect && flux run -N4 --tasks-per-node=2 ./$prog ring >out && test_cmp expect out &&
    flux run -N1 --tasks-per-node=8 ./$prog ring >out && test_cmp expect out &&
    flux mpiexec -n 8 ./$prog ring >out && test_cmp expect out &&
    echo ring 1 >expect && flux mpiexec ./$prog ring >out && test_cmp expect out
'
test_expect_success 'a sum that all know' '
    for i in 1 2 3 4; do echo sum 10 bad 0; done >expect &&
    flux run -N4 ./$prog sum >out && test_cmp expect out &&
    flux run -N1 --tasks-per-node=4 ./$prog sum >out && test_cmp expect out &&
    flux mpiexec -n 4 ./$prog sum >out && test_cmp expect out
'
# RANKS="1 2 3 4 5 6 7 8" asks for all, which takes nodes of two cores.  One alone may be gone
# before it is told to go.
some=7
test "$(flux kvs get resource.R | jq -r ".execution.R_lite[0].children.core")" != 0 || some=4
for n in ${RANKS:-2 $some}; do
    test_expect_success "$n ranks, on one broker and over four: ring, sum, abort, exit code" '
        sum=$((n * (n + 1) / 2)) &&
        for how in "flux run -N1 --tasks-per-node=$n" "flux run -n$n -o mpi=none" "flux mpiexec -n $n"; do
            echo ring $n >expect && $how ./$prog ring >out && test_cmp expect out &&
            for i in $(seq $n); do echo sum $sum bad 0; done >expect && $how ./$prog sum >out && test_cmp expect out &&
            case $how in
            *mpiexec*) test_expect_code 5 $how ./$prog abort 5 && test_expect_code 6 $how ./$prog exit 6 ;;
            *) $how ./$prog abort 5 2>err; code=$?
                test $code -eq 143 -o $n -eq 1 -a $code -eq 5 && test_expect_code 6 $how ./$prog exit 6 ;;
            esac || return 1
        done
    '
done
test_expect_success 'exit codes: the largest for flux run, or-ed for mpiexec' '
    test_expect_code 3 flux run -N4 ./$prog exit 3 &&
    test_expect_code 3 flux mpiexec -n 2 ./$prog exit 3 &&
    test_expect_code 7 flux mpiexec -n 2 ./$prog exit 3 : -n 2 ./$prog exit 7
'
test_expect_success 'MPI_Abort ends all ranks: 143 under flux run' '
    test_expect_code 143 flux run -N4 ./$prog abort 5 2>err && grep "type=exec" err &&
    test_expect_code 143 flux run -N1 --tasks-per-node=3 ./$prog abort 5 2>err &&
    grep -i "abort" err
'
test_expect_success '... and its code under mpiexec' '
    test_expect_code 5 flux mpiexec -n 4 ./$prog abort 5 2>err && ! grep Finalize err &&
    test_expect_code 5 flux mpiexec -n 1 ./$prog abort 5
'
test_expect_success 'a rank that leaves without MPI_Finalize ends the others when told so' '
    test_expect_code 4 flux run -o exit-on-error -N1 --tasks-per-node=2 ./$prog leave 4 2>err &&
    grep "task rank 1 on host .* failed (Exit 4) and exit-on-error is set" err &&
    test_expect_code 143 flux run -o exit-timeout=0.1s -N2 ./$prog leave 4 2>err &&
    grep "exit-timeout=0.1s has expired" err
'
test_expect_success '... and always under mpiexec, as under Hydra: on one broker and over four' '
    for n in 2 4 8; do
        test_expect_code 4 timeout 60 flux mpiexec -n $n ./$prog leave 4 2>err && test_line_count 1 err &&
        grep "rank $((n - 1)) exited with code 4 and without MPI_Finalize" err || return 1
    done
'
test_expect_success 'application numbers and the size of the universe' '
    flux mpiexec -usize 10 -n 1 ./$prog appnum : -n 2 ./$prog appnum >out && sort out >sorted &&
    printf "%s\n" "0 app 0 universe 10" "1 app 1 universe 10" "2 app 1 universe 10" >expect &&
    test_cmp expect sorted
'
test_expect_success 'after the first the machine is looked at once for all' '
    wait_until flux mpiexec sh -c "test -s \"\$HWLOC_XMLFILE\" -a \$HWLOC_THISSYSTEM = 1" &&
    flux mpiexec -n 4 ./$prog hello | sort >out && printf "%s of 4\n" 0 1 2 3 >want && test_cmp want out &&
    HWLOC_COMPONENTS=x86 flux mpiexec env >env && ! grep HWLOC_XMLFILE env &&
    flux run env >env && ! grep HWLOC_ env && flux run -o hwloc.xmlfile env >env && grep HWLOC_XMLFILE env
'
test_expect_success 'nothing of them is left' '
    wait_until sh -c "test -z \"\$(flux jobs -n)\"" && ! pgrep -x $prog
'
test_done
