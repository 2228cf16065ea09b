"""What a case says: checks, skips, notes, and waiting for what has no event of its own.

A case is a function test_<what_holds>(s), whose argument is the Service. The first check that does not hold ends it.
"""

import time


class Failure(AssertionError):
    """A check that does not hold."""


class Skip(Exception):
    """What this machine or this mode cannot show, with the reason."""


def short(value):
    text = repr(value)
    return text if len(text) <= 400 else f'{text[:250]} ... {text[-100:]} ({len(text)} characters)'


def difference(actual, expected):
    """Where two long lists part, instead of both of them whole."""
    if not (isinstance(actual, list) and isinstance(expected, list)) or len(expected) < 8:
        return f'is {short(actual)}, should be {short(expected)}'
    place = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b), min(len(actual), len(expected)))
    return (f'has {len(actual)} of {len(expected)} elements; from element {place} on is '
            f'{short(actual[place:place + 3])}, should be {short(expected[place:place + 3])}')


def same(actual, expected, what=''):
    if actual != expected:
        raise Failure(f'{what}{": " if what else ""}{difference(actual, expected)}')


def check(holds, what, *values):
    """`what` says what should be; the values what is instead."""
    if not holds:
        raise Failure(f'{what}{": " if values else ""}{", ".join(map(short, values))}')


def contains(whole, *parts):
    for part in parts:
        check(part in whole, f'should contain {short(part)}', whole)


def lacks(whole, *parts):
    for part in parts:
        check(part not in whole, f'should not contain {short(part)}', whole)


def note(text):
    """Shown whether or not the case holds: figures."""
    for line in str(text).splitlines():
        print(f'# {line}', flush=True)


def until(holds, what, timeout=60):
    """Looks again and again; returns what `holds` returned when that is true."""
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise Failure(f'not within {timeout} s: {what}')
        time.sleep(0.01)
    return found


def modes(*names):
    """Decorator: the case exists only in these modes."""
    def mark(function):
        function.modes = names
        return function
    return mark


def seconds(limit):
    """Decorator: the case may take so long instead of the default."""
    def mark(function):
        function.seconds = limit
        return function
    return mark


def accepts_failures(function):
    """Decorator: the case makes the service itself fail."""
    function.accepts_failures = True
    return function


def table(rows):
    """One failure for all rows that do not hold, so that a run shows all that is wrong: {name: problem or None}."""
    wrong = [f'{name}: {problem}' for name, problem in rows.items() if problem]
    if wrong:
        raise Failure(f'{len(wrong)} of {len(rows)} rows do not hold:\n' + '\n'.join(wrong))
