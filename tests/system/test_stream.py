"""The log as server-sent events: what is there at once, what comes live, the payloads byte for byte, the end."""

import json
import os
import pathlib
import re
import threading
import time

from case import check, contains, same, until
from client import Client

ID = rb'id: [A-Za-z0-9._-]+\n'


def talker(s, first='echo up'):
    """A task that says what is written to its fifo, until that says `end`."""
    fifo = s.fifo()
    script = f'{first}; while read -r line <&3; do [ "$line" = end ] && exit 0; echo "$line"; done 3<>{fifo}'
    return s.api.create(script), fifo


def next_line(stream):
    """Statuses come when systemd tells them, which may be after the first lines."""
    return stream.until(lambda e: e.kind == 'log').json['log']


def program(s, text):
    """The command of a Python program that writes these bytes and ends."""
    path = s.scratch() / 'bytes'
    path.write_bytes(text)
    path.chmod(0o644)
    return ['/bin/cat', str(path)]


def test_earlier_lines_come_at_once_and_later_ones_live(s):
    task_id, fifo = talker(s, 'echo 1; echo 2; echo 3')
    s.api.wait_line(task_id, '3')
    with s.api.follow(task_id) as stream:
        same([next_line(stream) for _ in range(3)], ['1', '2', '3'])
        for text in 'a', 'b', 'c':
            fifo.write_text(f'{text}\n')
            same(next_line(stream), text)
        fifo.write_text('end\n')
        same([e.kind for e in stream if e.kind != 'system' and e.json.get('status') != 'reviewing_changes'],
             ['status', 'final'])
        same(stream.ended, True)


def test_the_four_payloads_are_those_of_the_original_byte_for_byte(s):
    """The original writes json.dumps(); scripts look for its very text."""
    s.configure(connection={'sse_heartbeat_interval': 1})
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it is known to run')
    with s.api.follow(task_id) as stream:
        frames = [stream.next_own().frame for _ in range(3)]
        fifo.write_text('end\n')
        frames += [e.frame for e in stream if e.kind != 'system' and e.json.get('status') != 'reviewing_changes']
    log = frames.pop(1)
    check(re.fullmatch(ID + rb'data: {"log": "up"}', log), 'a line of the log', log)
    wanted = [{'status': 'executing_task', 'claude_status': None, 'progress': 60}, {'heartbeat': True},
              {'status': 'completed', 'claude_status': None, 'progress': 100},
              {'status': 'completed', 'complete': True, 'final': True}]
    same(frames, [b'data: ' + json.dumps(payload).encode() for payload in wanted])


def test_the_headers_tell_proxies_and_browsers_what_it_is(s):
    task_id, _ = talker(s)
    with s.api.follow(task_id) as stream:
        same((stream.status, stream.headers['content-type']), (200, 'text/event-stream'))
        same(stream.headers['cache-control'], 'no-cache')


def test_a_stream_opened_before_the_first_line_misses_none(s):
    for _ in range(10):
        task_id = s.api.create('echo 1; echo 2; echo 3')
        same(s.api.lines(task_id), ['1', '2', '3'])


def test_lines_of_short_lived_programs_are_not_lost(s):
    """journald cannot look up whose a line is when its writer is gone already: most lines of a shell script."""
    task_id = s.api.create('i=0; while [ $i -lt 200 ]; do /bin/echo $i; i=$((i+1)); done')
    wanted = [str(i) for i in range(200)]
    same(s.api.lines(task_id), wanted, 'live')
    same(s.api.lines(task_id), wanted, 'later')
    same(s.api.task(task_id)['log_lines'], 200)


def test_errors_and_output_come_in_the_order_in_which_they_were_written(s):
    task_id = s.api.run('for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done')['task_id']
    same(s.api.lines(task_id), [f'{w} {i}' for i in range(1, 6) for w in ('out', 'err')])


def test_silence_is_filled_with_heartbeats(s):
    s.configure(connection={'sse_heartbeat_interval': 1})
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it is known to run')
    with s.api.follow(task_id) as stream:
        stream.until_line('up')
        times = [time.monotonic()]
        for _ in range(3):
            event = stream.next_own()
            same((event.json, event.id), ({'heartbeat': True}, ''))
            times.append(time.monotonic())
        gaps = [round(b - a, 2) for a, b in zip(times, times[1:])]
        check(all(0.8 < gap < 1.6 for gap in gaps), 'one a second', gaps)
        fifo.write_text('still here\n')
        same(stream.next_own().json, {'log': 'still here'})


def test_every_line_has_an_id_of_its_own_and_nothing_else_has(s):
    task_id = s.api.run('i=0; while [ $i -lt 100 ]; do echo $i; i=$((i+1)); done')['task_id']
    events = s.api.events(task_id)
    ids = [e.id for e in events if e.kind in ('log', 'system')]
    same((len([e for e in events if e.kind == 'log']), len(set(ids)), '' in ids), (100, len(ids), False))
    check(len(ids) > 100, 'systemd has said something about the unit', len(ids))
    same([e.id for e in events if e.kind not in ('log', 'system')], [''] * (len(events) - len(ids)))


def test_what_systemd_says_of_the_unit_stands_in_the_log(s):
    task_id = s.api.create('echo up; exec sleep inf', timeout=1)
    unit = f'remote-developer-{task_id}.service'
    s.api.wait(task_id)
    events = [(e.kind, e.json.get('log') or e.json.get('system')) for e in s.api.events(task_id)]
    said = [text for kind, text in events if kind == 'system']
    check(any(text.startswith(f'Started {unit}') for text in said), 'that it was started', said)
    check(f'{unit}: Service reached runtime time limit. Stopping.' in said, 'that its time was up', said)
    check(events.index(('log', 'up')) < events.index(('system', f'{unit}: Service reached runtime time limit. Stopping.')),
          'each in its place', events)
    same(s.api.task(task_id)['log_lines'], 1, 'they are no output')
    same(s.api.task(task_id)['logs'], ['up'])


def test_text_of_every_kind_arrives(s):
    lines = ['ümläut', '漢字', '🙂', '\u2028 \u200b \ufeff', '\t tab', 'bell \x07', '\x1b[31mred\x1b[0m', '"quoted"',
             'back\\slash', '\x7f', 'x' * 1000, '  lead', 'within\rthe line', '\x01\x02\x1f', '{"log": "x"}',
             'data: x', 'id: 1', '%n $HOME', '<b>']
    task_id = s.api.run(program(s, '\n'.join(lines).encode() + b'\n'))['task_id']
    same(s.api.lines(task_id), lines)
    same(s.api.get(f'/api/task/{task_id}/logs').json['logs'], lines)


def test_a_line_that_looks_like_a_priority_is_left_as_it_is(s):
    """systemd would take "<3>" at the begin of a line for a log level and swallow it."""
    lines = ['<3>three', '<0>', '<7> seven', '<12>']
    task_id = s.api.run(program(s, '\n'.join(lines).encode() + b'\n'))['task_id']
    same(s.api.lines(task_id), lines)


def test_bytes_that_are_no_text_are_replaced_and_the_line_survives(s):
    task_id = s.api.run(program(s, b'a\xffb\xc3\nc\xe6\xbcd\n'))['task_id']
    same(s.api.lines(task_id), ['a\ufffdb\ufffd', 'c\ufffd\ufffdd'])


def test_empty_lines_and_blanks_arrive(s):
    """journald alone would drop them (see test_output.py)."""
    task_id = s.api.run(program(s, b'a\n\nb  \t\n \n\n c\r\n'))['task_id']
    same(s.api.lines(task_id), ['a', '', 'b  \t', ' ', '', ' c\r'])
    same(s.api.task(task_id)['log_lines'], 6)


def test_a_last_line_without_an_end_arrives(s):
    task_id = s.api.run(program(s, b'first\nlast'))['task_id']
    same(s.api.lines(task_id), ['first', 'last'])


def test_long_lines_arrive_whole(s):
    """journald would cut lines at 48 KiB, the relay does at 32."""
    lines = ['ü' * 100_000, 'short', 'x' * (48 * 1024), 'y' * (32 * 1024), '漢' * 350_000, 'end']
    task_id = s.api.run(program(s, '\n'.join(lines).encode()))['task_id']
    found = s.api.lines(task_id)
    same([len(line) for line in found], [len(line) for line in lines])
    check(found == lines, 'the same text')
    same(s.api.task(task_id)['log_lines'], len(lines))


def test_two_viewers_see_the_same(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    with s.api.follow(task_id) as one, s.api.follow(task_id) as two:
        for text in ('a', 'b', 'end'):
            fifo.write_text(f'{text}\n')
        seen = [[e.frame for e in stream if e.kind in ('log', 'final')] for stream in (one, two)]
    same(seen[0], seen[1])
    same(seen[0][:-1], [e.frame for e in s.api.log_events(task_id)])
    same(s.api.lines(task_id), ['up', 'a', 'b'])


def test_twenty_viewers_of_a_live_log_see_every_line(s):
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; read x < {fifo}; i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done')
    s.api.wait_line(task_id, 'up')
    seen = {}
    viewers = [threading.Thread(target=lambda n=n: seen.update({n: s.api.lines(task_id)})) for n in range(20)]
    for viewer in viewers:
        viewer.start()
    fifo.write_text('go\n')
    for viewer in viewers:
        viewer.join()
    wanted = ['up', *map(str, range(2000))]
    same(sorted(seen), list(range(20)))
    same([n for n, lines in seen.items() if lines != wanted], [])


def test_only_one_viewer_where_only_one_is_allowed(s):
    s.configure(connection={'allow_multiple_connections': False})
    task_id, _ = talker(s)
    other, _ = talker(s)
    with s.api.follow(task_id) as first:
        first.until_line('up')
        with s.api.follow(task_id) as second:
            same(second.status, 409)
            contains(second.json['error'], 'allow_multiple_connections')
        with s.api.follow(other) as third:
            same(third.status, 200)

    def free():
        with s.api.follow(task_id) as stream:
            return stream.status == 200
    until(free, 'the place is free again')


def test_a_viewer_that_leaves_takes_everything_with_it(s):
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    descriptors = pathlib.Path(f'/proc/{s.main_pid()}/fd')
    streams = [s.api.follow(task_id) for _ in range(50)]
    for stream in streams:
        stream.until_line('up')
    there = len(os.listdir(descriptors))
    for stream in streams:
        stream.close()
    until(lambda: len(os.listdir(descriptors)) <= there - 50, 'their descriptors are given back', 5)


def test_the_stream_of_a_finished_task_ends_at_once(s):
    task_id = s.api.run('echo a; exit 3')['task_id']
    begun = time.monotonic()
    events = s.api.events(task_id)
    check(time.monotonic() - begun < 1, 'at once', time.monotonic() - begun)
    same([e.json for e in events if e.kind != 'system'],
         [{'log': 'a'}, {'status': 'failed', 'claude_status': None, 'progress': 60},
          {'status': 'failed', 'complete': True, 'final': True}])


def test_a_task_without_output_has_a_stream_too(s):
    task_id = s.api.run(['true'])['task_id']
    same([e.kind for e in s.api.events(task_id) if e.kind != 'system'], ['status', 'final'])


def test_the_unix_socket_streams_too_and_to_old_clients(s):
    task_id = s.api.run('echo a; echo b')['task_id']
    with Client(s.socket).stream(f'/api/task-logs/{task_id}/stream') as stream:
        frames = [e.frame for e in stream]
    same(frames, [e.frame for e in s.api.events(task_id)])
    plain = s.api.raw(f'GET /api/task-logs/{task_id}/stream HTTP/1.0\r\n\r\n'.encode())
    same(plain.partition(b'\r\n\r\n')[2], b''.join(f + b'\n\n' for f in frames), 'HTTP/1.0 knows no chunks')


def test_the_tail_is_as_long_as_asked_for(s):
    task_id, fifo = talker(s, 'i=0; while [ $i -lt 20 ]; do echo $i; i=$((i+1)); done')
    s.api.wait_line(task_id, '19')
    for n in 0, 1, 5, 20, 1000:
        with s.api.follow(task_id, query=f'?tail={n}') as stream:
            same(stream.status, 200)
            fifo.write_text(f'mark {n}\n')
            seen = []
            while (event := stream.next()).json != {'log': f'mark {n}'}:
                seen += [event.json['log']] if event.kind == 'log' else []
            everything = s.api.get(f'/api/task/{task_id}/logs?limit=100').json['logs'][:-1]
            same(seen, everything[max(0, len(everything) - n):], f'tail={n}')


def test_the_tail_of_a_finished_log_counts_lines_and_not_pieces(s):
    task_id = s.api.run(program(s, b'a\nb\n' + b'x' * 200_000 + b'\nc\n'))['task_id']
    same([line[:1] for line in s.api.lines(task_id, query='?tail=2')], ['x', 'c'])
    same([len(line) for line in s.api.lines(task_id, query='?tail=2')], [200_000, 1])


def test_a_tail_that_is_no_number_is_refused(s):
    task_id = s.api.run(['true'])['task_id']
    for value in 'x', '-1', '', '1e9', '99999999999':
        with s.api.follow(task_id, query=f'?tail={value}') as stream:
            same((stream.status, stream.json.get('field')), (400, 'tail'), value)
