"""strace on the running service: what it asks of the kernel and in which order, and calls that are made to fail."""

import contextlib
import pathlib
import re
import signal
import subprocess
import tempfile

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
def fault(pid, call, error):
    """Makes a call of the process fail."""
    process, output = attach(pid, '-e', f'trace={call}', '-e', f'inject={call}:error={error}')
    try:
        yield
        until(lambda: 'INJECTED' in output.read_text(errors='replace'), f'{call} was made to fail')
    finally:
        detach(process, output)
