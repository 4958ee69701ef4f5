"""A page and the list, as they are printed."""

import re

import pytest

from cnnlab.diagnosis import pages
from cnnlab.views.explanation import show_list, show_page


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", pages.names())
def test_a_page_is_printed_whole_with_code_that_can_be_copied(name, capsys):
    show_page(name)
    printed = capsys.readouterr().out
    lines = [line.rstrip() for line in printed.splitlines()]
    assert lines[0] == name and lines[1] == pages.headline(name)
    blocks = re.findall(r"```\w+\n(.*?)```", pages.page(name), re.DOTALL)
    assert all(block.strip() in "\n".join(lines) for block in blocks), "as it is, not indented, no line broken"
    assert max(len(line) for line in lines if line not in "\n".join(blocks)) <= 80
    assert "##" not in printed and "```" not in printed and "\n\n\n\n" not in printed


def test_the_list_has_a_line_for_every_name(capsys):
    show_list()
    findings, _, causes = capsys.readouterr().out.partition("Causes")
    assert {line.split()[0] for line in findings.splitlines()[1:] if line.strip()} == {
        name for name in pages.names() if "finding" in pages.kinds(name)
    }
    for name in pages.names():
        text = causes if "cause" in pages.kinds(name) else findings
        assert re.search(rf"^{name} +{re.escape(pages.headline(name))}", text, re.MULTILINE)
