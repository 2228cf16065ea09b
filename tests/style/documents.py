#!/usr/bin/env python3
"""The shipped configuration, --help and the manual page name the same keys and options.

The program is asked, not its source: --help is printed from the table that reads the configuration.
"""

import os
import re
import subprocess

import house

CONFIG = 'config/long_running_tasks.yaml'
PROGRAM = 'remote-developerd'
MANUAL = 'docs/remote-developerd.8'

# Sections whose keys are the user's own names: compared by nobody, but each name has its comment.
FREE = {'recipes'}

KEY = re.compile(r'( *)(#?)([A-Za-z_][\w-]*):(?=\s|$)(.*)')
DOTTED = r'[a-z_]\w*(?:\.[a-z_]\w*)+'
HELP_KEY = re.compile(rf'^ +({DOTTED})(?=\s|$)', re.M)
OPTION = re.compile(r'(?<![\w-])(--[a-z][\w-]*)')


def yaml_keys(text):
    """(line, dotted path) of every mapping key; "#key: value", no blank after #, is a key at its default.

    What a free section holds below its first level is left out, and so are the lines of a block of text.
    """
    trail, block = [], None
    for number, line in enumerate(text.splitlines(), 1):
        depth = len(line) - len(line.lstrip())
        if block is not None and (depth > block or not line.strip()):
            continue
        block = None
        found = KEY.match(line)
        if not found:
            continue
        trail = [(d, k) for d, k in trail if d < depth] + [(depth, found.group(3))]
        if found.group(4).strip()[:1] in ('|', '>'):
            block = depth
        if trail[0][1] not in FREE or len(trail) <= 2:
            yield number, '.'.join(k for _, k in trail)


def leaves(paths):
    """The keys that hold a value: no other key lies below them. Free sections hold none that we could name."""
    paths = set(paths)
    sections = {p.rsplit('.', 1)[0] for p in paths if '.' in p}
    return {p for p in paths - sections if p.split('.')[0] not in FREE}


def uncommented(text):
    lines = [''] + text.splitlines()
    for number, path in yaml_keys(text):
        before = lines[number - 1].strip()
        if not before.startswith('#') or KEY.match(before):
            yield f'{CONFIG}:{number}: {path} has no comment above it; say what it does, its unit and its limits'


def unroff(text):
    """A manual page's text without its escapes and macros' marks."""
    text = re.sub(r'\\f(?:\[\w*\]|\(..|.)', '', text)
    return text.replace('\\-', '-').replace('\\_', '_').replace('\\&', '').replace('\\:', '')


def manual_keys(text, sections):
    return {k for k in re.findall(rf'(?<![\w./-]){DOTTED}', text) if k.split('.')[0] in sections}


def differences(one, one_keys, other, other_keys):
    for key in sorted(one_keys - other_keys):
        yield f'{other}:1: lacks {key}, which {one} has; add it there or take it out here'


def judge_keys(tap, config, spoken, manual):
    coded = {k for k in HELP_KEY.findall(spoken) if k.split('.')[0] not in FREE}
    shipped = leaves(path for _, path in yaml_keys(config))
    sections = {k.split('.')[0] for k in shipped | coded} - FREE
    named = manual_keys(manual, sections)
    tap.note(f'{len(shipped)} keys in {CONFIG}, {len(coded)} in --help, {len(named)} in {MANUAL}')
    tap.check('--help lists keys', [] if coded else [f'{PROGRAM} --help:1: no lines like "  section.key  ..."'])
    tap.check('the configuration and --help have the same keys', [
        *differences(CONFIG, shipped, f'{PROGRAM} --help', coded),
        *differences(f'{PROGRAM} --help', coded, CONFIG, shipped)])
    tap.check('the manual and --help have the same keys', [
        *differences(MANUAL, named, f'{PROGRAM} --help', coded),
        *differences(f'{PROGRAM} --help', coded, MANUAL, named)])


def judge_options(tap, spoken, manual):
    # Only lines that begin with an option declare one; others may mention an option of systemctl.
    lines = re.findall(r'^ +-.*', spoken, re.M)
    options = {option for line in lines for option in OPTION.findall(re.split(r'\s{2,}', line.strip())[0])}
    known = set(OPTION.findall(manual))
    tap.check('--help lists options', [] if options else [f'{PROGRAM} --help:1: no lines like "  --option  ..."'])
    tap.check('the manual has every option', differences(f'{PROGRAM} --help', options, MANUAL, known))


def judge_help(tap, root, build):
    program = next((p / PROGRAM for p in (build, build / 'src') if (p / PROGRAM).is_file()), None)
    if not program:
        tap.skip('--help and the documents agree', f'{PROGRAM} is not built')
        return
    run = subprocess.run([program, '--help'], text=True, capture_output=True, timeout=30, check=False)
    tap.check('--help ends well', [f'{PROGRAM} --help: ended with {run.returncode}'] if run.returncode else [])
    manual = unroff((root / MANUAL).read_text(encoding='utf-8'))
    judge_keys(tap, (root / CONFIG).read_text(encoding='utf-8'), run.stdout, manual)
    judge_options(tap, run.stdout, manual)


def manual_warnings(root, pages):
    env = os.environ | {'LC_ALL': 'C.UTF-8', 'MANWIDTH': '80'}
    for page in pages:
        argv = ['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', str(page)]
        man = subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        for line in man.stderr.splitlines() or ([f'man ended with {man.returncode}'] if man.returncode else []):
            yield f'{house.rel(root, page)}: {line}'


def judge(tap, root, build):
    if house.missing(tap, root, CONFIG, MANUAL):
        return
    tap.check('every key of the configuration has its comment',
              uncommented((root / CONFIG).read_text(encoding='utf-8')))
    judge_help(tap, root, build)
    name = 'man shows the manual pages without a warning'
    if not house.lacks(tap, name, 'man', 'groff'):
        tap.check(name, manual_warnings(root, sorted((root / 'docs').glob('*.[1-8]'))))


if __name__ == '__main__':
    house.run_test(judge)
