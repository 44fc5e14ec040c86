# SPDX-License-Identifier: LGPL-2.1-or-later
amount, n = map(int, input().split())
ways = [1] + [0] * amount
for coin in map(int, input().split()):
    for a in range(coin, amount + 1):
        ways[a] = (ways[a] + ways[a - coin]) % 1000000007
print(ways[amount])
