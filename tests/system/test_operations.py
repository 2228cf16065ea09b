"""Commits and pull requests of what an agent has left in its work tree. The agent is a script of its name; git, its
remotes and gh are real, but for GitHub itself, of which there is a stand-in on loopback."""

import contextlib
import os
import pathlib
import shutil
import sys
import threading

from case import Skip, accepts_failures, check, contains, lacks, same, until
from test_workspace import agent, git, repository, request

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / 'steps'))

from git_server import TOKEN, GitServer  # noqa: E402  # pylint: disable=wrong-import-position

HOSTILE = '--amend "quoted" \'single\' $(touch /tmp/ran) `id` ${HOME} %n %s\n\n#no comment\n  Größe 漢字 \n\n'


def ended(s, path, script='echo two >>file', **fields):
    """The id of an agent's task that has changed its work tree."""
    with agent(script):
        task = s.api.wait(s.api.create_from(request(path, **fields)))
    same((task['result'], task['error']), ('completed', None))
    return task['task_id']


def commit(s, task_id, **fields):
    return s.api.post(f'/api/task/{task_id}/commit', fields)


def message_of(s, path, what):
    return s.command('git', '-C', str(path), 'cat-file', 'commit', what, user=s.runner).partition('\n\n')[2]


def test_a_commit_arrives_byte_for_byte_and_is_pushed(s):
    path = repository(s)
    task_id = ended(s, path)
    reply = commit(s, task_id, commit_message=HOSTILE)
    same((reply.status, reply.json['status'], reply.json['message']), (200, 'success', 'Changes committed'), reply.body)
    same((reply.json['pushed'], reply.json['branch']), (True, f'rd/{task_id}'))
    same(message_of(s, path, f'rd/{task_id}'), HOSTILE)
    same(git(s, path, 'rev-parse', f'rd/{task_id}').strip(), reply.json['commit'])
    task = s.api.task(task_id)
    same((task['is_committed'], task['commit_message'], task['operation']), (True, HOSTILE, None))
    check(not os.path.exists('/tmp/ran'), 'the message was run')
    again = commit(s, task_id)
    same((again.status, again.json['error']), (400, 'No changes to commit'))
    same(s.api.get('/api/repository-stats').json[0]['total_commits'], 1)
    unit = f'remote-developer-commit-{task_id}.service'
    lacks(s.systemctl('list-units', '--all', '--plain', '--no-legend', 'remote-developer-*'), unit)
    same([n for n in s.task_files() if n.startswith(task_id) and ('operation' in n or 'credentials' in n)], [])


def test_without_a_message_it_is_the_description(s):
    path = repository(s)
    task_id = ended(s, path, task_description='Mend the door\nand the window')
    same(commit(s, task_id).status, 200)
    same(message_of(s, path, f'rd/{task_id}'), 'Task: Mend the door\nand the window')


@contextlib.contextmanager
def slow_remote(s, path):
    """Pushing there waits until something is written to the yielded fifo."""
    fifo, came = s.fifo(), s.fifo()
    hook = path / '.git/hooks/pre-receive'
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\ncat >/dev/null\necho came >{came}\nread -r line <{fifo}\n')
    hook.chmod(0o755)
    yield came, fifo


def ask(s, task_id):
    """In the background; what came of it is in the list at the end."""
    replies = []

    def run():
        try:
            replies.append(commit(s, task_id))
        except OSError as error:
            replies.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, replies


@accepts_failures
def test_it_goes_on_when_the_service_is_killed(s):
    path = repository(s)
    task_id = ended(s, path)
    with slow_remote(s, path) as (came, fifo):
        thread, replies = ask(s, task_id)
        came.read_text()
        s.kill()
        thread.join()
        check(isinstance(replies[0], OSError) or replies[0].status >= 500, 'no answer to who asked', replies)
        same(s.api.task(task_id)['operation']['kind'], 'commit')
        same(commit(s, task_id).status, 409, 'one at a time')
        fifo.write_text('go on\n')
    until(lambda: s.api.task(task_id)['operation'] is None, 'its end is found out')
    same(s.api.task(task_id)['is_committed'], True)
    same(message_of(s, path, f'rd/{task_id}'), 'Task: Change the file')


def test_a_stop_of_the_service_is_told_to_who_waits(s):
    path = repository(s)
    task_id = ended(s, path)
    with slow_remote(s, path) as (came, fifo):
        thread, replies = ask(s, task_id)
        came.read_text()
        s.stop()
        thread.join()
        same(replies[0].status, 503)
        contains(replies[0].json['error'], 'goes on', task_id)
        fifo.write_text('go on\n')
    until(lambda: s.api.task(task_id)['is_committed'], 'its end is found out')


@accepts_failures
def test_it_has_its_time_limit(s):
    path = repository(s)
    task_id = ended(s, path)
    s.configure(task_execution={'default_timeout': 1})
    with slow_remote(s, path) as (came, _):
        reader = threading.Thread(target=came.read_text)
        reader.start()
        reply = commit(s, task_id)
        reader.join()
    same((reply.status, reply.json['pushed']), (200, False), 'the commit is there')
    contains(reply.json['push_error'], 'It took longer than 1 s', 'default_timeout')
    task = s.api.task(task_id)
    same((task['is_committed'], task['operation'], task['last_operation']['ok']), (True, None, False))
    contains(task['last_operation']['error'], 'It took longer than 1 s')
    unit = f'remote-developer-commit-{task_id}.service'
    lacks(s.systemctl('list-units', '--all', '--plain', '--no-legend', 'remote-developer-*'), unit)


def test_a_pull_request_is_made_with_the_token_of_its_request(s):
    if not shutil.which('gh'):
        raise Skip('gh is not installed')
    bare = s.scratch() / 'owner/name.git'
    s.command('git', 'clone', '--quiet', '--bare', str(repository(s)), str(bare), user=s.runner)
    with GitServer(bare.parents[1]) as server:
        proxy = f'http://127.0.0.1:{server.port}'
        task_id = ended(s, 'http://github.localhost/owner/name.git', github_token=TOKEN,
                        environment={'http_proxy': proxy, 'HTTP_PROXY': proxy})
        path = f'/api/task/{task_id}/create-pr'
        reply = s.api.post(path, {'github_token': TOKEN})
        same(reply.status, 400, 'nothing is committed')
        contains(reply.json['error'], 'Please commit changes first')
        reply = commit(s, task_id)
        same((reply.status, reply.json['pushed']), (200, False), 'there is no token any more')
        contains(reply.json['push_error'], 'github_token')
        same(s.api.post(path).status, 400)
        reply = s.api.post(path, {'github_token': TOKEN, 'pr_title': '"T" $(id)', 'pr_body': '--body\n'})
        same((reply.status, reply.json), (200, {
            'status': 'success', 'message': 'Pull request created', 'task_id': task_id, 'branch': f'rd/{task_id}',
            'pr_url': 'http://github.localhost/owner/name/pull/7', 'base_branch': 'main'}), reply.body)
        made = server.mutations.pop()
        same((made['title'], made['body'], made['headRefName']), ('"T" $(id)', '--body\n', f'rd/{task_id}'))
    same(s.api.task(task_id)['pr_url'], 'http://github.localhost/owner/name/pull/7')
    same(git(s, bare, 'log', '-1', '--format=%s', f'rd/{task_id}').strip(), 'Task: Change the file')
    lacks('\n'.join(e.get('MESSAGE') or '' for e in s.journal() if isinstance(e.get('MESSAGE'), str)), TOKEN)
    lacks(s.command('grep', '-rlF', TOKEN, str(s.state), str(s.transient), check=False, user=None) or 'nothing', '/')
