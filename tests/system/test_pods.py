"""The original's request, done in a pod: DevPod, kubectl and the agent in the pod are stand-ins (tests/lib/stand-in-*,
stand_in_cluster.py); git, the unit and its steps are real. The far side's processes belong to this process."""

import contextlib
import json
import os
import pathlib
import shutil
import sys

from case import accepts_failures, check, contains, lacks, same
from test_recipe import GOOD, SYSTEM, say
from test_workspace import repository

LIB = pathlib.Path(__file__).resolve().parent.parent / 'lib'
sys.path.insert(0, str(LIB))

from stand_in_cluster import UNREACHABLE, Cluster  # noqa: E402  # pylint: disable=wrong-import-position

PROGRAMS = [pathlib.Path('/usr/local/bin/kubectl'), pathlib.Path('/usr/local/bin/devpod')]
SOCKET = pathlib.Path('/run/stand-in-cluster.sock')
TURN = json.dumps({'type': 'assistant', 'session_id': 's1',
                   'message': {'id': 'm1', 'content': [{'type': 'text', 'text': 'at work'}]}})
TOKEN = 'a-token-that-nobody-may-see-4711'
STATUSES = ['creating_devpod', 'cloning_repository', 'setting_up_claude', 'executing_task', 'reviewing_changes']
TEXT = 'Change "the file"\n$(id) --version\n' + 'ü' * 1000


@contextlib.contextmanager
def cluster(s, script):
    """A stand-in cluster in which the agent of a workspace's pod does this."""
    it = Cluster(s.scratch() / 'cluster')
    it.pod_made = lambda pod: write_agent(pod, script)
    SOCKET.unlink(missing_ok=True)
    SOCKET.symlink_to(it.path)
    for program in PROGRAMS:
        shutil.copyfile(LIB / 'stand-in-kubectl', program)
        program.chmod(0o755)
    try:
        yield it
    finally:
        it.close()
        for path in [*PROGRAMS, SOCKET]:
            path.unlink()


def write_agent(pod, script):
    """A stand-in for Claude Code that knows its version and otherwise does this; it goes on with its session."""
    agent = pod.programs / 'claude'
    agent.write_text(f'#!/bin/sh\n[ "$1" != --version ] || {{ echo "2.1.330 (Claude Code)"; exit; }}\n'
                     f'printf "%s\\n" "$*" >>{pod.home}/arguments\ncat >{pod.home}/prompt\n'
                     f'{say(SYSTEM, TURN)}\n{script}\n')
    agent.chmod(0o755)
    # The repository is another user's than the pod's.
    (pod.home / '.gitconfig').write_text('[safe]\n directory = *\n')


def request(s, **fields):
    return {'devpod_name': 'my-pod', 'github_repo': str(repository(s)), 'github_token': TOKEN,
            'task_description': TEXT, **fields}


def pod_of(it):
    return it.pods[-1]


def statuses(s, task_id):
    """The words of the status as a viewer of the stream sees them."""
    return [e.json['status'] for e in s.api.events(task_id) if 'status' in (e.json or {})]


def test_the_originals_request_is_done_in_its_pod(s):
    with cluster(s, f'pwd; echo two >>file; echo new >other; {say(GOOD)}') as it:
        task_id = s.api.create_from(request(s))
        seen = statuses(s, task_id)
        task = s.api.wait(task_id)
        diff = s.api.get(f'/api/task/{task_id}/diff').body.decode()
        same((task['result'], task['error'], task['claude_status']), ('completed', None, 'COMPLETED'))
        words = [w for n, w in enumerate(seen) if w not in seen[:n]]
        same([w for w in words if w in STATUSES], STATUSES)
        same([(p['status'], p['progress']) for p in task['plan']], list(zip(STATUSES, (10, 20, 30, 60, 75))))
        same((task['modified_files'], task['has_changes'], task['current_branch']),
             ([' M file', '?? other'], True, f'rd/{task_id}'))
        contains(diff, '+two', '+new')
        pod = pod_of(it)
        same((pod.home / 'prompt').read_text(), TEXT)
        lines = s.api.lines(task_id)
        contains(lines, '2.1.330 (Claude Code)', f'{pod.home}/.remote-developer/{task_id}/tree')
        same(it.work(task_id), [])
        reply = s.api.post(f'/api/task/{task_id}/commit', {'commit_message': '"in the pod" $(id)\n'})
        same((reply.status, reply.json.get('pushed')), (200, True), reply.body)
        same(s.command('git', '-c', 'safe.directory=*', '-C', task['github_repo'], 'log', '-1', '--format=%B',
                       f'rd/{task_id}', user=s.runner), '"in the pod" $(id)\n\n')
        same(s.api.task(task_id)['is_committed'], True)
        lacks(json.dumps(it.calls) + '\n'.join(lines) + json.dumps(task), TOKEN)
        for path in pod.home.rglob('*'):
            check(not path.is_file() or TOKEN.encode() not in path.read_bytes(), 'no file has it', str(path))


@accepts_failures  # the service is killed
def test_broken_connections_and_restarts_in_the_middle_are_no_end(s):
    with cluster(s, 'echo up; read x <"$HOME/fifo"; i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i + 1)); done\n'
                 + say(GOOD)) as it:
        it.workspaces.add('my-pod')
        pod = it.add_pod('made-before', 'devpod', 'my-pod')
        os.mkfifo(pod.home / 'fifo')
        it.plan('attach', {}, {'after': 150}, {'after': 700, 'exit': 1}, {'refuse': UNREACHABLE}, {'after': 1})
        task_id = s.api.create_from(request(s))
        s.api.wait_line(task_id, 'up')
        s.restart()
        s.kill()
        same(s.api.task(task_id)['status'], 'executing_task')
        (pod.home / 'fifo').write_text('go\n')
        task = s.api.wait(task_id)
        same((task['result'], task['error']), ('completed', None))
        same([line for line in s.api.lines(task_id) if line.startswith('line ')], [f'line {n}' for n in range(500)])


def test_a_cancel_ends_the_work_in_the_pod(s):
    with cluster(s, '(setsid sleep 1001 &); setsid sleep 1002 & echo up; wait') as it:
        task_id = s.api.create_from(request(s))
        s.api.wait_line(task_id, 'up')
        check(len(it.work(task_id)) >= 4, 'it runs', it.work(task_id))
        s.api.cancel(task_id)
        task = s.api.wait(task_id)
        same((task['result'], task['reason']), ('cancelled', 'cancelled'), task['error'])
        same(it.work(task_id), [], 'nothing of it is left')


def test_a_step_that_is_killed_leaves_nothing_running_there(s):
    with cluster(s, 'setsid sleep 1001 & echo up; wait') as it:
        task_id = s.api.create_from(request(s))
        s.api.wait_line(task_id, 'up')
        s.systemctl('kill', '--signal=KILL', '--kill-who=all', s.unit(task_id))
        task = s.api.wait(task_id)
        same((task['result'], task['signal']), ('failed', 'SIGKILL'), task['error'])
        same(it.work(task_id), [], 'the review has ended it')


def test_an_exit_code_is_the_agents_and_a_resume_is_in_the_same_place(s):
    with cluster(s, f'pwd; [ -e "$HOME/allowed" ] || exit 7\n{say(GOOD)}') as it:
        task_id = s.api.create_from(request(s))
        task = s.api.wait(task_id)
        same((task['result'], task['exit_code']), ('failed', 7), task['error'])
        pod = pod_of(it)
        (pod.home / 'allowed').touch()
        s.api.resume(task_id)
        task = s.api.wait(task_id)
        same((task['result'], task['attempt']), ('completed', 2), task['error'])
        arguments = (pod.home / 'arguments').read_text().splitlines()
        contains(arguments[0], '--session-id')
        contains(arguments[1], '--resume=s1')
        tree = f'{pod.home}/.remote-developer/{task_id}/tree'
        same([line for line in s.api.lines(task_id) if line == tree], [tree] * 2, 'both attempts work there')


@accepts_failures
def test_a_pod_that_is_not_there_fails_its_step_with_a_sentence(s):
    with cluster(s, 'true') as it:
        it.finds_no_pod = True
        task = s.api.wait(s.api.create_from(request(s)))
        same((task['result'], task['reason'], task['step']), ('failed', 'step-failed', 0))
        contains(task['error'], 'creating_devpod', 'there is no pod with the label devpod.sh/workspace=my-pod')
