"""What the names of a diagnosis mean: one page, or the list of all."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from cnnlab.diagnosis import pages

WIDTH = 78  # of code, beyond which a terminal of 80 columns would break a line


class _Left(Heading):
    """Headings at the left; rich centers them and frames the first."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Code(CodeBlock):
    """Code that can be copied: rich indents it, and breaks its lines at the width of the terminal."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = Syntax("", self.lexer_name, theme=self.theme, background_color="default").highlight(str(self.text))
        code.rstrip()
        code.no_wrap, code.overflow = True, "ignore"
        yield code


class _Page(Markdown):
    elements = {**Markdown.elements, "heading_open": _Left, "fence": _Code}  # noqa: RUF012


def show_page(name: str) -> None:
    console = Console()
    console.print(Text(name, style="bold cyan"))
    console.print(_Page(pages.page(name), code_theme="ansi_dark", hyperlinks=False), crop=False)


def show_list() -> None:
    console = Console()
    for kind, title in (("finding", "Findings: what was seen"), ("cause", "Causes: what may have led to it")):
        console.print(Text(title, style="bold"))
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column()
        for name in pages.names():
            if kind in pages.kinds(name):
                table.add_row(name, pages.headline(name))
        console.print(table, "")
    console.print("One of them: python -m cnnlab.explain NAME", highlight=False)
