"""The Doctor, with things really missing: what it finds, what it says to type, and with what status it ends."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

from case import accepts_failures, check, contains, lacks, modes, same, until
from test_config import daemon

AGENT = pathlib.Path('/usr/local/bin/claude')
CODEX = AGENT.with_name('codex')
LINGER = pathlib.Path('/var/lib/systemd/linger/tester')
LINE = re.compile(r'(ok|warning|error) +(\S+) +(.*)')
REMEDY = re.compile(r' +\(use "(.*)"\)')


def examine(s, *arguments):
    """(exit status, {check: (state, message, remedy)}) of --doctor."""
    done = daemon(s, '--doctor', *arguments)
    found, last = {}, None
    for line in done.stdout.splitlines():
        if remedy := REMEDY.fullmatch(line):
            found[last] = (*found[last][:2], remedy[1])
            continue
        finding = LINE.fullmatch(line)
        check(finding, 'every line is a finding or its remedy', line)
        last = finding[2]
        found[last] = (finding[1], finding[3], None)
    same(done.returncode, 1 if any(state == 'error' for state, _, _ in found.values()) else 0, 'the exit status')
    return done.returncode, found


def findings_of_health(s):
    """Of the service's first look, which it begins when it starts."""
    found = until(lambda: s.api.get('/api/health').json['findings'], 'the first look is over')
    return {f['check']: (f['state'], f['message'], f['remedy']) for f in found}


@contextlib.contextmanager
def agent(version, record='/dev/null', place=AGENT):
    """A `claude` that says its version, and writes down who asked."""
    place.unlink(missing_ok=True)
    place.write_text(f'#!/bin/sh\nid -un >{record}\necho "{version} (Claude Code)"\n', encoding='utf-8')
    place.chmod(0o755)
    try:
        yield
    finally:
        place.unlink()


@contextlib.contextmanager
def path_with(s, *programs):
    """Units of tasks have a PATH with these programs only."""
    place = s.scratch()
    for program in programs:
        (place / program).symlink_to(f'/usr/bin/{program}')
    before = next(line for line in s.systemctl('show-environment').splitlines() if line.startswith('PATH='))
    s.systemctl('set-environment', f'PATH={place}')
    try:
        yield
    finally:
        s.systemctl('set-environment', before)


def test_what_is_well_is_said_in_a_line_and_the_service_finds_the_same(s):
    with agent('2.1.236'):
        s.restart()
        _, found = examine(s)
        health = findings_of_health(s)
    for name in 'configuration', 'service', 'disk', 'workspaces', 'systemd', 'git', 'claude':
        same((name, found[name][0], found[name][2]), (name, 'ok', None))
    contains(found['claude'][1], '2.1.236')
    del found['service']  # which is for those who ask from elsewhere
    # Free bytes come and go.
    for each in found, health:
        each.update({name: each[name][0] for name in ('disk', 'workspaces')})
    same(health, found)


def test_the_agent_missing_old_and_new(s):
    AGENT.unlink(missing_ok=True)
    status, found = examine(s)
    same((status, found['claude'][0], found['claude'][2]),
         (1, 'error', 'sudo npm install -g @anthropic-ai/claude-code'))
    contains(found['claude'][1], 'not installed')
    record = s.scratch() / 'who'
    with agent('2.1.235', record):
        status, found = examine(s)
    same((status, found['claude'][0]), (1, 'error'))
    contains(found['claude'][1], '2.1.235 is too old', '2.1.236')
    same(record.read_text().strip(), s.runner.pw_name, 'asked as the user who runs the tasks')
    with agent('2.2.0'):
        _, found = examine(s)
    same(found['claude'][:2], ('ok', 'version 2.2'))


@modes('system')
def test_programs_are_looked_at_within_the_fence(s):
    """They do what they find in their home, where tasks write."""
    record, outside = s.scratch() / 'how', s.scratch('/srv')
    outside.chmod(0o777)
    tried = (f'(grep NoNewPrivs /proc/self/status; cat /proc/self/cgroup; touch {outside}/x /var/tmp/fence-probe) '
             f'>{record} 2>&1')
    with agent('2.1.236'):
        AGENT.write_text(f'#!/bin/sh\n{tried}\necho "2.1.236 (Claude Code)"\n', encoding='utf-8')
        s.restart()
        same(findings_of_health(s)['claude'][0], 'ok')
    said = record.read_text(encoding='utf-8').split()
    contains(said, '1')
    contains(' '.join(said), '/remotedeveloper.slice/')
    same((list(outside.iterdir()), os.path.exists('/var/tmp/fence-probe')), ([], False))


def test_codex_where_it_is_installed(s):
    """Who has none of it is not told to get it; its lines were others once."""
    _, found = examine(s)
    lacks(found, 'codex', 'codex-login')
    with agent('codex-cli 0.46.0', place=CODEX):
        _, found = examine(s)
    same((found['codex'][0], found['codex'][2]), ('warning', 'sudo npm install -g @openai/codex'))
    contains(found['codex'][1], '0.46 is too old', 'from version 0.47')
    with agent('codex-cli 0.171.0', place=CODEX):
        _, found = examine(s)
        same(found['codex'], ('ok', 'version 0.171', None))
        prefix = '' if s.is_user else 'sudo -u remote-developer -H '
        same((found['codex-login'][0], found['codex-login'][2]), ('warning', f'{prefix}codex login --device-auth'))
        contains(found['codex-login'][1], f'codex is not logged in (there is no {s.runner.pw_dir}/.codex/auth.json)')
        s.systemctl('set-environment', 'CODEX_API_KEY=a-key-that-is-not-shown')
        try:
            _, found = examine(s)
        finally:
            s.systemctl('unset-environment', 'CODEX_API_KEY')
    same(found['codex-login'], ('ok', 'the environment of tasks has CODEX_API_KEY', None))


def test_an_agent_that_does_not_work_is_told_with_its_words(s):
    with agent('2.1.236'):
        AGENT.write_text('#!/bin/sh\necho "one"\necho "Illegal instruction" >&2\nexit 132\n', encoding='utf-8')
        _, found = examine(s)
    same(found['claude'][0], 'warning')
    contains(found['claude'][1], '"claude --version" ended with 132: Illegal instruction')


def test_logged_in_or_not(s):
    place = pathlib.Path(s.runner.pw_dir) / '.claude'
    credentials = place / '.credentials.json'
    with agent('2.1.300'):
        _, found = examine(s)
        prefix = '' if s.is_user else 'sudo -u remote-developer -H '
        same((found['login'][0], found['login'][2]), ('warning', f'{prefix}claude auth login'))
        contains(found['login'][1], str(credentials))
        place.mkdir()
        credentials.write_text('{}')
        try:
            os.chown(place, s.runner.pw_uid, s.runner.pw_gid)
            place.chmod(0o700)
            _, found = examine(s)
            same(found['login'][0], 'ok')
        finally:
            credentials.unlink()
            place.rmdir()
        s.systemctl('set-environment', 'ANTHROPIC_API_KEY=a-key-that-is-not-shown')
        try:
            _, found = examine(s)
        finally:
            s.systemctl('unset-environment', 'ANTHROPIC_API_KEY')
        same(found['login'], ('ok', 'the environment of tasks has ANTHROPIC_API_KEY', None))


def test_git_and_gh_missing_where_tasks_look(s):
    with path_with(s, 'systemctl'):
        status, found = examine(s)
    same((status, found['git'][0], found['git'][2]), (1, 'error', 'apt install git'))
    same((found['gh'][0], found['gh'][2]), ('warning', 'apt install gh'))
    same(found['systemd'][0], 'ok')


def test_devpod_and_kubectl_where_they_are_installed(s):
    """What they are asked is what a task needs, and they are told by their own words; who has none is not told."""
    words = 'connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?'
    for name, asked in ('devpod', 'list'), ('kubectl', 'version --request-timeout=5s'):
        script = f'#!/bin/sh\n[ "$*" = "{asked}" ] || exit 9\n'
        if not shutil.which(name):
            lacks(examine(s)[1], name)
        place = AGENT.with_name(name)  # where it is found before any other one
        check(not place.exists(), 'the place is free', place)
        try:
            place.write_text(f'{script}echo "The {words}" >&2\nexit 1\n', encoding='utf-8')
            place.chmod(0o755)
            found = examine(s)[1][name]
            same(found[::2], ('warning', f'{name} {asked}'))
            contains(found[1], f'"{name} {asked.split()[0]}" ended with 1: The {words}')
            place.write_text(script, encoding='utf-8')
            same(examine(s)[1][name], ('ok', 'it works', None))
        finally:
            place.unlink()


def test_an_old_git_is_told(s):
    with path_with(s, 'systemctl'):
        place = pathlib.Path(next(line for line in s.systemctl('show-environment').splitlines()
                                  if line.startswith('PATH='))[len('PATH='):])
        (place / 'git').write_text('#!/bin/sh\necho git version 2.20.1\n', encoding='utf-8')
        (place / 'git').chmod(0o755)
        _, found = examine(s)
    same(found['git'][0], 'error')
    contains(found['git'][1], '2.20.1 is too old')


@modes('user')
def test_lingering_off(s):
    same(examine(s)[1]['lingering'][0], 'ok')
    LINGER.unlink()
    try:
        same(examine(s)[1]['lingering'][::2], ('warning', 'loginctl enable-linger'))
    finally:
        LINGER.touch()


def test_a_volatile_journal(s):
    """To the user it is not readable, since there is one file for all, which is the system's."""
    stored, aside = pathlib.Path('/var/log/journal'), pathlib.Path('/var/log/journal.aside')
    configured = pathlib.Path('/run/systemd/journald.conf.d/volatile.conf')
    same(examine(s)[1]['journal'][0], 'ok')
    configured.parent.mkdir(parents=True, exist_ok=True)
    configured.write_text('[Journal]\nStorage=volatile\n')
    stored.rename(aside)
    try:
        subprocess.run(['systemctl', 'restart', 'systemd-journald.service'], check=True)
        _, found = examine(s)
        same(found['journal'][0], 'error' if s.is_user else 'warning')
        contains(found['journal'][1], 'not readable' if s.is_user else 'only in memory')
        contains(found['journal'][2], 'mkdir -p /var/log/journal')
    finally:
        aside.rename(stored)
        configured.unlink()
        subprocess.run(['systemctl', 'restart', 'systemd-journald.service'], check=True)
        subprocess.run(['journalctl', '--flush'], check=True)


def test_a_disk_that_is_nearly_full(s):
    place = s.state.parent / 'workspaces'
    was_there = place.exists()
    place.mkdir(exist_ok=True)
    try:
        for size, state in ('32M', 'error'), ('100M', 'warning'), ('2G', 'ok'):
            subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', str(place)], check=True)
            try:
                _, found = examine(s)
            finally:
                subprocess.run(['umount', str(place)], check=True)
            same((found['workspaces'][0], found['workspaces'][2]),
                 (state, None if state == 'ok' else f'df -h {place}'), size)
    finally:
        if not was_there:
            place.rmdir()


def test_a_refused_configuration_and_a_service_that_does_not_answer(s):
    s.stop_all()
    s.configure(text='task_execution:\n  claude_timeuot: 5\n', restart=False)
    try:
        status, found = examine(s)
    finally:
        s.configure(restart=False)
        s.listen()
    same((status, found['configuration'][0], found['configuration'][2]),
         (1, 'error', 'remote-developerd --check-config'))
    contains(found['configuration'][1], f'{s.config}:2:3')
    mode = '--user ' if s.is_user else ''
    same((found['service'][0], found['service'][2]),
         ('warning', f'systemctl {mode}enable --now remote-developer.socket'))
    same(found['git'][0], 'ok', 'the rest is looked at all the same')


@modes('system')
def test_somebody_who_may_not_ask_the_service_is_told_so(s):
    """What he may not do is looked at as what he is."""
    program = pathlib.Path(f'/proc/{s.main_pid()}/exe').resolve()
    argv = s.as_user(s.runner, str(program), '--system', '--doctor')
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    contains(done.stdout, 'Permission denied', '(use "sudo usermod -aG remote-developer-users $USER")', 'git')


@accepts_failures
def test_the_look_of_the_service_leaves_nothing_in_the_journal_and_no_unit(s):
    cursor = s.journal_cursor()
    s.restart()
    findings_of_health(s)
    told = [entry['MESSAGE'] for entry in s.journal_after(cursor) if 'run-' in str(entry.get('MESSAGE'))]
    same(told, [])
    # That of a service which was stopped in the middle of its look still looks to its end.
    until(lambda: not json.loads(s.systemctl('list-units', '--all', '--output=json', 'run-*.service')),
          'no unit is left')
