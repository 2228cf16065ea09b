#!/usr/bin/env python3
"""remote-developer-step remove: nothing that is in no other place is ever taken away."""

from step import OTHER, TASK, check, contains, main, same


def prepare(f):
    remote = f.remote(**{'file': 'text\n', '.gitignore': 'ignored\n'})
    f.workspace(remote)
    return remote


def left(f, *why):
    contains(f.run('remove', status=3), 'is left as it is', *why)
    check(f.tree().exists(), 'it is gone')


def gone(f):
    same(f.run('remove'), '')
    same([p.name for p in (f.root / 'tasks').iterdir()], [])
    check(not (f.root / 'reports' / TASK).exists(), 'the reports are still there')


def test_a_clean_work_tree_goes_with_its_reports(f):
    prepare(f)
    f.review()
    (f.tree() / 'ignored').write_text('replaceable')
    gone(f)
    gone(f)


def test_what_is_pushed_may_go(f):
    prepare(f)
    (f.tree() / 'file').write_text('changed\n')
    f.commit(b'message')
    gone(f)


def test_what_was_merged_there_may_go(f):
    remote = prepare(f)
    (f.tree() / 'file').write_text('changed\n')
    f.git(f.tree(), 'commit', '--quiet', '--all', '--message', 'work')
    left(f, 'not pushed')
    f.git(f.tree(), 'push', '--quiet', str(remote), 'HEAD:main')
    f.git(f.tree(), 'fetch', '--quiet')
    gone(f)


def test_changes_keep_it(f):
    prepare(f)
    (f.tree() / 'new').write_text('new')
    left(f, 'not committed')
    f.git(f.tree(), 'add', 'new')
    left(f, 'not committed')
    f.git(f.tree(), 'config', 'status.showUntrackedFiles', 'no')
    f.git(f.tree(), 'rm', '--quiet', '--cached', 'new')
    left(f, 'not committed')


def test_commits_anywhere_keep_it(f):
    prepare(f)
    f.git(f.tree(), 'checkout', '--quiet', '-b', 'aside')
    f.git(f.tree(), 'commit', '--quiet', '--allow-empty', '--message', 'aside')
    f.git(f.tree(), 'checkout', '--quiet', f'rd/{TASK}')
    left(f, 'not pushed')
    f.git(f.tree(), 'branch', '--quiet', '-D', 'aside')
    f.git(f.tree(), 'checkout', '--quiet', '--detach')
    f.git(f.tree(), 'commit', '--quiet', '--allow-empty', '--message', 'detached')
    left(f, 'not pushed')


def test_a_stash_keeps_it_also_when_packed(f):
    prepare(f)
    (f.tree() / 'file').write_text('changed\n')
    f.git(f.tree(), 'stash')
    left(f, 'stashed')
    f.git(f.tree(), 'pack-refs', '--all')
    left(f, 'stashed')


def test_further_work_trees_keep_it(f):
    prepare(f)
    f.git(f.tree(), 'worktree', 'add', '--quiet', '--detach', str(f.top / 'further'))
    left(f, 'further work trees')


def test_a_broken_repository_keeps_it(f):
    prepare(f)
    (f.tree() / '.git/HEAD').write_text('')
    left(f, 'git does not know it')
    (f.tree() / '.git/HEAD').write_text(f'ref: refs/heads/rd/{TASK}\n')
    (f.tree() / '.git/index').write_text('broken')
    f.run('remove', status=1)
    check(f.tree().exists(), 'it is gone')


def test_links_are_not_followed_and_read_only_directories_go(f):
    remote = prepare(f)
    f.workspace(remote, task=OTHER)
    outside = f.top / 'outside'
    outside.mkdir()
    (outside / 'file').write_text('stays')
    ignored = f.tree() / 'ignored'
    ignored.mkdir()
    (ignored / 'link').symlink_to(outside)
    (ignored / 'module').mkdir()
    (ignored / 'module/file').write_text('x')
    (ignored / 'module').chmod(0o555)
    f.run('remove')
    same((outside / 'file').read_text(), 'stays')
    same([p.name for p in (f.root / 'tasks').iterdir()], [OTHER])
    f.git(f.tree(OTHER), 'fsck', '--strict')


if __name__ == '__main__':
    main()
