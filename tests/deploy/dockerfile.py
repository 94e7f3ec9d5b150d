"""What a Dockerfile and its .dockerignore say, for tests that do it without a daemon. Only the forms that ours use."""

import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath


@dataclass
class Stage:
    """One stage: its image, and its instructions in their order as (name, rest of the line)."""

    image: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.instructions if name == instruction]

    def last(self, instruction: str) -> str:
        """The one that counts: of USER, WORKDIR and the like the last one does."""
        return self.all(instruction)[-1]

    def command(self, instruction: str) -> list[str]:
        """The words of CMD or HEALTHCHECK in exec form, without its options."""
        return list(json.loads(self.last(instruction)[self.last(instruction).index("[") :]))

    @property
    def copies(self) -> list[tuple[list[str], str]]:
        """(sources, target) of each COPY from the context, not from another stage."""
        words = [shlex.split(rest) for rest in self.all("COPY") if not rest.startswith("--from")]
        return [(line[:-1], line[-1]) for line in words]

    @property
    def environment(self) -> dict[str, str]:
        return dict(word.split("=", 1) for rest in self.all("ENV") for word in shlex.split(rest))


def read_stages(path: Path) -> list[Stage]:
    stages: list[Stage] = []
    lines = (line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            image, *name = re.split(r"\s+AS\s+", rest)
            stages.append(Stage(image, name[0] if name else ""))
        else:
            stages[-1].instructions.append((instruction, rest.strip()))
    return stages


def is_ignored(path: PurePosixPath, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps `path` (relative to the context) out: the last pattern that fits it, or one of the
    folders it is in, decides."""
    ignored = False
    for pattern in patterns:
        glob = pattern.removeprefix("!")
        candidates = [path, *path.parents][:-1]
        if any(_fits(str(candidate), glob) for candidate in candidates):
            ignored = not pattern.startswith("!")
    return ignored


def _fits(path: str, glob: str) -> bool:
    if glob.startswith("**/"):
        return fnmatchcase(path.rsplit("/", 1)[-1], glob.removeprefix("**/"))
    return path.count("/") == glob.count("/") and fnmatchcase(path, glob)


def ignore_patterns(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def copy_context(root: Path, stage: Stage, target: Path) -> None:
    """Do each COPY of the stage into its WORKDIR, here `target`, with .dockerignore applied; absolute targets are left
    out. Raises FileNotFoundError for a source that is not in the context."""
    patterns = ignore_patterns(root / ".dockerignore")
    for sources, to in stage.copies:
        for source in sources if not to.startswith("/") else ():
            _copy(root, PurePosixPath(source), target / to, patterns, into=len(sources) > 1 or to == "./")


def _copy(root: Path, source: PurePosixPath, target: Path, patterns: list[str], *, into: bool) -> None:
    files = [root / source] if (root / source).is_file() else sorted((root / source).rglob("*"))
    kept = [
        file for file in files if file.is_file() and not is_ignored(PurePosixPath(file.relative_to(root)), patterns)
    ]
    if not kept:
        raise FileNotFoundError(f"COPY {source}: not in the context")
    for file in kept:
        relative = file.relative_to(root / source) if not into else file.relative_to(root)
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / relative)
