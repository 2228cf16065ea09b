#!/usr/bin/env python3
"""page.html as a C header: its bytes, and the Content-Security-Policy that lets its own script and style run and
nothing else. Run by the build: embed-page.py PAGE HEADER."""

import base64
import hashlib
import pathlib
import re
import sys


def source_of(page, tag):
    """'sha256-...' of what stands between <tag> and </tag>, as browsers reckon it."""
    (inside,) = re.findall(rb'<%s>(.*?)</%s>' % (tag, tag), page, re.S)
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside).digest()).decode()}'"


def main(page_path, header_path):
    page = pathlib.Path(page_path).read_bytes()
    policy = '; '.join((
        "default-src 'none'", f'script-src {source_of(page, b"script")}', f'style-src {source_of(page, b"style")}',
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))
    rows = (page[i:i + 16] for i in range(0, len(page), 16))
    numbers = '\n'.join('        ' + ' '.join(f'0x{byte:02x},' for byte in row) for row in rows)
    pathlib.Path(header_path).write_text(
        f'/* Made of page.html by embed-page.py. */\n#define PAGE_POLICY "{policy}"\n'
        f'static const unsigned char page_html[] = {{\n{numbers}\n}};\n', encoding='ascii')


if __name__ == '__main__':
    main(*sys.argv[1:])
