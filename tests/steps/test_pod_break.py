#!/usr/bin/env python3
"""remote-developer-step pod-run over connections that break: nothing is lost, doubled or taken for the end. The
cluster, and how its connections break, is a stand-in."""

import json
import random
import threading
import time

from pods import FIRST, SECOND, in_pod
from stand_in_cluster import UNREACHABLE
from step import LIMIT, TASK, check, contains, main, same

LINES = ''.join(f'line {i}\n' for i in range(3000))
WRITE = 'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i + 1)); done; exit 7'


def served(p, kind='attach'):
    return p.cluster.served[kind]


@in_pod
def test_a_connection_that_breaks_at_any_byte_loses_and_doubles_nothing(p):
    seed = random.randrange(1 << 32)
    print(f'# seed {seed}')
    chance = random.Random(seed)
    # Those that get nothing across make the next one wait longer; the ones between do get on.
    places = [place for early in range(1, 20) for place in (early, chance.randrange(40, 1500))]
    p.cluster.plan('attach', *({'after': n, 'exit': n % 2} for n in places))
    same(p.sh(WRITE, status=7)[0].decode() == LINES, True, 'the log is whole, once and in order')
    same(served(p), len(places) + 1)


@in_pod
def test_the_connections_end_is_not_the_works(p):
    fifo = p.pod.home / 'fifo'
    p.cluster.plan('attach', {'after': len('begun\nout 3\nup\n')})
    step = p.begin_sh(f'mkfifo {fifo}; echo up; read x <{fifo}; echo "went on"; exit 3')
    same(step.stdout.readline(), b'up\n')
    p.cluster.wait_served('attach', 2)
    same(step.poll(), None, 'kubectl ended with 0, the work goes on')
    fifo.write_text('go\n')
    same(p.finish(step, 3)[0], b'went on\n')


@in_pod
def test_a_cluster_that_cannot_be_reached_for_a_while_is_waited_for(p):
    p.cluster.plan('attach', *[{'refuse': UNREACHABLE}] * 5)
    p.cluster.plan('upload', *[{'refuse': UNREACHABLE}] * 2)
    out, err = p.sh('cat', input=b'text')
    same(out, b'text')
    contains(err.decode(), 'The connection to the pod broke (kubectl: 1, Unable to connect to the server')
    same(err.decode().count('broke'), 2, 'said once for each')


@in_pod
def test_a_connection_that_says_nothing_any_more_is_left(p):
    p.cluster.plan('attach', {'after': 9, 'silent': True})
    same(p.sh(WRITE, options=('--silence', '2'), status=7)[0].decode() == LINES, True)
    same(served(p), 2)


@in_pod
def test_a_reader_that_nobody_hears_any_more_gives_way_to_the_next(p):
    p.cluster.plan('attach', {'after': 9, 'stale': True})
    step = p.begin_sh(f'echo 1; while [ ! -e {p.pod.home}/go ]; do sleep 0.1; done; echo 2')
    same(step.stdout.readline(), b'1\n')
    p.cluster.wait_served('attach', 2)
    p.pod.processes[1].wait(LIMIT)
    (p.pod.home / 'go').touch()
    same(p.finish(step)[0], b'2\n')


@in_pod
def test_input_that_was_cut_off_is_never_taken_for_whole(p):
    p.cluster.plan('upload', {'stdin': 0}, {'stdin': 1}, {'stdin': 99_999})
    text = b'0123456789' * 10_000
    same(p.run('cat', input=text)[0] == text, True)
    same(served(p, 'upload'), 4)


@in_pod
def test_it_is_started_once_however_often_that_is_asked(p):
    mark = p.pod.home / 'mark'
    p.cluster.plan('attach', *[{'after': 1}] * 5)
    p.cluster.plan('upload', {'after': 1}, {'after': 30})
    p.sh(f'echo once >>{mark}; sleep 1')
    same(mark.read_text(), 'once\n')


@in_pod
def test_a_step_that_was_killed_is_followed_by_one_that_goes_on(p):
    fifo, mark = p.pod.home / 'fifo', p.pod.home / 'mark'
    step = p.begin_sh(f'mkfifo {fifo}; echo once >>{mark}; echo up; echo no >&2; read x <{fifo}; echo on; exit 5')
    same((step.stdout.readline(), step.stderr.readline()), (b'up\n', b'no\n'))
    state = p.f.root / 'reports' / TASK / 'pod-run'
    until = time.monotonic() + LIMIT
    while state.read_text().split()[4:] != ['3'.zfill(20)] * 2:  # between writing and noting it would come twice
        check(time.monotonic() < until, 'it is noted', state.read_text())
    step.kill()
    step.communicate()
    again = p.begin_sh('echo never')
    p.cluster.wait_served('attach', 2)
    fifo.write_text('go\n')
    same(p.finish(again, 5), (b'on\n', b''), 'only the rest')
    same((mark.read_text(), served(p, 'upload')), ('once\n', 1))


@in_pod
def test_two_runs_of_one_attempt_are_two(p):
    same([p.sh('echo "$$"', invocation=FIRST)[0] for _ in range(2)].count(b''), 0)
    same(p.runs(), [f'{FIRST}-2'], 'what has ended is removed by the next')


@in_pod
def test_a_new_attempt_first_ends_the_one_before(p):
    step = p.begin_sh('trap "" TERM; echo up; (trap "" TERM; setsid sleep 1000) & while :; do sleep 1; done')
    same(step.stdout.readline(), b'up\n')
    step.kill()
    step.communicate()
    before = set(p.cluster.work(TASK))
    check(len(before) >= 3, 'it goes on', before)
    still = 'for pid; do [ -z "$(cat /proc/$pid/environ)" ] || echo $pid; done 2>/dev/null'
    same(p.sh(still, *map(str, before), invocation=SECOND)[0], b'', 'all of it is gone when the second begins')
    same(p.runs(), [f'{SECOND}-1'])


@in_pod
def test_a_pod_that_is_gone_is_the_end(p):
    step = p.begin_sh('echo up; sleep 1000')
    same(step.stdout.readline(), b'up\n')
    p.cluster.pods.remove(p.pod)
    p.cluster.kill(p.pod)
    contains(p.finish(step, 1)[1].decode(), 'it is gone, and the work in it', 'NotFound')
    p.pod.phase = 'Succeeded'
    p.cluster.pods.append(p.pod)
    contains(p.run('true', status=1)[1].decode(), 'it has ended, and the work in it')


@in_pod
def test_a_supervisor_that_was_killed_leaves_no_success(p):
    step = p.begin_sh('echo up; kill -KILL $PPID; sleep 1000')
    same(step.stdout.readline(), b'up\n')
    contains(p.finish(step, 1)[1].decode(), 'ended without leaving an exit code')
    p.review()
    same(p.cluster.work(TASK), [], 'what it left is ended')


@in_pod
def test_what_a_cluster_refuses_is_told_and_not_tried_again(p):
    for words, meaning in (('Error from server (Forbidden): pods "pod-0" is forbidden', 'does not allow this'),
                           ('error: You must be logged in to the server (Unauthorized)', 'does not know the user')):
        p.cluster.exec_failures['pod-0'] = words
        before = served(p, 'upload')
        contains(p.run('true', status=1)[1].decode(), meaning, words)
        same(served(p, 'upload'), before + 1)


@in_pod
def test_a_refusal_while_the_work_runs_does_not_end_it(p):
    p.cluster.plan('attach', {'after': 9}, {'refuse': 'error: You must be logged in to the server (Unauthorized)'})
    same(p.sh(WRITE, status=7)[0].decode() == LINES, True)


@in_pod
def test_nonsense_on_a_connection_is_not_believed(p):
    release = threading.Event()
    p.cluster.plan('attach', {'held': release})
    step = p.begin_sh('echo text; exit 4')
    p.cluster.wait_served('attach')
    p.pod.shell('/bin/sh')
    shell = p.pod.programs / 'sh'
    good = shell.read_text()
    shell.write_text('#!/bin/sh\necho Welcome to this image; echo end 0\n')
    release.set()
    p.cluster.wait_served('attach', 3)
    shell.write_text(good)
    same(p.finish(step, 4)[0], b'text\n')


@in_pod
def test_what_kubectl_was_given_is_what_it_understands(p):
    p.sh('true', '$theirs')
    for call in [c for c in p.cluster.calls if c[:2] == ['kubectl', 'exec']]:
        same(call[:9], ['kubectl', 'exec', '--stdin', '--namespace', 'work', 'pod-0', '--', 'sh', '-c'])
        check('$theirs' not in call[9] and TASK not in call[9], 'the text of the script is a constant')
    check(len(json.dumps(p.cluster.calls[-1])) < 10_000, 'a request that proxies let pass')


if __name__ == '__main__':
    main()
