"""Limits that the kernel keeps: whoever meets one is told so, or told nothing when it is none of a verdict's business,
and the machine stays usable."""

import json
import os

from case import check, contains, same, until
from service import ROOT


def begin(s, script, **limits):
    """A task that waits; returns its id and how to let it go on."""
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; read x < {fifo}; {script}', limits=limits)
    s.api.wait_line(task_id, 'up')
    return task_id, lambda: fifo.write_text('go\n')


def limited(s, script, **limits):
    """The task's document when it has run with these limits."""
    task_id, go = begin(s, script, **limits)
    go()
    return s.api.wait(task_id)


def verdict(task):
    return task['status'], task['reason'], task['exit_code']


def test_usage_is_told_in_numbers(s):
    task_id, go = begin(s, 'exit 0')
    # The figures may be a second old, of when the starter was alone.
    until(lambda: s.api.alive(task_id)['thread_info']['tasks'] == 2, 'the program and the relay of its output')
    usage = s.api.alive(task_id)['thread_info']
    check(isinstance(usage['memory_bytes'], int) and usage['memory_bytes'] > 0, 'bytes', usage)
    check(isinstance(usage['cpu_seconds'], (int, float)) and 0 < usage['cpu_seconds'] < 20, 'seconds', usage)
    go()
    same(verdict(s.api.wait(task_id)), ('completed', 'exit-code', 0))


def test_too_much_memory_is_an_oom_kill(s):
    task = limited(s, 'exec python3 -c "len(bytearray(200 << 20))"', memory_max='40M')
    same((task['status'], task['reason']), ('failed', 'oom-kill'), task['error'])
    contains(task['error'], 'Memory ran out')


def test_memory_within_the_limit_is_no_matter(s):
    task = limited(s, 'exec python3 -c "len(bytearray(40 << 20))"', memory_max='200M')
    same(verdict(task), ('completed', 'exit-code', 0))


FORKS = """
import os
try:
    for i in range(20):
        os.fork() or os.execlp("sleep", "sleep", "60")
except BlockingIOError:
    print(i, "forks", flush=True)
    raise SystemExit(%d)
"""


def test_too_many_processes_fail_in_the_task(s):
    for status, wanted in ((5, ('failed', 'exit-code', 5)), (0, ('completed', 'exit-code', 0))):
        task = limited(s, f"exec python3 -c '{FORKS % status}'", tasks_max=5)
        same(verdict(task), wanted, task['error'])
        same(s.api.lines(task['task_id']), ['up', '3 forks'])


BUSY = '''
import json, pathlib, time
while time.process_time() < 0.5:
    pass
group = pathlib.Path("/proc/self/cgroup").read_text().split("::")[1].strip()
stat = pathlib.Path(f"/sys/fs/cgroup{group}/cpu.stat").read_text()
print(json.dumps(dict(line.split() for line in stat.splitlines())), flush=True)
raise SystemExit(3)
'''


def test_a_share_of_the_processor_is_no_matter_of_the_verdict(s):
    task = limited(s, f"exec python3 -c '{BUSY}'", cpu_quota=25)
    same(verdict(task), ('failed', 'exit-code', 3))
    stat = json.loads(s.api.lines(task['task_id'])[-1])
    check(int(stat['nr_throttled']) > 0, 'it was held back', stat)


BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


def test_a_fork_bomb_is_kept_in_its_unit_and_the_service_answers(s):
    task_id, go = begin(s, f"exec python3 -c '{BOMB}'", tasks_max=40, cpu_quota=50)
    go()
    until(lambda: s.api.alive(task_id)['thread_info']['tasks'] >= 40, 'it has all that it may have')
    same(s.api.run('echo hello')['status'], 'completed', 'others go on')
    same(s.api.alive(task_id)['thread_info']['tasks'], 40)
    s.api.cancel(task_id)
    same(s.api.wait(task_id)['status'], 'cancelled')


def test_a_limit_that_a_task_would_lift_is_kept(s):
    group = '/sys/fs/cgroup$(cut -d: -f3- /proc/self/cgroup)'
    script = (f'for f in memory.max pids.max cpu.max; do echo max > {group}/$f && echo "$f: lifted"; done; '
              f'echo 0 > /sys/fs/cgroup/cgroup.procs && echo left; exec python3 -c "len(bytearray(200 << 20))"')
    task = limited(s, script, memory_max='40M')
    same((task['status'], task['reason']), ('failed', 'oom-kill'), task['error'])
    same([line for line in s.api.lines(task['task_id']) if 'lifted' in line or line == 'left'], [])


def test_who_asks_for_nothing_is_limited_all_the_same(s):
    """With ceilings for a small machine; what a task is told of it is what the kernel keeps."""
    s.configure(limits={'memory_max': '64M', 'tasks_max': 20})
    task = s.api.run('exec python3 -c "len(bytearray(200 << 20))"')
    same((task['status'], task['reason']), ('failed', 'oom-kill'), task['error'])
    task_id, go = begin(s, 'exit 0')
    limits = s.api.alive(task_id)['thread_info']['limits']
    same((limits['memory_max'], limits['tasks_max']), (64 << 20, 20))
    go()
    s.api.wait(task_id)


def test_all_tasks_together_are_limited(s):
    text = s.command('cat', '/sys/fs/cgroup/remotedeveloper.slice/memory.max', user=ROOT)
    total = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGESIZE')
    check(0.8 * total < int(text) < 0.9 * total, '85 % of the memory', text, total)
