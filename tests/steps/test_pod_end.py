#!/usr/bin/env python3
"""How the work in a pod is ended: on a cancel, when nobody asks for it any more, and by pod-review at the last. The
cluster is a stand-in; the processes are real."""

import time

from pods import SECOND, in_pod
from stand_in_cluster import UNREACHABLE
from step import TASK, check, contains, lacks, main, same

TREE = 'setsid sleep 1001 & (setsid sleep 1002 &) ; sleep 1003 & echo up; '


def begin(p, script, **options):
    step = p.begin_sh(script, **options)
    same(step.stdout.readline(), b'up\n')
    return step


@in_pod
def test_a_cancel_ends_all_that_the_work_has_started(p):
    step = begin(p, TREE + 'wait')
    check(len(p.cluster.work(TASK)) >= 5, 'they run', p.cluster.work(TASK))
    p.cancel(step)
    same(p.cluster.work(TASK), [])


@in_pod
def test_the_work_may_end_in_its_own_way_and_its_last_words_arrive(p):
    step = begin(p, 'trap "echo good bye; exit 3" TERM; echo up; while :; do sleep 0.1; done')
    same(p.cancel(step)[0], b'good bye\n')
    same(p.cluster.work(TASK), [])


@in_pod
def test_work_that_does_not_want_to_end_is_killed_in_time(p):
    step = begin(p, 'trap "" TERM; (trap "" TERM; setsid sleep 1000) & echo up; while :; do sleep 1; done')
    began = time.monotonic()
    p.cancel(step)
    same(p.cluster.work(TASK), [])
    check(time.monotonic() - began < 60, 'within the time of a machine that is busy')


@in_pod
def test_a_cancel_before_the_work_has_begun_keeps_it_from_beginning(p):
    mark = p.pod.home / 'mark'
    p.cluster.plan('upload', *[{'refuse': UNREACHABLE}] * 1000)
    step = p.begin_sh(f'touch {mark}')
    p.cluster.wait_served('upload', 2)
    p.cancel(step)
    p.cluster.plans.clear()
    check(not mark.exists(), 'it never began')


@in_pod
def test_a_cancel_goes_on_until_the_cluster_can_be_reached(p):
    step = begin(p, TREE + 'wait')
    p.cluster.plan('stop', *[{'refuse': UNREACHABLE}] * 3)
    p.cancel(step)
    same(p.cluster.work(TASK), [])


@in_pod
def test_a_killed_step_leaves_it_to_the_review(p):
    step = begin(p, TREE + 'wait')
    step.kill()
    step.communicate()
    check(p.cluster.work(TASK), 'the far side knows nothing of it')
    same(p.review()['is_repository'], False)
    same((p.cluster.work(TASK), p.runs()), ([], []))


@in_pod
def test_what_nobody_asks_for_any_more_ends_by_itself(p):
    step = begin(p, TREE + 'wait', options=('--lease', '2'))
    step.kill()
    step.communicate()
    until = time.monotonic() + 60
    while p.cluster.work(TASK):
        check(time.monotonic() < until, 'the watchdog ends it', p.cluster.work(TASK))
        time.sleep(0.05)
    same((p.far() / 'run' / ('1' * 32 + '-1') / 'exit').read_text(), '143\n')
    out, err = p.sh('never', status=143)
    contains(err.decode(), 'Nobody asked for this work for 2 s')


@in_pod
def test_a_held_connection_is_a_lease_that_is_renewed(p):
    same(p.sh('sleep 5; echo done', options=('--lease', '3'))[0], b'done\n')


@in_pod
def test_an_outage_shorter_than_the_lease_costs_nothing(p):
    p.cluster.plan('attach', {'after': 15}, *[{'refuse': UNREACHABLE}] * 4)
    same(p.sh('echo 1; sleep 3; echo 2', options=('--lease', '60'))[0], b'1\n2\n')


@in_pod
def test_what_has_not_begun_when_the_review_comes_never_does(p):
    """The supervisor is late: it is the directory that decides."""
    run = p.far() / 'run' / ('1' * 32 + '-1')
    run.mkdir(parents=True)
    (run / 'input').touch()
    p.f.run('pod-review', status=0)
    same(run.exists(), False)
    p.sh('echo first', invocation=SECOND)


@in_pod
def test_another_tasks_work_is_left_alone(p):
    other = TASK[:-1] + 'b'
    p.take_pod(task=other)
    step = begin(p, TREE + 'wait')
    p.review(task=other)
    check(len(p.cluster.work(TASK)) >= 5, 'it goes on')
    p.cancel(step)
    lacks(str(p.cluster.work(TASK)), ',')


if __name__ == '__main__':
    main()
