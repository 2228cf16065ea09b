#!/usr/bin/env python3
"""remote-developer-step review: tells all that is changed, and changes nothing by looking."""

import os

from step import TASK, check, contains, lacks, main, same

MIB = 1024 * 1024


def change_everything(f):
    """One change of every kind in a fresh work tree; what `git status` says of them."""
    f.workspace(f.remote(**{'changed': 'a\n', 'deleted': 'b\n', 'renamed': 'c\n' * 9, 'committed': 'd\n',
                            '.gitignore': 'ignored\n'}))
    tree = f.tree()
    (tree / 'committed').write_text('by the agent\n')
    f.git(tree, 'commit', '--quiet', '--all', '--message', 'by the agent')
    (tree / 'changed').write_text('changed\n')
    (tree / 'deleted').unlink()
    f.git(tree, 'mv', 'renamed', 'new name')
    (tree / 'staged').write_text('staged\n')
    f.git(tree, 'add', 'staged')
    (tree / 'staged').write_text('staged, then changed\n')
    (tree / 'untracked').mkdir()
    (tree / 'untracked' / 'file').write_text('untracked\n')
    (tree / 'ignored').write_text('ignored\n')
    return [' M changed', ' D deleted', 'R  renamed -> "new name"', 'AM staged', '?? untracked/']


def snapshot(tree):
    """Every file of work tree and repository, with its content and time."""
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in tree.rglob('*') if p.is_file()}


def test_every_kind_of_change_is_there(f):
    status = change_everything(f)
    report, diff = f.review()
    same(sorted(report['modified_files']), sorted(status))
    same((report['ok'], report['error'], report['has_changes'], report['is_repository']), (True, None, True, True))
    same((report['current_branch'], report['base_branch']), (f'rd/{TASK}', 'main'))
    same(report['head'], f.git(f.tree(), 'rev-parse', 'HEAD'))
    same(report['unpushed'], 1)
    same((report['diff_bytes'], report['diff_truncated']), (len(diff), False))
    for line in (b'+changed', b'-b', b'+staged, then changed', b'+untracked', b'+by the agent'):
        contains(diff.splitlines(), line)
    lacks(diff, b'ignored\n')


def test_the_diff_makes_the_same_tree_elsewhere(f):
    change_everything(f)
    _, diff = f.review()
    elsewhere = f.top / 'elsewhere'
    f.git(f.top, 'clone', '--quiet', str(f.top / 'git/remote.git'), 'elsewhere')
    (f.top / 'diff').write_bytes(diff)
    f.git(elsewhere, 'apply', '--index', str(f.top / 'diff'))
    f.git(f.tree(), 'add', '--all')
    same(f.git(elsewhere, 'write-tree'), f.git(f.tree(), 'write-tree'))


def test_looking_changes_nothing(f):
    change_everything(f)
    # What `git status` would refresh in the index: a file whose time is another.
    os.utime(f.tree() / 'committed', (1, 1))
    before = snapshot(f.tree())
    f.review()
    after = snapshot(f.tree())
    same(sorted(p for p in before | after if before.get(p) != after.get(p)), [], 'what is other than before')
    same(sorted(p.name for p in (f.root / 'reports' / TASK).iterdir()), ['review.diff', 'review.json'])


def test_a_change_that_the_index_cannot_see_by_size_and_time(f):
    f.workspace(f.remote(file='one\n'))
    path, index, moment = f.tree() / 'file', f.tree() / '.git/index', (10**18, 10**18)
    f.git(f.tree(), 'config', 'core.trustctime', 'false')
    os.utime(path, ns=moment)
    f.git(f.tree(), 'update-index', '--refresh')
    # Written again in the very moment in which the index was: git has to look into the file.
    os.utime(index, ns=moment)
    path.write_text('two\n')
    os.utime(path, ns=moment)
    contains(f.review()[1], b'+two')


def test_a_long_diff_is_cut_and_says_so(f):
    f.workspace(f.remote())
    (f.tree() / 'long').write_text('0123456789abcdef\n' * 200000)
    report, diff = f.review()
    check(MIB - 200 < len(diff) <= MIB, 'the size of the diff', len(diff))
    same((report['diff_bytes'], report['diff_truncated']), (len(diff), True))
    same(diff.splitlines()[-2:], [b'+0123456789abcdef', b'[cut here: the whole diff is longer than 1 MiB]'])


def test_a_diff_of_one_endless_line_is_cut(f):
    f.workspace(f.remote())
    (f.tree() / 'long').write_text('x' * 3 * MIB)
    _, diff = f.review()
    check(len(diff) <= MIB, 'the size of the diff', len(diff))
    contains(diff, b'[cut here')


def test_very_many_files_keep_the_report_small(f):
    f.workspace(f.remote())
    for i in range(3000):
        (f.tree() / f'{i} a "name" with \\ and é').write_text('')
    report, _ = f.review()
    check(len(f.report_bytes('review.json')) <= 65536, 'the size of the report', len(f.report_bytes('review.json')))
    same(report['modified_files_truncated'], True)


def test_a_repository_of_very_many_files(f):
    f.workspace(f.remote(**{f'a rather long name of file number {i}': f'{i}\n' for i in range(20000)}))
    check((f.tree() / '.git/index').stat().st_size > MIB, 'the index is not large')
    (f.tree() / 'a rather long name of file number 7').write_text('changed\n')
    report, diff = f.review()
    same(report['modified_files'], [' M "a rather long name of file number 7"'])
    same(diff.splitlines()[-2:], [b'-7', b'+changed'])


def test_the_tasks_secrets_are_masked(f):
    f.workspace(f.remote())
    f.give_token('tok-3c1f-never-to-be-seen')
    (f.tree() / 'file').write_text('the token is tok-3c1f-never-to-be-seen.\n')
    (f.tree() / 'tok-3c1f-never-to-be-seen').write_text('')
    report, diff = f.review()
    contains(diff.splitlines(), b'+the token is ***.')
    same((report['modified_files'], report['diff_bytes']), ([' M file', '?? ***'], len(diff)))
    lacks(diff, b'never-to-be-seen')


def test_names_are_only_names(f):
    f.workspace(f.remote())
    for name in ('--version', '$(touch ran)', 'new\nline', ':!x', "it's", '-rf'):
        (f.tree() / name).write_text('text\n')
    report, diff = f.review()
    same(len(report['modified_files']), 6)
    same(diff.count(b'+text\n'), 6)
    check(not (f.tree() / 'ran').exists(), 'it was run')


def test_nothing_changed(f):
    f.workspace(f.remote())
    report, diff = f.review()
    same((report['modified_files'], report['has_changes'], report['unpushed'], diff), ([], False, 0, b''))
    check(report['disk_bytes'] > 4096 and report['disk_bytes_complete'], 'disk_bytes', report)


def test_shared_objects_are_not_counted_as_the_tasks(f):
    f.workspace(f.remote(file=os.urandom(2000000).hex()))
    (f.tree() / 'file').unlink()
    before = f.review()[0]['disk_bytes']
    check(before < MIB, 'what is shared with the mirror was counted', before)
    (f.tree() / 'own').write_bytes(os.urandom(2 * MIB))
    check(f.review()[0]['disk_bytes'] - before >= 2 * MIB, 'what is its own was not counted')


def test_a_directory_that_is_no_repository(f):
    plain = f.top / 'plain'
    plain.mkdir()
    (plain / 'file').write_text('text')
    report, diff = f.review(cwd=plain)
    same((report['ok'], report['is_repository'], report['has_changes'], report['modified_files'], diff),
         (True, False, False, [], b''))
    check(report['disk_bytes'] >= 4096, 'disk_bytes', report)


def test_a_repository_without_a_commit_or_remote(f):
    fresh = f.top / 'fresh'
    fresh.mkdir()
    f.git(fresh, 'init', '--quiet', '--initial-branch=work')
    (fresh / 'below').mkdir()
    (fresh / 'below/file').write_text('first\n')
    report, diff = f.review(cwd=fresh / 'below')
    same((report['ok'], report['current_branch'], report['head'], report['base_branch']), (True, 'work', None, None))
    contains(diff, b'+++ b/below/file', b'+first')


def test_a_work_tree_that_lost_its_repository_is_not_taken_for_the_one_around_it(f):
    f.workspace(f.remote())
    f.git(f.top, 'init', '--quiet')
    (f.tree() / '.git').rename(f.top / 'lost')
    same(f.review()[0]['is_repository'], False)


def test_programs_that_the_repository_names_are_not_run(f):
    f.workspace(f.remote(**{'.gitattributes': '*.x diff=evil\n', 'a.x': 'a\n'}))
    (f.tree() / 'a.x').write_text('b\n')
    for key in ('diff.external', 'diff.evil.command', 'diff.evil.textconv', 'core.fsmonitor', 'core.pager'):
        f.git(f.tree(), 'config', key, f'touch {f.top}/ran; false')
    contains(f.review()[1], b'+b\n')
    check(not (f.top / 'ran').exists(), 'it was run')


def test_a_broken_repository_is_said_in_the_report(f):
    f.workspace(f.remote())
    (f.tree() / '.git/index').write_bytes(b'no index')
    f.run('review', cwd=f.tree(), status=1)
    report = f.report('review.json')
    same(report['ok'], False)
    contains(report['error'], 'index')


if __name__ == '__main__':
    main()
