#!/usr/bin/env python3
"""What weir answers to the cases of tests/nginx_compare, beside what nginx answered when they were recorded (tools/compare-nginx)."""
import difflib
import unittest

from weirtest import Case, main
from weirtest import compare


class Compared(Case):
    """One test a case, made below."""

    def check(self, case: compare.CompareCase) -> None:
        nodes = compare.Nodes(case.node_names)
        self._backends += nodes.backends.values()
        weir = compare.make_weir(case, nodes)
        self._weirs.append(weir)
        weir.start()
        recorder = compare.recorder(case, nodes, weir)
        expected = compare.read_expected(case)
        self.assertEqual([asked.line for asked in case.requests], [line for line, _, _ in expected], "tools/compare-nginx --record")
        problems = []
        for asked, (line, nginx, own) in zip(case.requests, expected):
            seen, right = recorder.ask(asked), own if asked.differs else nginx
            if seen != right:
                problems.append(f"{line}\n" + "\n".join(difflib.ndiff(right.splitlines(), seen.splitlines())))
        self.assertFalse(problems, "\n".join(problems))


def compared(case: compare.CompareCase):
    return lambda self: self.check(case)


for each in compare.cases():
    setattr(Compared, f"test_{each.name}_answers_as_recorded", compared(each))


class Table(unittest.TestCase):
    def test_every_difference_is_named_and_seen(self):
        marked = {asked.differs for case in compare.cases() for asked in case.requests if asked.differs}
        self.assertEqual(marked, compare.differences())


if __name__ == "__main__":
    main()
