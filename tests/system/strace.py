"""strace on the running service: what it asks of the kernel and in which order, and calls that are made to fail."""

import contextlib
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from case import Failure, until


def attach(pid, *options):
    """Starts strace and returns it with its output's path as soon as it is attached."""
    output = pathlib.Path(tempfile.mkdtemp(prefix='strace-')) / 'calls'
    argv = ['strace', '-f', '-p', str(pid), '-o', str(output), *options]
    # Its own remark is the only sign that it is attached.
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)  # pylint: disable=consider-using-with
    first = process.stderr.readline()
    if 'attached' not in first:
        process.wait()
        raise Failure(f'strace: {first}')
    return process, output


def detach(process, output):
    process.send_signal(signal.SIGINT)
    process.wait()
    process.stderr.close()
    text = output.read_text(errors='replace')
    output.unlink()
    output.parent.rmdir()
    return text


@contextlib.contextmanager
def trace(pid, calls, *options):
    """A list that holds, after the block, one text for each of these calls, without the pid before it."""
    found = []
    process, output = attach(pid, '-e', f'trace={calls}', '-s', '16384', '-y', *options)
    try:
        yield found
    finally:
        found += [re.sub(r'^\d+ +', '', line) for line in detach(process, output).splitlines()]


@contextlib.contextmanager
def watch(pid, calls):
    """The lines of the trace as they are written: pid, time in seconds, call."""
    process, output = attach(pid, '-e', f'trace={calls}', '-s', '4096', '-ttt')
    try:
        with output.open(errors='replace') as lines:
            yield lines
    finally:
        detach(process, output)


def take_until(lines, wanted, count, timeout=60):
    """The first so many lines that hold a text."""
    found, deadline = [], time.monotonic() + timeout
    while len(found) < count:
        line = lines.readline()
        found += [line] if wanted in line else []
        if not line:
            time.sleep(0.01)
        if time.monotonic() > deadline:
            raise Failure(f'{wanted} was called {len(found)} times in {timeout} s, should be {count}')
    return found


@contextlib.contextmanager
def fault(pid, call, error):
    """Makes a call of the process fail."""
    process, output = attach(pid, '-e', f'trace={call}', '-e', f'inject={call}:error={error}')
    try:
        yield
        until(lambda: 'INJECTED' in output.read_text(errors='replace'), f'{call} was made to fail')
    finally:
        detach(process, output)
