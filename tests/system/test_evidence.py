"""Whatever is left of the evidence: every kind of end, watched or not, with each source of the verdict taken away."""

from collections import namedtuple

from case import check, seconds, table, until
from service import ROOT
from test_survive import away, verdict

# `full`: what is told when all is there. `journal`, `record`: what that source knows by itself.
Kind = namedtuple('Kind', 'script fields action full journal record')

LOST = ('interrupted', 'unit-lost', None, None)
WAIT = 'while :; do sleep 0.02; done'


def kind(script, full, journal=None, record=None, action=None, **fields):
    return Kind(script, fields, action, full, journal or full, record or full)


def stopped(s, unit):
    s.systemctl('stop', unit)


def killed(signal):
    return lambda s, unit: s.systemctl('kill', f'--signal={signal}', unit)


KINDS = {
    # systemd does not write into the journal how a program ended that ended well by its own idea of it, which a
    # program killed by SIGTERM has; and a user's manager not even that.
    'exit 0': kind('exit 0', ('completed', 'exit-code', 0, None), ('completed', 'exit-code', None, None)),
    'exit 3': kind('exit 3', ('failed', 'exit-code', 3, None)),
    'exit 203': kind('exit 203', ('failed', 'exit-code', 203, None)),
    'SIGKILL': kind('kill -KILL $$', ('failed', 'signal', None, 'SIGKILL')),
    'SIGSEGV': kind('ulimit -c 0; kill -SEGV $$', ('failed', 'signal', None, 'SIGSEGV')),
    'time limit': kind('exec sleep 1000', ('timed_out', 'runtime-limit', None, 'SIGTERM'),
                       ('timed_out', 'runtime-limit', None, None), timeout=3),
    'time limit, exit 7': kind(f'trap "exit 7" TERM; {WAIT}', ('timed_out', 'runtime-limit', 7, None), timeout=3),
    'stop': kind('exec sleep 1000', ('cancelled', 'stopped', None, 'SIGTERM'), ('cancelled', 'stopped', None, None),
                 ('failed', 'signal', None, 'SIGTERM'), stopped),
    'stop, exit 0': kind(f'trap "exit 0" TERM; echo set; {WAIT}', ('cancelled', 'stopped', 0, None),
                         ('cancelled', 'stopped', None, None), ('completed', 'exit-code', 0, None), stopped),
    'stop, exit 7': kind(f'trap "exit 7" TERM; echo set; {WAIT}', ('cancelled', 'stopped', 7, None), None,
                         ('failed', 'exit-code', 7, None), stopped),
    'kill USR1': kind('exec sleep 1000', ('failed', 'signal', None, 'SIGUSR1'), action=killed('USR1')),
    'kill KILL': kind('exec sleep 1000', ('failed', 'signal', None, 'SIGKILL'), action=killed('KILL')),
    'kill TERM': kind('exec sleep 1000', ('failed', 'signal', None, 'SIGTERM'), LOST, action=killed('TERM')),
    'SIGHUP': kind('kill -HUP $$', ('failed', 'signal', None, 'SIGHUP'), LOST),
}
ENDED_WELL = 'exit 0', 'stop', 'stop, exit 0', 'kill TERM', 'SIGHUP'  # by systemd's idea; it unloads these units
UNTOLD = 'kill TERM', 'SIGHUP'


def begin(s):
    """One task of each kind, up to where it does what it is there for."""
    fifos = {name: s.fifo() for name in KINDS}
    ids = {name: s.api.create(f'echo up; read x < {fifos[name]}; {kind.script}', **kind.fields)
           for name, kind in KINDS.items()}
    for task_id in ids.values():
        s.api.wait_line(task_id, 'up')
    return ids, fifos


def has_written(s, task_id, line):
    return line in [e.get('MESSAGE') for e in s.journal('_TRANSPORT=stdout', f'SYSLOG_IDENTIFIER={task_id}')]


def end_all(s, ids, fifos):
    for fifo in fifos.values():
        fifo.write_text('go\n')
    for name, each in KINDS.items():
        if 'echo set' in each.script:
            until(lambda: has_written(s, ids[name], 'set'), f'{name}: the trap is set')
        if each.action:
            each.action(s, s.unit(ids[name]))
    for name, task_id in ids.items():
        until((s.state / f'{task_id}.result').exists, f'{name}: it is recorded')
        until(lambda: s.show(s.unit(task_id), 'ActiveState') in ('inactive', 'failed'), f'{name}: its unit has ended')


def lose_records(s, ids):
    for task_id in ids.values():
        (s.state / f'{task_id}.result').unlink()


def lose_units(s, ids):
    for task_id in ids.values():
        s.systemctl('reset-failed', s.unit(task_id), check=False)


def lose_journal(s, ids):
    s.command('journalctl', '--sync', '--rotate', '--vacuum-size=1', user=ROOT)
    left = [t for t in ids.values() if s.journal(f'{"USER_UNIT" if s.is_user else "UNIT"}={s.unit(t)}')]
    check(not left, 'the journal has forgotten them', left)


def told_by_journal(s, name):
    """None: nothing true can be said of it."""
    if name in ('exit 0', *UNTOLD) and s.is_user:
        return LOST
    return None if name in UNTOLD else KINDS[name].journal


def compare(s, ids, wanted):
    rows = {}
    for name, task_id in ids.items():
        task, should = s.api.wait(task_id), wanted(name)
        said = bool(task['error']) == (task['status'] != 'completed')
        rows[name] = None if should in (verdict(task), None) and said else f'{verdict(task)}: {task["error"]}'
    table(rows)
    until(lambda: not s.task_units(), 'every unit is released')


def know(s, ids):
    """What is still queued in its document, and of which there is no other trace, would be started once more."""
    for task_id in ids.values():
        until(lambda: s.document(task_id)['state'] == 'running', 'the document says that it runs')


def unseen(s, wanted, *losses, before=lambda s, ids: None):
    ids, fifos = begin(s)
    before(s, ids)
    with away(s, 'stop'):
        end_all(s, ids, fifos)
        for lose in losses:
            lose(s, ids)
    compare(s, ids, wanted)


def test_the_end_is_seen(s):
    ids, fifos = begin(s)
    end_all(s, ids, fifos)
    compare(s, ids, lambda name: KINDS[name].full)


def test_nobody_watched(s):
    unseen(s, lambda name: KINDS[name].full)


def test_the_units_were_reset_by_hand(s):
    unseen(s, lambda name: KINDS[name].full, lose_units)


def test_the_records_are_lost(s):
    unseen(s, lambda name: told_by_journal(s, name) if name in ENDED_WELL else KINDS[name].full, lose_records)


def test_the_records_are_lost_and_the_units_were_reset_by_hand(s):
    unseen(s, lambda name: told_by_journal(s, name), lose_records, lose_units)


@seconds(90)
def test_the_journal_is_lost(s):
    unseen(s, lambda name: KINDS[name].record, lose_journal)


@seconds(90)
def test_everything_is_lost(s):
    unseen(s, lambda name: LOST, lose_records, lose_units, lose_journal, before=know)
