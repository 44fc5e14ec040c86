# SPDX-License-Identifier: LGPL-2.1-or-later
# Uses the CPU for ever.
while True:
    pass
