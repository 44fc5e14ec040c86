# SPDX-License-Identifier: LGPL-2.1-or-later
n = int(input())
print(sum(map(int, input().split())))
