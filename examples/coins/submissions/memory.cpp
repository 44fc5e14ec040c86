/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Right, but remembers for each amount how it came about.
#include <cstdio>
#include <vector>

int main() {
        int amount, n, coin;

        if (scanf("%d %d", &amount, &n) != 2)
                return 1;

        std::vector<std::vector<int>> ways(amount + 1, std::vector<int>(amount + 1, 0));
        for (int &w : ways[0])
                w = 1;
        while (n-- > 0 && scanf("%d", &coin) == 1)
                for (int a = coin; a <= amount; a++)
                        ways[a][0] = (ways[a][0] + ways[a - coin][0]) % 1000000007;

        printf("%d\n", ways[amount][0]);
}
