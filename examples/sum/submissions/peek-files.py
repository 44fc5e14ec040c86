# SPDX-License-Identifier: LGPL-2.1-or-later
# Looks for what is none of its business, and tells what it finds. Only who finds nothing gets to the right answer.
import glob

found = False
for pattern in ('/etc/shadow', '/root/*', '/home/*/*', '/var/*/*', '/boot/*', '/run/*', '/box/*.ans', '/proc/1/fd/*',
                '/sys/class/net/*'):
    for path in glob.glob(pattern):
        try:
            with open(path, 'rb') as file:
                print(path, file.read(100))
                found = True
        except OSError:
            pass

if not found:
    input()
    print(sum(map(int, input().split())))
