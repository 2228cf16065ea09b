#!/usr/bin/env python3
"""Includes may only point down.

The layers of this service are folders, and an #include is the only way from one into another; so reading every
#include proves the architecture. Also: every public header belongs to one room, stands on its own, and no two
headers need each other.
"""

import concurrent.futures
import os
import shlex
import subprocess

import house

LIBRARIES = ['libsystemd', 'libmicrohttpd', 'json-c', 'yaml-0.1']


def edges(root, build):
    """(file, line, name, target) of every include of our own; target None where it leads nowhere."""
    for path in house.c_files(root, 'src', 'include'):
        for line, quoted, name in house.includes(path):
            if house.is_ours(quoted, name):
                yield path, line, name, house.resolve(root, build, path, name)


def unknown_rooms(root):
    for folder in sorted(p for p in (root / 'src').iterdir() if p.is_dir()):
        if folder.name not in house.FLOORS and any(folder.rglob('*.[ch]')):
            yield (f'src/{folder.name}:1: not a room; move its files to one of '
                   f'{", ".join(r for r in house.FLOORS if r != "main")}, or give it a floor in tests/style/house.py')


def homeless_headers(root):
    for path in house.c_files(root, 'include'):
        rooms = house.rooms_of_header(root, path)
        where = house.rel(root, path)
        if not where.startswith(house.PUBLIC + '/'):
            yield f'{where}:1: public headers live in {house.PUBLIC}/; move it there'
        elif not rooms:
            yield (f'{where}:1: no room: there is no src/<room>/{path.stem}.c; '
                   'add the source, or the comment "/* room: <room> */" to its first lines')
        elif len(rooms) > 1 or not rooms <= house.FLOORS.keys():
            yield f'{where}:1: claimed by {", ".join(sorted(rooms))}; a noun lives in exactly one room'


def lost_includes(root, all_edges):
    for path, line, name, target in all_edges:
        if not target:
            yield (f'{house.rel(root, path)}:{line}: "{name}" is found neither beside it nor in include/, src/ or the '
                   'build; write system headers as <...>')


def outside(root, target, build):
    return not any(target.is_relative_to(p) for p in (root / 'src', root / 'include', build))


def upward_includes(root, build, all_edges):
    for path, line, name, target in all_edges:
        here = house.room_of(root, path)
        if not target or not here:
            continue
        where = f'{house.rel(root, path)}:{line}'
        if outside(root, target, build):
            yield f'{where}: "{name}" lies outside of src/ and include/; move it into a room'
            continue
        there = house.room_of(root, target) if target.is_relative_to(root) else None
        if not there or there == here:
            continue
        up, down = house.FLOORS[there], house.FLOORS[here]
        if up >= down:
            yield (f'{where}: {here} (floor {down}) includes "{name}" of {there} (floor {up}); move what is shared '
                   'to a lower floor, or let the upper one pass it in')


def header_graph(all_edges):
    graph = {}
    for path, _, _, target in all_edges:
        if path.suffix == '.h' and target and target.suffix == '.h':
            graph.setdefault(path, []).append(target)
    return graph


def circles(root, graph):
    """Depth first; a header met again while still open closes a circle."""
    done, trail = set(), []

    def visit(header):
        if header in trail:
            ring = trail[trail.index(header):] + [header]
            yield (f'{house.rel(root, header)}:1: headers include each other: {" -> ".join(h.name for h in ring)}; '
                   'declare the type forward in one of them')
        elif header not in done:
            trail.append(header)
            for other in graph.get(header, []):
                yield from visit(other)
            done.add(trail.pop())

    for header in sorted(graph):
        yield from visit(header)


def compiles_alone(root, argv, path):
    """From stdin, because gcc warns about #pragma once in a main file."""
    name = path.relative_to(root / 'include').as_posix()
    gcc = subprocess.run(argv, input=f'#include "{name}"\n', cwd=root, text=True, capture_output=True, check=False)
    if gcc.returncode:
        yield f'{house.rel(root, path)}:1: does not compile on its own; include what it uses'
        yield from (f'  {line}' for line in gcc.stderr.splitlines()[:6])


def judge_headers(tap, root, build):
    name = 'every public header compiles on its own'
    cc = os.environ.get('CC', 'gcc').split()
    if house.lacks(tap, name, cc[0], 'pkg-config'):
        return
    flags = subprocess.run(['pkg-config', '--cflags', *LIBRARIES], text=True, capture_output=True, check=False)
    if flags.returncode:
        tap.skip(name, f'pkg-config lacks one of {", ".join(LIBRARIES)}')
        return
    argv = [*cc, '-std=gnu17', '-D_GNU_SOURCE', '-fsyntax-only', '-Iinclude', f'-I{build}',
            *shlex.split(flags.stdout), '-x', 'c', '-']
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda p: list(compiles_alone(root, argv, p)), house.c_files(root, 'include'))
        tap.check(name, [problem for result in results for problem in result])


def judge(tap, root, build):
    if house.missing(tap, root, 'src', house.PUBLIC):
        return
    all_edges = list(edges(root, build))
    tap.check('every folder in src is a room', unknown_rooms(root))
    tap.check('every public header has one room', homeless_headers(root))
    tap.check('every include leads somewhere', lost_includes(root, all_edges))
    tap.check('includes only point down', upward_includes(root, build, all_edges))
    tap.check('no two headers need each other', circles(root, header_graph(all_edges)))
    judge_headers(tap, root, build)


if __name__ == '__main__':
    house.run_test(judge)
