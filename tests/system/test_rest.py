"""At rest: how small the service is, that it sleeps, and how soon a line is seen when one comes."""

import pathlib
import statistics
import time

from case import check, note, same, until
from test_flood import status_kib
from test_stream import talker

LIMIT_KIB = 8 * 1024
WINDOW = 10  # seconds of rest that are watched

TICKER = '''import time
for n in range(50):
    print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), flush=True)
    time.sleep(0.1)'''


def wakeups(pid):
    """How often the process gave up the processor by itself: once for each time that it was woken."""
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(text.split('\nvoluntary_ctxt_switches:')[1].split()[0])


def sleeps(pid):
    before = wakeups(pid)
    time.sleep(0.5)
    return wakeups(pid) == before


def watch_rest(pid, window=WINDOW):
    """Wake-ups in each second of the window. Nothing else may be asked of systemd meanwhile: its signals wake too."""
    counts = [wakeups(pid)]
    for _ in range(window):
        time.sleep(1)
        counts.append(wakeups(pid))
    return [b - a for a, b in zip(counts, counts[1:])]


def resting(s):
    """The service anew, with one task that runs and says nothing."""
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    s.restart()
    same(s.api.alive(task_id)['is_alive'], True)
    pid = s.main_pid()
    time.sleep(1)  # what comes of starting is over
    if not s.is_user:
        until(lambda: s.show('remote-developer-launcher.service', 'ActiveState') == 'inactive', 'the launcher has left')
        time.sleep(1)  # and what systemd says of that
    return task_id, pid


def test_at_rest_with_a_task_it_is_small_and_sleeps(s):
    """The one wake-up that is due is the watchdog's, every 30 s: at most one second of the window may have it."""
    _, pid = resting(s)
    found = watch_rest(pid)
    rss, anonymous, mapped = status_kib(pid, 'VmRSS', 'RssAnon', 'RssFile')
    note(f'at rest: VmRSS {rss} KiB (anonymous {anonymous}, mapped {mapped}); wake-ups in {WINDOW} s: {sum(found)}, '
         f'second by second {found}')
    check(rss < LIMIT_KIB, f'below {LIMIT_KIB} KiB', rss)
    check(sum(n > 0 for n in found) <= 1, 'it sleeps but for the watchdog', found)


def test_at_rest_with_a_viewer_it_sleeps_but_for_the_heartbeat(s):
    """While lines come the journal is looked at closely; that must end some time after the last one. The heartbeat
    comes every 30 s, the watchdog's tick too: at most two seconds of the window may have one."""
    task_id, pid = resting(s)
    with s.api.follow(task_id) as stream:
        stream.until_line('up')
        until(lambda: sleeps(pid), 'it goes to sleep')
        found = watch_rest(pid, WINDOW // 2)
    note(f'at rest with a viewer: wake-ups in {WINDOW // 2} s: {sum(found)}, second by second {found}')
    check(sum(n > 0 for n in found) <= 2, 'it sleeps but for watchdog and heartbeat', found)


def test_a_line_is_seen_soon_after_it_was_written(s):
    task_id = s.api.create(['python3', '-c', TICKER])
    delays = []
    with s.api.follow(task_id) as stream:
        for event in stream:
            now = time.monotonic_ns()
            if event.kind == 'log':
                delays.append((now - int(event.json['log'])) / 1e6)
    delays.sort()
    same(len(delays), 50)
    median, high = statistics.median(delays), delays[int(len(delays) * 0.99)]
    note(f'from the write to the event: median {median:.1f} ms, 99 % {high:.1f} ms, at one line in 100 ms')
    check(median < 20, 'the median below 20 ms', median)
    check(high < 300, '99 % below 300 ms', high)
