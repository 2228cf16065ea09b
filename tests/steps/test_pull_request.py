#!/usr/bin/env python3
"""remote-developer-step create-pr, with the real gh against a stand-in of GitHub's API on loopback."""

import os
import select
import shutil
import signal
import subprocess

import leaks
from git_server import TOKEN, GitServer
from step import LIMIT, STEP, TASK, Skip, check, contains, main, same

URL = 'http://github.localhost/owner/name.git'
BRANCH = f'rd/{TASK}'


def start(f):
    """The server, through which all of http goes, and a work tree of its repository."""
    if not shutil.which('gh'):
        raise Skip('gh is not installed')
    f.remote('owner/name')
    server = GitServer(f.top / 'git')
    proxy = f'http://127.0.0.1:{server.port}'
    f.environment |= {'http_proxy': proxy, 'HTTP_PROXY': proxy}
    f.give_token(TOKEN)
    return server


def commit(f):
    f.workspace(URL)
    (f.tree() / 'file').write_text('changed\n')
    same(f.commit(b'message', '--repository', URL)['pushed'], True)


def create(f, text, status=0):
    output = f.run('create-pr', '--repository', URL, input=text, cwd=f.tree(), status=status)
    return f.report('create-pr.json'), output


TEXTS = [
    # title, body
    ('Plain', 'The body.\n'),
    ('--version', '--help\n'),
    ('"quotes" \'single\' $(touch ran) `touch ran` {{.}} %s', 'Größe 漢字 $(touch ran)\n\n\n  blanks  \n'),
    ('No body', ''),
    ('Begins with an empty line', '\nand goes on\n'),
    ('Long', 'line of text\n' * 5000),
]


def test_a_pull_request_of_the_pushed_branch(f):
    with start(f) as server:
        commit(f)
        for title, body in TEXTS:
            report, output = create(f, f'{title}\n\n{body}'.encode())
            same((report['ok'], report['error'], report['pr_url']),
                 (True, None, 'http://github.localhost/owner/name/pull/7'))
            made = server.mutations.pop()
            same((made['title'], made['body']), (title, body))
            same((made['headRefName'], made['baseRefName']), (BRANCH, 'main'))
            contains(output, report['pr_url'])
    check(not (f.tree() / 'ran').exists(), 'it was run')


def test_the_base_is_the_default_branch_of_the_remote_as_it_is_now(f):
    with start(f) as server:
        commit(f)
        bare = f.top / 'git/owner/name.git'
        f.git(bare, 'branch', 'develop', 'main')
        f.git(bare, 'symbolic-ref', 'HEAD', 'refs/heads/develop')
        create(f, b'Title')
        same(server.mutations.pop()['baseRefName'], 'develop')


def test_what_is_not_committed_is_refused(f):
    with start(f) as server:
        f.workspace(URL)
        report = create(f, b'Title', status=1)[0]
        contains(report['error'], 'Please commit changes first', 'has no commit that main has not')
        same(report['refused'], True)
        same(server.mutations, [])
        check(not f.git(f.top / 'git/owner/name.git', 'branch', '--list', BRANCH), 'nothing is pushed')


def test_what_was_committed_without_a_token_is_pushed_first(f):
    with start(f) as server:
        f.workspace(URL)
        f.git(f.tree(), 'commit', '--quiet', '--allow-empty', '--message', 'one')
        same(create(f, b'Title')[0]['ok'], True)
        commit(f)
        f.git(f.tree(), 'commit', '--quiet', '--allow-empty', '--message', 'one more')
        same(create(f, b'Title')[0]['ok'], True)
        same(len(server.mutations), 2)
        same(f.git(f.top / 'git/owner/name.git', 'rev-parse', BRANCH), f.git(f.tree(), 'rev-parse', 'HEAD'))


def test_a_branch_that_has_gone_on_there_is_no_pull_request(f):
    with start(f) as server:
        f.workspace(URL)
        theirs = f.push('owner/name', 'theirs', branch=BRANCH, theirs='theirs')
        f.git(f.tree(), 'commit', '--quiet', '--allow-empty', '--message', 'mine')
        report = create(f, b'Title', status=1)[0]
        contains(report['error'], 'has commits there that are not here')
        same((report['refused'], server.mutations), (False, []))
        same(f.git(f.top / 'git/owner/name.git', 'rev-parse', BRANCH), theirs)


def test_main_and_master_are_refused(f):
    with start(f) as server:
        commit(f)
        for branch in ('main', 'master'):
            f.git(f.tree(), 'checkout', '--quiet', '-B', branch)
            report = create(f, b'Title', status=1)[0]
            contains(report['error'], f'The branch is {branch}')
            same(report['refused'], True)
        same(server.mutations, [])


def test_a_work_tree_whose_configuration_could_run_something_is_refused(f):
    with start(f) as server:
        commit(f)
        asked = len(server.requests)
        f.git(f.tree(), 'config', 'core.sshCommand', f'touch {f.top}/ran')
        report = create(f, b'Title', status=1)[0]
        contains(report['error'], 'sets core.sshcommand, which may run a program or lead elsewhere')
        same((report['refused'], len(server.requests)), (True, asked))
        f.git(f.tree(), 'config', '--unset', 'core.sshCommand')
        # What our git overrides, that of gh would run.
        f.git(f.tree(), 'config', 'core.fsmonitor', f'touch {f.top}/ran; false')
        same(create(f, b'Title')[0]['ok'], True)
        check(not (f.top / 'ran').exists(), 'it was run')


def test_a_title_that_is_none_is_refused(f):
    with start(f):
        commit(f)
        for text in (b'', b'\n\nbody', b'a\0b\n\nbody', b'x' * 1025):
            contains(create(f, text, status=1)[0]['error'], 'title is one line of 1 to 1024 bytes')


def test_a_token_that_is_not_accepted_is_said(f):
    with start(f) as server:
        commit(f)
        server.token = 'another'
        report = create(f, b'Title', status=1)[0]
        contains(report['error'], 'the github_token is not accepted')
        same(report['refused'], False)


def test_the_token_is_seen_nowhere_while_gh_works_and_when_it_is_killed(f):
    with start(f) as server:
        commit(f)
        server.hold('/graphql')
        step = f.start('create-pr', '--repository', URL, cwd=f.tree(), stdin=subprocess.PIPE)
        step.stdin.write(b'Title\n\nBody')
        step.stdin.close()
        check(server.arrived.wait(LIMIT), 'gh never came')
        check(server.requests[-1]['password'] == TOKEN, 'gh had no token')
        leaks.not_in_processes(TOKEN, 'gh\0pr\0create', str(STEP))
        leaks.not_in_files(TOKEN, f.root, f.home)
        gh = os.pidfd_open(leaks.find('gh\0pr\0create'))
        step.send_signal(signal.SIGKILL)
        check(select.select([gh], [], [], LIMIT)[0], 'gh outlives the step')
        os.close(gh)
        step.wait(LIMIT)
        leaks.not_in_files(TOKEN, f.root, f.home)
        server.release()
        server.held = None
        same(create(f, b'Title')[0]['ok'], True)
    leaks.not_in_files(TOKEN, f.root, f.home)
    names = [p.name for p in (f.root / 'reports' / TASK).iterdir()]
    check('.gh' not in names, 'the directory of gh is still there', names)


def test_a_gh_that_is_not_there_is_said(f):
    with start(f):
        commit(f)
        programs = f.top / 'programs'
        programs.mkdir()
        for name in ('git', 'sh'):
            (programs / name).symlink_to(shutil.which(name))
        f.environment['PATH'] = str(programs)
        contains(create(f, b'Title', status=1)[0]['error'], 'gh, the command line of GitHub, is not installed')


if __name__ == '__main__':
    main()
