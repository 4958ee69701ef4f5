"""Every page of `python -m cnnlab.explain`: its example shows what the page is about."""

import re
import shlex
from pathlib import Path

import pytest

import cnnlab
from cnnlab.diagnosis import pages


def _files(text: str) -> dict[str, str]:
    """{`mine/shuffled.py`: content} of the blocks that are files, by their first line."""
    found = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert len(found) == len(re.findall(r"```(?:python|yaml)\n", text))
    return dict(found)


def _command(text: str) -> list[str]:
    """The arguments of `python -m cnnlab.train`."""
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    words = shlex.split(block.replace("\\\n", " "))
    assert words[:3] == ["python", "-m", "cnnlab.train"]
    return words[3:]


def test_files_of_two_pages_have_two_names():
    """Else the second page would import what the first one wrote."""
    all_files = [name for page in pages.names() for name in _files(pages.page(page))]
    assert len(all_files) == len(set(all_files)) and all(name.startswith("mine/") for name in all_files)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", pages.names())
def test_the_example_shows_what_the_page_is_about(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = pages.page(name)
    for file, content in _files(text).items():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(content)
    words = _command(text)
    config_dir = None
    if "--config-dir" in words:
        i = words.index("--config-dir")
        config_dir, words = words[i + 1], words[:i] + words[i + 2 :]
    results = cnnlab.run(*words, folder="run", config_dir=config_dir)
    told = {key: value for key, value in results.items() if key.startswith("diagnosis/")}
    causes = {value for key, value in told.items() if key.endswith("/cause")}
    if "finding" in pages.kinds(name):
        assert f"diagnosis/{name}" in told, told
    if "cause" in pages.kinds(name):
        assert name in causes, told
