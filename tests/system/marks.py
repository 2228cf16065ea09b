"""Entries of the journal put together as include/remote-developer/line-mark.h says, by nothing of ours."""

from case import check

# The stream, and whether the line goes on.
MARKS = {'\u200b': (1, False), '\u2060': (1, True), '\u2062': (1, False), '\u200c': (2, False), '\u2063': (2, True),
         '\u2064': (2, False)}
BYTES = {mark.encode(): row for mark, row in MARKS.items()}


def decode(entries):
    """What was written to stdout and stderr."""
    parts = {1: [], 2: []}
    for entry in entries:
        message = entry['MESSAGE']
        text = message.encode() if isinstance(message, str) else bytes(message)
        source, goes_on = BYTES.get(text[-3:], (1, False))
        if text[-3:] in BYTES:
            text = text[:-3]
        check(entry.get('_LINE_BREAK') in (None, 'nul', 'eof'), 'journald does not cut', entry.get('_LINE_BREAK'))
        end = {'nul': b'\0', 'eof': b''}.get(entry.get('_LINE_BREAK'), b'' if goes_on else b'\n')
        parts[source] += [text, end]
    return tuple(b''.join(p) for p in parts.values())
