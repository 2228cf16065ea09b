"""Limits that the kernel keeps: whoever meets one is told so, or told nothing when it is none of a verdict's business.

Requests have no limits yet, so they are set on the unit that runs, as an administrator would.
"""

import json

from case import check, contains, same, until


def begin(s, script):
    """A task that waits; returns its id and how to let it go on."""
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; read x < {fifo}; {script}')
    s.api.wait_line(task_id, 'up')
    return task_id, lambda: fifo.write_text('go\n')


def limited(s, script, *properties):
    """The task's document when it has run with these limits."""
    task_id, go = begin(s, script)
    s.systemctl('set-property', '--runtime', s.unit(task_id), *properties)
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
    task = limited(s, 'exec python3 -c "len(bytearray(200 << 20))"', 'MemoryMax=40M')
    same((task['status'], task['reason']), ('failed', 'oom-kill'), task['error'])
    contains(task['error'], 'Memory ran out')


def test_memory_within_the_limit_is_no_matter(s):
    task = limited(s, 'exec python3 -c "len(bytearray(40 << 20))"', 'MemoryMax=200M')
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
        task = limited(s, f"exec python3 -c '{FORKS % status}'", 'TasksMax=5')
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
    task = limited(s, f"exec python3 -c '{BUSY}'", 'CPUQuota=25%')
    same(verdict(task), ('failed', 'exit-code', 3))
    stat = json.loads(s.api.lines(task['task_id'])[-1])
    check(int(stat['nr_throttled']) > 0, 'it was held back', stat)
