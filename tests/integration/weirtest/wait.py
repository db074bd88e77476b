"""Waiting for a condition under a deadline."""
import time

# Generous: a test that passes never waits for it, and sanitizer builds on a busy machine are slow.
DEADLINE = 20.0


def wait_until(predicate, what: str = "", deadline: float = DEADLINE):
    """Polls until predicate() is true and returns its value; fails with `what` when the deadline passes."""
    end = time.monotonic() + deadline
    pause = 0.001
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"waited {deadline:.0f} s in vain for {what or predicate}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
