#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What judgectl(1) shows under EXAMPLES, typed as it stands there. (test-dbus.py has org.judgebox1(5), and
tests/guest/test-service.py what takes a systemd.)"""

import os
import pathlib
import subprocess

from harness import DEGRADE, JUDGECTL, TOP, check, check_equal, main, test
from service import listening

HELLO = r'''
#include <stdio.h>
int main(void) { puts("hello"); }
'''
SUM = r'''
#include <iostream>
int main() { long a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }
'''


def examples():
    """What stands after each prompt, one list for each example."""
    page = (TOP / 'man' / 'judgectl.1').read_text(encoding='utf-8').replace('\\-', '-')
    section = page.partition('\n.SH EXAMPLES\n')[2].partition('\n.SH ')[0]
    blocks = [block.partition('\n.EE\n')[0] for block in section.split('\n.EX\n')[1:]]
    return [[line[2:] for line in block.splitlines() if line[:2] in ('$ ', '# ')] for block in blocks]


def script(lines, *options):
    """By a shell that takes judgectl from this build, with these options."""
    pathlib.Path('bin').mkdir(exist_ok=True)
    wrapper = pathlib.Path('bin/judgectl')
    wrapper.write_text(f'#!/bin/sh\nexec {JUDGECTL} {" ".join(options)} "$@"\n')
    wrapper.chmod(0o755)
    return subprocess.run(['sh', '-ec', '\n'.join(lines)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, 'PATH': f'{os.path.abspath("bin")}:{os.environ["PATH"]}'})


@test
def test_examples():
    pathlib.Path('input.txt').write_text('10\n9\n1\n')
    pathlib.Path('hello.c').write_text(HELLO)
    pathlib.Path('sum.cpp').write_text(SUM)
    pathlib.Path('tests').mkdir()
    pathlib.Path('tests/1.in').write_text('1 2\n')
    pathlib.Path('tests/1.out').write_text('3\n')

    found = examples()
    check(len(found) >= 3 and all(found), found)
    private = ['--degrade'] if DEGRADE else []
    with listening() as s:
        for lines in found:
            options = private if '--private' in lines[0] else [f'--socket={s.path}']
            done = script(lines, *options)
            check_equal(done.returncode, 0, f'{lines}: {done.stdout} {done.stderr}')
        check_equal(s.client.call('ListBoxes')['boxes'], [])
    check_equal(pathlib.Path('output.txt').read_text(), '1\n9\n10\n')
    check(os.access('hello', os.X_OK), 'what was got out of the box')


if __name__ == '__main__':
    main()
