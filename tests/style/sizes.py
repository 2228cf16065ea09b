#!/usr/bin/env python3
"""Functions and files stay small: median 12 lines, nine of ten under 35, none over 70; no file over 500.

A function is measured from the line of its name to its closing brace. Tables are data, not functions, and are not
measured. The tests' own functions count only for the longest: a story may be longer than a verb. What runs as root and
does what others ask for, the launcher's own, stays under 600 lines of code.
"""

import math
import re
import statistics
import subprocess

import house

MEDIAN = 12
NINE_OF_TEN = 35     # 90 % must be shorter than this
LONGEST = 70
FILE = 500
LAUNCHER = 600
LAUNCHER_OWN = ('src/remote-developer-launcher.c', 'src/launch/launch-server.c')

# universal-ctags; -x has one line per tag without needing ctags to be built with JSON.
CTAGS = ['ctags', '--options=NONE', '--languages=C', '--map-C=+.h', '--kinds-C=f', '--sort=no', '-x',
         '--_xformat=%n %{end} %N %F', '-L', '-']
CODE = {'.c', '.h', '.py', '.sh', '.js', '.css', '.html', '.build'}


def is_code(path):
    return path.suffix in CODE or path.name == 'meson.build' or path.read_bytes()[:2] == b'#!'


def functions(root, *folders):
    """(length, where, name) of every function; length 0 where ctags lost its way."""
    names = [house.rel(root, p) for p in house.c_files(root, *folders)]
    ctags = subprocess.run(CTAGS, input='\n'.join(names), cwd=root, text=True, capture_output=True, check=True)
    for row in ctags.stdout.splitlines():
        first, last, name, path = re.match(r'(\d+) (\d*)\S* ?(\S+) (.*)', row).groups()
        yield (int(last) - int(first) + 1 if last else 0), f'{path}:{first}', name


def too_long(found):
    for length, where, name in sorted(found, reverse=True):
        if length > LONGEST:
            yield f'{where}: {name}() has {length} lines, the limit is {LONGEST}; split it'
        elif not length:
            yield f'{where}: {name}() has no end that ctags can see; balance its braces across #if'


def over_percentile(found):
    """The nine-of-ten rule; names the functions that would have to shrink, shortest first."""
    lengths = sorted(length for length, _, _ in found)
    limit = lengths[math.ceil(0.9 * len(lengths)) - 1]
    if limit >= NINE_OF_TEN:
        yield f'src:1: 90 % of the functions have up to {limit} lines, not under {NINE_OF_TEN}; shorten some of'
        yield from (f'{w}: {n}() has {length} lines' for length, w, n in sorted(found) if length >= NINE_OF_TEN)


def over_median(found):
    median = statistics.median(length for length, _, _ in found)
    if median > MEDIAN:
        yield f'src:1: the median function has {median:g} lines, it should be {MEDIAN} at most; the longest are'
        yield from (f'{w}: {n}() has {length} lines' for length, w, n in sorted(found, reverse=True)[:10])


def long_files(root):
    for path in house.project_files(root):
        where = house.rel(root, path)
        if not where.startswith(('src/', 'include/', 'tests/')) or not is_code(path):
            continue
        lines = (house.text_of(path) or '').count('\n')
        if lines > FILE:
            yield f'{where}:{FILE + 1}: the file has {lines} lines, the limit is {FILE}; find the second noun in it'


def launcher_code(root):
    """How many lines are neither blank nor comment."""
    texts = [house.text_of(root / where) or '' for where in LAUNCHER_OWN if (root / where).exists()]
    bare = re.sub(r'/\*.*?\*/', '', '\n'.join(texts), flags=re.S)
    return sum(1 for line in bare.splitlines() if line.strip())


def big_launcher(root):
    lines = launcher_code(root)
    if lines >= LAUNCHER:
        yield f'{LAUNCHER_OWN[0]}:1: the launcher has {lines} lines of its own, not under {LAUNCHER}; ask it for less'


def print_figures(tap, what, found):
    lengths = sorted(length for length, _, _ in found)
    if lengths:
        ninety = lengths[math.ceil(0.9 * len(lengths)) - 1]
        tap.note(f'{what}: {len(lengths)} functions: median {statistics.median(lengths):g}, 90 % {ninety}, '
                 f'longest {lengths[-1]} lines')


def judge_functions(tap, root):
    if house.lacks(tap, 'functions are short', 'ctags'):
        return
    version = subprocess.run(['ctags', '--version'], text=True, capture_output=True, check=False).stdout
    if 'Universal Ctags' not in version:
        tap.skip('functions are short', 'this ctags is not universal-ctags')
        return
    ours, tests = list(functions(root, 'src', 'include')), list(functions(root, 'tests'))
    print_figures(tap, 'src and include', ours)
    print_figures(tap, 'tests', tests)
    tap.check('there are functions to measure', [] if ours else ['src:1: ctags finds no function'])
    if ours:
        tap.check(f'the median function has at most {MEDIAN} lines', over_median(ours))
        tap.check(f'nine of ten functions are under {NINE_OF_TEN} lines', over_percentile(ours))
    tap.check(f'no function is over {LONGEST} lines', too_long(ours + tests))


def judge(tap, root, build):
    if house.missing(tap, root, 'src', 'include', 'tests'):
        return
    judge_functions(tap, root)
    tap.check(f'no file is over {FILE} lines', long_files(root))
    tap.note(f'the launcher has {launcher_code(root)} lines of its own')
    tap.check(f'the launcher is under {LAUNCHER} lines', big_launcher(root))


if __name__ == '__main__':
    house.run_test(judge)
