# SPDX-License-Identifier: LGPL-2.1-or-later
# Forgets the last one.
n = int(input())
print(sum(list(map(int, input().split()))[:n - 1]))
