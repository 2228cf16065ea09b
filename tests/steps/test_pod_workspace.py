#!/usr/bin/env python3
"""remote-developer-step pod-workspace and pod-review: a work tree in the pod, the token on its way there, and what was
changed. The cluster is a stand-in; git is real."""

import json
import shutil

import leaks
from git_server import TOKEN, GitServer
from pods import SECOND, in_pod
from step import LIMIT, OTHER, TASK, check, contains, lacks, main, same


def diff(p, task=TASK):
    return p.f.report_bytes('review.diff', task).decode()


@in_pod
def test_a_work_tree_is_on_its_own_branch_of_the_default_one(p):
    remote = p.f.remote(file='text\n')
    contains(p.clone(remote), f'branch rd/{TASK} from main of {remote}')
    tree = p.far() / 'tree'
    same((tree / 'file').read_text(), 'text\n')
    same(p.f.git(tree, 'symbolic-ref', 'HEAD'), f'refs/heads/rd/{TASK}')
    same(p.f.git(tree, 'config', 'remote.origin.url'), str(remote))
    same(p.f.git(tree, 'status', '--porcelain'), '')
    check(not (tree / '.git/hooks').exists(), 'there are hooks')


@in_pod
def test_a_default_branch_of_another_name_and_none_at_all(p):
    remote = p.f.remote()
    p.f.push('remote', 'on it', branch='trunk/one', more='text')
    p.f.git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/trunk/one')
    contains(p.clone(remote), 'from trunk/one of')
    p.f.git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/gone')
    p.take_pod(task=OTHER)
    contains(p.clone(remote, task=OTHER), 'from main of')
    p.f.git(p.f.top, 'init', '--quiet', '--bare', 'empty.git')
    shutil.rmtree(p.far(OTHER) / 'tree')
    contains(p.clone(p.f.top / 'empty.git', task=OTHER, status=1), 'is empty, or names no default branch')


@in_pod
def test_a_resumed_task_finds_its_work_tree_as_it_left_it(p):
    remote = p.f.remote()
    p.clone(remote)
    tree = p.far() / 'tree'
    p.f.git(tree, 'checkout', '--quiet', '-b', 'another')
    (tree / 'file').write_text('half done\n')
    (tree / 'new').write_text('new\n')
    before = p.f.git(tree, 'status', '--porcelain', '--branch')
    shutil.rmtree(remote)
    contains(p.clone(remote), 'as it was left')
    same(p.f.git(tree, 'status', '--porcelain', '--branch'), before)
    same(p.sh('pwd', invocation=SECOND)[0].decode().strip(), str(tree))


@in_pod
def test_a_repository_that_is_not_there_is_told_in_gits_meaning(p):
    contains(p.clone('/nonexistent', status=1), '/nonexistent: ')
    same(list(p.far().glob('*')), [])


@in_pod
def test_a_pod_without_git_is_told(p):
    p.pod.bare()
    (p.pod.programs / 'git').unlink()
    contains(p.clone('/x', status=1), 'There is no git in the pod')


@in_pod
def test_a_clone_that_was_broken_off_is_made_anew(p):
    remote = p.f.remote()
    p.cluster.plan('workspace', {'after': 1}, {'after': 10, 'exit': 1})
    (p.far() / 'partial.1').mkdir(parents=True)
    contains(p.clone(remote), f'/{TASK}/tree: ')
    same(p.f.git(p.far() / 'tree', 'status', '--porcelain'), '')
    same([x.name for x in p.far().iterdir()], ['tree'])


@in_pod
def test_what_is_in_the_way_is_left(p):
    tree = p.far() / 'tree'
    tree.mkdir(parents=True)
    (tree / 'somebody').write_text('else')
    contains(p.clone(p.f.remote(), status=1), 'it is there, and no repository')
    same((tree / 'somebody').read_text(), 'else')


@in_pod
def test_the_token_is_seen_nowhere_but_by_the_server(p):
    p.f.remote()
    p.f.give_token(TOKEN)
    with GitServer(p.f.top / 'git') as server:
        url = server.url('remote.git')
        server.hold('git-upload-pack')
        step = p.f.start('pod-workspace', '--repository', url)
        check(server.arrived.wait(LIMIT), 'git never came')
        leaks.not_in_processes(TOKEN, 'git-remote-http', str(step.args[0]))
        leaks.not_in_files(TOKEN, p.pod.home)
        server.release()
        out, err = step.communicate(timeout=LIMIT)
        same(step.returncode, 0, err.decode())
        check(any(r['password'] == TOKEN for r in server.requests), 'the token was never sent')
    out2, _ = p.sh('env; git config --list; cat .git/config')
    lacks((out + err + out2).decode() + json.dumps(p.cluster.calls), TOKEN)
    same(p.f.git(p.far() / 'tree', 'config', 'remote.origin.url'), url)
    leaks.not_in_files(TOKEN, p.pod.home, p.f.root, p.f.home)


@in_pod
def test_the_token_is_asked_for_by_no_other_host_and_told_to_no_helper(p):
    p.f.remote()
    p.f.give_token(TOKEN)
    told = p.pod.home / 'told'
    (p.pod.home / '.gitconfig').write_text(f'[credential]\n helper = "!cat >>{told} #"\n')
    with GitServer(p.f.top / 'git') as server:
        p.clone(server.url('remote.git'))
    same(told.exists(), False, 'what the pod has configured is told nothing')
    p.take_pod(task=OTHER)
    contains(p.clone('https://localhost:1/x/y', task=OTHER, status=1), 'no network')


@in_pod
def test_a_token_that_is_not_accepted_and_one_that_is_missing(p):
    p.f.remote()
    with GitServer(p.f.top / 'git') as server:
        contains(p.clone(server.url('remote.git'), status=1), 'no github_token was given')
        p.f.give_token('another-token-47')
        contains(p.clone(server.url('remote.git'), status=1), 'the github_token is not accepted')


@in_pod
def test_a_token_that_was_cut_off_is_not_used(p):
    p.f.remote()
    p.f.give_token(TOKEN)
    p.cluster.plan('workspace', {'stdin': 5})
    with GitServer(p.f.top / 'git') as server:
        p.clone(server.url('remote.git'))
        same({r['password'] for r in server.requests} - {None, ''}, {TOKEN})


@in_pod
def test_a_url_with_the_shells_letters_is_a_url(p):
    odd = p.f.top / "a'b$(touch x);\"c"
    odd.mkdir()
    remote = odd / 'remote.git'
    shutil.copytree(p.f.remote(), remote)
    p.clone(remote)
    same(p.f.git(p.far() / 'tree', 'config', 'remote.origin.url'), str(remote))


@in_pod
def test_the_review_is_that_of_a_work_tree_here(p):
    remote = p.f.remote(**{'file': 'one\n', 'gone': 'x\n'})
    p.clone(remote)
    p.f.workspace(remote, task=OTHER)
    for tree in p.far() / 'tree', p.f.tree(OTHER):
        (tree / 'file').write_text('two\n')
        (tree / 'gone').unlink()
        (tree / 'ü "x"').write_bytes(b'\0\1binary')
        (tree / 'committed').write_text('c\n')
        p.f.git(tree, 'add', 'committed')
        p.f.git(tree, 'commit', '--quiet', '--message', 'c')
    here, there = p.f.review(OTHER)[0], p.review()
    local = {k: v for k, v in here.items() if not k.startswith('disk_')}
    for report in local, there:
        report.pop('head')
    local['current_branch'] = f'rd/{TASK}'
    same(there, local)
    same(diff(p), diff(p, OTHER))
    same(p.f.git(p.far() / 'tree', 'status', '--porcelain'), p.f.git(p.f.tree(OTHER), 'status', '--porcelain'))


@in_pod
def test_a_review_writes_nothing_into_the_work_tree(p):
    p.clone(p.f.remote())
    tree = p.far() / 'tree'
    (tree / 'new').write_text('new\n')

    def seen():
        return sorted((str(x), x.lstat().st_mtime_ns) for x in tree.rglob('*'))

    before = seen()
    p.review()
    same(seen(), before)
    contains(diff(p), '+new')


@in_pod
def test_a_diff_without_end_is_cut(p):
    p.clone(p.f.remote())
    (p.far() / 'tree/large').write_text('a line of text\n' * 200_000)
    report = p.review()
    same((report['diff_truncated'], report['has_changes']), (True, True))
    check(report['diff_bytes'] <= 1 << 20, 'bounded', report['diff_bytes'])
    contains(diff(p)[-60:], '[cut here')


@in_pod
def test_a_review_is_whole_over_broken_connections(p):
    p.clone(p.f.remote())
    (p.far() / 'tree/file').write_text('two\n' * 1000)
    p.cluster.plan('review', {'after': 10}, {}, {'after': 0x10, 'exit': 1}, {'after': 3}, {'after': 3000})
    report = p.review()
    same((report['modified_files'], diff(p).count('+two')), ([' M file'], 1000))


@in_pod
def test_secrets_are_masked_in_the_report(p):
    p.f.give_token(TOKEN)
    p.clone(p.f.remote())
    (p.far() / f'tree/{TOKEN}').write_text(TOKEN)
    report = p.review()
    lacks(json.dumps(report) + diff(p), TOKEN)
    contains(diff(p), '***')


@in_pod
def test_without_a_work_tree_there_is_nothing_to_see(p):
    report = p.review()
    same((report['ok'], report['is_repository'], report['has_changes'], diff(p)), (True, False, False, ''))
    (p.far() / 'tree').mkdir(parents=True)
    p.f.git(p.far().parent, 'init', '--quiet')
    same(p.review()['is_repository'], False, 'no repository around it is taken for it')


@in_pod
def test_a_review_in_a_pod_that_is_gone_says_so(p):
    p.cluster.pods.remove(p.pod)
    report = p.review(status=1)
    same(report['ok'], False)
    contains(report['error'], 'it is gone')


if __name__ == '__main__':
    main()
