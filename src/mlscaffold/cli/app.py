"""The Typer application: commands, their help, and how they show what was made."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlscaffold import __version__
from mlscaffold.errors import AnswersMissing
from mlscaffold.light import as_dict
from mlscaffold.lint.report import FORMATS

if TYPE_CHECKING:
    from rich.console import Console

    from mlscaffold.new import Stamped
    from mlscaffold.new.answers import Answers
    from mlscaffold.patterns import Pattern

app = typer.Typer(
    name="mlscaffold",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Stamp production inference servers from serving patterns, and find serving anti-patterns in existing code.",
    epilog="Start here:  mlscaffold new --pattern web-single   ·   mlscaffold lint .   ·   mlscaffold patterns",
)


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mlscaffold {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(epilog="mlscaffold new shop --pattern web-single --model fraud=models/fraud.onnx")
def new(
    destination: Annotated[
        Path | None, typer.Argument(metavar="[DEST]", help="Folder to make. Default: the project's name, here.")
    ] = None,
    pattern: Annotated[str, typer.Option(help="Pattern or alias, as `mlscaffold patterns` lists them.")] = "",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "--stage",
            metavar="[NAME=]PATH",
            help="An ONNX file, with the name it gets; several where the pattern takes several (in this order). "
            "A NAME alone keeps a place: the shipped digits model stands in. None at all: the worked example.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Project name. Default: the folder's.")] = "",
    answers: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file with pattern, name, models, settings.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting, e.g. --set port=9000.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but write.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Stamp a runnable, tested, observable inference-server project.

    With --pattern nothing is asked: every answer has a default. Without it, on a terminal, a few questions find the pattern.
    """
    from mlscaffold.new import new as stamp
    from mlscaffold.new.answers import from_file, from_flags

    given = from_flags(pattern=pattern, name=name, models=model or [], settings=settings or [])
    if answers:
        given = given.over(from_file(answers))
    if not given.pattern:
        given = _ask(given)
    with _console(stderr=True).status("stamping") as status:
        stamped = stamp(given, destination, dry_run=dry_run, progress=lambda step: status.update(f"{step} …"))
    if as_json:
        print(json.dumps(_stamped_json(stamped), indent=2))
        return
    _show_stamped(stamped)


def _ask(given: "Answers") -> "Answers":
    """The wizard: a few questions, a recommendation, a choice."""
    from rich.prompt import Prompt

    from mlscaffold.new.recommend import NEEDS, asked, ranked
    from mlscaffold.patterns import catalogue
    from mlscaffold.resources import templates_folder

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise AnswersMissing(
            "which pattern? give --pattern NAME (`mlscaffold patterns` lists them); there is no terminal to ask on"
        )
    console = _console(stderr=True)
    console.print("[bold]Which pattern?[/] A few questions first; Enter takes the first answer, Ctrl-C leaves.\n")
    needs: dict[str, str] = {}
    for need in NEEDS:
        if not asked(need, needs):
            continue
        console.print(f"[bold]{need.question}[/]")
        for choice, meaning in need.choices:
            console.print(f"  [cyan]{choice:12}[/] {meaning}")
        choices = [choice for choice, _ in need.choices]
        needs[need.key] = Prompt.ask("answer", choices=choices, default=choices[0], console=console)
        console.print()
    fitting = ranked(catalogue(templates_folder()), needs)[:4]
    console.print("[bold]These fit[/], best first:")
    for pattern in fitting:
        mark = "" if pattern.stamped else " [dim](described, not stamped yet)[/]"
        console.print(f"  [cyan]{pattern.name:18}[/] {pattern.summary}{mark}")
    stampable = [pattern.name for pattern in fitting if pattern.stamped]
    if not stampable:
        raise AnswersMissing("none of them is stamped by this version yet; `mlscaffold patterns NAME` tells more about each")
    chosen = Prompt.ask("pattern", choices=stampable, default=stampable[0], console=console)
    default = given.name or chosen
    name = given.name or Prompt.ask("project name", default=default, console=console)
    file = "" if given.models else Prompt.ask("ONNX file (Enter: the worked example)", default="", console=console)
    return _with_wizard(given, chosen, name, file)


def _with_wizard(given: "Answers", pattern: str, name: str, file: str) -> "Answers":
    from mlscaffold.new.answers import from_flags

    wizard = from_flags(pattern=pattern, name=name, models=[file] if file else [], settings=[])
    return replace(wizard.over(given), pattern=pattern)


def _stamped_json(stamped: "Stamped") -> dict[str, object]:
    return {
        "schema": "mlscaffold-new/1",
        "destination": str(stamped.destination),
        "written": stamped.written,
        "pattern": stamped.pattern.name,
        "name": stamped.answers.name,
        "models": [
            {
                "name": model.name,
                "file": model.file.path.name,
                "sha256": model.file.sha256,
                "bytes": model.file.bytes,
                "parameters": model.file.parameters,
                "latency_ms": model.file.latency_ms,
                "batchable": model.file.batchable,
                "inputs": [_tensor_json(tensor) for tensor in model.file.inputs],
                "outputs": [_tensor_json(tensor) for tensor in model.file.outputs],
            }
            for model in stamped.models
        ],
        "warnings": list(stamped.warnings),
        "files": list(stamped.files),
    }


def _tensor_json(tensor: object) -> dict[str, object]:
    return {key: asdict(tensor)[key] for key in ("name", "datatype", "shape")}  # type: ignore[call-overload]


def _show_stamped(stamped: "Stamped") -> None:
    from rich.markup import escape
    from rich.tree import Tree

    from mlscaffold.units import human_size

    console = _console()
    word = "made" if stamped.written else "would make"
    where = _shown_path(stamped.destination)
    console.print(f"[bold green]{word}[/] {escape(where)}  [dim]({stamped.pattern.title}, {len(stamped.files)} files)[/]")
    for model in stamped.models:
        file = model.file
        signature = f"{', '.join(_shape(t) for t in file.inputs)} → {', '.join(_shape(t) for t in file.outputs)}"
        console.print(f"  model [cyan]{model.name}[/]: {escape(signature)}")
        batch = "rows can be batched" if file.batchable else "no free batch axis: requests run one by one"
        console.print(f"    {human_size(file.bytes)}, {file.latency_ms:.3g} ms a sample on one thread here; {batch}")
    tree = Tree(f"[bold]{escape(stamped.destination.name)}/[/]", guide_style="dim")
    folders: dict[str, int] = {}
    for file_name in stamped.files:
        top, slash, _ = file_name.partition("/")
        folders[top + slash] = folders.get(top + slash, 0) + 1
    for top, count in folders.items():
        tree.add(f"{escape(top)} [dim]{count} files[/]" if top.endswith("/") and count > 1 else escape(top))
    console.print(tree)
    for warning in stamped.warnings:
        _console(stderr=True).print(f"[bold yellow]warning[/]: {escape(warning)}")
    if stamped.written:
        console.print(f"\nNext:  [bold]cd {escape(where)} && make run[/]   then   [bold]make test[/]")


def _shape(tensor: object) -> str:
    axes = "×".join(str(axis) for axis in tensor.axes)  # type: ignore[attr-defined]
    return f"{tensor.name} {tensor.datatype}[{axes}]"  # type: ignore[attr-defined]


def _shown_path(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@app.command(epilog="mlscaffold lint . --format sarif --output lint.sarif   ·   mlscaffold rule MLS101 explains a finding")
def lint(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="One folder (default: here), or files: findings that touch them."),
    ] = None,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMATS)}.")] = "text",  # noqa: A002
    output: Annotated[
        list[str] | None, typer.Option("--output", "-o", metavar="[FORMAT=]FILE", help="Write a report to a file; repeatable.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Only these rules: codes, names, prefixes.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Not these rules.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Files that are not read; repeatable.")] = None,
    fail_on: Annotated[str, typer.Option(help="Exit 1 from this severity on: error, warning, info or never.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="With the rules that are still on trial.")] = False,
    rules: Annotated[list[str] | None, typer.Option(metavar="FOLDER", help="Own rules, a folder like ours; repeatable.")] = None,
    catalog: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Own signatures (YAML); repeatable.")] = None,
    config: Annotated[str, typer.Option(metavar="FILE", help="Configuration. Default: mlscaffold.toml or pyproject.toml.")] = "",
    baseline: Annotated[str, typer.Option(metavar="FILE", help="Known findings, which do not fail the run.")] = "",
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Write the findings into the baseline; an existing one only shrinks.")
    ] = False,
    changed_since: Annotated[str, typer.Option(metavar="REF", help="Only findings that touch files changed since REF.")] = "",
    explain_path: Annotated[str, typer.Option(metavar="FILE", help="What was understood of one file, and why.")] = "",
    show_settings: Annotated[bool, typer.Option("--show-settings", help="Show the settings of a run here, and stop.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Run the repository's own ONNX files that services load, and judge their latency.")
    ] = False,
    jobs: Annotated[str, typer.Option(metavar="N", help="Accepted, without effect so far: one process reads everything.")] = "",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read every file anew.")] = False,
    color: Annotated[str, typer.Option(help="auto, always or never.")] = "auto",
) -> None:
    """Find several models in one server, and models too slow for their online service.

    Reads Python code and deploy files; never imports or runs them. Exits 0 when clean, 1 with findings, 2 when it cannot run.
    """
    from mlscaffold.cli.lint import run
    from mlscaffold.cli.quick import LintArguments

    said = LintArguments(
        paths=tuple(paths or ()),
        format="" if format == "text" else format,
        output=tuple(output or ()),
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        exclude=tuple(exclude or ()),
        fail_on=fail_on,
        preview=preview,
        rules=tuple(rules or ()),
        catalog=tuple(catalog or ()),
        config=config,
        baseline=baseline,
        write_baseline=write_baseline,
        changed_since=changed_since,
        explain_path=explain_path,
        show_settings=show_settings,
        measure=measure,
        jobs=jobs,
        no_cache=no_cache,
        color=color,
    )
    raise typer.Exit(run(said))


@app.command()
def rules(
    folder: Annotated[list[Path] | None, typer.Option("--rules", metavar="FOLDER", help="Own rules, besides ours.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List what `mlscaffold lint` looks for."""
    from mlscaffold.lint.rule import load_rules
    from mlscaffold.resources import rules_folder

    found = load_rules((rules_folder(), *(folder or ())))
    if as_json:
        fields = ("code", "name", "summary", "severity", "preview")
        print(json.dumps([{field: getattr(rule, field) for field in fields} for rule in found], indent=2))
        return
    for rule in found:
        mark = "  (preview: asked for with --preview or --select)" if rule.preview else ""
        print(f"{rule.code}  {rule.name:32}  {rule.severity:8} {rule.summary}{mark}")
    print("\nmlscaffold rule CODE tells what one finds, why it hurts, how sure it is, and the way out.")


@app.command()
def rule(
    code: Annotated[str, typer.Argument(help="Code or name, as MLS101 or several-models-in-one-server.")],
    folder: Annotated[list[Path] | None, typer.Option("--rules", metavar="FOLDER", help="Own rules, besides ours.")] = None,
) -> None:
    """Explain one rule: its page, with the cases that are its tests."""
    from mlscaffold.errors import ConfigInvalid
    from mlscaffold.lint.config import near
    from mlscaffold.lint.rule import load_rules
    from mlscaffold.resources import rules_folder

    found = load_rules((rules_folder(), *(folder or ())))
    for one in found:
        if code.upper() == one.code or code == one.name:
            text = one.page.read_text(encoding="utf-8")
            break
    else:
        raise ConfigInvalid(f"there is no rule {code!r}{near(code.upper(), [one.code for one in found])}")
    if sys.stdout.isatty():
        from rich.markdown import Markdown

        _console().print(Markdown(text))
    else:
        print(text, end="")


@app.command()
def patterns(
    name: Annotated[str, typer.Argument(help="One pattern, whole: when to use it, merits, demerits, diagram.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False,
) -> None:
    """Show the catalogue of serving patterns, or one of them."""
    from mlscaffold.patterns import catalogue, find
    from mlscaffold.resources import templates_folder

    chosen = [find(name)] if name else list(catalogue(templates_folder()))
    if as_json:
        print(json.dumps([_pattern_json(pattern) for pattern in chosen], indent=2, ensure_ascii=False))
    elif name:
        _show_pattern(chosen[0])
    else:
        _show_catalogue(chosen)


def _pattern_json(pattern: "Pattern") -> dict[str, object]:
    return as_dict(pattern)


def _show_catalogue(chosen: "list[Pattern]") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("pattern", "what it is", "stamped"):
        table.add_column(column, no_wrap=column != "what it is")
    group = ""
    for pattern in chosen:
        if pattern.group != group:
            group = pattern.group
            table.add_row(f"[dim]{group}[/]", "", "")
        state = "[red]refused[/]" if pattern.refused else "[green]yes[/]" if pattern.stamped else "[dim]not yet[/]"
        table.add_row(f"  [cyan]{pattern.name}[/]", pattern.summary, state)
    from rich.console import Console

    console = Console(highlight=False)
    console.print(table)
    console.print("\n[dim]mlscaffold patterns NAME shows one; mlscaffold new --pattern NAME stamps it.[/]")


def _show_pattern(pattern: "Pattern") -> None:
    from rich.markup import escape

    console = _console()
    aliases = f"  [dim]also: {', '.join(pattern.aliases)}[/]" if pattern.aliases else ""
    console.print(f"[bold]{pattern.title}[/] ({pattern.name}){aliases}\n{escape(pattern.summary)}")
    sections = (
        ("Use it when", pattern.when, "·"),
        ("Merits", pattern.merits, "+"),
        ("Demerits", pattern.demerits, "−"),
        ("What the template leaves to you", pattern.remains, "·"),
        ("To decide", pattern.decide, "?"),
        ("Services", tuple(f"{s.name or 'one per model'}: {s.does}" for s in pattern.services), "·"),
    )
    for title, lines, mark in sections:
        if lines:
            console.print(f"\n[bold]{title}[/]")
            for line in lines:
                console.print(f"  {mark} {escape(line)}")
    if pattern.diagram:
        console.print("\n[bold]Diagram[/] [dim](Mermaid)[/]")
        console.print(escape(pattern.diagram.rstrip()), style="dim")
    state = f"mlscaffold new --pattern {pattern.name}" if pattern.stamped else "described here; not stamped by this version yet"
    console.print(f"\n[bold]Stamp it[/]: {state}")
