# SPDX-License-Identifier: LGPL-2.1-or-later
# Ends with an exception that nobody catches.
n = int(input())
print([][n])
