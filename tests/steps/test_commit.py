#!/usr/bin/env python3
"""remote-developer-step commit: the message arrives byte for byte, the commit is kept, the branch is pushed."""

import os
import subprocess

from git_server import GitServer
from step import OTHER, TASK, check, contains, main, same

BRANCH = f'rd/{TASK}'
MESSAGES = [
    b'plain', b'with a newline\n', b'three\n\n\nof them\n\n\n', b'  blanks  \n\t\n', b'# no comment\n#\n',
    b'"quotes" \'single\' `touch ran` $(touch ran) ${HOME} \\ \\n %s %n', b'--version', b'--amend\n',
    b'-F/etc/passwd', 'Größe 漢字 🚀 שלום\n'.encode(), b'latin \xe9 and \xff bytes\n', b'carriage\r\nreturn\r',
    b'\x01\x1b[31m\x7f\n', b'cut\n# ------------------------ >8 ------------------------\nbelow\n',
    b'line of text\n' * 87382,
]


def prepare(f):
    remote = f.remote()
    f.workspace(remote)
    return remote


def change(f, text='changed\n', task=TASK):
    (f.tree(task) / 'file').write_text(text)


def message_of(f, commit):
    """As it is in the object, behind the empty line; git's own printing would add and convert."""
    raw = subprocess.run(['git', '-C', f.tree(), 'cat-file', 'commit', commit], env=f.environment,
                         stdout=subprocess.PIPE, check=True).stdout
    return raw.partition(b'\n\n')[2]


def test_any_message_arrives_byte_for_byte(f):
    prepare(f)
    for number, message in enumerate(MESSAGES):
        change(f, f'{number}\n')
        report = f.commit(message)
        same(message_of(f, report['commit']), message)
    check(not (f.tree() / 'ran').exists(), 'it was run')


def test_a_message_that_no_commit_can_have_is_refused(f):
    prepare(f)
    head = f.git(f.tree(), 'rev-parse', 'HEAD')
    change(f)
    for message, sentence in ((b'with a \0 in it', 'NUL'), (b'', 'empty'), (b' \n\t\n', 'empty')):
        report = f.commit(message, status=1)
        same(report['ok'], False)
        contains(report['error'], sentence)
    same(f.git(f.tree(), 'rev-parse', 'HEAD'), head)


def test_all_is_committed_and_pushed(f):
    remote = prepare(f)
    change(f)
    (f.tree() / 'new').mkdir()
    (f.tree() / 'new/--version').write_text('')
    report = f.commit(b'all of it')
    same(f.git(f.tree(), 'status', '--porcelain'), '')
    same((report['ok'], report['error'], report['branch'], report['committed'], report['pushed']),
         (True, None, BRANCH, True, True))
    same(report['commit'], f.git(remote, 'rev-parse', BRANCH))
    same(f.git(f.tree(), 'rev-parse', '@{upstream}'), report['commit'])


def test_nothing_to_commit_is_no_error_and_no_success(f):
    prepare(f)
    text = f.run('commit', input=b'nothing', cwd=f.tree(), status=3)
    same(text, 'No changes to commit\n')
    report = f.report('commit.json')
    same((report['ok'], report['error'], report['committed'], report['pushed'], report['refused']),
         (False, 'No changes to commit', False, False, True))


def test_a_report_says_of_which_operation_it_is(f):
    prepare(f)
    change(f)
    same(f.commit(b'one', '--operation', 'word')['operation'], 'word')
    change(f, 'again')
    same(f.commit(b'two')['operation'], None)


def test_what_the_agent_committed_itself_is_pushed(f):
    remote = prepare(f)
    change(f)
    f.git(f.tree(), 'commit', '--quiet', '--all', '--message', 'by the agent')
    report = f.commit(b'not used')
    same((report['ok'], report['committed'], report['pushed']), (True, False, True))
    same(f.git(remote, 'log', '-1', '--format=%s', BRANCH), 'by the agent')


def test_a_push_that_fails_keeps_the_commit_for_the_next(f):
    remote = prepare(f)
    change(f)
    away = remote.rename(f.top / 'away.git')
    report = f.commit(b'kept', status=1)
    same((report['ok'], report['committed'], report['pushed'], report['refused']), (False, True, False, False))
    contains(report['error'], str(remote), 'there is no git repository')
    same(message_of(f, 'HEAD'), b'kept')
    away.rename(remote)
    report = f.commit(b'again')
    same((report['ok'], report['committed'], report['pushed']), (True, False, True))
    same(f.git(remote, 'rev-parse', BRANCH), report['commit'])


def test_an_end_in_the_middle_of_the_push_leaves_word_of_the_commit(f):
    prepare(f)
    came, go_on = f.top / 'came', f.top / 'go_on'
    for fifo in (came, go_on):
        os.mkfifo(fifo)
    hook = f.top / 'git/remote.git/hooks/pre-receive'
    hook.write_text(f'#!/bin/sh\ncat >/dev/null\necho came >{came}\nread -r line <{go_on}\n')
    hook.chmod(0o755)
    change(f)
    step = f.start('commit', '--operation', 'word', cwd=f.tree(), stdin=subprocess.PIPE)
    step.stdin.write(b'kept')
    step.stdin.close()
    came.read_text()
    step.terminate()
    step.wait()
    go_on.write_text('go on\n')
    report = f.report('commit.json')
    same((report['ok'], report['committed'], report['pushed'], report['operation']), (False, True, False, 'word'))
    same(message_of(f, report['commit']), b'kept')


def test_a_branch_that_has_gone_on_there_is_not_overwritten(f):
    remote = prepare(f)
    theirs = f.push('remote', 'theirs', branch=BRANCH, theirs='theirs')
    change(f)
    report = f.commit(b'mine', status=1)
    contains(report['error'], 'has commits there that are not here')
    same(f.git(remote, 'rev-parse', BRANCH), theirs)


def test_main_master_and_the_default_branch_are_not_pushed(f):
    remote = f.remote()
    f.push('remote', 'on it', branch='trunk')
    f.git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/trunk')
    f.workspace(remote)
    before = f.git(remote, 'for-each-ref')
    for branch in ('main', 'master', 'trunk'):
        f.git(f.tree(), 'checkout', '--quiet', '-B', branch)
        change(f, branch)
        report = f.commit(b'on ' + branch.encode(), status=1)
        same((report['committed'], report['pushed']), (True, False))
        contains(report['error'], f'The branch is {branch}, which is never pushed to')
    f.git(f.tree(), 'checkout', '--quiet', '--detach')
    change(f, 'nowhere')
    contains(f.commit(b'nowhere', status=1)['error'], 'No branch is checked out')
    same(f.git(remote, 'for-each-ref'), before)


def test_without_a_remote_there_is_a_commit_and_no_push(f):
    plain = f.top / 'plain'
    plain.mkdir()
    f.git(plain, 'init', '--quiet')
    (plain / 'file').write_text('first')
    report = f.commit(b'the first ever', cwd=plain)
    same((report['ok'], report['committed'], report['pushed']), (True, True, False))


def test_a_directory_that_is_no_repository_is_refused(f):
    contains(f.commit(b'message', cwd=f.top, status=1)['error'], 'no work tree of git')


def test_the_author_is_who_the_configuration_says_or_the_service(f):
    prepare(f)
    change(f)
    commit = f.commit(b'by nobody')['commit']
    same(f.git(f.tree(), 'log', '-1', '--format=%an <%ae> %cn', commit),
         'Remote Developer <remote-developer@localhost> Remote Developer')
    (f.home / '.gitconfig').write_text('[user]\n name = Jane Doe\n email = jane@example.org\n')
    change(f, 'again\n')
    commit = f.commit(b'by somebody')['commit']
    same(f.git(f.tree(), 'log', '-1', '--format=%an <%ae>', commit), 'Jane Doe <jane@example.org>')


def test_hooks_and_settings_of_the_work_tree_do_not_interfere(f):
    prepare(f)
    hooks = f.tree() / '.git/hooks'
    hooks.mkdir()
    for name in ('pre-commit', 'commit-msg', 'prepare-commit-msg', 'post-commit', 'pre-push', 'reference-transaction'):
        (hooks / name).write_text(f'#!/bin/sh\ntouch {f.top}/ran\nexit 1\n')
        (hooks / name).chmod(0o755)
    for key, value in (('commit.gpgSign', 'true'), ('commit.cleanup', 'scissors'), ('push.default', 'nothing'),
                       ('core.commentChar', 'x'), ('i18n.commitEncoding', 'ISO-8859-1')):
        f.git(f.tree(), 'config', key, value)
    change(f)
    report = f.commit('x größer\n'.encode())
    same(message_of(f, report['commit']), 'x größer\n'.encode())
    check(not (f.top / 'ran').exists(), 'a hook has run')


def test_a_large_push_over_http(f):
    f.remote()
    with GitServer(f.top / 'git') as server:
        f.give_token(server.token)
        f.workspace(server.url('remote.git'))
        (f.tree() / 'large').write_bytes(os.urandom(3000000))
        report = f.commit(b'large', '--repository', server.url('remote.git'))
        same((report['ok'], report['pushed']), (True, True))
    same(f.git(f.top / 'git/remote.git', 'rev-parse', BRANCH), report['commit'])


def test_two_tasks_commit_to_one_repository(f):
    remote = prepare(f)
    f.workspace(remote, task=OTHER)
    for task in (TASK, OTHER):
        change(f, task, task)
        same(f.commit(b'mine', task=task)['pushed'], True)
    same(f.git(remote, 'for-each-ref', '--format=%(refname:short)', 'refs/heads/rd/').splitlines(),
         [f'rd/{TASK}', f'rd/{OTHER}'])


if __name__ == '__main__':
    main()
