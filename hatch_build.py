"""Builds the compiled kernel while the package is built; without a compiler there is none.

The router decides the same without it, in NumPy and more slowly, so a machine that cannot compile
gets a package that works. ``python hatch_build.py [FLAGS]`` builds in place, with more flags for
the compiler, and does say what went wrong.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLACE = Path("router", "compiled")
_NAME = "router.compiled.kernel"


class KernelHook(BuildHookInterface):  # type: ignore[type-arg]  # what it configures is not typed
    """Adds the kernel to a wheel, or leaves it beside its sources for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build; a package without the kernel is pure Python and runs anywhere."""
        try:
            built = build(Path(self.root))
        except BaseException as error:  # compilers end in SystemExit and their own kinds of error
            if isinstance(error, KeyboardInterrupt):
                raise
            self.app.display_warning(f"the kernel is not built, NumPy serves instead: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"][str(built)] = str(_PLACE / built.name)


def build(root: Path, flags: tuple[str, ...] = ()) -> Path:
    """Compile the kernel beside its sources and return where it is.

    Args:
        root: Of the checkout.
        flags: For compiler and linker, such as those of a sanitizer.
    """
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    place, work = root / _PLACE, root / "build" / "kernel"
    extension = Extension(
        _NAME,
        [str(place / "kernel.pyx")],
        include_dirs=[str(place)],
        depends=[str(one) for one in (*place.glob("*.pxi"), *place.glob("*.h"))],
        # Products and sums are rounded one by one, as Python rounds them, on every machine.
        extra_compile_args=["-O2", "-g0", "-ffp-contract=off", *flags],
        extra_link_args=list(flags),
    )
    modules = cythonize([extension], build_dir=str(work), quiet=True, force=True)
    command = build_ext(Distribution({"name": "kernel", "ext_modules": modules}))
    command.build_lib, command.build_temp = str(work), str(work)
    command.force = True
    command.ensure_finalized()
    command.run()
    made = Path(command.get_ext_fullpath(_NAME))
    built = place / made.name
    made.replace(built)
    return built


if __name__ == "__main__":
    print(build(Path(__file__).resolve().parent, tuple(sys.argv[1:])))
