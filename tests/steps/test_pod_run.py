#!/usr/bin/env python3
"""remote-developer-step pod-run: a program in a pod as if it ran here. The cluster is a stand-in; what runs in the
pod is real."""

import os
import pathlib
import signal
import subprocess
import sys

from pods import in_pod
from step import OTHER, TASK, check, contains, lacks, main, same

TEXTS = ['$HOME', '${HOME}', '$(touch /nowhere)', '`id`', "it's", '"quoted"', 'a  b', '', '--version', '-n', 'x\ny',
         'back\\slash', '; true', 'ü€', '*', '\\0', 'eval', '%s%n', '\t', 'a=b']
ECHO = [sys.executable, '-c', 'import sys, os; os.write(1, b"\\0".join(os.fsencode(a) for a in sys.argv[1:]))']


@in_pod
def test_arguments_arrive_byte_for_byte(p):
    same(p.run(*ECHO, *TEXTS)[0].decode().split('\0'), TEXTS)
    same(p.run(*ECHO, b'\xff\x01', 'x' * 100_000)[0], b'\xff\x01\0' + b'x' * 100_000)


@in_pod
def test_input_arrives_byte_for_byte(p):
    for text in b'', b'\0', b'no newline', b'--version\n', os.urandom(100_000), 'ü$(id)\n'.encode() * 130_000:
        same(p.run('cat', input=text)[0] == text, True, f'{len(text)} bytes')


@in_pod
def test_output_arrives_byte_for_byte_and_the_two_are_told_apart(p):
    data = os.urandom(3_000_000)
    (p.pod.home / 'data').write_bytes(data)
    out, err = p.sh(f'cat {p.pod.home}/data; printf "\\0x" >&2; echo; echo y >&2')
    same((out == data + b'\n', err), (True, b'\0xy\n'))


@in_pod
def test_exit_codes_and_signals_are_the_works(p):
    for code in 0, 1, 2, 7, 127, 255:
        p.sh(f'exit {code}', status=code)
    for name in 'KILL', 'TERM', 'SEGV', 'PIPE':
        p.sh(f'kill -s {name} $$', status=128 + getattr(signal, f'SIG{name}'))


@in_pod
def test_a_program_that_is_not_in_the_pod_is_named(p):
    out, err = p.run('no-such-agent', '--version', status=127)
    same(out, b'')
    contains(err.decode(), 'no-such-agent')


@in_pod
def test_words_of_the_shell_are_no_programs(p):
    for words in ('eval', 'touch /nowhere'), ('exit', '0'), ('.', '/dev/null'), (':',), ('return',):
        p.run(*words, status=127 if words[0] != '.' else 126)
    for words in ('-c', 'true'), ('', 'x'), ('-a', 'b', 'true'):
        contains(p.run(*words, status=1)[1].decode(), 'No program can be run')
    check(not pathlib.Path('/nowhere').exists(), 'a text was taken for a command')


@in_pod
def test_it_runs_in_the_tasks_work_tree_where_there_is_one(p):
    same(p.sh('pwd')[0].decode().strip(), '/')
    p.clone(p.f.remote())
    same(p.sh('pwd; cat file')[0].decode(), f'{p.far()}/tree\nfirst\n')
    same(p.sh('pwd', invocation='2' * 32)[0].decode(), f'{p.far()}/tree\n', 'a later attempt, whose agent resumes')


@in_pod
def test_lines_of_standard_error_break_none_of_the_other(p):
    script = 'printf "{\\"a\\": "; echo one >&2; sleep 0.7; printf tw >&2; echo "1}"; sleep 0.7; echo o >&2'
    same(p.sh(script), (b'{"a": 1}\n', b'one\ntwo\n'))
    with open(p.f.top / 'both', 'wb') as both:
        done = subprocess.run(p.f.command('pod-run', '--', 'sh', '-c', script), env=p.f.environment, check=False,
                              stdin=subprocess.DEVNULL, stdout=both, stderr=both)
    same(done.returncode, 0)
    # Which of the first two is read first is nobody's to say.
    found = (p.f.top / 'both').read_text()
    check(found in ('{"a": 1}\none\ntwo\n', 'one\n{"a": 1}\ntwo\n'), f'in one log: {found!r}')


@in_pod
def test_the_shells_of_all_images_do(p):
    for shell in ('/bin/dash',), ('/bin/bash', '--posix'), ('/usr/bin/busybox',):
        if not pathlib.Path(shell[0]).exists():
            continue
        p.pod.shell(*shell)
        p.cluster.plan('attach', {'after': 9}, {'after': 31, 'exit': 1})
        out, err = p.run('cat', input=b'a\0b\n' * 40_000)
        same(out == b'a\0b\n' * 40_000, True, f'{shell}: {len(out)} bytes, {err}')
        step = p.begin_sh('echo up; setsid sleep 1000 & wait')
        same(step.stdout.readline(), b'up\n')
        p.cancel(step)
        same(p.cluster.work(TASK), [], shell)


@in_pod
def test_a_pod_that_has_nothing_but_what_is_assumed_does(p):
    p.pod.bare()
    p.clone(p.f.remote())
    out, _ = p.sh('command -v setsid grep env touch; pwd; exit 3', status=3)
    same(out.decode(), f'{p.far()}/tree\n')
    step = p.begin_sh('echo up; sleep 1000')
    same(step.stdout.readline(), b'up\n')
    p.cancel(step)
    same(p.cluster.work(TASK), [])
    same(p.review()['is_repository'], True)


@in_pod
def test_its_variables_are_the_pods_and_its_input_is_private(p):
    out, _ = p.sh('env; umask; stat -c %a "$REMOTE_DEVELOPER_POD_WORK/run"')
    lacks(out.decode(), 'INVOCATION_ID', 'STAND_IN', 'CREDENTIALS')
    contains(out.decode(), f'REMOTE_DEVELOPER_POD_WORK={p.far()}\n', '0022\n700\n')


@in_pod
def test_what_the_work_leaves_behind_ends_with_it(p):
    out, _ = p.sh('setsid sleep 1000 & (sleep 1000 &) ; echo done')
    same((out, p.cluster.work(TASK, 'REMOTE_DEVELOPER_POD_WORK')), (b'done\n', []))


@in_pod
def test_two_tasks_in_one_pod_do_not_touch_each_other(p):
    p.take_pod(task=OTHER)
    remote = p.f.remote()
    for task in TASK, OTHER:
        p.clone(remote, task=task)
    first = p.begin_sh('echo up; echo mine >>file; read x <fifo; echo went on', task=TASK)
    os.mkfifo(p.far() / 'tree/fifo')
    same(first.stdout.readline(), b'up\n')
    second = p.begin_sh('echo up; sleep 1000', task=OTHER)
    same(second.stdout.readline(), b'up\n')
    p.cancel(second)
    same(p.cluster.work(OTHER), [])
    p.review(task=OTHER)
    (p.far() / 'tree/fifo').write_text('go\n')
    same(p.finish(first)[0], b'went on\n')
    same(p.review()['modified_files'], [' M file'])
    same(p.review(task=OTHER)['modified_files'], [])


@in_pod
def test_nothing_of_a_task_is_left_in_the_pod_but_its_work_tree(p):
    p.clone(p.f.remote())
    p.run('cat', input=b'the description')
    p.review()
    same(sorted(x.name for x in p.far().iterdir()), ['tree'])


if __name__ == '__main__':
    main()
