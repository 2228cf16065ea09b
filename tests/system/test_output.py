"""What a program writes is in the journal byte for byte, through the relay; and the program does not notice the relay.

Read with journalctl and put together as include/remote-developer/line-mark.h says.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import random
import subprocess
import sys
import termios
import time

from case import check, contains, lacks, note, same, seconds, table, until
from marks import BYTES, MARKS, decode
from test_arguments import held_up
from test_flood import WRITER, LINES, floods
from test_survive import away, verdict
from test_stream import talker

RELAY = 'rd-relay'
PIECE = 32 * 1024

# Writes one file to stdout, another to stderr, in chunks of its own.
TALKER = '''import os, random, sys
left = {fd: open(name, "rb").read() for fd, name in enumerate(sys.argv[2:], 1)}
chance = random.Random(sys.argv[1])
while left:
    fd = chance.choice(list(left))
    size = chance.choice((1, 10, 100, 5000, 70000))
    while left[fd] and size:
        n = os.write(fd, left[fd][:size])
        left[fd], size = left[fd][n:], size - n
    if not left[fd]:
        del left[fd]
'''


def written(s, task_id):
    argv = ['journalctl', '--output=json', '--output-fields=MESSAGE,_LINE_BREAK', '--all', '--no-pager', '--quiet',
            '_TRANSPORT=stdout', f'SYSLOG_IDENTIFIER={task_id}']
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True)
    return decode(json.loads(line) for line in done.stdout.split(b'\n') if line)


def first_difference(found, wanted):
    if found == wanted:
        return None
    n = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
    return (f'{len(found)} of {len(wanted)} bytes; from {n} on it is {found[max(n - 20, 0):n + 40]!r}, should be '
            f'{wanted[max(n - 20, 0):n + 40]!r}')


def say(s, *texts, seed=0, **fields):
    """A task that writes these bytes to stdout and stderr."""
    directory = s.scratch()
    for n, text in enumerate(texts, 1):
        (directory / str(n)).write_bytes(text)
    return s.api.create(['python3', '-c', TALKER, str(seed), *(str(directory / str(n + 1)) for n in range(len(texts)))],
                        **fields)


def blanks_everywhere(size):
    chance = random.Random(size)
    return bytes(chance.choices(b' \tx\r\x80\xc3\xa4', k=size))


TEXTS = {
    'empty lines': b'\n\na\n\n\nb\n\n',
    'blanks at the end': b'a \nb\t\nc \t \n \n\t\n',
    'blanks at the begin': b' a\n\tb\n  \tc d\n',
    'carriage returns': b'a\r\nb\r\n\r\nc\rd\n\r',
    'other white space': b'\v\n\f\n \xc2\xa0\n\xe2\x80\x83\n\xe2\x80\xa8\n',
    'NUL': b'a\0b\n\0\0\n \0 \0\n\0',
    'no UTF-8': b'\xff\xfe\n\xc3\n\xe2\x80\n\x80\x8b\n\xed\xa0\x80\n',
    'control characters': bytes(range(1, 32)) + b'\x7f\x1b[31mred\x1b[0m\n',
    'marks': ''.join(f'{m}\na{m}\n{m}b\n{m}{m}\n{m} \n' for m in MARKS).encode(),
    'no newline at the end': b'a\nb',
    'a blank at the end': b'a\nb ',
    'priorities': b'<3>a\n<0>b\n<7>\n',
    'nothing': b'',
    'one newline': b'\n',
    'a long line': b'x' * (1 << 20) + b'\n',
    'a long line of blanks': b' ' * (1 << 20) + b'\nend\n',
    'a long line with blanks everywhere': blanks_everywhere(1 << 20) + b'\n',
    'long lines of long characters': '漢🙂'.encode() * 30000 + b'\n' + 'x漢'.encode() * 30000,
    **{f'{PIECE} {n:+} letters': b'y' * (PIECE + n) + b'\n' + b' ' * (PIECE + n) + b'\n' for n in range(-4, 5)},
    f'{PIECE} letters without a newline': b'z' * PIECE,
}


def test_every_byte_comes_back(s):
    ids = {name: say(s, text) for name, text in TEXTS.items()}
    for task_id in ids.values():
        same(s.api.wait(task_id)['status'], 'completed')
    table({name: first_difference(written(s, task_id), (TEXTS[name], b'')) and
           first_difference(written(s, task_id)[0], TEXTS[name]) for name, task_id in ids.items()})


def test_every_byte_of_both_streams_comes_back(s):
    ids = {name: say(s, text, text[::-1] + b'\n', separate_stderr=True) for name, text in TEXTS.items()}
    rows = {}
    for name, task_id in ids.items():
        same(s.api.wait(task_id)['separate_stderr'], True)
        output, error = written(s, task_id)
        rows[f'stdout: {name}'] = first_difference(output, TEXTS[name])
        rows[f'stderr: {name}'] = first_difference(error, TEXTS[name][::-1] + b'\n')
    table(rows)


def test_random_bytes_in_random_chunks_come_back(s):
    rows = {}
    for seed in range(6):
        chance = random.Random(seed)
        letters = [b'\n', b'\n', b' ', b'\t', b'word ', b'\0', *BYTES, '🙂'.encode(), b'\xff', b'x' * 200]
        texts = [b''.join(chance.choices(letters, k=4000)) + b'\n' for _ in range(2)]
        for separate in False, True:
            task_id = say(s, *texts[:1 + separate], seed=seed, separate_stderr=separate)
            same(s.api.wait(task_id)['status'], 'completed')
            found = written(s, task_id)
            rows[f'{seed}, {separate}'] = (first_difference(found[0], texts[0]) or
                                           separate and first_difference(found[1], texts[1]))
    table(rows)


def test_stderr_is_told_apart_only_if_that_is_asked_for(s):
    script = 'echo a; echo b >&2; echo " " >&2; echo c'
    task = s.api.run(script)
    same((task['separate_stderr'], written(s, task['task_id'])), (False, (b'a\nb\n \nc\n', b'')))
    task = s.api.run(script, separate_stderr=True)
    same((task['separate_stderr'], written(s, task['task_id'])), (True, (b'a\nc\n', b'b\n \n')))
    s.restart()
    same(s.api.task(task['task_id'])['separate_stderr'], True)


def test_the_streams_can_be_opened_by_name(s):
    script = ('echo a >/dev/stderr; echo b >/dev/stdout; echo c >/proc/self/fd/1; echo d >>/dev/fd/2; '
              'echo e | tee /dev/stderr')
    task = s.api.run(script)
    same((verdict(task)[:3], written(s, task['task_id'])[0]), (('completed', 'exit-code', 0), b'a\nb\nc\nd\ne\ne\n'))


def show_lines(s, task_id):
    user = ['--user'] if s.is_user else []
    return s.command('journalctl', *user, '--unit', s.unit(task_id), '--output=cat', '--no-pager')


def test_journalctl_shows_lines_as_text(s):
    task_id = say(s, b'\na \n' + '漢'.encode() * 20000 + b'\nend\t\n', 'ümläut\n'.encode(), separate_stderr=True)
    s.api.wait(task_id)
    text = show_lines(s, task_id)
    lacks(text, 'blob data')
    contains(text, '\na \u200b\n', 'ümläut\u200c\n', '漢' * 1000, '\u2060\n', 'end\t\u200b\n')


# --- to the last word ---

COUNT = 'n=0; while [ $n -lt 5000 ]; do n=$((n+1)); echo $n; done'  # a child would be stopped, too
LOOP = 'while :; do sleep 0.02; done 2>&-'
LAST = {  # how it ends, and what is done to it
    'seq 5000; kill -KILL $$': None,
    'seq 5000; kill -KILL 0': None,  # all of its process group, in which the relay is not
    'seq 5000; kill -TERM 0': None,
    'seq 5000; kill -SEGV $$': None,
    'seq 5000; exec 1>&- 2>&-; exit 3': None,
    'seq 5000; printf "no newline "': None,
    f"trap '{COUNT}; exit 0' TERM; echo up; {LOOP}": 'stop',
    f"trap '{COUNT}; exit 1' TERM; echo up; {LOOP}": 'cancel',
    f"trap '{COUNT}; exit 2' TERM; {LOOP}": 'timeout',
}


def ask_for_the_end(s, action, task_id):
    if action in ('stop', 'cancel'):
        s.api.wait_line(task_id, 'up')
    if action == 'stop':
        s.systemctl('stop', s.unit(task_id))
    elif action == 'cancel':
        same(s.api.cancel(task_id).status, 200)


def relays(s):
    text = subprocess.run(['pgrep', '--exact', RELAY], stdout=subprocess.PIPE, text=True, check=False).stdout
    return text.split()


def gone(s):
    until(lambda: not relays(s), 'no relay is left')
    until(lambda: not s.task_units(), 'no unit is left')


def test_the_last_words_are_there_however_it_ends(s):
    ids = {script: s.api.create(script, **({'timeout': 1} if action == 'timeout' else {}))
           for script, action in LAST.items()}
    for script, action in LAST.items():
        ask_for_the_end(s, action, ids[script])
    words = ''.join(f'{n}\n' for n in range(1, 5001)).encode()
    rows = {}
    for script, task_id in ids.items():
        s.api.wait(task_id)
        wanted = (b'up\n' if 'echo up' in script else b'') + words + (b'no newline ' if 'printf' in script else b'')
        rows[script] = first_difference(written(s, task_id)[0], wanted)
    table(rows)
    gone(s)


def test_children_that_write_on_after_their_parent_are_heard(s):
    fifo = s.fifo()
    script = f'trap "" TERM; (read x <{fifo}; echo late) & trap - TERM; echo early; exit 5'
    task_id = s.api.create(script)
    until(lambda: b'early\n' in written(s, task_id)[0], 'it says so')
    until(lambda: s.show(s.unit(task_id), 'SubState') == 'stop-sigterm', 'the rest is being stopped')
    fifo.write_text('go\n')
    same(verdict(s.api.wait(task_id)), ('failed', 'exit-code', 5, None))
    same(written(s, task_id)[0], b'early\nlate\n')
    gone(s)


def test_the_begin_of_a_line_survives_the_end_of_everything(s):
    task_id = s.api.create('echo up; printf "50 percent "; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    until(lambda: waits_in_read(s, task_id), 'the relay has nothing more to do')
    s.systemctl('kill', '--signal=KILL', s.unit(task_id))
    same(verdict(s.api.wait(task_id)), ('failed', 'signal', None, 'SIGKILL'))
    # The blank comes with its mark, for which the relay may have lived long enough.
    check(written(s, task_id)[0].rstrip(b' ') == b'up\n50 percent', 'it is there', written(s, task_id))
    gone(s)


def relay_of(s, task_id):
    """Its pid."""
    paths = pathlib.Path('/sys/fs/cgroup').rglob(f'{s.unit(task_id)}/cgroup.procs')
    pids = [pid for path in paths for pid in path.read_text().split()]
    return next((int(pid) for pid in pids if pathlib.Path(f'/proc/{pid}/comm').read_text().strip() == RELAY), None)


def waits_in_read(s, task_id):
    pid = relay_of(s, task_id)
    return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] == 'S' and unread(pid) == 0


def unread(pid):
    """Bytes in the relay's pipe."""
    fd = os.open(f'/proc/{pid}/fd/0', os.O_RDONLY | os.O_NONBLOCK)
    try:
        return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
    finally:
        os.close(fd)


def test_the_relay_ends_by_no_signal_but_kill(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    pid = relay_of(s, task_id)
    for number in set(range(1, 65)) - {9, 19, 32, 33}:
        os.kill(pid, number)
    fifo.write_text('still here\nend\n')
    same(s.api.wait(task_id)['status'], 'completed')
    same(written(s, task_id)[0], b'up\nstill here\n')
    gone(s)


# --- the program does not notice ---

WITNESS = '''import json, os, sys
def status(*names):
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return {n: lines[n].strip() for n in names}
fds = {fd: os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in (0, 1, 2)}
try:
    children = str(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    children = "none"
json.dump({"status": status("SigBlk", "SigIgn", "SigPnd", "ShdPnd"), "fds": fds, "children": children,
           "same": os.path.samestat(os.fstat(1), os.fstat(2)), "session": os.getsid(0) == os.getpid(),
           "others": sorted(set(os.listdir("/proc/self/fd")) - {"0", "1", "2"}),
           "stream": os.environ.get("JOURNAL_STREAM")}, sys.stdout)
'''


def test_the_program_does_not_notice(s):
    for separate in False, True:
        task = s.api.run(['/usr/bin/python3', '-c', WITNESS], separate_stderr=separate)
        found = json.loads(written(s, task['task_id'])[0])
        same(len(found.pop('others')), 1, 'but what lists them')
        same(found, {'status': {'SigBlk': '0' * 16, 'SigIgn': '0000000001001000', 'SigPnd': '0' * 16,
                                'ShdPnd': '0' * 16},  # which is Python's own
                     'fds': {'0': '/dev/null', '1': 'pipe', '2': 'pipe'}, 'children': 'none', 'same': not separate,
                     'session': True, 'stream': None})


def test_the_main_process_is_the_program_itself(s):
    task_id = s.api.create('echo $$; exec sleep 1000')
    until(lambda: written(s, task_id)[0], 'it says its number')
    pid = int(written(s, task_id)[0])
    same(s.api.alive(task_id)['thread_info']['main_pid'], pid)
    relay = relay_of(s, task_id)
    same(pathlib.Path(f'/proc/{relay}/cmdline').read_bytes().rstrip(b'\0'), b'remote-developer-relay')
    same(pathlib.Path(f'/proc/{relay}/environ').read_bytes().strip(b'\0'), b'')
    same(os.readlink(f'/proc/{relay}/cwd'), '/')
    same(sorted(os.listdir(f'/proc/{relay}/fd')), ['0', '1'])
    contains(s.systemctl('status', s.unit(task_id)), 'remote-developer-relay')
    rollup = dict(line.split(':', 1) for line in pathlib.Path(f'/proc/{relay}/smaps_rollup').read_text().splitlines()
                  if ':' in line and line[0] == 'P')
    note(f'a relay: {rollup["Pss"].strip()} PSS, {rollup["Pss_Anon"].strip()} of them anonymous')
    check(int(rollup['Pss_Anon'].split()[0]) <= 128, 'it is tiny', rollup)


# --- a program that cannot be executed ---

def test_a_program_that_cannot_be_executed_is_named_though_nobody_watched(s):
    programs = '/no/such/program', 'no-such-program', '/etc/passwd', '/etc'
    why = 'No such file or directory', 'No such file or directory', 'Permission denied', 'Is a directory'
    with held_up(s) as let_go:
        ids = [s.api.create([program]) for program in programs]
        for task_id in ids:
            until(lambda unit=s.unit(task_id): s.show(unit, 'Job') not in ('', '0'), 'it waits for its start')
        with away(s, 'stop'):
            let_go()
            for task_id in ids:
                until((s.state / f'{task_id}.result').exists, 'it has ended')
                until(lambda unit=s.unit(task_id): s.show(unit, 'ActiveState') == 'failed', 'its unit, too')
                s.systemctl('reset-failed', s.unit(task_id), check=False)
        tasks = [s.api.wait(task_id) for task_id in ids]
    same([(verdict(t), t['started_at'], t['error']) for t in tasks],
         [(('failed', 'start-failed', 203, None), None, f'The task could not be started: the program "{p}": {w}')
          for p, w in zip(programs, why)])
    same([written(s, task_id) for task_id in ids], [(b'', b'')] * len(ids))
    gone(s)


def test_a_program_that_says_203_was_executed(s):
    task = s.api.run('echo x; exit 203')
    same((verdict(task), bool(task['started_at'])), (('failed', 'exit-code', 203, None), True))


# --- journald ---

JOURNALD = ['systemd-journald.service', 'systemd-journald.socket', 'systemd-journald-dev-log.socket',
            'systemd-journald-audit.socket']


@contextlib.contextmanager
def without_journald():
    subprocess.run(['systemctl', 'stop', *JOURNALD], check=True, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run(['systemctl', 'start', *JOURNALD], check=True, stderr=subprocess.DEVNULL)


@seconds(90)
def test_a_stream_that_breaks_is_replaced_and_the_program_goes_on(s):
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; while read -r line; do echo "$line"; [ "$line" != end ] || exit 0; done <>{fifo}')
    s.api.wait_line(task_id, 'up')
    relay = relay_of(s, task_id)
    with without_journald():
        fifo.write_text('within\n')
        until(lambda: unread(relay) == 0, 'the relay has read it')
    fifo.write_text(' after \nend\n')
    same(verdict(s.api.wait(task_id)), ('completed', 'exit-code', 0, None))
    same(written(s, task_id)[0], b'up\nwithin\nafter\nend\n')
    same(s.journal(f'SYSLOG_IDENTIFIER={task_id}', 'SYSLOG_FACILITY=21')[-1]['MESSAGE'], 'end')
    # A user's manager writes to the socket that is no more until it is executed anew: it would be mute for the others.
    if s.is_user:
        s.systemctl('daemon-reexec')
        until(lambda: s.api.get('/api/health').status == 200, 'the service is connected to it again')


@floods(180)
def test_a_flood_on_both_streams_is_whole(s):
    both = WRITER.replace('out = sys.stdout', 'out, err = sys.stdout, open(2, "w")').replace(
        'out.write(', '(out if n % 3 else err).write(')
    began = time.monotonic()
    task_id = s.api.create(['python3', '-c', both], separate_stderr=True)
    same(s.api.wait(task_id, 120)['status'], 'completed')
    note(f'{LINES} lines on both streams in {time.monotonic() - began:.1f} s')
    output, error = written(s, task_id)
    numbers = [[int(line.split(b' ', 1)[0]) for line in text.splitlines()] for text in (output, error)]
    same(numbers[0] == [n for n in range(LINES) if n % 3], True, 'stdout')
    same(numbers[1] == list(range(0, LINES, 3)), True, 'stderr')
