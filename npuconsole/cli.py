"""The `npuconsole` command: serve, and what one asks a running server from a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from inference.environment import UnusableVariable
from npuconsole import __version__, client
from npuconsole.configuration_commands import export_config, import_config
from npuconsole.remarks import Remark

app = typer.Typer(
    help="An inference appliance for Intel NPU, GPU and CPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()


def main() -> None:
    """Entry of the installed command. Problems a person can mend are one line and exit code 1."""
    try:
        app()
    except (client.ServerProblem, UnusableVariable) as problem:
        print(f"npuconsole: {problem}", file=sys.stderr)
        sys.exit(1)


@app.command()
def serve() -> None:
    """Run the appliance until Ctrl-C."""
    from npuconsole.commands import manage

    manage(["npuconsole", "serve"])


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def manage(context: typer.Context) -> None:
    """Run one of Django's commands, such as createsuperuser."""
    from npuconsole.commands import manage as run

    run(["npuconsole manage", *context.args])


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@app.command()
def status() -> None:
    """How the running server is."""
    health = client.fetch("/health")
    console.print(f"[bold]{client.address()}[/bold]")
    for name, value in health.items():
        if not isinstance(value, dict | list):
            console.print(f"  {name.replace('_', ' ')}: {value}", markup=False)
    for problem in health["problems"]:
        console.print(f"  problem: {problem}", markup=False)


@app.command()
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend.")] = False,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Write a support bundle (zip) there too.")
    ] = None,
) -> None:
    """Look at what the appliance needs of this machine and at its models; ends with 1 if something
    must be mended."""
    from npuconsole.doctor import examine

    marks = {True: "[green]well[/green]", None: "[dim]note[/dim]", False: "[red]mend[/red]"}
    remarks = []
    for remark in examine(fix=fix):
        remarks.append(remark)
        console.print(f"{marks[remark.is_well]}  [bold]{remark.subject}[/bold]", end="  ")
        console.print(remark.words, markup=False, highlight=False)
        if remark.command:
            console.print(f"      {remark.command}", markup=False, highlight=False)
    if bundle is not None:
        _write_bundle(bundle, remarks)
    raise typer.Exit(1 if any(remark.is_well is False for remark in remarks) else 0)


def _write_bundle(place: Path, remarks: list[Remark]) -> None:
    from npuconsole.support.bundle import write_here

    try:
        write_here(place, remarks)
    except OSError as problem:
        raise client.ServerProblem(f"{place} cannot be written: {problem.strerror}") from None
    console.print(f"{place} is written: look into it before you send it", markup=False)


app.command()(export_config)
app.command()(import_config)


@app.command()
def calibrate(
    model: Annotated[str, typer.Argument(help="A model; without one, all of them.")] = "",
    device: Annotated[str, typer.Option(help="NPU, GPU, GPU.1 or CPU; without it, all.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure what each device can do with each model; minutes."""
    from npuconsole.commands import manage as run

    chosen = [*([model] if model else []), *(["--device", device] if device else [])]
    run(["npuconsole", "calibrate", *chosen, *(["--json"] if as_json else [])])


@app.command()
def devices() -> None:
    """The devices of the running server, and why one is missing."""
    table = Table("Device", "State", "Name", "Driver", "Why")
    for device in client.fetch("/health/devices")["devices"]:
        table.add_row(
            device.get("name", ""),
            _state(device),
            device.get("full_name", ""),
            device.get("driver", ""),
            device.get("absent_reason", ""),
        )
    console.print(table)


@app.command("list")
def list_models() -> None:
    """The installed models."""
    table = Table("Name", "Size", "Parameters", "Weights", "Digest")
    for model in client.fetch("/api/tags")["models"]:
        details = model.get("details", {})
        table.add_row(
            model["name"],
            _bytes(model.get("size", 0)),
            details.get("parameter_size", ""),
            details.get("quantization_level", ""),
            model.get("digest", "")[:12],
        )
    console.print(table)


app.command("models", hidden=True)(list_models)


@app.command()
def ps() -> None:
    """The loaded models."""
    table = Table("Name", "Size", "Context", "Unloaded")
    for model in client.fetch("/api/ps")["models"]:
        table.add_row(
            model["name"],
            _bytes(model.get("size", 0)),
            str(model.get("context_length", "")),
            _until(str(model.get("expires_at", ""))),
        )
    console.print(table)


@app.command()
def fit(
    model: Annotated[str, typer.Argument(help="A name, or a hub's ORGANISATION/REPOSITORY.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Which devices can run a model, before it is pulled."""
    found = client.fetch(f"/api/npu/fit?{urlencode({'model': model})}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console.print(f"[bold]{found['model']}[/bold]: {found['kind']}, {found['recipe']}")
    for device in found["devices"]:
        absent = "" if device["is_present"] else " (if there were one)"
        words = f"  {device['device']}{absent}: {device['verdict']}. {device['reason']}"
        console.print(words, markup=False, highlight=False)
    disk = found["disk"]
    needed, free = _bytes(disk["needed_bytes"]), _bytes(disk["free_bytes"])
    console.print(f"  disk: {needed} needed, {free} free", markup=False)
    if found["npu_export"]:
        console.print(f"  for the NPU: {found['npu_export']}", markup=False)


@app.command()
def pull(model: Annotated[str, typer.Argument(help="A name such as smollm2:135m.")]) -> None:
    """Install a model."""
    _show_lines(f"pulling {model}", client.stream("/api/pull", {"model": model}))
    console.print(f"{model} is installed", markup=False)


Forced = Annotated[bool, typer.Option("--force", help="Publish it whatever quality it loses.")]
NewName = Annotated[str, typer.Option("--name", help="The name of what is made.")]


@app.command()
def compress(
    model: Annotated[str, typer.Argument(help="An installed model.")],
    to: Annotated[str, typer.Option("--to", help="int8, int4 or npu.")],
    name: NewName = "",
    force: Forced = False,
) -> None:
    """Make other weights of an installed model; minutes."""
    from npuconsole.commands import manage as run

    run(["npuconsole", "compress", model, *_options(to, name, force)])


@app.command()
def extra(name: Annotated[str, typer.Argument(help="compress or convert.")]) -> None:
    """Install the libraries that compressing or converting needs."""
    from npuconsole.commands import manage as run

    run(["npuconsole", "extra", name])


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="A hub's org/name, or a folder.")],
    to: Annotated[str, typer.Option("--to", help="fp16, int8, int4 or npu.")],
    name: NewName = "",
    force: Forced = False,
) -> None:
    """Make an OpenVINO model of safetensors; minutes to an hour."""
    from npuconsole.commands import manage as run

    run(["npuconsole", "convert", source, *_options(to, name, force)])


def _options(to: str, name: str, force: bool) -> list[str]:
    return ["--to", to, *(["--name", name] if name else []), *(["--force"] if force else [])]


@app.command()
def create(
    model: Annotated[str, typer.Argument(help="The new model's name.")],
    file: Annotated[Path, typer.Option("-f", "--file", help="A Modelfile.")] = Path("Modelfile"),
) -> None:
    """Make a model from a Modelfile."""
    from npuconsole.creating import create as make

    _show_lines(f"making {model}", make(model, file))
    console.print(f"{model} is made", markup=False)


@app.command()
def verify(
    model: Annotated[str, typer.Argument(help="A model; without one, all of them.")] = "",
    repull: Annotated[bool, typer.Option("--repull", help="Fetch what is damaged again.")] = False,
) -> None:
    """Read every byte of a model again; what is damaged is not used any more. Ends with 1 then."""
    body = {"model": model, "repull": repull} if model else {"repull": repull}
    end = _show_lines("verifying", client.stream("/api/npu/models/verify", body))
    for form in end.get("variants", ()):
        state = "[green]well[/green]" if form["ok"] else "[red]damaged[/red]"
        console.print(f"{state}  [bold]{', '.join(form['models'])}[/bold]  {form['weight_format']}")
        for each in form["files"]:
            if each["state"] != "ok":
                console.print(f"  {each['name']}: {each['state']}", markup=False)
        if not form["ok"] and not form["files"]:
            console.print("  its folder is not there", markup=False)
        if not form["ok"]:
            name = form["models"][0]
            console.print(f"  npuconsole verify {name} --repull", markup=False, highlight=False)
    raise typer.Exit(0 if end.get("status") == "success" else 1)


@app.command()
def rename(
    model: Annotated[str, typer.Argument(help="An installed model.")],
    new_name: Annotated[str, typer.Argument(help="The name it is to have.")],
) -> None:
    """Give a model another name."""
    done = client.send("/api/npu/models/rename", {"model": model, "new_name": new_name})
    console.print(f"{model} is now {done['model']}", markup=False)


@app.command("rm")
def remove(model: Annotated[str, typer.Argument(help="An installed model.")]) -> None:
    """Delete a model; files that other models share stay."""
    done = client.send("/api/npu/models/delete", {"model": model})
    console.print(f"{model} is gone; {_bytes(done['freed_bytes'])} freed", markup=False)


@app.command()
def importable() -> None:
    """What lies in the import folder, and why something there cannot be imported."""
    table = Table("In the import folder", "Model", "Kind", "Size", "What speaks against it")
    for place in client.fetch("/api/npu/models/importable")["places"]:
        size = _bytes(place["size_bytes"])
        table.add_row(place["place"], place["model"], place["kind"], size, place["obstacle"])
    console.print(table)


@app.command()
def disk() -> None:
    """What the models take of the disk."""
    use = client.fetch("/api/npu/models/disk")
    table = Table("Name", "Size", "Freed by rm", "Shared with")
    for model in use["models"]:
        shared = ", ".join(model["shared_with"])
        size, freed = _bytes(model["size_bytes"]), _bytes(model["freed_bytes"])
        table.add_row(model["name"], size, freed, shared)
    console.print(table)
    for name in ("installed", "quarantined", "unfinished", "uploaded", "dropped", "free"):
        console.print(f"  {name}: {_bytes(use[f'{name}_bytes'])}", markup=False)


@app.command()
def updates(
    model: Annotated[str, typer.Argument(help="A model; without one, all from a hub.")] = "",
) -> None:
    """Whether the hub has other files of a model now."""
    query = f"?{urlencode({'model': model})}" if model else ""
    for report in client.fetch(f"/api/npu/models/updates{query}")["models"]:
        console.print(f"{report['model']}: {report['words']}", markup=False, highlight=False)


@app.command()
def run(
    model: Annotated[str, typer.Argument(help="A name such as smollm2:135m.")],
    prompt: Annotated[str, typer.Argument(help="What to say to it; - reads standard input.")],
) -> None:
    """Ask a model, and print its answer as it comes."""
    text = sys.stdin.read() if prompt == "-" else prompt
    with _interruptible():
        messages = [{"role": "user", "content": text}]
        for frame in client.stream("/api/chat", {"model": model, "messages": messages}):
            print(frame.get("message", {}).get("content", ""), end="", flush=True)
    print()


def _show_lines(beginning: str, frames: Iterator[Any]) -> Any:
    """Progress as it comes; the last line."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    frame: Any = {}
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(beginning, total=None)
        for frame in frames:
            progress.update(task, description=frame.get("status", ""))
            if "total" in frame:
                progress.update(task, total=frame["total"], completed=frame.get("completed", 0))
    return frame


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the answer; the server stops generating when the connection closes."""
    try:
        yield
    except KeyboardInterrupt:
        print()
        raise typer.Exit(130) from None


def _state(device: dict[str, Any]) -> str:
    if device.get("emulated"):
        return "emulated"
    return str(device.get("state") or ("present" if device.get("present") else "not found"))


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _until(moment: str) -> str:
    """An ISO time as "in 4 min"."""
    try:
        left = (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return moment
    if left > 365 * 86400:
        return "never"
    return f"in {left / 60:.0f} min" if left >= 90 else f"in {max(0, left):.0f} s"
