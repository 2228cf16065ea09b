"""The part of words.py that judges names: what a C file declares, found without a compiler.

Function bodies are emptied first, so that what is left is a list of declarations.
"""

import re

import house

# Public headers of small helpers, whose functions begin otherwise than with the header's name; each with the reason.
EXCEPTIONS = {
    'strings.h': ('string_', 'strv_'),  # verbs on char * and char **, which are no types of ours
    'files.h': ('file_',),              # verbs on descriptors: one file at a time
    'macros.h': ('',),                  # what the clean-up macros call is named after free() and close()
}
# Types that are not PascalCase, each with the reason.
TYPES = {
    'usec_t': 'a scalar, called as systemd calls it',
}
# Forward declarations of what a library owns, so that a header need not include it.
FOREIGN = re.compile(r'(sd_|MHD_|yaml_|json_)')

PASCAL = re.compile(r'[A-Z][A-Za-z0-9]*\Z')
TAG = re.compile(r'\b(?:struct|union|enum)\s+(\w+)\s*\{')
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.M)
MACRO_CALL = re.compile(r'^[A-Z][A-Z0-9_]*\([^()\n]*\)[ \t]*;?[ \t]*$', re.M)
ATTRIBUTE = re.compile(r'__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|\b_\w+_\s*\([^()]*\)')
FUNCTION = re.compile(r'\s*(?:\w[\w\s*]*[\s*])(\w+)\s*\((?!\s*\*)')


def _newlines(match):
    return '\n' * match.group().count('\n')


def statements(code):
    """(line, text) of every top-level statement; what stands in braces is left out."""
    depth, line, start, kept = 0, 1, 1, []
    for pattern in (DIRECTIVE, MACRO_CALL, ATTRIBUTE):
        code = pattern.sub(_newlines, code)
    for char in code:
        line += char == '\n'
        depth -= char == '}'
        if depth == 0 and (kept or not char.isspace()):
            start = start if kept else line
            kept.append(char)
        depth += char == '{'
        text = ''.join(kept)
        # A body ends a statement; the braces of a type or of a table go on to their semicolon.
        if depth == 0 and (char == ';' or (char == '}' and ')' in text and not re.search(r'\btypedef\b|=', text))):
            yield start, text
            kept = []


def typedef_name(text):
    """typedef struct A { } B;  typedef int (*B)(int);  typedef int B(int);  typedef int B[4];"""
    for form in (r'\(\s*\*\s*(\w+)\s*\)', r'(\w+)\s*\(', r'(\w+)\s*(?:\[[^]]*\]\s*)*;'):
        found = re.search(form, text)
        if found:
            return found.group(1)
    return None


def declared_types(code):
    for match in TAG.finditer(code):
        yield house.line_at(code, match.start()), match.group(1)
    for line, text in statements(code):
        if re.match(r'typedef\b', text):
            yield line, typedef_name(text)


def is_pascal(name):
    return PASCAL.match(name) and not (len(name) > 3 and name.isupper())


def misnamed_types(root, files):
    for path in files:
        code = house.bare_code(house.text_of(path) or '')
        for line, name in declared_types(code):
            if name and not is_pascal(name) and name not in TYPES and not FOREIGN.match(name):
                yield f'{house.rel(root, path)}:{line}: type {name}; call it as PascalCase'


def declared_functions(code):
    for line, text in statements(code):
        found = FUNCTION.match(text)
        if found and not re.match(r'typedef\b', text) and '=' not in text[:found.end()]:
            yield line, found.group(1)


def misnamed_functions(root):
    for path in house.c_files(root, house.PUBLIC):
        noun = path.stem.replace('-', '_')
        prefixes = EXCEPTIONS.get(path.name, (noun + '_',))
        for line, name in declared_functions(house.bare_code(house.text_of(path) or '')):
            if not name.startswith(prefixes):
                yield (f'{house.rel(root, path)}:{line}: {name}() in {path.name}; call it {prefixes[0]}..., '
                       'or move it to the header of its own noun')
