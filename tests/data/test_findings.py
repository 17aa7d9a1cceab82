"""What a doctor found, as a terminal shows it."""

from data.findings import Finding, lines


def test_each_fix_is_below_what_it_fixes():
    findings = [Finding("clock", True, "2026"), Finding("disk", False, "full", "free some")]
    assert list(lines(findings)) == ["ok  clock: 2026", "BAD disk: full", "      free some"]
