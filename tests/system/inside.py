#!/usr/bin/env python3
"""inside: runs cases in the machine, called by tests/system/run through `machine exec`.

    inside.py MODE CHAPTER [CASE...]             each test_ function of the chapter, or only these
    inside.py MODE CHAPTER --phase NAME NOTES    one phase of a story across a reboot; prints `notes JSON`

Prints TAP without numbers (run gives them) and a last line `end`, so that a crash in between shows. Between cases
everything is put back: no task, no configuration. A case also fails when the service itself failed behind its back.
"""

import importlib
import json
import signal
import sys
import time
import traceback

from case import Failure, Skip, note
from service import Service

CASE_SECONDS = 180
JOURNAL_LINES = 30


def on_alarm(*_):
    raise TimeoutError('the case takes too long')


def report(word, chapter, name, suffix=''):
    print(f'{word} - {chapter}: {name.removeprefix("test_").replace("_", " ")}{suffix}', flush=True)


def describe(error):
    """Where in the case it happened, and what."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f'{f.filename.rsplit("/", 1)[-1]}:{f.lineno}: {f.line}' for f in frames if 'inside.py' not in f.filename]
    return '\n'.join([*lines, f'{type(error).__name__}: {error}'])


def run_limited(function, service):
    signal.alarm(getattr(function, 'seconds', CASE_SECONDS))
    try:
        function(service)
    finally:
        signal.alarm(0)


def put_back(service):
    signal.alarm(CASE_SECONDS)
    try:
        service.tidy()
    finally:
        signal.alarm(0)


def check_service(function, service, cursor):
    failures = service.failures(cursor)
    if failures and not hasattr(function, 'accepts_failures'):
        raise Failure(f'the service itself failed meanwhile: {failures}')


def run_case(chapter, name, function, service):
    cursor = service.journal_cursor()
    began = time.monotonic()
    try:
        try:
            run_limited(function, service)
        finally:
            put_back(service)
        check_service(function, service, cursor)
    except Skip as skip:
        report('ok', chapter, name, f' # SKIP {skip}')
    except Exception as error:  # pylint: disable=broad-except
        report('not ok', chapter, name)
        note(describe(error))
        for line in service.own_messages(cursor)[-JOURNAL_LINES:]:
            note(f'  journal: {line}')
    else:
        report('ok', chapter, name)
    if (took := time.monotonic() - began) > 3:
        note(f'({took:.1f} s)')


def cases(module, mode, wanted):
    for name, function in list(vars(module).items()):
        if name.startswith('test_') and mode in getattr(function, 'modes', (mode,)):
            if not wanted or name.removeprefix('test_') in wanted or name in wanted:
                yield name, function


def main(mode, chapter, *arguments):
    signal.signal(signal.SIGALRM, on_alarm)
    module = importlib.import_module(f'test_{chapter}')
    service = Service(mode)
    if arguments[:1] == ('--phase',):
        print('notes', json.dumps(getattr(module, arguments[1])(service, json.loads(arguments[2]))))
        return
    service.listen()
    put_back(service)
    for name, function in cases(module, mode, arguments):
        run_case(chapter, name, function, service)
    print('end', flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
