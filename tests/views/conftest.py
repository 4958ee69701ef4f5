"""No figure lets one text cover another or run out of the picture."""

from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


@pytest.fixture(scope="session")
def check_texts() -> Callable[[Figure], list[str]]:
    """check_texts(figure): all its texts; fails where two boxes share more than a hair, or one leaves the figure."""

    def check_texts(figure: Figure) -> list[str]:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        boxes: list[tuple[str, Bbox]] = []
        for artist in figure.findobj(Text):
            assert isinstance(artist, Text)
            if artist.get_text().strip() and artist.get_visible():
                boxes.append((artist.get_text(), artist.get_window_extent(canvas.get_renderer())))
        for text, box in boxes:
            assert box.x0 >= -1 and box.y0 >= -1, f"{text!r} leaves the figure"
            assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, f"{text!r} leaves the figure"
        for (a, first), (b, second) in combinations(boxes, 2):
            shared = Bbox.intersection(first, second)
            assert shared is None or min(shared.width, shared.height) < 2, f"{a!r} covers {b!r}"
        return [text for text, _ in boxes]

    return check_texts
