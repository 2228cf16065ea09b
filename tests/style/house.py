"""What the tests of the house share: the floor plan, the TAP printer, and how files are found and read.

The house is the layout described in README.md: rooms (folders) on floors, with includes that only point down.
Every program in this folder judges one part of it. They print TAP, and end with 0 when all is well, 1 when a rule
is broken, 77 when something could not be judged on this machine: a skip is always visible in the exit status.
"""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys

# A room's floor. An include may point to its own room or to a lower floor; rooms on one floor are blind to each
# other. "main" is what lies directly in src/: one file per program, argv and wiring only.
FLOORS = {
    'main': 6,
    'api': 5,
    'manager': 4,
    'launch': 3,
    'systemd': 2, 'http': 2, 'agents': 2, 'steps': 2,
    'model': 1,
    'base': 0,
}

PUBLIC = 'include/remote-developer'
COLUMNS = 119
INDENT = 8

NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
ROOM_COMMENT = re.compile(r'^(?:/\*| \*)\s*room:\s*([\w-]+)', re.M)


class Tap:
    """Prints one line per rule, diagnostics below it, the plan at the end."""

    def __init__(self):
        self.count = 0
        self.failed = False
        self.skipped = False

    def _result(self, word, name):
        self.count += 1
        print(f'{word} {self.count} - {name}')

    def check(self, name, problems):
        """A rule holds when nobody found a problem. Each problem says where (file:line) and what to do."""
        problems = list(problems)
        self._result('not ok' if problems else 'ok', name)
        for problem in problems:
            self.note(problem)
        self.failed |= bool(problems)

    def skip(self, name, why):
        self._result('ok', f'{name} # SKIP {why}')
        self.skipped = True

    def note(self, text):
        for line in str(text).splitlines():
            print(f'# {line}')

    def done(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 77 if self.skipped else 0


def run_test(judge):
    """The main of every test: judge(tap, root, build)."""
    if len(sys.argv) < 2:
        sys.exit(f'usage: {sys.argv[0]} SOURCE_ROOT [BUILD_ROOT]')
    root = pathlib.Path(sys.argv[1]).resolve()
    build = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else root / 'build'
    tap = Tap()
    judge(tap, root, build)
    sys.exit(tap.done())


def lacks(tap, name, *tools):
    """True, and a visible skip, when one of the tools is not installed."""
    absent = [t for t in tools if not shutil.which(t)]
    if absent:
        tap.skip(name, f'{" and ".join(absent)} not found on this machine')
    return bool(absent)


def missing(tap, root, *paths):
    """True, and a failure, when something to be judged is not in the tree."""
    absent = [p for p in paths if not (root / p).exists()]
    if absent:
        tap.check('what is judged is there', [f'{p}: does not exist; create it' for p in absent])
    return bool(absent)


def rel(root, path):
    return path.relative_to(root).as_posix()


def c_files(root, *folders):
    """All .c and .h below the folders, sorted, so that the output is the same on every machine."""
    return sorted(p for f in folders for p in (root / f).rglob('*.[ch]') if p.is_file())


def _walk(root):
    for folder, subs, names in os.walk(root):
        # A folder with meson-private is a build; what it holds is not ours.
        subs[:] = [s for s in subs if s not in ('.git', '__pycache__')
                   and not os.path.exists(os.path.join(folder, s, 'meson-private'))]
        yield from (pathlib.Path(folder) / n for n in names)


def _git_files(root):
    """What git tracks or would track; None where there is no git (a release tarball, the self-test)."""
    if not (root / '.git').exists() or not shutil.which('git'):
        return None
    argv = ['git', '-C', str(root), 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    git = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return None if git.returncode else [root / os.fsdecode(n) for n in git.stdout.split(b'\0') if n]


def project_files(root):
    found = _git_files(root)
    return sorted(p for p in (_walk(root) if found is None else found) if p.is_file())


def text_of(path):
    """The file as text, or None when it is binary."""
    data = path.read_bytes()
    return None if b'\0' in data else data.decode('utf-8', errors='replace')


def _blank(match, strings):
    token = match.group()
    if token[0] == '/':
        return ' ' + '\n' * token.count('\n')
    return token if strings else token[0] * 2


def without_comments(text):
    return NOISE.sub(lambda m: _blank(m, strings=True), text)


def bare_code(text):
    """Without comments and with empty strings; line numbers stay true."""
    return NOISE.sub(lambda m: _blank(m, strings=False), text)


def line_at(text, offset):
    return text.count('\n', 0, offset) + 1


def includes(path):
    """(line, quoted?, name) of every #include."""
    text = without_comments(text_of(path) or '')
    return [(line_at(text, m.start(2)), m.group(1) == '"', m.group(2)) for m in INCLUDE.finditer(text)]


def resolve(root, build, path, name):
    """The file an include means: beside its includer, a public header, one in src/, or one that the build makes."""
    places = [path.parent, root / 'include', root / 'src', build, build / 'src', build / 'include']
    found = next((p / name for p in places if (p / name).is_file()), None)
    return found and found.resolve()


def is_ours(quoted, name):
    return quoted or name.startswith('remote-developer/')


def _room_of_source(parts):
    return 'main' if len(parts) == 1 else parts[0]


@functools.cache
def rooms_of_header(root, path):
    """All rooms that claim a public header: those with a source of its name, and the one its head names."""
    sources = (root / 'src').rglob(path.stem + '.c')
    rooms = {_room_of_source(s.relative_to(root / 'src').parts) for s in sources}
    head = '\n'.join((text_of(path) or '').splitlines()[:30])
    return rooms | set(ROOM_COMMENT.findall(head))


@functools.cache
def room_of(root, path):
    """The room of a file in src/ or include/, None where there is not exactly one that is in the plan."""
    where = rel(root, path)
    if where.startswith('src/'):
        rooms = {_room_of_source(path.relative_to(root / 'src').parts)}
    elif where.startswith(PUBLIC + '/'):
        rooms = rooms_of_header(root, path)
    else:
        return None
    return next(iter(rooms)) if len(rooms) == 1 and rooms <= FLOORS.keys() else None
