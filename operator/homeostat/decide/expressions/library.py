"""The CEL library: compiling and running text that was read and found good."""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from .reading import OWN_FUNCTION
from .vocabulary import TIME_METHODS

if TYPE_CHECKING:
    from cel.cel import Program


def _extension() -> ModuleType:
    """The library's extension module alone.

    Importing the package around it also imports its command line and an interactive shell: 10 MB and 0.2 s of CPU, for
    nothing that is used here.
    """
    package = importlib.util.find_spec("cel")
    spec = importlib.machinery.PathFinder.find_spec("cel.cel", package.submodule_search_locations if package else None)
    if spec is None or spec.loader is None:
        raise ImportError("common-expression-language is not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_cel = _extension()
_OWN = {OWN_FUNCTION.format(name): function for name, function in TIME_METHODS.items()}


def compiled(text: str) -> "Program":
    """The program of an expression.

    Raises:
        ValueError: it is not CEL.
    """
    return cast("Program", _cel.compile(text))


def run(program: "Program", values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - CEL is typed as it runs
    """What a program comes to; whatever the library raises means that it comes to nothing."""
    return program.execute(_cel.Context(dict(values), _OWN))
