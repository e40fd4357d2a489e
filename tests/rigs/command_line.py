"""kdx run in this process, in Japanese, expecting an exit code; the language of the tests is back afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from kdx.cli import root
from kdx.language import use_language

Invoke = Callable[..., Result]


@contextmanager
def japanese_kdx(inventory: Path, state: Path) -> Iterator[Invoke]:
    """Yield a function that runs a command line against this inventory and state."""
    environment = {"KDX_INVENTORY": str(inventory), "KDX_STATE": str(state), "KDX_LANG": "ja"}

    def invoke(*words: str | Path, code: int = 0) -> Result:
        result = CliRunner(env=environment).invoke(root, [*map(str, words)])
        assert result.exit_code == code, result.output
        return result

    try:
        yield invoke
    finally:
        use_language("en")
