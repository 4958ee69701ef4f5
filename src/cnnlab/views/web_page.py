"""A page that needs nothing else: a template filled, which may extend web_page.html.j2, on light paper and on dark."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cnnlab.views.report.arm_legend import DARK, LIGHT

SHARED = Path(__file__).parent


def render(template: Path, **values: Any) -> str:
    """Whatever is filled in is text, unless the template calls it safe."""
    loader = FileSystemLoader([template.parent, SHARED])
    page = Environment(autoescape=True, undefined=StrictUndefined, loader=loader).get_template(template.name)
    return page.render(light=LIGHT, dark=DARK, **values)
