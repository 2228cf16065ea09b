#!/usr/bin/env python3
"""inside: takes one measurement in the machine, called by tests/bench/run through `machine exec`.

    inside.py PROGRAMS MEASUREMENT [--quick]

PROGRAMS is where those of this folder were built. Prints a line `table JSON` for each table. What speaks to the
service is what the system suite uses.
"""

import importlib
import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'system'))

from service import Service  # noqa: E402  # pylint: disable=wrong-import-position


class Tables:
    """Figures by title and row, in the order in which they first came."""

    def __init__(self):
        self.tables = {}

    def add(self, title, row, value):
        self.tables.setdefault(title, {}).setdefault(row, []).append(value)

    def tell(self):
        for title, rows in self.tables.items():
            print('table', json.dumps({'title': title, 'rows': list(rows.items())}), flush=True)


def main(programs, measurement, *options):
    tables = Tables()
    service = Service('system')
    service.programs = pathlib.Path(programs)
    importlib.import_module(measurement).measure(service, tables, '--quick' in options)
    tables.tell()


if __name__ == '__main__':
    main(*sys.argv[1:])
