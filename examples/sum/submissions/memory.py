# SPDX-License-Identifier: LGPL-2.1-or-later
# Takes all the memory that it gets.
hoard = []
while True:
    hoard.append(bytearray(b'x') * (1 << 20))
