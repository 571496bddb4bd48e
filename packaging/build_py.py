"""The build step that puts templates/ and static/ into the package, so that a wheel works alone.

Used by setuptools, see pyproject.toml. In an editable install nothing is copied: the settings find
both folders in the checkout.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

FOLDERS = ("templates", "static")
ALSO_IN_SOURCE_ARCHIVE = ("manage.py", "packaging/build_py.py")


class BuildPy(build_py):
    """build_py, and then npuconsole/_templates and npuconsole/_static."""

    def run(self) -> None:
        """Build the packages, then copy the folders."""
        super().run()
        if not self.editable_mode:
            for source, target in self._shipped().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """All files made, for the record of what is installed."""
        made = [] if self.editable_mode else list(self._shipped().values())
        return [*super().get_outputs(include_bytecode), *made]

    def get_source_files(self) -> list[str]:
        """All files needed, for the source archive."""
        return [*super().get_source_files(), *self._shipped(), *ALSO_IN_SOURCE_ARCHIVE]

    def _shipped(self) -> dict[str, str]:
        """Where each file comes from and where it goes."""
        return {
            str(path): str(
                Path(self.build_lib, "npuconsole", f"_{folder}", path.relative_to(folder))
            )
            for folder in FOLDERS
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
