"""On one processor journald is often stopped in the middle of writing an entry: whoever looks then must look again."""

from case import note, same

LINES = 300
LATE = 2.0  # seconds; journald's own announcement comes after 0.25


def test_a_line_is_shown_though_no_other_follows(s):
    """Each line is written when the one before was seen, so nothing but the line itself makes anybody look."""
    fifo = s.fifo()
    task_id = s.api.create(f'exec 3<>{fifo}; echo ready; while read x <&3; do echo "$x"; done')
    late = []
    with s.api.follow(task_id) as stream, open(fifo, 'w', encoding='utf-8') as pipe:
        stream.until_line('ready')
        for number in range(LINES):
            pipe.write(f'line {number}\n')
            pipe.flush()
            try:
                stream.until_line(f'line {number}', LATE)
            except TimeoutError:
                late.append(number)
    note(f'{LINES} lines, {len(late)} late')
    same(late, [])
