#!/usr/bin/env python3
"""inside: takes one measurement in the machine, called by tests/bench/run through `machine exec`.

    inside.py PROGRAMS MEASUREMENT [--quick]

PROGRAMS is where those of this folder were built. Prints a line `table JSON` for each table, and a line `reach JSON` for
each figure that is to be reached. What speaks to the service is what the system suite uses.
"""

import importlib
import json
import pathlib
import shutil
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'system'))

from service import Service  # noqa: E402  # pylint: disable=wrong-import-position

# Where tasks find them: they see neither the home of another user nor the machine's /tmp.
PROGRAMS = pathlib.Path('/usr/local/lib/remote-developer-bench')


class Tables:
    """Figures by title and row, in the order in which they first came."""

    def __init__(self):
        self.tables = {}
        self.reaches = {}

    def add(self, title, row, value):
        self.tables.setdefault(title, {}).setdefault(row, []).append(value)

    def reach(self, what, against, value, at_most=None, at_least=None):
        """A figure of one round that is to be reached: a ratio to what it is measured against, or, where that is '', a
        figure by itself."""
        row = {'what': what, 'against': against, 'at_most': at_most, 'at_least': at_least, 'values': []}
        self.reaches.setdefault((what, against), row)['values'].append(value)

    def tell(self):
        for row in self.reaches.values():
            print('reach', json.dumps(row), flush=True)
        for title, rows in self.tables.items():
            print('table', json.dumps({'title': title, 'rows': list(rows.items())}), flush=True)


def main(programs, measurement, *options):
    tables = Tables()
    service = Service('system')
    service.programs = PROGRAMS
    shutil.copytree(programs, PROGRAMS, dirs_exist_ok=True)
    importlib.import_module(measurement).measure(service, tables, '--quick' in options)
    tables.tell()


if __name__ == '__main__':
    main(*sys.argv[1:])
