"""What journald drops, old lines (vacuumed) and new ones (suppressed): nobody loses a line in silence, nobody is told
of a gap that is none, and after the last line there is nothing more to come back for."""

import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

from case import check, contains, modes, note, same, seconds, until
from test_archive import forget_journal
from test_journal import journalctl
from test_stream import talker

LINES, ROTATIONS = 4000, 4
# Goes on only when so many rotations are over, however long they take on a busy machine: a file tells of each.
PACED = '''i=0
while [ $i -lt {lines} ]; do
    echo $i
    i=$((i+1))
    [ $((i % 100)) -ne 0 ] || sleep 0.05
    [ $((i % {step})) -ne 0 ] || until [ -e {place}/$((i / {step})) ]; do sleep 0.05; done
done'''
DROPPED = 'MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e'  # journald's "Suppressed N messages"
CONFIGURED = pathlib.Path('/run/systemd/journald.conf.d/zz-test.conf')


class Numbers:
    """Checks the events of a log whose lines are 0, 1, 2 ...: what is not there must have been told."""

    def __init__(self, first=0):
        self.next, self.gap, self.gaps, self.id, self.final = first, None, [], None, False

    def take(self, event):
        check(not self.final, 'nothing behind the final event', event.frame)
        if event.kind == 'gap':
            same((event.id, event.json['reason']), ('', 'vacuumed'), 'the gap')
            # Two of them where only systemd's own lines are left between.
            self.gap = self.gap and dict(self.gap, lines=None, until=event.json['until']) or event.json
        elif event.kind == 'log':
            self.take_line(int(event.json['log']))
            self.id = event.id
        self.final = event.kind == 'final'

    def take_line(self, n):
        if self.gap is None:
            same(n, self.next, 'the next line')
        else:
            # That nothing is missing behind a line that is gone itself cannot be known, at the begin it can.
            check(n > self.next or self.next > 0, 'something is missing at a gap', n, self.next)
            same(self.gap['lines'] in (None, n - self.next), True, f'{self.gap} from {self.next} to {n}')
            check_times(self.gap)
            self.gaps.append(n - self.next)
        self.next, self.gap = n + 1, None


def check_times(gap):
    since, until_ = (gap[name] and datetime.datetime.fromisoformat(gap[name]) for name in ('since', 'until'))
    check(since and (until_ is None or since <= until_), 'from when to when it is, if that is known', gap)


class Rotations(threading.Thread):
    """Rotates and vacuums the journal again and again, and leaves a file with the number of each."""

    def __init__(self, place, *vacuum):
        super().__init__()
        self.place, self.vacuum, self.over, self.count = place, vacuum, threading.Event(), 0

    def run(self):
        while not self.over.wait(0.15):
            journalctl('--rotate')
            for option in self.vacuum:
                journalctl(option)
            self.count += 1
            (self.place / str(self.count)).touch()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def read(s, task_id, numbers, events=None, pause=0.0):
    """One connection, up to so many events; slowly, if there is to be a pause behind each."""
    with s.api.follow(task_id, numbers.id) as stream:
        while not numbers.final and (events is None or events > 0) and (event := stream.next()):
            numbers.take(event)
            time.sleep(pause)
            events = events and events - 1
        check(numbers.final or stream.ended is not False, 'no stream is cut', numbers.next)
        return stream.status


def read_in_pieces(s, task_id, numbers):
    size = 1
    while not numbers.final:
        numbers.gap = None  # to be told again
        if read(s, task_id, numbers, size) == 204:
            numbers.final = True
        size = size * 7 % 509
        time.sleep(size % 7 / 10)


def read_slowly(s, task_id, numbers):
    read(s, task_id, numbers, pause=0.001)


def read_at_once(s, task_id, numbers):
    read(s, task_id, numbers)


def view(s, task_id, readers):
    """Each in a thread of its own; what they found, by name."""
    found, wrong = {name: Numbers() for name in readers}, []

    def run(name):
        try:
            readers[name](s, task_id, found[name])
        except Exception as error:  # pylint: disable=broad-except
            wrong.append(f'{name}: {error!r}')
    threads = [threading.Thread(target=run, args=(name,)) for name in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(wrong, [])
    for numbers in found.values():
        end_of(numbers)
    return found


def rotated_story(s, readers):
    """What each of them saw of a log while it was written and the journal rotated and vacuumed."""
    place = s.scratch()
    task_id = s.api.create(PACED.format(lines=LINES, step=LINES // ROTATIONS, place=place))
    with Rotations(place, '--vacuum-files=1', '--vacuum-time=1s') as rotations:
        found = view(s, task_id, readers)
    check(rotations.count >= ROTATIONS, 'it was rotated', rotations.count)
    note(f'{rotations.count} rotations; lines missing at gaps: {({name: n.gaps for name, n in found.items()})}')
    same({name: n.next for name, n in found.items()}, dict.fromkeys(found, LINES), 'all to the end')
    task = s.api.task(task_id)
    same((task['status'], task['log_lines']), ('completed', LINES))
    read(s, task_id, again := Numbers())
    end_of(again)
    same(again.next, LINES, 'afterwards')
    return found


def end_of(numbers):
    """The lines behind the last one may be gone as well."""
    check(numbers.final, 'the final event')
    if numbers.gap:
        numbers.gaps.append(LINES - numbers.next)
        numbers.next, numbers.gap = LINES, None


@seconds(120)
def test_a_live_viewer_loses_nothing_when_the_journal_is_rotated_and_vacuumed(s):
    found = rotated_story(s, {'one': read_at_once, 'two': read_at_once})
    same({name: n.gaps for name, n in found.items()}, {'one': [], 'two': []})


@seconds(120)
def test_viewers_who_need_the_journal_miss_nothing_in_silence_when_it_is_vacuumed(s):
    s.configure(persistence={'max_memory_logs': 20})
    found = rotated_story(s, {'live': read_at_once, 'slow': read_slowly, 'in pieces': read_in_pieces})
    check(sum(found['in pieces'].gaps) > 0, 'something was missing', found['in pieces'].gaps)


def events_until(s, task_id, text, last=None):
    """All events up to that line, but for what tells of states."""
    with s.api.follow(task_id, last) as stream:
        found = [stream.next()]
        while found[-1].json.get('log') != text:
            found.append(stream.next())
    return [e for e in found if e.kind in ('log', 'gap')]


def vacuum_until(s, gone):
    def look():
        journalctl('--rotate')
        journalctl('--vacuum-files=1')
        return not s.journal('--lines=1', f'MESSAGE={gone}')
    until(look, 'the journal has forgotten')


def vacuumed_story(s):
    """A task of whose lines the first three are gone and the last two there; their ids."""
    task_id, fifo = talker(s, 'echo one; echo two; echo three')
    s.api.wait_line(task_id, 'three')
    ids = [e.id for e in events_until(s, task_id, 'three')]
    return task_id, fifo, ids


def test_who_comes_back_from_before_the_gap_is_told_and_gets_what_is_left(s):
    task_id, fifo, ids = vacuumed_story(s)
    vacuum_until(s, 'three')
    fifo.write_text('four\nfive\n')
    s.api.wait_line(task_id, 'five')
    s.restart()
    for last in None, *ids[:2]:
        gap, *rest = events_until(s, task_id, 'five', last)
        same((gap.kind, gap.id, gap.json['reason']), ('gap', '', 'vacuumed'), f'after {last}')
        missing = 3 - (ids.index(last) + 1 if last else 0)
        check(gap.json['lines'] in (None, missing), 'how many, if it is told', gap.json)
        check_times(gap.json)
        same([e.json for e in rest], [{'log': 'four'}, {'log': 'five'}], f'after {last}')
    same([e.json['log'] for e in events_until(s, task_id, 'five', rest[0].id)], ['five'], 'behind it there is no gap')
    fifo.write_text('end\n')
    same(s.api.wait(task_id)['log_lines'], 5)
    kinds = [e.kind for e in s.api.events(task_id, ids[0]) if e.kind != 'system']
    same(kinds, ['gap', 'log', 'log', 'status', 'final'])


def test_nothing_is_said_to_be_missing_when_nothing_is(s):
    before = s.api.run('echo before')['task_id']
    vacuum_until(s, 'before')
    task_id, fifo = talker(s, 'echo one; echo two')
    s.api.wait_line(task_id, 'two')
    journalctl('--rotate')
    fifo.write_text('three\n')
    s.api.wait_line(task_id, 'three')
    s.restart()
    same([e.json for e in events_until(s, task_id, 'three')], [{'log': text} for text in ('one', 'two', 'three')])
    fifo.write_text('end\n')
    s.api.wait(task_id)
    s.restart()
    events = s.api.events(task_id)
    same([e.json['log'] for e in events if e.kind in ('log', 'gap')], ['one', 'two', 'three'])
    silent = s.api.run(['true'])['task_id']
    vacuum_until(s, 'three')
    with s.api.follow(task_id, [e.id for e in events if e.id][-1]) as stream:
        same(stream.status, 204, 'who has all has lost nothing')
    same([e.kind for e in s.api.events(silent) if e.kind != 'system'], ['status', 'final'], 'it never said anything')
    same([e.kind for e in s.api.events(before) if e.kind != 'system'], ['gap', 'status', 'final'])


def test_of_a_log_that_is_gone_it_is_told_how_much_it_was(s):
    task_id = s.api.run('echo one; echo two; echo three; exit 3')['task_id']
    ids = [e.id for e in s.api.events(task_id) if e.id]  # the last may be systemd's
    first = s.api.log_events(task_id)[0].id
    forget_journal(s, task_id)
    for restarted in False, True:
        gap, *rest = s.api.events(task_id)
        same((gap.kind, gap.id, gap.json['reason'], gap.json['lines']), ('gap', '', 'vacuumed', 3), restarted)
        contains(gap.json['gap'], '3')
        same([e.json for e in rest][-1:], [{'status': 'failed', 'complete': True, 'final': True}])
        same([e.kind for e in s.api.events(task_id, first)], ['gap', 'status', 'final'], 'behind the first line')
        with s.api.follow(task_id, ids[-1]) as stream:
            same(stream.status, 204, 'behind the last')
        task = s.api.task(task_id)
        same((task['status'], task['log_lines'], task['logs']), ('failed', 3, []))
        if not restarted:
            s.restart()


# --- suppressed lines ---

FLOOD = '''import sys
for order in open(sys.argv[1]):
    if order == "end\\n":
        break
    for n in range(int(order)):
        sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
'''


def flooder(s):
    """A task that writes as many lines at once as it is told through its fifo, which is returned open."""
    fifo = s.fifo()
    pipe = os.open(fifo, os.O_RDWR)
    task_id = s.api.create(['python3', '-c', FLOOD, str(fifo)])
    until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it runs')
    return task_id, lambda text: os.write(pipe, f'{text}\n'.encode())


def limit_unit(s, unit):
    """journald asks these links for a unit's own limit, once a second at most."""
    for name, value in ('interval', '2000000'), ('burst', '300'):
        link = pathlib.Path(f'/run/systemd/units/log-rate-limit-{name}:{unit}')
        link.unlink(missing_ok=True)
        link.symlink_to(value)


def flood_three_times(s, task_id, write, written=20000):
    """Each after the interval of the limit: journald tells of what it dropped before the next line it takes."""
    for n in range(3):
        if n:
            until(lambda: s.journal(f'SYSLOG_IDENTIFIER={task_id}', '_TRANSPORT=stdout'), 'some came through')
            time.sleep(2.5)  # the interval: only then is anything told
        write(written)
    time.sleep(2.5)
    write(1)
    write('end')
    s.api.wait(task_id)
    return 3 * written + 1


def time_of(event):
    """Of a line, in microseconds, as its cursor has it."""
    return int(re.search(r'\.t_([0-9a-f]+)\.', event.id)[1], 16)


def microseconds(text):
    then = datetime.datetime.fromisoformat(text)
    return round((then - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)) / datetime.timedelta(microseconds=1))


def check_suppressed(s, task_id, written):
    events = [e for e in s.api.events(task_id) if e.kind in ('log', 'gap')]
    gaps = [e for e in events if e.kind == 'gap']
    lines = len(events) - len(gaps)
    note(f'{written} written, {lines} delivered, told missing: {[gap.json["lines"] for gap in gaps]}')
    same(lines, len(s.journal(f'SYSLOG_IDENTIFIER={task_id}', '_TRANSPORT=stdout')), 'lines')
    check(gaps, 'something was suppressed')
    same([(gap.id, gap.json['reason']) for gap in gaps], [('', 'suppressed')] * len(gaps))
    for gap in gaps:
        contains(gap.json['gap'], str(gap.json['lines']))
    for place, event in enumerate(events):
        if event.kind == 'gap':
            early = next((int(e.json['log']) for e in events[place + 1:] if e.kind == 'log'), 0)
            # In a user's mode it is in another file than the lines, among which those of one time have no order.
            before = [e for e in events[:place] if e.kind == 'log']
            times = [time_of(e) for e in before[len(before) - early:]] if s.is_user else []
            same(early, len(times), 'it stands where the lines are missing')
            same(set(times) - {microseconds(event.json['until'])}, set(), 'lines before it are of its time')
    for place in range(0, len(events), 97):
        if events[place].kind == 'log':
            rest = [e for e in s.api.events(task_id, events[place].id) if e.kind in ('log', 'gap')] \
                if place < len(events) - 1 else []
            # There, what journald says may come again at that time; the lines, which are in one file, never do.
            wanted = [e for e in events[place + 1:] if e.kind == 'log' or not s.is_user]
            got = [e for e in rest if e.kind == 'log' or not s.is_user]
            same([e.frame for e in got], [e.frame for e in wanted], f'behind {place}')
            same({e.json['reason'] for e in rest if e.kind == 'gap'} - {'suppressed'}, set(), 'no gap is made up')
    same(s.api.task(task_id)['log_lines'], lines, 'what is suppressed is no line of the log')
    if s.is_user:  # what may come again is one
        gaps = {(gap.json['since'], gap.json['until'], gap.json['lines']): gap for gap in gaps}.values()
    return lines, sum(gap.json['lines'] for gap in gaps)


@modes('system')
@seconds(90)
def test_what_journald_suppresses_is_counted(s):
    """Not with the limits that the service gives its units: others may set theirs (systemctl edit)."""
    task_id, write = flooder(s)
    limit_unit(s, s.unit(task_id))
    time.sleep(1.2)  # journald's own memory of a unit's limit
    written = flood_three_times(s, task_id, write)
    lines, missing = check_suppressed(s, task_id, written)
    same(lines + missing, written, 'each line is delivered or told to be missing')


def without_limits_lifted(s):
    """A user's machine as it is without what is installed for it: journald counts all of a user's lines together."""
    for path in pathlib.Path('/usr/lib/systemd/system/user@.service.d').glob('50-remote-developer.conf'):
        pathlib.Path(f'/etc/systemd/system/user@.service.d/{path.name}').parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(f'/etc/systemd/system/user@.service.d/{path.name}').write_text('')
    CONFIGURED.parent.mkdir(parents=True, exist_ok=True)
    CONFIGURED.write_text('[Journal]\nRateLimitIntervalSec=2s\nRateLimitBurst=300\n')
    restart_user(s)


def with_limits_lifted(s):
    pathlib.Path('/etc/systemd/system/user@.service.d/50-remote-developer.conf').unlink(missing_ok=True)
    CONFIGURED.unlink(missing_ok=True)
    subprocess.run(['gpasswd', '--delete', s.owner.pw_name, 'systemd-journal'], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    restart_user(s)


def restart_user(s):
    manager = f'user@{s.owner.pw_uid}.service'
    subprocess.run(['systemctl', 'daemon-reload'], check=True)
    subprocess.run(['systemctl', 'restart', manager, 'systemd-journald.service'], check=True)
    s.listen()
    until(lambda: s.api.get('/api/health').status in (200, 503), 'the service answers')


@modes('user')
@seconds(120)
def test_what_journald_suppresses_of_a_user_is_told_to_who_may_see_it(s):
    """journald's own words stand in the system's journal, which only members of systemd-journal (or adm) read."""
    try:
        subprocess.run(['usermod', '--append', '--groups', 'systemd-journal', s.owner.pw_name], check=True)
        without_limits_lifted(s)
        task_id, write = flooder(s)
        written = flood_three_times(s, task_id, write)
        lines, missing = check_suppressed(s, task_id, written)
        told = sum(int(e['N_DROPPED']) for e in s.journal(DROPPED))
        check(lines + missing >= written, 'each line is delivered or told to be missing', lines, missing, written)
        check(missing <= told, 'no more than journald says', missing, told)
    finally:
        with_limits_lifted(s)


# --- the end ---

def curl(*arguments):
    done = subprocess.run(['curl', '--silent', '--no-buffer', '--write-out', '\n%{http_code}', *arguments], check=True,
                          stdout=subprocess.PIPE)
    body, _, status = done.stdout.rpartition(b'\n')
    return int(status), body


def test_a_cursor_of_another_task_or_a_mangled_one_is_refused(s):
    task_id, other = (s.api.run(f'echo {text}')['task_id'] for text in ('one', 'other'))
    mine, = (e.id for e in s.api.log_events(task_id))
    others, = (e.id for e in s.api.log_events(other))
    stream = f'http://127.0.0.1:15001/api/task-logs/{task_id}/stream'
    for cursor in others, mine[:-1], mine + '0', mine.replace('i_', 'i_1', 1), 'x', '-1', mine.upper(), f' {mine}x':
        for arguments in (['--header', f'Last-Event-ID: {cursor}'], ['--get', '--data-urlencode', f'after={cursor}']):
            status, body = curl(*arguments, stream)
            same(status, 400, f'{cursor} {body}')
            contains(json.loads(body)['error'], 'cursor')
    last = [e.id for e in s.api.events(task_id) if e.id][-1]
    same(curl('--header', f'Last-Event-ID: {last}', stream), (204, b''))


@seconds(120)
def test_after_the_final_event_there_is_nothing_whatever_systemd_still_writes(s):
    """Many short tasks, of each a viewer that comes back at once: what PID 1 says of a unit's end is often later."""
    statuses, wrong = [], []

    def one(number):
        try:
            task_id = s.api.create(['/bin/echo', str(number)] if number % 2 else ['/bin/sh', '-c', 'echo x; exit 3'])
            events = s.api.events(task_id)
            same([e.kind for e in events].count('final'), 1, 'one final event')
            same(events[-1].kind, 'final', 'the last event')
            last = [e.id for e in events if e.id][-1]
            for _ in range(3):
                with s.api.follow(task_id, last) as stream:
                    statuses.append(stream.status)
        except Exception as error:  # pylint: disable=broad-except
            wrong.append(repr(error))

    def many(first):
        for number in range(first, 120, 4):
            one(number)
    threads = [threading.Thread(target=many, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(wrong, [])
    same({status: statuses.count(status) for status in set(statuses)}, {204: 360})


@seconds(60)
def test_a_volatile_journal_serves_as_well_where_it_may_be_read(s):
    CONFIGURED.parent.mkdir(parents=True, exist_ok=True)
    CONFIGURED.write_text('[Journal]\nStorage=volatile\n')
    persistent, away = pathlib.Path('/var/log/journal'), pathlib.Path('/var/log/journal.away')
    persistent.rename(away)
    try:
        subprocess.run(['systemctl', 'restart', 'systemd-journald.service'], check=True)
        s.restart()
        task_id, fifo = talker(s, 'echo one; echo two')
        if s.is_user:
            # Of a volatile journal there is one file for all, which is the system's.
            health = s.api.get('/api/health')
            same((health.status, health.json['journal_readable']), (503, False), 'health says so')
            return
        s.api.wait_line(task_id, 'two')
        vacuum_until(s, 'two')
        fifo.write_text('three\nend\n')
        s.api.wait(task_id)
        s.restart()
        same(s.api.get('/api/health').json['journal_persistent'], False)
        events = [e for e in s.api.events(task_id) if e.kind in ('gap', 'log')]
        same([e.kind for e in events], ['gap', 'log'])
        same(events[-1].json, {'log': 'three'})
    finally:
        CONFIGURED.unlink()
        shutil.rmtree(persistent, ignore_errors=True)
        away.rename(persistent)
        subprocess.run(['systemctl', 'restart', 'systemd-journald.service'], check=True)
        journalctl('--flush')
