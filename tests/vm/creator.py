#!/usr/bin/env python3
"""creator: a client that creates tasks of all kinds as fast as it is let, until the power is cut.

Each thing that it was told it writes down, and goes on when whoever keeps the notes says that he has them:

    given ID KIND                       the id in a reply
    seen ID STATUS REASON EXIT_CODE     the verdict in a reply
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'system'))

from api import Api  # noqa: E402  # pylint: disable=wrong-import-position
from kinds import KINDS  # noqa: E402  # pylint: disable=wrong-import-position


def tell(*words):
    print(*words, flush=True)
    if not sys.stdin.readline():
        sys.exit('nobody takes notes')


def create(api, kind):
    task_id = api.create(KINDS[kind].script)
    tell('given', task_id, kind)
    return task_id


def main():
    """No more than two of each kind at once, so that the power cut meets tasks in every state."""
    api, before = Api(), []
    while True:
        ids = {kind: create(api, kind) for kind in KINDS}
        for task_id in before:
            task = api.wait(task_id)
            tell('seen', task_id, task['status'], task['reason'], task['exit_code'])
        before = [task_id for kind, task_id in ids.items() if KINDS[kind].verdict]


if __name__ == '__main__':
    main()
