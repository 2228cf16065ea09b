#!/usr/bin/env python3
"""systemd itself reads what we install: units, users and directories.

systemd-analyze ends with 0 for an unknown key, so any output counts as a failure. The units are read from a folder of
their own, beside stand-ins for the targets that every machine has: the host's units, and whether PID 1 is systemd,
make no difference. systemd-sysusers and systemd-tmpfiles do their work for real, in an empty root directory.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import house

# What our units may refer to besides each other; see systemd.special(7). A name not listed here is likely a typo.
KNOWN = [
    'basic.target', 'dbus.service', 'dbus.socket', 'default.target', 'graphical.target', 'local-fs.target',
    'multi-user.target', 'network.target', 'network-online.target', 'nss-user-lookup.target', 'paths.target',
    'remote-fs.target', 'shutdown.target', 'sockets.target', 'sysinit.target', 'systemd-journald.service',
    'systemd-journald.socket', 'systemd-sysusers.service', 'systemd-tmpfiles-setup.service', 'systemd-logind.service',
    'time-sync.target', 'timers.target', 'user.slice', 'systemd-user-sessions.service',
]
KINDS = ('.service', '.socket', '.slice', '.target', '.timer', '.path')

# "systemd-analyze security" counts from 0 (safe) to 100. A program that reads HTTP, needs no privilege and has every
# directive that costs it nothing stands at 14; the same as root, with three capabilities, at 24, with all at 36.
THRESHOLD = {'remote-developer.service': 20}
THRESHOLD_OTHERS = 30

# The one message about a machine where our programs are not installed (yet).
NOT_INSTALLED = re.compile(r'\S+: Command (\S+) is not executable: No such file or directory')
# chown is not for everybody; all that could be wrong with the line has been looked at before.
NOT_ROOT = re.compile(r'f?chown\w*\(\) of .* failed: Operation not permitted')


LOUD_ENOUGH = {'SYSTEMD_LOG_LEVEL': 'notice', 'SYSTEMD_LOG_TARGET': 'console', 'LC_ALL': 'C.UTF-8'}


def quiet(argv, **variables):
    """What a tool of systemd has to complain about, one line each; nothing when it is content."""
    env = os.environ | LOUD_ENOUGH | variables
    tool = subprocess.run(argv, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = [line for line in tool.stdout.splitlines() if line.strip()]
    return lines or ([f'{argv[0]} ended with {tool.returncode}'] if tool.returncode else [])


def installed_units(root, build, manager):
    """Units as they are installed: made by the build, or lying ready in the source."""
    places = (build / 'units' / manager, root / 'units' / manager)
    found = {p.name: p for place in reversed(places) if place.is_dir() for p in place.iterdir() if p.suffix in KINDS}
    return [found[name] for name in sorted(found)]


def lay_out(units, folder):
    """The units and their stand-ins, and a runtime directory, which the user's manager wants to have."""
    (folder / 'run').mkdir(mode=0o700)
    (folder / 'units').mkdir()
    (folder / 'known').mkdir()
    for unit in units:
        shutil.copy2(unit, folder / 'units')
    for name in KNOWN:
        body = '[Service]\nExecStart=/bin/true\n' if name.endswith('.service') else ''
        body = '[Socket]\nListenStream=/run/known\n' if name.endswith('.socket') else body
        (folder / 'known' / name).write_text('[Unit]\nDescription=Stand-in\n' + body, encoding='utf-8')


def built(build, program):
    return any((place / program).is_file() for place in (build, build / 'src'))


def verify(build, manager, units):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lay_out(units, folder)
        argv = ['systemd-analyze', 'verify', '--man=no', f'--{manager}']
        argv += [str(folder / 'units' / unit.name) for unit in units]
        lines = quiet(argv, SYSTEMD_UNIT_PATH=f'{name}/units:{name}/known', XDG_RUNTIME_DIR=f'{name}/run', HOME=name)
    for line in lines:
        unborn = NOT_INSTALLED.fullmatch(line)
        if not unborn or not built(build, os.path.basename(unborn.group(1))):
            yield f'units/{manager}/{line.replace(f"{name}/units/", "")}'


def exposure(units):
    for unit in units:
        limit = THRESHOLD.get(unit.name, THRESHOLD_OTHERS)
        argv = ['systemd-analyze', 'security', '--offline=true', '--no-pager', f'--threshold={limit}', str(unit)]
        tool = subprocess.run(argv, env=os.environ | LOUD_ENOUGH, text=True, capture_output=True, check=False)
        if tool.returncode:
            yield f'units/system/{unit.name}:1: more exposed than {limit / 10:g} of 10; harden it, most is won by'
            yield from sorted(re.findall(r'^\u2717 (.*\S)', tool.stdout, re.M), key=lambda s: s.split()[-1])[:-9:-1]
            yield from (tool.stdout + tool.stderr).strip().splitlines()[-1:]


def judge_units(tap, root, build, manager):
    name = f'systemd understands the {manager} units'
    if house.lacks(tap, name, 'systemd-analyze'):
        return
    units = installed_units(root, build, manager)
    if not any(unit.suffix == '.service' for unit in units):
        tap.check(name, [f'units/{manager}:1: no service there, neither in the build nor in the source'])
        return
    tap.check(name, verify(build, manager, units))
    if manager == 'system':
        tap.check('the system services are hardened', exposure([u for u in units if u.suffix == '.service']))


def installed_file(root, build, name):
    return next((p / name for p in (build / 'units', root / 'units') if (p / name).is_file()), None)


def judge_users(tap, root, build, folder):
    """systemd-sysusers fills an empty root; then systemd-tmpfiles must know every user that it names."""
    (folder / 'etc').mkdir()
    for tool, argv in (('sysusers', []), ('tmpfiles', ['--create'])):
        name = f'systemd-{tool} carries out our {tool} file'
        conf = installed_file(root, build, f'remote-developer.{tool}.conf')
        if house.lacks(tap, name, f'systemd-{tool}'):
            continue
        if not conf:
            tap.check(name, [f'units/remote-developer.{tool}.conf:1: neither in the build nor in the source'])
            continue
        lines = quiet([f'systemd-{tool}', f'--root={folder}', *argv, str(conf)])
        tap.check(name, (line for line in lines if os.geteuid() == 0 or not NOT_ROOT.match(line)))


def judge(tap, root, build):
    judge_units(tap, root, build, 'system')
    judge_units(tap, root, build, 'user')
    with tempfile.TemporaryDirectory() as folder:
        judge_users(tap, root, build, pathlib.Path(folder))


if __name__ == '__main__':
    house.run_test(judge)
