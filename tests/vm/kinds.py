"""The kinds of tasks whose power is cut, and what may be said of each afterwards."""

from collections import namedtuple

LINES = 300
INTERRUPTED = ('interrupted', 'host-reboot', None)

Kind = namedtuple('Kind', 'script verdict')  # the verdict when it came to its end; None: it does not come there

KINDS = {
    'well': Kind('exit 0', ('completed', 'exit-code', 0)),
    'seven': Kind('exit 7', ('failed', 'exit-code', 7)),
    'sleeper': Kind('exec sleep 3600', None),
    'chatty': Kind(f'i=0; while [ $i -lt {LINES} ]; do i=$((i + 1)); echo "line $i"; done',
                   ('completed', 'exit-code', 0)),
}


def untrue(kind, verdict):
    """What is wrong with this verdict, or None. One who was acknowledged and not begun is begun after the power cut:
    a sleeper may then run."""
    verdict = tuple(verdict)
    if verdict in (INTERRUPTED, KINDS[kind].verdict):
        return None
    if kind == 'sleeper' and verdict[0] == 'executing_task':
        return None
    return f'{kind} is said to be {verdict}'
