"""Prints "passed failed skipped" of a JUnit XML file."""
import sys
import xml.etree.ElementTree as ElementTree

suites = [s for s in ElementTree.parse(sys.argv[1]).getroot().iter("testsuite")]
total, failed, skipped = (
    sum(sum(int(s.get(key, 0)) for key in keys) for s in suites)
    for keys in (("tests",), ("failures", "errors"), ("skipped", "disabled"))
)
print(total - failed - skipped, failed, skipped)
