# SPDX-License-Identifier: LGPL-2.1-or-later
# Takes 1 + 2 and 2 + 1 for two ways.
amount, n = map(int, input().split())
coins = list(map(int, input().split()))
ways = [1] + [0] * amount
for a in range(1, amount + 1):
    ways[a] = sum(ways[a - coin] for coin in coins if coin <= a) % 1000000007
print(ways[amount])
