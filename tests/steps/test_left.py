#!/usr/bin/env python3
"""What a task has left in its work tree: nothing of it runs, or leads elsewhere, when that is committed and pushed.

Each trap that could run a program names one that leaves a file; whether git would fall into it is shown first where a
user's own git does (`springs`).
"""

import shutil

from git_server import GitServer
from step import OTHER, TASK, check, contains, lacks, main, same

BRANCH = f'rd/{TASK}'


def prepare(f):
    remote = f.remote()
    f.workspace(remote)
    (f.tree() / 'file').write_text('changed\n')
    f.trap = f.top / 'trap'
    f.trap.write_text(f'#!/bin/sh\ntouch {f.top}/ran\ncat\n')
    f.trap.chmod(0o755)
    return remote


def springs(f, directory, *arguments):
    """The trap is one: the same git would run it."""
    f.git(directory, *arguments)
    check((f.top / 'ran').exists(), 'the trap does not spring')
    (f.top / 'ran').unlink()


def refused(f, *words, arguments=(), cwd=None):
    """By commit and by remove, with a sentence of these words; nothing has run, and nothing is changed."""
    cwd = cwd or f.tree()
    head = (f.tree() / '.git/logs/HEAD').read_bytes()
    report = f.commit(b'message', *arguments, cwd=cwd, status=1)
    same((report['ok'], report['committed'], report['pushed'], report['refused']), (False, False, False, True))
    contains(report['error'], *words)
    check(not (f.top / 'ran').exists(), 'it was run')
    same((f.tree() / '.git/logs/HEAD').read_bytes(), head, 'the log of HEAD')
    return report['error']


def committed(f, *arguments, cwd=None):
    report = f.commit(b'message', *arguments, cwd=cwd)
    same((report['ok'], report['committed'], report['pushed'], report['error']), (True, True, True, None))
    check(not (f.top / 'ran').exists(), 'it was run')
    return report['commit']


def test_a_filter_is_refused_and_not_run(f):
    prepare(f)
    (f.tree() / '.gitattributes').write_text('* filter=x\n')
    f.git(f.tree(), 'config', 'filter.x.clean', f.trap)
    springs(f, f.tree(), 'add', '--dry-run', 'file')
    error = refused(f, '(.git/config) sets filter.x.clean, which may run a program or lead elsewhere',
                    'git config --unset-all filter.x.clean')
    f.run('remove', status=1)
    check(f.tree().exists() and not (f.top / 'ran').exists(), 'remove has run it')
    f.git(f.tree(), *error.partition('(git ')[2].partition(')')[0].split())
    committed(f)


def test_what_runs_or_leads_elsewhere_is_refused_by_its_key(f):
    prepare(f)
    (f.top / 'other').write_text('[core]\n sshCommand = false\n')
    for key, value in (
            ('core.sshCommand', f.trap), ('core.gitProxy', f.trap), ('core.askPass', f.trap),
            ('core.alternateRefsCommand', f.trap), ('core.worktree', f.home), ('core.attributesFile', f.top / 'other'),
            ('credential.helper', f'!{f.trap}'), ('credential.https://example.org.helper', f'!{f.trap}'),
            ('include.path', f.top / 'other'), (f'includeIf.gitdir:{f.top}/.path', f.top / 'other'),
            ('url./elsewhere.insteadOf', '/'), ('url./elsewhere.pushInsteadOf', '/'),
            ('http.proxy', 'http://elsewhere'), ('http.sslVerify', 'false'),
            ('http.https://example.org.extraHeader', 'X: y'), ('filter.x.process', f.trap), ('diff.external', f.trap),
            ('diff.x.textconv', f.trap), ('merge.x.driver', f.trap), ('gpg.program', f.trap),
            ('gc.recentObjectsHook', f.trap), ('remote.origin.receivepack', f.trap), ('remote.origin.vcs', 'x'),
            ('remote.origin.promisor', 'true'), ('remote.remote-developer.url', '/elsewhere'),
            ('remote.https://example.org/x.pushurl', '/elsewhere'), ('remote./elsewhere.url', '/'),
            ('protocol.ext.allow', 'always'), ('core.x.pager', f.trap), ('unheard.of', 'x')):
        f.git(f.tree(), 'config', key, value)
        section, last = key[:key.index('.')], key[key.rindex('.'):]
        refused(f, f'sets {section.lower()}{key[len(section):-len(last)]}{last.lower()}, which may run a program')
        f.git(f.tree(), 'config', '--unset', key)
    committed(f)


def test_a_key_is_shown_without_what_a_shell_would_run(f):
    prepare(f)
    f.git(f.tree(), 'config', 'filter.$(touch ran);\x1b\xe9.clean', 'x')
    lacks(refused(f, 'sets filter.??touch?ran'), '$(', ';\x1b')


def test_the_configuration_of_a_work_tree_is_looked_at_too(f):
    prepare(f)
    f.git(f.tree(), 'config', 'extensions.worktreeConfig', 'true')
    f.git(f.tree(), 'config', '--worktree', 'core.sshCommand', f.trap)
    refused(f, '(.git/config.worktree) sets core.sshcommand', 'git config --worktree --unset-all core.sshcommand')
    f.git(f.tree(), 'config', '--worktree', '--unset-all', 'core.sshcommand')
    committed(f)


def test_a_repository_that_is_elsewhere_is_refused(f):
    prepare(f)
    git, away = f.tree() / '.git', f.tree() / 'away'
    shutil.copytree(git, f.top / 'kept')
    f.workspace(f.top / 'git/remote.git', task=OTHER)
    git.rename(away)
    for make in (lambda: git.write_text('gitdir: away\n'), lambda: git.symlink_to(away),
                 lambda: git.symlink_to(f.tree(OTHER) / '.git')):
        make()
        report = f.commit(b'message', '--repository', f.top / 'git/remote.git', status=1)
        same((report['committed'], report['refused']), (False, True))
        contains(report['error'], f'not in {git} any more')
        git.unlink()
    shutil.copytree(f.top / 'kept', git)
    shutil.rmtree(away)
    (git / 'commondir').write_text(f'{f.tree(OTHER)}/.git\n')
    report = f.commit(b'message', '--repository', f.top / 'git/remote.git', status=1)
    contains(report['error'], f'not in {git} any more')


def test_a_common_directory_elsewhere_has_its_configuration_looked_at(f):
    prepare(f)
    f.workspace(f.top / 'git/remote.git', task=OTHER)
    f.git(f.tree(OTHER), 'config', 'core.sshCommand', f.trap)
    (f.tree() / '.git/commondir').write_text(f'{f.tree(OTHER)}/.git\n')
    refused(f, 'sets core.sshcommand')


def test_a_link_through_which_git_would_write_is_refused(f):
    prepare(f)
    profile = f.home / '.profile'
    profile.write_text('')
    f.git(f.tree(), 'config', 'user.name', 'x; touch ran; #')
    f.git(f.tree(), 'config', 'user.email', 'x@example.org')
    f.git(f.tree(), 'checkout', '--quiet', '-b', 'hooks/x')
    for name in ('logs/HEAD', 'logs/refs/heads/hooks/x', 'COMMIT_EDITMSG', 'config'):
        path = f.tree() / '.git' / name
        kept = path.with_name('kept')
        if path.exists():
            path.rename(kept)
        path.symlink_to(kept if name == 'config' else profile)
        report = f.commit(b'message', status=1)
        same((report['committed'], report['refused']), (False, True))
        contains(report['error'], f'.git/{name} is a symbolic link')
        path.unlink()
        if kept.exists():
            kept.rename(path)
    same(profile.read_text(), '')
    committed(f)


def test_a_repository_in_the_work_tree_does_not_run_its_filter(f):
    prepare(f)
    for path in ('sub', 'sub/deep'):
        inner = f.tree() / path
        inner.mkdir()
        f.git(inner, 'init', '--quiet')
        (inner / 'inner').write_text('x')
        (inner / '.gitattributes').write_text('* filter=x\n')
        f.git(inner, 'add', 'inner', '.gitattributes')
        f.git(inner, 'commit', '--quiet', '--message', 'one')
    f.git(f.tree() / 'sub', 'add', 'deep')
    f.git(f.tree() / 'sub', 'commit', '--quiet', '--message', 'two')
    f.git(f.tree(), 'add', 'sub')
    for path in ('sub', 'sub/deep'):
        f.git(f.tree() / path, 'config', 'filter.x.clean', f.trap)
        (f.tree() / path / 'inner').write_text('y')
        springs(f, f.tree(), 'add', '--all')
        (f.tree() / path / 'inner').write_text('z')
        refused(f, f'({path}/.git/config) sets filter.x.clean', f'git -C {path} config --unset-all filter.x.clean')
        f.git(f.tree() / path, 'config', '--unset-all', 'filter.x.clean')
    # What `git submodule` sets is no program.
    f.git(f.tree() / 'sub', 'config', 'core.worktree', '../')
    committed(f)


def test_a_push_goes_to_the_tasks_repository_and_nowhere_else(f):
    remote = prepare(f)
    elsewhere = f.tree() / 'elsewhere.git'
    f.git(f.tree(), 'init', '--quiet', '--bare', 'elsewhere.git')
    (elsewhere / 'hooks').mkdir(exist_ok=True)
    shutil.copy(f.trap, elsewhere / 'hooks/pre-receive')
    (f.tree() / '.git/info').mkdir(exist_ok=True)
    (f.tree() / '.git/info/exclude').write_text('elsewhere.git\n')
    f.git(f.tree(), 'remote', 'set-url', 'origin', str(elsewhere))
    f.git(f.tree(), 'config', 'remote.origin.pushurl', str(elsewhere))
    # Without a repository's name it is where `origin` says, but not into the tree.
    for url in (elsewhere, 'elsewhere', f'file://{elsewhere}', f'file://{f.tree()}/%65lsewhere.git'):
        f.git(f.tree(), 'config', 'remote.origin.pushurl', str(url))
        report = f.commit(b'message', status=1)
        same((report['pushed'], report['refused']), (False, True))
        contains(report['error'], 'origin is a repository in the work tree itself')
        check(not (f.top / 'ran').exists(), 'its hook has run')
    (f.tree() / 'file').write_text('changed again\n')
    commit = committed(f, '--repository', remote)
    same(f.git(remote, 'rev-parse', BRANCH), commit)
    same(f.git(elsewhere, 'for-each-ref'), '')
    same(f.git(f.tree(), 'rev-parse', f'refs/remotes/origin/{BRANCH}'), commit)
    same(f.git(f.tree(), 'config', f'branch.{BRANCH}.merge'), f'refs/heads/{BRANCH}')


def test_the_token_is_not_sent_through_a_proxy_of_the_tree(f):
    f.remote()
    with GitServer(f.top / 'git') as server, GitServer(f.top / 'git') as elsewhere:
        f.give_token(server.token)
        url = server.url('remote.git')
        f.workspace(url)
        (f.tree() / 'file').write_text('changed\n')
        f.git(f.tree(), 'config', 'http.proxy', f'http://127.0.0.1:{elsewhere.port}')
        refused(f, 'sets http.proxy', arguments=('--repository', url))
        same(elsewhere.requests, [])


def test_what_agents_and_tools_leave_passes(f):
    remote = prepare(f)
    tree = f.tree()
    hooks = tree / '.husky/_'
    hooks.mkdir(parents=True)
    shutil.copy(f.trap, hooks / 'pre-commit')
    (tree / '.git/hooks').symlink_to(hooks)
    for key, value in (
            ('core.hooksPath', '.husky/_'), ('core.fsmonitor', f.trap), ('core.autocrlf', 'input'),
            ('core.editor', f.trap), ('core.pager', f.trap), ('user.name', 'Agent'), ('user.email', 'a@example.org'),
            ('user.signingKey', 'x'), ('commit.gpgSign', 'true'), ('tag.gpgSign', 'true'), ('gpg.format', 'ssh'),
            ('remote.origin.gh-resolved', 'base'), ('remote.fork.url', '/elsewhere'),
            ('remote.fork.fetch', '+refs/heads/*:refs/remotes/fork/*'), (f'branch.{BRANCH}.remote', 'origin'),
            (f'branch.{BRANCH}.merge', 'refs/heads/main'), (f'branch.{BRANCH}.vscode-merge-base', 'origin/main'),
            ('branch.feature.x/y.rebase', 'true'), ('push.autoSetupRemote', 'true'), ('pull.rebase', 'true'),
            ('advice.detachedHead', 'false'), ('alias.st', f'!{f.trap}'), ('color.diff.meta', 'red'),
            ('rerere.enabled', 'true'), ('rebase.autoStash', 'true'), ('merge.conflictStyle', 'zdiff3'),
            ('submodule.sub.url', '/elsewhere'), ('submodule.sub.active', 'true'), ('http.postBuffer', '524288000'),
            ('lfs.repositoryformatversion', '0'), ('lfs.https://example.org/info/lfs.locksverify', 'true'),
            ('maintenance.auto', 'false'), ('gc.auto', '0'), ('index.version', '4')):
        f.git(tree, 'config', key, value)
    f.git(tree, 'worktree', 'add', '--quiet', '-b', 'aside', str(f.top / 'aside'))
    f.git(tree, 'sparse-checkout', 'set', '--no-cone', '/*')
    (f.top / 'ran').unlink(missing_ok=True)  # of the user's own git
    commit = committed(f, '--repository', remote)
    same(f.git(tree, 'log', '-1', '--format=%an', commit), 'Agent')
    # A linked work tree is one as well: of it `.git` is a file.
    (f.top / 'aside/file').write_text('aside\n')
    (f.top / 'ran').unlink(missing_ok=True)
    committed(f, cwd=f.top / 'aside')


def test_the_users_own_configuration_is_the_users(f):
    prepare(f)
    (f.top / 'more').write_text('[user]\n name = Jane Doe\n email = jane@example.org\n')
    (f.home / '.gitconfig').write_text(f'[include]\n path = {f.top}/more\n[filter "lfs"]\n clean = cat\n'
                                       '[credential]\n helper = store\n')
    same(f.git(f.tree(), 'log', '-1', '--format=%an', committed(f)), 'Jane Doe')


def test_a_work_tree_that_is_a_link_is_refused(f):
    prepare(f)
    (f.top / 'theirs').mkdir()
    f.git(f.top / 'theirs', 'init', '--quiet')
    f.tree().rename(f.top / 'away')
    f.tree().symlink_to(f.top / 'theirs')
    report = f.commit(b'message', '--repository', f.top / 'git/remote.git', status=1)
    same((report['committed'], report['pushed']), (False, False))


def test_a_mirror_whose_configuration_could_run_something_is_made_anew(f):
    remote = prepare(f)
    mirror = next((f.root / 'mirrors').glob('*.git'))
    f.git(mirror, 'config', f'remote.{remote}.uploadpack', f.trap)
    contains(f.workspace(remote, task=OTHER), f'sets remote.{remote}.uploadpack', 'made anew')
    check(not (f.top / 'ran').exists(), 'it was run')
    lacks((mirror / 'config').read_text(), 'uploadpack')


def test_a_review_in_the_tasks_own_fence_shows_what_there_is(f):
    prepare(f)
    f.git(f.tree(), 'config', 'core.sshCommand', f.trap)
    contains(f.review()[1], b'+changed\n')


if __name__ == '__main__':
    main()
