"""An agent's task on a repository: its work tree is its own, and what it changed there is told. The agent is a script of
its name; git and the repository are real."""

import contextlib
import os
import pathlib
import signal

from case import accepts_failures, check, contains, same, until
from test_recipe import GOOD, PROGRAM, SYSTEM, say


@contextlib.contextmanager
def agent(script):
    # The Doctor asks every agent for its version.
    PROGRAM.write_text(f'#!/bin/sh -e\n[ "$1" != --version ] || exit 1\ncat >/dev/null\n'
                       f'{say(SYSTEM)}\n{script}\n{say(GOOD)}\n')
    PROGRAM.chmod(0o755)
    try:
        yield
    finally:
        PROGRAM.unlink()


def git(s, directory, *words):
    return s.command('git', '-C', str(directory), '-c', 'user.name=A', '-c', 'user.email=a@example.org', *words,
                     user=s.runner)


def repository(s):
    """With one file, owned by the tasks' user."""
    path = s.scratch() / 'repository'
    s.command('git', 'init', '--quiet', '--initial-branch=main', str(path), user=s.runner)
    (path / 'file').write_text('one\n')
    git(s, path, 'add', 'file')
    git(s, path, 'commit', '--quiet', '--message=first')
    return path


def request(path, **fields):
    return {'github_repo': str(path), 'task_description': 'Change the file', **fields}


def test_what_it_changed_is_told(s):
    path = repository(s)
    with agent('pwd; echo two >>file; echo new >other'):
        task = s.api.wait(s.api.create_from(request(path)))
    same((task['result'], task['error']), ('completed', None))
    same((task['modified_files'], task['has_changes']), ([' M file', '?? other'], True))
    same((task['current_branch'], task['is_committed']), (f'rd/{task["task_id"]}', False))
    check(task['disk_bytes'] > 0, 'disk_bytes', task['disk_bytes'])
    tree = [line for line in s.api.lines(task['task_id']) if line.endswith(f'/tasks/{task["task_id"]}')]
    same(len(tree), 1, 'the agent works in its work tree')
    same(git(s, tree[0], 'rev-parse', '--abbrev-ref', 'HEAD').strip(), f'rd/{task["task_id"]}')
    reply = s.api.get(f'/api/task/{task["task_id"]}/diff')
    same((reply.status, reply.headers['content-type']), (200, 'text/plain; charset=utf-8'))
    contains(reply.body.decode(), '+two', '+new')
    same((path / 'file').read_text(), 'one\n', 'the repository')
    same(git(s, path, 'status', '--short'), '')


def test_tasks_on_one_repository_do_not_touch_each_other(s):
    path = repository(s)
    with agent('echo "$PWD" >>file'):
        tasks = [s.api.wait(task_id) for task_id in [s.api.create_from(request(path)) for _ in range(4)]]
    for task in tasks:
        same((task['result'], task['modified_files']), ('completed', [' M file']), task['error'])
        diff = s.api.get(f'/api/task/{task["task_id"]}/diff').body.decode()
        same([line for line in diff.splitlines() if line.startswith('+/')],
             [line for line in diff.splitlines() if line.endswith(f'/tasks/{task["task_id"]}')])


def test_a_further_attempt_finds_its_work_tree(s):
    path, allowed = repository(s), s.scratch() / 'allowed'
    with agent(f'echo again >>file; [ -e {allowed} ]'):
        task = s.api.wait(s.api.create_from(request(path)))
        same((task['result'], task['modified_files']), ('failed', [' M file']))
        allowed.touch()
        s.api.resume(task['task_id'])
        task = s.api.wait(task['task_id'])
    same((task['result'], task['attempt']), ('completed', 2), task['error'])
    contains(s.api.get(f'/api/task/{task["task_id"]}/diff').body.decode(), '+again\n+again\n')


@accepts_failures  # the service is killed
def test_a_task_whose_document_was_lost_is_known_again_by_its_unit_and_goes_on_with_its_session(s):
    path, fifo, seen = repository(s), s.fifo(), s.scratch() / 'seen'
    turn = say('{"type":"assistant","message":{"id":"m1"}}')
    with agent(f'echo "$@" >>{seen}; echo again >>file; {turn}\necho up; read line <{fifo}'):
        task_id = s.api.create_from(request(path, task_description='First\0words'))
        s.api.wait_line(task_id, 'up')
        os.kill(s.main_pid(), signal.SIGKILL)
        s.stop_all()
        (s.state / f'{task_id}.json').unlink()
        s.listen()
        until(lambda: s.api.get(f'/api/task-status/{task_id}').status == 200, 'it is adopted')
        task = s.api.task(task_id)
        same((task['recipe'], task['github_repo']), ('claude', str(path)))
        same((task['task_description'], task['working_directory']), ('First\0words', None))
        s.systemctl('kill', '--signal=SIGKILL', s.unit(task_id))
        same(s.api.wait(task_id)['reason'], 'signal')
        same(s.api.resume(task_id).status, 200)
        s.api.wait_line(task_id, 'up')
        until(lambda: s.api.task(task_id)['attempt'] == 2 and len(seen.read_text().splitlines()) == 2, 'it runs again')
        fifo.write_text('go\n')
        task = s.api.wait(task_id)
    same((task['result'], task['attempt'], task['session_id']), ('completed', 2, 's1'), task['error'])
    same(seen.read_text().splitlines()[1].split()[-1], '--resume=s1')
    contains(s.api.get(f'/api/task/{task_id}/diff').body.decode(), '+again\n+again\n')


@accepts_failures
def test_a_repository_that_is_not_there_fails_its_step(s):
    with agent('echo never'):
        task = s.api.wait(s.api.create_from(request('/nonexistent/repository')))
    same((task['result'], task['reason'], task['progress']), ('failed', 'step-failed', 20))
    contains(task['error'], 'cloning_repository', '/nonexistent/repository')
    same((task['modified_files'], task['has_changes']), ([], False))
    same(s.api.get(f'/api/task/{task["task_id"]}/diff').body, b'')


def test_the_agents_own_git_asks_nobody_at_a_terminal(s):
    with agent('echo terminal $GIT_TERMINAL_PROMPT'):
        task = s.api.wait(s.api.create_from(request(repository(s))))
    contains(s.api.lines(task['task_id']), 'terminal 0')


def test_a_recipes_variables_are_beside_those_of_git_and_below_the_requests(s):
    s.configure(recipes={'mine': {'environment': {'A': 'recipe', 'B': 'recipe'}, 'work': {}}})
    variables = 'echo $GIT_TERMINAL_PROMPT $A $B'
    task = s.api.run(variables, recipe='mine', github_repo=str(repository(s)), environment={'B': 'request'})
    same((task['result'], s.api.lines(task['task_id'])), ('completed', ['0 recipe request']), task['error'])


def test_no_link_is_followed_to_a_report(s):
    path, secret = repository(s), pathlib.Path('/etc/shadow')
    same(secret.stat().st_uid, 0)
    with agent('cd ../../reports && mkdir -p "$(basename "$OLDPWD")"'):
        task = s.api.wait(s.api.create_from(request(path)))
    same(task['result'], 'completed', task['error'])
    tree = next(line for line in s.command('find', '/', '-xdev', '-type', 'd', '-path', f'*/reports/{task["task_id"]}',
                                           check=False).splitlines())
    diff = pathlib.Path(tree) / 'review.diff'
    diff.unlink()
    diff.symlink_to(secret)
    reply = s.api.get(f'/api/task/{task["task_id"]}/diff')
    check(reply.status >= 400 and b'root' not in reply.body, 'no diff', reply.status, reply.body)
