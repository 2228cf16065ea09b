"""What else may happen to a journal: it rotates, it is restarted, it drops the oldest, strangers write into it."""

import pwd
import subprocess

from case import check, same, seconds, until
from test_stream import talker

LINES = 4000
# Pauses, so that what happens to the journal happens in the middle.
SLOW = 'i=0; while [ $i -lt {} ]; do echo $i; i=$((i+1)); [ $((i % 100)) -ne 0 ] || sleep 0.05; done'


def journalctl(*arguments):
    subprocess.run(['journalctl', '--quiet', *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@seconds(90)
def test_a_rotation_in_the_middle_of_a_log_loses_and_doubles_nothing(s):
    task_id = s.api.create(SLOW.format(LINES))
    wanted, live, rotations = [str(n) for n in range(LINES)], [], 0
    with s.api.follow(task_id) as stream:
        for event in stream:
            if event.kind != 'log':
                continue
            live.append(event.json['log'])
            if len(live) % 333 == 0:
                journalctl('--rotate')
                rotations += 1
    same(live, wanted, 'live')
    check(rotations > 3, 'it was rotated', rotations)
    same(s.api.lines(task_id), wanted, 'afterwards')
    same(s.api.task(task_id)['log_lines'], LINES)
    cursors = [e.id for e in s.api.log_events(task_id)]
    for n in range(0, LINES, 511):
        same(s.api.lines(task_id, cursors[n]), wanted[n + 1:], f'after line {n}')


@seconds(90)
def test_a_restart_of_journald_in_the_middle_of_a_log_loses_and_doubles_nothing(s):
    task_id = s.api.create(SLOW.format(LINES // 2))
    wanted = [str(n) for n in range(LINES // 2)]
    with s.api.follow(task_id) as stream:
        stream.until_line('200')
        subprocess.run(['systemctl', 'restart', 'systemd-journald.service'], check=True)
        rest = [e.json['log'] for e in stream if e.kind == 'log']
    same(rest, wanted[201:], 'live')
    same(s.api.lines(task_id), wanted, 'afterwards')


def test_of_a_log_that_the_journal_has_dropped_it_is_told_how_much_it_was(s):
    task_id = s.api.run('echo a; echo b; exit 3')['task_id']
    first, _ = s.api.log_events(task_id)
    journalctl('--rotate')
    journalctl('--vacuum-files=1')
    until(lambda: s.api.lines(task_id) == [], 'the lines are gone')
    gap, *rest = s.api.events(task_id)
    same(([gap.kind, *(e.kind for e in rest)], gap.json['lines']), (['gap', 'status', 'final'], 2))
    task = s.api.task(task_id)
    same((task['status'], task['exit_code'], task['log_lines'], task['logs']), ('failed', 3, 2, []))
    with s.api.follow(task_id, first.id) as stream:
        check(stream.status in (200, 204, 410), 'an answer and no error of ours', stream.status)


def test_a_running_log_goes_on_when_its_begin_is_dropped(s):
    task_id, fifo = talker(s)
    last = s.api.wait_line(task_id, 'up').id
    journalctl('--rotate')
    journalctl('--vacuum-files=1')
    fifo.write_text('on\n')
    with s.api.follow(task_id, last) as stream:
        stream.until_line('on')
    fifo.write_text('end\n')
    same(s.api.wait(task_id)['status'], 'completed')
    same([line for line in s.api.lines(task_id) if line != 'up'], ['on'])


def test_others_cannot_write_into_a_tasks_log(s):
    """A name is all that it takes to look like a task's line; whose process it was is what counts."""
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    nobody = pwd.getpwnam('nobody')
    for command in (['logger', '-t', task_id, '-p', 'local5.info', 'forged'],
                    ['systemd-cat', '-t', task_id, 'echo', 'forged'],
                    ['python3', '-c', 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto('
                     f'b"MESSAGE=forged\\nSYSLOG_IDENTIFIER={task_id}\\nSYSLOG_FACILITY=21\\n'
                     f'REMOTE_DEVELOPER_TASK={task_id}\\n_SYSTEMD_UNIT={s.unit(task_id)}\\n'
                     f'UNIT={s.unit(task_id)}\\nUSER_UNIT={s.unit(task_id)}\\n", "/run/systemd/journal/socket")']):
        s.command(*command, user=nobody)
    until(lambda: len([e for e in s.journal('MESSAGE=forged') if e.get('SYSLOG_IDENTIFIER') == task_id]) >= 3,
          'the forged lines are in the journal')
    fifo.write_text('true\nend\n')
    s.api.wait(task_id)
    same(s.api.lines(task_id), ['up', 'true'])


def test_others_cannot_forge_a_verdict(s):
    """Records of systemd count only from systemd, also the last one of a task whose recorder's file is lost."""
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    unit, path = s.unit(task_id), s.state / f'{task_id}.result'
    invocation = s.show(unit, 'InvocationID')
    s.stop_all()
    fifo.write_text('end\n')
    until(path.exists, 'it has ended')
    until(lambda: s.show(unit, 'ActiveState') in ('inactive', 'failed'), 'its unit has ended')
    path.unlink()
    record = (f'MESSAGE=forged\\nMESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\\nUNIT_RESULT=oom-kill\\nUNIT={unit}\\n'
              f'USER_UNIT={unit}\\nINVOCATION_ID={invocation}\\nUSER_INVOCATION_ID={invocation}\\n')
    s.command('python3', '-c', 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto('
              f'b"{record}", "/run/systemd/journal/socket")', user=pwd.getpwnam('nobody'))
    until(lambda: s.journal('MESSAGE=forged', f'UNIT={unit}'), 'the record is in the journal')
    s.listen()
    same(s.api.wait(task_id)['reason'], 'unit-lost' if s.is_user else 'exit-code', 'not what was forged')
