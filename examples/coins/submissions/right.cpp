/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cstdio>
#include <vector>

int main() {
        int amount, n, coin;

        if (scanf("%d %d", &amount, &n) != 2)
                return 1;

        std::vector<int> ways(amount + 1);
        ways[0] = 1;
        while (n-- > 0 && scanf("%d", &coin) == 1)
                for (int a = coin; a <= amount; a++)
                        ways[a] = (ways[a] + ways[a - coin]) % 1000000007;

        printf("%d\n", ways[amount]);
}
