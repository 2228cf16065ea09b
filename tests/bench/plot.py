#!/usr/bin/env python3
"""plot: draws what `tools/bench --save FILE` kept of the figures that are to be reached.

    plot.py FILE >docs/performance.svg
    plot.py FILE --markdown              the table of the README

Each row is a figure as a part of its limit, on a logarithmic scale: the bar's end is the median, the thin line goes from
the least to the most of the rounds. Left of the middle is reached, whether the limit is an upper or a lower one.
"""

import html
import json
import math
import statistics
import sys

ROW, LEFT, WIDTH, MARGIN = 22, 700, 420, 60
DECADES = 2  # on each side of the limit
REACHED, SHORT = '#3a7d44', '#b3412e'


def parts(row):
    """(least, median, most) as parts of the limit, of which more than 1 falls short."""
    values = sorted(row['values'])
    three = (values[0], statistics.median(values), values[-1])
    if row['at_most'] is not None:
        return tuple(v / row['at_most'] if row['at_most'] else 1 + v for v in three)
    return tuple(row['at_least'] / max(v, 1e-9) for v in reversed(three))


def place(part):
    """Where a part of the limit is, from left to right."""
    decades = min(max(math.log10(max(part, 1e-9)), -DECADES), DECADES)
    return LEFT + WIDTH * (decades + DECADES) / (2 * DECADES)


def limit_of(row):
    return f'at most {row["at_most"]:g}' if row['at_most'] is not None else f'at least {row["at_least"]:g}'


def draw_row(row, y):
    least, median, most = map(place, parts(row))
    middle, end = place(1), median
    color = REACHED if median <= middle else SHORT
    name = row['what'] + (f', beside {row["against"]}' if row['against'] else '')
    figure = f'{statistics.median(row["values"]):.3g} ({limit_of(row)})'
    yield f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{html.escape(name)}</text>'
    yield f'<rect x="{min(middle, end):.1f}" y="{y + 4}" width="{abs(end - middle):.1f}" height="14" fill="{color}"/>'
    yield f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{y + 11}" y2="{y + 11}" stroke="black"/>'
    yield f'<text x="{LEFT + WIDTH + 10}" y="{y + 15}">{html.escape(figure)}</text>'


def draw(found):
    rows = found['reaches']
    height = MARGIN + ROW * len(rows) + 30
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 180}" height="{height}" '
           'font-family="sans-serif" font-size="12">')
    yield '<rect width="100%" height="100%" fill="white"/>'
    yield (f'<text x="10" y="20" font-size="14">What is to be reached, {found["date"]}, {found["cores"]} cores: each figure '
           'as a part of its limit</text>')
    for power in range(-DECADES, DECADES + 1):
        x = place(10 ** power)
        yield f'<line x1="{x}" x2="{x}" y1="{MARGIN - 10}" y2="{height - 20}" stroke="{"black" if not power else "#ccc"}"/>'
        yield f'<text x="{x}" y="{MARGIN - 16}" text-anchor="middle">{10 ** power:g}</text>'
    for i, row in enumerate(rows):
        yield from draw_row(row, MARGIN + ROW * i)
    yield '</svg>'


def markdown(found):
    yield '| what is to be reached | beside | median | least and most | to reach |'
    yield '|---|---|---|---|---|'
    for row in found['reaches']:
        values = row['values']
        reached = parts(row)[1] <= 1
        yield (f'| {row["what"]} | {row["against"]} | {statistics.median(values):.3g} | {min(values):.3g} to '
               f'{max(values):.3g} | {limit_of(row)}{"" if reached else "; **falls short**"} |')


if __name__ == '__main__':
    with open(sys.argv[1], encoding='utf-8') as file:
        print('\n'.join((markdown if sys.argv[2:] == ['--markdown'] else draw)(json.load(file))))
