"""Knows the number, and allows ten guesses. Exit status 1 is a wrong answer."""
import sys

secret = int(open('secret').read())
for _ in range(10):
    guess = int(input())
    if guess == secret:
        print('right', flush=True)
        sys.exit(0)
    print('less' if guess > secret else 'more', flush=True)
print('Ten guesses were not enough.', file=sys.stderr)
sys.exit(1)
