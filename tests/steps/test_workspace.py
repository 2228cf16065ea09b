#!/usr/bin/env python3
"""remote-developer-step workspace: every task gets a work tree of its own, and none can touch another's."""

import os
import shutil
import signal
import subprocess

from git_server import GitServer
from step import LIMIT, OTHER, TASK, Skip, check, contains, lacks, main, same


def mirror_of(f):
    mirrors = [p for p in (f.root / 'mirrors').iterdir() if p.suffix == '.git']
    same(len(mirrors), 1, 'the number of mirrors')
    return mirrors[0]


def test_a_work_tree_is_on_its_own_branch_of_the_default_one(f):
    remote = f.remote(**{'file': 'text\n'})
    f.workspace(remote)
    same((f.tree() / 'file').read_text(), 'text\n')
    same(f.git(f.tree(), 'symbolic-ref', 'HEAD'), f'refs/heads/rd/{TASK}')
    same(f.git(f.tree(), 'rev-parse', 'HEAD'), f.git(remote, 'rev-parse', 'main'))
    same(f.git(f.tree(), 'config', 'remote.origin.url'), str(remote))
    same(f.git(f.tree(), 'status', '--porcelain'), '')
    check(not (f.tree() / '.git/hooks').exists(), 'there are hooks')
    check(not (mirror_of(f) / 'hooks').exists(), 'there are hooks in the mirror')
    check(not (f.tree() / '.git/objects/info/alternates').exists(), 'the clone needs the mirror')


def test_a_default_branch_of_another_name(f):
    remote = f.remote()
    f.push('remote', 'on it', branch='trunk/one', more='text')
    f.git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/trunk/one')
    contains(f.workspace(f'file://{remote}'), 'from trunk/one of')
    same((f.tree() / 'more').read_text(), 'text')
    f.git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/main')
    contains(f.workspace(f'file://{remote}', task=OTHER), 'from main of')


def test_a_head_without_its_branch_is_guessed(f):
    remote = f.remote()
    f.git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/gone')
    contains(f.workspace(remote), 'from main of')


def test_a_resumed_task_finds_its_work_tree_as_it_left_it(f):
    remote = f.remote()
    f.workspace(remote)
    f.git(f.tree(), 'checkout', '--quiet', '-b', 'another')
    (f.tree() / 'file').write_text('half done\n')
    (f.tree() / 'new').write_text('new\n')
    f.git(f.tree(), 'add', 'new')
    before = f.git(f.tree(), 'status', '--porcelain', '--branch')
    f.push('remote', 'meanwhile', file='other\n')
    shutil.rmtree(remote)
    contains(f.workspace(remote), 'as it was left')
    same(f.git(f.tree(), 'status', '--porcelain', '--branch'), before)
    same((f.tree() / 'file').read_text(), 'half done\n')


def test_a_later_task_has_what_the_remote_has_got_since(f):
    remote = f.remote()
    f.workspace(remote)
    first = f.git(f.tree(), 'rev-parse', 'HEAD')
    f.push('remote', 'side', branch='gone', side='side')
    f.workspace(remote, task='task-1700000002-cccccc')
    # A branch that becomes a directory of branches: what is gone there has to go here first.
    f.git(remote, 'branch', '-D', 'gone')
    newest = f.push('remote', 'second', branch='gone/below', file='second\n')
    f.git(remote, 'update-ref', 'refs/heads/main', newest)
    f.workspace(remote, task=OTHER)
    same(f.git(f.tree(OTHER), 'rev-parse', 'HEAD'), newest)
    same(f.git(f.tree(), 'rev-parse', 'HEAD'), first)


def test_two_tasks_at_once_on_a_new_repository(f):
    f.remote()
    with GitServer(f.top / 'git') as server:
        server.demands_token = False
        url = server.url('remote.git')
        server.hold('upload-pack')
        first = f.start('workspace', '--repository', url)
        check(server.arrived.wait(LIMIT), 'the first never came to fetch')
        second = f.start('workspace', '--repository', url, task=OTHER)
        contains(second.stdout.readline().decode(), 'Waiting for another task')
        server.release()
        for step in (first, second):
            output, errors = step.communicate(timeout=LIMIT)
            same(step.returncode, 0, (output + errors).decode())
    for task in (TASK, OTHER):
        same(f.git(f.tree(task), 'symbolic-ref', '--short', 'HEAD'), f'rd/{task}')
    mirror_of(f)


def test_many_tasks_at_once(f):
    remote = f.remote()
    tasks = [f'task-17000000{i:02}-dddddd' for i in range(8)]
    steps = [f.start('workspace', '--repository', remote, task=task) for task in tasks]
    for step in steps:
        output, errors = step.communicate(timeout=LIMIT)
        same(step.returncode, 0, (output + errors).decode())
    for task in tasks:
        same(f.git(f.tree(task), 'status', '--porcelain'), '')
    mirror_of(f)


def test_a_mirror_whose_making_was_interrupted_is_made_anew(f):
    f.remote()
    with GitServer(f.top / 'git') as server:
        server.demands_token = False
        url = server.url('remote.git')
        server.hold('git-upload-pack')
        step = f.start('workspace', '--repository', url)
        check(server.arrived.wait(LIMIT), 'it never came to fetch')
        step.send_signal(signal.SIGKILL)
        step.communicate(timeout=LIMIT)
        names = [p.name for p in (f.root / 'mirrors').iterdir()]
        check(not any(n.endswith('.git') for n in names), 'half a mirror has a whole one\'s name', names)
        server.release()
        f.workspace(url)
    same(f.git(f.tree(), 'status', '--porcelain'), '')
    names = [p.name for p in (f.root / 'mirrors').iterdir()]
    check(not any(n.endswith('.partial') for n in names), 'the half mirror is still there', names)


def test_what_a_killed_fetch_leaves_does_not_disturb_the_next(f):
    remote = f.remote()
    f.workspace(remote)
    mirror = mirror_of(f)
    for leftover in ('refs/heads/main.lock', 'packed-refs.lock', 'HEAD.lock', 'objects/pack/tmp_pack_1'):
        (mirror / leftover).write_text('')
    newest = f.push('remote', 'second', file='second\n')
    f.workspace(remote, task=OTHER)
    same(f.git(f.tree(OTHER), 'rev-parse', 'HEAD'), newest)
    check(not (mirror / 'objects/pack/tmp_pack_1').exists(), 'the unfinished pack is still there')


def test_a_mirror_that_a_power_cut_has_emptied_is_made_anew(f):
    remote = f.remote()
    f.workspace(remote)
    (mirror_of(f) / 'HEAD').write_text('')
    f.workspace(remote, task=OTHER)
    f.git(f.tree(OTHER), 'fsck', '--strict')


def test_half_a_work_tree_is_never_taken_for_one(f):
    remote = f.remote()
    partial = f.root / 'tasks' / f'.{TASK}.partial'
    partial.mkdir(parents=True)
    (partial / 'rest').write_text('')
    f.workspace(remote)
    same([p.name for p in f.tree().parent.iterdir()], [TASK])


def test_what_is_in_the_way_is_left_and_nothing_else_is(f):
    remote = f.remote()
    f.tree().mkdir(parents=True)
    (f.tree() / 'somebody').write_text('else')
    contains(f.workspace(remote, status=1), str(f.tree()), 'not empty')
    same([str(p.relative_to(f.root / 'tasks')) for p in (f.root / 'tasks').rglob('*')], [TASK, f'{TASK}/somebody'])


def test_tasks_never_touch_each_other(f):
    remote = f.remote()
    f.workspace(remote)
    f.workspace(remote, task=OTHER)
    one, other = f.tree(), f.tree(OTHER)
    (one / 'file').write_text('stashed\n')
    f.git(one, 'stash')
    (one / 'file').write_text('committed\n')
    f.git(one, 'commit', '--quiet', '--all', '--message', 'not pushed')
    f.git(one, 'config', 'alias.x', '!touch /nowhere')
    (one / '.git/hooks').mkdir()
    hook = one / '.git/hooks/post-checkout'
    hook.write_text('#!/bin/sh\ntouch "$0.ran"\n')
    hook.chmod(0o755)
    same(f.git(other, 'stash', 'list'), '')
    same(f.git(other, 'for-each-ref', '--format=%(refname)', f'refs/heads/rd/{TASK}'), '')
    lacks((other / '.git/config').read_text(), 'alias')
    f.workspace(remote, task='task-1700000002-cccccc')
    check(not (one / '.git/hooks/post-checkout.ran').exists(), 'the hook of one task ran for another')


def test_nothing_that_happens_to_remote_or_mirror_loses_a_commit(f):
    remote = f.remote()
    f.push('remote', 'side', branch='side', side='side')
    f.workspace(remote)
    (f.tree() / 'file').write_text('work\n')
    f.git(f.tree(), 'commit', '--quiet', '--all', '--message', 'not pushed')
    work = f.git(f.tree(), 'rev-parse', 'HEAD')
    # History is rewritten, the branch is gone, everybody collects garbage at once.
    seed = f.top / 'seed/remote'
    f.git(seed, 'checkout', '--quiet', '--orphan', 'rewritten')
    f.push('remote', 'rewritten', file='rewritten\n')
    f.git(remote, 'branch', '-D', 'side')
    f.workspace(remote, task=OTHER)
    for repository in (remote, mirror_of(f), f.tree(OTHER)):
        f.git(repository, 'reflog', 'expire', '--expire=now', '--all')
        f.git(repository, 'gc', '--quiet', '--prune=now')
    f.git(f.tree(), 'fsck', '--strict')
    shutil.rmtree(mirror_of(f))
    for task in (TASK, OTHER):
        f.git(f.tree(task), 'fsck', '--strict')
    same(f.git(f.tree(), 'rev-parse', 'HEAD'), work)


def test_clones_share_the_space_of_the_mirror(f):
    remote = f.remote(file=os.urandom(500000).hex())
    f.workspace(remote)
    f.workspace(remote, task=OTHER)
    objects = [p for p in (f.tree() / '.git/objects').rglob('*') if p.is_file() and p.stat().st_size > 100000]
    same([p.stat().st_nlink for p in objects], [3], 'the links of the pack: mirror, task and task')


ERRORS = [
    # name, repository, what the sentence says
    ('nothing there', '{top}/nowhere', 'there is no git repository'),
    ('not found over http', '{open}/nowhere.git', 'the repository was not found'),
    ('a login asked for', '{closed}/remote.git', 'no github_token was given'),
    ('no network', 'http://127.0.0.1:1/remote.git', 'no network'),
    ('no such host', 'https://no-such-host.invalid/remote.git', 'no network'),
    ('empty', '{top}/git/empty.git', 'is empty: it has no commit'),
]


def test_errors_are_clear_sentences(f):
    f.remote()
    f.git(f.top / 'git', 'init', '--quiet', '--bare', 'empty.git')
    with GitServer(f.top / 'git') as opened, GitServer(f.top / 'git') as closed:
        opened.demands_token = False
        places = {'top': f.top, 'open': opened.url('')[:-1], 'closed': closed.url('')[:-1]}
        for name, repository, sentence in ERRORS:
            url = repository.format(**places)
            last = f.workspace(url, status=1).splitlines()[-1]
            check(sentence in last and url in last, f'{name}: should say {sentence!r}', last)
        f.give_token('not-the-token')
        last = f.workspace(closed.url('remote.git'), status=1).splitlines()[-1]
        contains(last, 'authentication failed', 'github_token')
        lacks(last, 'not-the-token')
    same([p.name for p in (f.root / 'tasks').iterdir()], [], 'what is left of work trees')


def test_a_full_disk_is_said(f):
    remote = f.remote(file=os.urandom(2000000).hex())
    script = 'mkdir -p "$1" && mount -t tmpfs -o size=1m none "$1" || exit 99; shift; exec "$@"'
    step = subprocess.run(
        ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, '-', str(f.root),
         *f.command('workspace', '--repository', remote)],
        env=f.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=LIMIT)
    if step.returncode == 99 or 'unshare' in step.stdout:
        raise Skip('no file system can be mounted here')
    same(step.returncode, 1, step.stdout)
    contains(step.stdout.splitlines()[-1], 'the disk is full')


REFUSED = ['--upload-pack=touch {top}/ran', 'ext::sh -c "touch {top}/ran"', '-x/y', 'a/b/c', '../up', 'owner/..',
           'https://user:secret@example.org/x', 'https://secret@example.org/x', 'ssh://-oProxyCommand=x/y', 'a\nb/c',
           '', 'owner/name;touch {top}/ran', '$(touch {top}/ran)/name']


def test_what_is_no_repository_is_refused(f):
    for repository in REFUSED:
        text = f.workspace(repository.format(top=f.top), status=1)
        lacks(text, 'secret', 'Fetching')
    check(not (f.top / 'ran').exists(), 'it was run')
    check(not f.root.exists(), 'it made something')


def test_a_repository_with_an_unfriendly_path(f):
    f.remote()
    odd = f.top / 'git' / "it's $(touch ran) ; \"x\" --version é"
    (f.top / 'git/remote.git').rename(odd)
    f.workspace(odd)
    same(f.git(f.tree(), 'config', 'remote.origin.url'), str(odd))


def test_a_user_configuration_and_templates_bring_no_hooks(f):
    remote = f.remote()
    hooks = f.top / 'template/hooks'
    hooks.mkdir(parents=True)
    for name in ('post-checkout', 'reference-transaction', 'pre-auto-gc'):
        (hooks / name).write_text(f'#!/bin/sh\ntouch {f.top}/ran\n')
        (hooks / name).chmod(0o755)
    (f.home / '.gitconfig').write_text(
        f'[init]\n templateDir = {f.top}/template\n[core]\n hooksPath = {hooks}\n[safe]\n bareRepository = explicit\n')
    f.workspace(remote)
    f.workspace(remote, task=OTHER)
    check(not (f.top / 'ran').exists(), 'a hook has run')


if __name__ == '__main__':
    main()
