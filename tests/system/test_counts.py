"""log_lines, log_bytes and last_output_at: what `wc` says of the task's output, whatever happened to the service."""

import subprocess
import time

from case import accepts_failures, check, note, same, seconds, until
from test_flood import floods
from test_stream import talker
from test_survive import away

LINES = 200_000
KILLS = 5
# What it writes is in the file before it is in the journal: the file is never behind.
WRITER = '''import sys, time
with open(sys.argv[1], "w") as file:
    for n in range(0, {lines}, 100):
        lines = "".join(f"{{k}} of a log\\n" for k in range(n, n + 100))
        for out in file, sys.stdout:
            out.write(lines)
            out.flush()
        time.sleep({pause})
'''


def lines_in(path):
    return path.read_bytes().count(b'\n') if path.exists() else 0


def journalctl(*options):
    subprocess.run(['journalctl', '--quiet', *options], check=True)


@accepts_failures
@floods(180)
def test_counts_after_deaths_in_a_flood_are_those_of_wc(s):
    path = s.scratch() / 'output'
    task_id = s.api.create(['python3', '-c', WRITER.format(lines=LINES, pause=0.003), str(path)])
    seen = [0]
    for _ in range(KILLS):
        until(lambda: s.document(task_id)['log_lines'] > seen[-1], 'more is counted, and saved')
        saved = s.document(task_id)['log_lines']
        s.kill()
        seen.append(s.api.task(task_id)['log_lines'])
        check(saved <= seen[-1] <= lines_in(path), 'between what was saved and what there is', saved, seen)
    note(f'counted right after each death: {seen}, of {LINES}')
    check(seen[-1] < LINES, 'it still wrote', seen)
    task = s.api.wait(task_id, 120)
    text = path.read_bytes()
    same((task['log_lines'], task['log_bytes']), (LINES, len(text)), 'counted')
    same(text.count(b'\n'), LINES, 'written')
    same(s.document(task_id)['log_lines'], LINES, 'on disk')


@seconds(120)
def test_a_start_answers_while_it_counts_a_long_log(s):
    """The log was written while nobody counted."""
    path, fifo = s.scratch() / 'output', s.fifo()
    writer = f'import sys\nopen("{fifo}").read()\n' + WRITER.format(lines=LINES, pause=0) + 'open(sys.argv[2]).read()'
    task_id = s.api.create(['python3', '-c', writer, str(path), str(fifo)])
    until(lambda: s.api.task(task_id)['state'] == 'running', 'it runs')
    with away(s, 'stop'):
        fifo.write_text('go\n')
        until(lambda: lines_in(path) == LINES, 'all is written', 60)
        journalctl('--sync')
    found, slowest = [0], 0
    while found[-1] < LINES:
        began = time.monotonic()
        found.append(s.api.task(task_id)['log_lines'])
        slowest = max(slowest, time.monotonic() - began if len(found) > 2 else 0)
        check(found[-1] >= found[-2], 'it grows', found[-2:])
    note(f'{len(found)} requests while it counts, the slowest took {slowest * 1000:.0f} ms')
    check(slowest < 1, 'within a second', slowest)
    fifo.write_text('end\n')
    same(s.api.wait(task_id)['log_lines'], LINES)


def test_an_orderly_stop_saves_what_was_counted(s):
    s.configure(task_execution={'status_save_interval': 1000000})
    task_id, fifo = talker(s)
    fifo.write_text('1\n2\n3\n')
    until(lambda: s.api.task(task_id)['log_lines'] == 4, 'all are counted')
    check(s.document(task_id)['log_lines'] < 4, 'nothing is saved yet')
    s.stop_all()
    document = s.document(task_id)
    same((document['log_lines'], document['log_bytes'], document['state']), (4, 9, 'running'))
    s.listen()


@accepts_failures
def test_what_is_vacuumed_meanwhile_is_passed_over(s):
    s.configure(task_execution={'status_save_interval': 1})
    task_id, fifo = talker(s)
    fifo.write_text('1\n2\n3\n')
    until(lambda: s.document(task_id)['log_lines'] == 4, 'all are saved')
    with away(s, 'kill'):
        fifo.write_text('lost\nlost too\n')
        until(lambda: 'lost too' in [e.get('MESSAGE') for e in s.journal('--lines=20')], 'they are in the journal')
        journalctl('--rotate', '--vacuum-time=1us')
        fifo.write_text('5\n6\n')
    until(lambda: s.api.task(task_id)['log_lines'] == 6, 'what is there is counted')
    fifo.write_text('7\nend\n')
    task = s.api.wait(task_id)
    same((task['result'], task['log_lines'], task['log_bytes']), ('completed', 7, 15))
