/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Right, but counts the ways one by one.
#include <cstdio>
#include <vector>

static std::vector<int> coins;

static long long ways(int amount, int n) {
        if (amount == 0)
                return 1;
        if (amount < 0 || n == 0)
                return 0;
        return (ways(amount - coins[n - 1], n) + ways(amount, n - 1)) % 1000000007;
}

int main() {
        int amount, n;

        if (scanf("%d %d", &amount, &n) != 2)
                return 1;

        coins.resize(n);
        for (int &coin : coins)
                if (scanf("%d", &coin) != 1)
                        return 1;

        printf("%lld\n", ways(amount, n));
}
