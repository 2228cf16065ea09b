#!/usr/bin/env python3
"""A test that cannot fail is a defect: each rule of this folder is broken once, and must be reported.

Every other test is run on a good tree, where it must be content, and on one bad tree for each of its rules, where it
must end with 1 and name the place. Needs neither this project's sources nor a build of them.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import house
from bad_trees import BAD
from good_tree import GOOD

HERE = pathlib.Path(__file__).resolve().parent
TESTS = ['floors', 'walls', 'sizes', 'words', 'routes', 'page', 'units', 'documents']


def lay_out(tree, folder):
    for name, content in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding='utf-8', newline='')
        path.chmod(0o755 if content.startswith('#!') else 0o644)


def changed(tree, changes):
    tree = dict(tree)
    for name, change in changes.items():
        if change is None:
            tree = {p: c for p, c in tree.items() if p != name and not p.startswith(name + '/')}
        else:
            tree[name] = change(tree[name]) if callable(change) else change
    return tree


def run(test, tree):
    """(exit status, what it printed) of one test on one tree."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lay_out(tree, folder)
        argv = [sys.executable, '-B', str(HERE / f'{test}.py'), name, f'{name}/build']
        ran = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return ran.returncode, ran.stdout


def quoted(output):
    return [f'  {line.removeprefix("# ")}' for line in output.splitlines()]


def judge_good(tap, test, result):
    status, output = result
    name = f'{test} is content with a good tree'
    if status == 77:
        tap.skip(name, next(line.split('# SKIP ')[1] for line in output.splitlines() if '# SKIP ' in line))
    else:
        tap.check(name, [f'tests/style/{test}.py: ended with {status}:', *quoted(output)] if status else [])


def judge_bad(tap, case, result, could_run):
    test, _, complaint = case
    status, output = result
    told = any(complaint in line for line in output.splitlines() if line.startswith('# '))
    name = f'{test} tells: {complaint}'
    if '# SKIP' in output and not told and not could_run:
        tap.skip(name, 'a tool is not there, see above')
    elif status == 1 and told:
        tap.check(name, [])
    else:
        tap.check(name, [f'tests/style/{test}.py: ended with {status} and did not say so:', *quoted(output)])


def judge(tap, root, build):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        good = dict(zip(TESTS, pool.map(lambda test: run(test, GOOD), TESTS)))
        bad = list(pool.map(lambda case: run(case[0], changed(GOOD, case[1])), BAD))
    for test, result in good.items():
        judge_good(tap, test, result)
    for case, result in zip(BAD, bad):
        judge_bad(tap, case, result, could_run=good[case[0]][0] != 77)
    # An absent build must be told from a good one.
    status, output = run('documents', changed(GOOD, {'build/remote-developerd': None}))
    tap.check('documents says 77 when nothing is built', quoted(output) if status != 77 else [])


if __name__ == '__main__':
    house.run_test(judge)
