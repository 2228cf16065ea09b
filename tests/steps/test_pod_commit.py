#!/usr/bin/env python3
"""remote-developer-step commit and create-pr of a work tree that is in a pod. The cluster and GitHub are stand-ins; git
and gh are real."""

import shutil
import subprocess

import leaks
from git_server import TOKEN, GitServer
from pods import in_pod
from stand_in_cluster import UNREACHABLE
from step import TASK, Skip, check, contains, main, same
from test_commit import MESSAGES

BRANCH = f'rd/{TASK}'
URL = 'http://github.localhost/owner/name.git'


def message_of(p, commit):
    raw = subprocess.run(['git', '-C', p.far() / 'tree', 'cat-file', 'commit', commit], env=p.f.environment,
                         stdout=subprocess.PIPE, check=True).stdout
    return raw.partition(b'\n\n')[2]


def commit(p, message, url, status=0, number='one'):
    p.f.run('commit', '--repository', url, '--operation', number, input=message, status=status)
    return p.f.report('commit.json')


def change(p, text='changed\n'):
    (p.far() / 'tree/file').write_text(text)


def prepare(p):
    remote = p.f.remote()
    p.clone(remote)
    return remote


@in_pod
def test_any_message_arrives_byte_for_byte(p):
    remote = prepare(p)
    for number, message in enumerate(MESSAGES):
        change(p, f'{number}\n')
        report = commit(p, message, remote, number=f'n{number}')
        same((report['ok'], report['committed'], report['pushed'], report['branch']), (True, True, True, BRANCH))
        same(message_of(p, report['commit']), message)
        same(p.f.git(remote, 'rev-parse', BRANCH), report['commit'])
    check(not (p.far() / 'tree/ran').exists(), 'it was run')
    same(sorted(x.name for x in p.far().iterdir() if x.name.startswith('message')), [])


@in_pod
def test_nothing_to_commit_and_what_the_agent_committed(p):
    remote = prepare(p)
    report = commit(p, b'nothing', remote, status=3)
    same((report['ok'], report['error'], report['refused']), (False, 'No changes to commit', True))
    change(p)
    p.f.git(p.far() / 'tree', 'commit', '--quiet', '--all', '--message', 'by the agent')
    report = commit(p, b'not used', remote, number='two')
    same((report['ok'], report['committed'], report['pushed']), (True, False, True))
    same(p.f.git(remote, 'log', '-1', '--format=%s', BRANCH), 'by the agent')


@in_pod
def test_a_push_that_fails_keeps_the_commit(p):
    remote = prepare(p)
    change(p)
    away = remote.rename(p.f.top / 'away.git')
    report = commit(p, b'kept', remote, status=1)
    same((report['ok'], report['committed'], report['pushed'], report['refused']), (False, True, False, False))
    away.rename(remote)
    report = commit(p, b'again', remote, number='two')
    same((report['ok'], report['committed'], report['pushed']), (True, False, True))


@in_pod
def test_a_broken_connection_commits_once(p):
    """Cut at every few bytes of what comes back: the script runs again, and knows its own commit."""
    remote = prepare(p)
    for n in (0, 1, 30, 60, 90):
        change(p, f'{n}\n')
        p.cluster.plan('commit', {'after': n} if n else {'refuse': UNREACHABLE}, {})
        report = commit(p, f'cut at {n}'.encode(), remote, number=f'n{n}')
        same((report['ok'], report['committed'], report['pushed']), (True, True, True), f'cut at {n}')
        same(p.f.git(remote, 'rev-list', '--count', f'main..{BRANCH}'), str((0, 1, 30, 60, 90).index(n) + 1))


@in_pod
def test_main_and_no_branch_are_not_pushed(p):
    remote = prepare(p)
    tree = p.far() / 'tree'
    p.f.git(tree, 'checkout', '--quiet', '-B', 'main')
    change(p)
    report = commit(p, b'on main', remote, status=1)
    same((report['committed'], report['pushed'], report['refused']), (True, False, True))
    contains(report['error'], 'The branch is main, which is never pushed to')
    p.f.git(tree, 'checkout', '--quiet', '--detach')
    change(p, 'nowhere')
    contains(commit(p, b'nowhere', remote, status=1, number='two')['error'], 'No branch is checked out')


@in_pod
def test_a_work_tree_that_is_gone_is_told(p):
    remote = prepare(p)
    shutil.rmtree(p.far())
    contains(commit(p, b'message', remote, status=1)['error'], 'not in the pod any more')


@in_pod
def test_the_author_is_who_gits_configuration_says_or_the_service(p):
    remote = prepare(p)
    change(p)
    made = commit(p, b'by nobody', remote)['commit']
    same(p.f.git(p.far() / 'tree', 'log', '-1', '--format=%an <%ae>', made),
         'Remote Developer <remote-developer@localhost>')


@in_pod
def test_a_pull_request_is_pushed_there_and_asked_for_here(p):
    if not shutil.which('gh'):
        raise Skip('gh is not installed')
    p.f.remote('owner/name')
    with GitServer(p.f.top / 'git') as server:
        proxy = f'http://127.0.0.1:{server.port}'
        p.f.environment |= {'http_proxy': proxy, 'HTTP_PROXY': proxy}
        (p.pod.home / '.gitconfig').write_text(f'[http]\n proxy = {proxy}\n')
        p.f.give_token(TOKEN)
        p.clone(URL)
        p.f.run('create-pr', '--repository', URL, input=b'Title\n\nBody', status=1)
        report = p.f.report('create-pr.json')
        contains(report['error'], 'Please commit changes first')
        same(report['refused'], True)
        change(p)
        report = commit(p, b'message', URL)
        same((report['committed'], report['pushed']), (True, True), report['error'])
        p.f.git(p.far() / 'tree', 'commit', '--quiet', '--allow-empty', '--message', 'one more')
        p.f.run('create-pr', '--repository', URL, '--operation', 'pr', input=b'"T" $(id)\n\n--body\n')
        report = p.f.report('create-pr.json')
        same((report['ok'], report['pr_url'], report['branch'], report['base_branch'], report['operation']),
             (True, 'http://github.localhost/owner/name/pull/7', BRANCH, 'main', 'pr'))
        made = server.mutations.pop()
        same((made['title'], made['body'], made['headRefName']), ('"T" $(id)', '--body\n', BRANCH))
        same(p.f.git(p.f.top / 'git/owner/name.git', 'log', '-1', '--format=%s', BRANCH), 'one more')
    leaks.not_in_files(TOKEN, p.far(), p.f.root, p.cluster.path)


if __name__ == '__main__':
    main()
