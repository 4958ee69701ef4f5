"""The page that others extend."""

from cnnlab.views.web_page import render


def test_what_is_filled_in_is_text_in_the_shared_page(tmp_path):
    path = tmp_path / "own.html.j2"
    path.write_text(
        '{% extends "web_page.html.j2" %}{% block title %}{{ a }}{% endblock %}{% block main %}{{ a }}{% endblock %}'
    )
    page = render(path, a="<b>")
    assert "<title>&lt;b&gt;</title>" in page and "<b>" not in page
    assert "prefers-color-scheme: dark" in page and "--unsure: #9a5b00" in page and "--c7: #5f6b7a" in page
