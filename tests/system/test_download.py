"""The log as a download with curl: what the program wrote, byte for byte, in constant memory; pages, and their search."""

import json
import subprocess
import time

from case import check, contains, note, same, seconds

LINES = 100_000


def url(path):
    return f'http://127.0.0.1:15001{path}'


def curl(path, *options):
    return subprocess.run(['curl', '-sS', '--fail', *options, url(path)], stdout=subprocess.PIPE, check=True).stdout


def private_memory(s):
    """KiB that only the service has."""
    status = open(f'/proc/{s.main_pid()}/status', encoding='ascii').read()
    return int(status.split('RssAnon:')[1].split()[0])


def many(s):
    """A finished task that wrote many lines of 90 bytes, and these."""
    path = s.scratch() / 'many'
    text = b''.join(b'%08d %s\n' % (i, b'x' * 80) for i in range(LINES))
    path.write_bytes(text)
    path.chmod(0o644)
    task_id = s.api.create(['/bin/cat', str(path)])
    s.api.wait(task_id, timeout=120)
    return task_id, text


@seconds(300)
def test_plain_text_of_many_lines_is_what_was_written_in_constant_memory(s):
    task_id, text = many(s)
    path = f'/api/task/{task_id}/logs'
    curl(path, '-H', 'Accept: text/plain', '-o', '/dev/null')
    before = private_memory(s)
    begin = time.monotonic()
    got = curl(path, '-H', 'Accept: text/plain')
    took = time.monotonic() - begin
    check(got == text, f'{len(got)} bytes are the {len(text)} that were written')
    note(f'text: {LINES / took:,.0f} lines a second')
    begin = time.monotonic()
    rows = curl(f'{path}?source=stdout', '-H', 'Accept: application/x-ndjson').splitlines()
    took = time.monotonic() - begin
    note(f'rows of JSON: {LINES / took:,.0f} lines a second')
    same(len(rows), LINES)
    same(json.loads(rows[-1])['text'].encode(), text.splitlines()[-1])
    after = private_memory(s)
    note(f'{before} KiB before, {after} KiB after')
    check(after < before + 2048, f'memory stays: {before} KiB before, {after} KiB after')


@seconds(300)
def test_a_download_that_is_broken_off_goes_on_behind_its_last_row(s):
    task_id, text = many(s)
    path, got, after = f'/api/task/{task_id}/logs?source=stdout', [], ''
    for size in 1000, 100_000, 5_000_000, None:
        data = curl(path + after, '-H', 'Accept: application/x-ndjson') if size is None else broken_off(path + after, size)
        rows = [json.loads(row) for row in data.split(b'\n')[:-1]]
        got += [row['text'] for row in rows]
        after = f'&after={rows[-1]["cursor"]}'
    check(''.join(f'{row}\n' for row in got).encode() == text, f'{len(got)} lines are those that were written')


def broken_off(path, size):
    """The first so many bytes; then the client leaves."""
    with subprocess.Popen(['curl', '-sN', '-H', 'Accept: application/x-ndjson', url(path)],
                          stdout=subprocess.PIPE) as client:
        data = client.stdout.read(size)
        client.kill()
    return data


def test_bytes_that_are_no_text_come_as_they_were(s):
    path, text = s.scratch() / 'bytes', b'\xff\xfe\x80\n\x1b[1mbold\x1b[0m\n\xc3\xa4\rb\n\x01\x02\nno newline'
    path.write_bytes(text)
    path.chmod(0o644)
    task_id = s.api.run(['/bin/cat', str(path)])['task_id']
    same(curl(f'/api/task/{task_id}/logs', '-H', 'Accept: text/plain'), text + b'\n')


def test_the_trailer_leads_on_while_the_task_runs(s):
    fifo = s.fifo()
    task_id = s.api.create(f'echo one; while read -r line <&3; do echo "$line"; done 3<>{fifo}')
    s.api.wait_line(task_id, 'one')
    path, headers = f'/api/task/{task_id}/logs', s.scratch() / 'headers'
    text = ('-H', 'Accept: text/plain')
    same(curl(path, *text, '-D', headers), b'one\n')
    trailer = [line.split(': ')[1] for line in headers.read_text().splitlines() if line.startswith('Log-Next: ')]
    same(len(trailer), 1)
    same(curl(f'{path}?after={trailer[0]}', *text), b'')
    fifo.write_text('two\n')
    s.api.wait_line(task_id, 'two')
    same(curl(f'{path}?after={trailer[0]}', *text), b'two\n')


def test_pages_and_search(s):
    task_id = s.api.run('for i in $(seq 1 2000); do echo line $i; done')['task_id']
    path = f'/api/task/{task_id}/logs'
    page = s.api.get(f'{path}?grep=99$&limit=5').json
    same(page['logs'], ['line 1599', 'line 1699', 'line 1799', 'line 1899', 'line 1999'])
    page = s.api.get(f'{path}?grep=99$&limit=5&before={page["prev"]}').json
    same(page['logs'], ['line 1099', 'line 1199', 'line 1299', 'line 1399', 'line 1499'])
    same(s.api.get(f'{path}?order=desc&limit=2').json['logs'], ['line 2000', 'line 1999'])
    same(s.api.get(f'{path}?since=@0&limit=2').json['logs'], ['line 1', 'line 2'])
    entries = s.api.get(f'{path}?since=@0&source=system').json['entries']
    check(entries and all(entry['source'] == 'system' for entry in entries), 'systemd says something', entries)
    refusal = s.api.get(f'{path}?grep=(')
    same((refusal.status, refusal.json['field']), (400, 'grep'))
    contains(refusal.json['error'], 'no regular expression')
