/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <iostream>

int main() {
        long long sum = 0, x;
        int n;

        std::cin >> n;
        while (n-- > 0 && std::cin >> x)
                sum += x;

        std::cout << sum << '\n';
}
