# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes for ever.
while True:
    print('All work and no play makes Jack a dull boy.' * 100)
