"""The command line: `gpualloc allocate`, `explain`, `verify`, `prepare`, `unprepare`, `discover`, `topology`, `fleet`.

Reads files, asks the engine, prints; what looks at machines has modules of its own. Exit status: 0 placed (or legal, or
found), 1 impossible (or not legal), 2 bad input or an error of upstream's, 3 undecided. Decides nothing. Start at
:func:`main`.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gpualloc import (
    GpuallocError,
    InvalidInputError,
    Inventory,
    __version__,
    _cli_prepare,
    _discover,
    _fleet,
    _render,
    _topology,
    _yaml,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpualloc import Answer

__all__ = ["main"]

_EXIT = {"placed": 0, "impossible": 1, "error": 2, "undecided": 3}
_BAD_INPUT = 2
_SUFFIXES = (".yaml", ".yml", ".json")
_NAMESPACED = ("ResourceClaim", "ResourceClaimTemplate", "Pod")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status = _run(options)
        sys.stdout.flush()
    except _yaml.FileError as error:
        return _fail(str(error))
    except GpuallocError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # Whoever read the output has seen enough; without this the interpreter complains when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BAD_INPUT
    except OSError as error:
        return _fail(f"cannot write the answer: {error.strerror or error}")
    except KeyboardInterrupt:
        return 130
    return status


def _run(options: argparse.Namespace) -> int:
    if options.command in _OF_MACHINES:
        return _OF_MACHINES[options.command](options)
    return _COMMANDS[options.command](options, _load(options.filename, options.namespace))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpualloc",
        description="Allocates Kubernetes ResourceClaims exactly as upstream does, explains what does not fit, "
        "judges allocations, finds the GPUs of this machine, and draws what lies between them.",
        epilog="exit status: 0 placed or legal, 1 impossible or not legal, 2 bad input or an error, 3 undecided",
    )
    parser.add_argument("--version", action="version", version=f"gpualloc {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = (_common(),)
    allocate = commands.add_parser("allocate", parents=common, help="find devices for claims on a node")
    explain = commands.add_parser(
        "explain", parents=common, help="say why claims fit nowhere, and which changes would make them fit"
    )
    verify = commands.add_parser("verify", parents=common, help="judge claims that some scheduler has allocated")
    _discover.add_parser(commands)
    _topology.add_parser(commands)
    _fleet.add_parser(commands)
    for command in (allocate, explain, verify):
        command.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")
    _cli_prepare.add(commands, common)
    prepare = commands.choices["prepare"]
    explain.epilog = (
        "with -o json each group of nodes comes with a proof for its first, as Inventory.check_proof takes it"
    )
    groups = [command.add_mutually_exclusive_group() for command in (allocate, explain, prepare)]
    for asked in groups:
        asked.add_argument("--pod", metavar="NS/NAME", help="ask for the claims of this pod")
    for group in (*groups, verify):
        group.add_argument(
            "--claim", action="append", default=[], metavar="NS/NAME", help="a claim; may be given several times"
        )
    for command in (allocate, explain, prepare):
        command.add_argument("--max-steps", type=_steps, metavar="N", help="give up as undecided after this many steps")
    return parser


def _common() -> argparse.ArgumentParser:
    """What all commands take that read a cluster."""
    command = argparse.ArgumentParser(add_help=False)
    command.add_argument(
        "-f",
        "--filename",
        action="extend",
        nargs="+",
        required=True,
        metavar="FILE",
        help="YAML or JSON with one or more documents, a folder of them, or - for stdin",
    )
    command.add_argument(
        "-n",
        "--namespace",
        default="default",
        metavar="NS",
        help="namespace of documents and names that have none (default: default)",
    )
    command.add_argument(
        "--node", type=_filled, metavar="NODE", help="the node (default: the first by name that takes them)"
    )
    command.add_argument("--kubernetes", default="1.37", metavar="1.37", help="version whose feature gates hold")
    command.add_argument(
        "--feature-gates", default="", metavar="A=true,B=false", help="gates that differ from that version's"
    )
    return command


def _steps(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 64:
        raise ValueError
    return number


def _filled(text: str) -> str:
    if not text:
        raise ValueError
    return text


# --- input ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Loaded:
    inventory: Inventory
    claims: list[dict[str, Any]]
    """The claims in the order of the files."""
    domains: list[dict[str, Any]]
    """The ComputeDomains, which the engine does not know."""


def _load(names: Sequence[str], namespace: str) -> _Loaded:
    found = [one for name, text in _texts(names) for one in _yaml.read(name, text)]
    flat = [
        _yaml.Found(_in_namespace(one.document, namespace), one.name, one.line)
        for each in found
        for one in _items(each)
    ]
    try:
        inventory = Inventory.from_documents([one.document for one in flat])
    except InvalidInputError as error:
        raise _placed_in_file(error, flat) from None
    for remark in inventory.report:
        print(f"note: {remark}", file=sys.stderr)
    claims, domains = (
        [one.document for one in flat if one.document.get("kind") == kind]
        for kind in ("ResourceClaim", "ComputeDomain")
    )
    return _Loaded(inventory, claims, domains)


def _texts(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name == "-":
            yield "stdin", _decode("stdin", sys.stdin.buffer.read())
            continue
        path = Path(name)
        try:
            files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES) if path.is_dir() else [path]
            for file in files:
                yield str(file), _decode(str(file), file.read_bytes())
        except (OSError, ValueError) as error:
            raise _yaml.FileError(name, 0, getattr(error, "strerror", None) or str(error)) from None


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _yaml.FileError(name, content.count(b"\n", 0, error.start) + 1, "not UTF-8 text") from None


def _items(found: _yaml.Found) -> Iterator[_yaml.Found]:
    """The documents of a list; a typed list gives its items their kind."""
    kind, items = found.document.get("kind"), found.document.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)):
        yield found
        return
    implied = {} if kind == "List" else {"apiVersion": found.document.get("apiVersion"), "kind": kind[: -len("List")]}
    for item in cast("list[object]", items):
        if not isinstance(item, dict):
            raise _yaml.FileError(found.name, found.line, "items of a list are documents")
        yield _yaml.Found({**implied, **cast("dict[str, Any]", item)}, found.name, found.line)


def _in_namespace(document: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The document as `kubectl` would apply it: what lives in a namespace and names none gets the one asked for."""
    metadata = _table(document, "metadata")
    if document.get("kind") not in _NAMESPACED or not metadata or metadata.get("namespace"):
        return document
    return {**document, "metadata": {**metadata, "namespace": namespace}}


def _qualified(name: str, namespace: str) -> str:
    return name if "/" in name else f"{namespace}/{name}"


def _name(document: dict[str, Any]) -> str:
    metadata = _table(document, "metadata")
    return "/".join(
        part for part in (metadata.get("namespace"), metadata.get("name")) if part and isinstance(part, str)
    )


def _table(document: dict[str, Any], field: str) -> dict[str, Any]:
    value = document.get(field)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _placed_in_file(error: InvalidInputError, found: Sequence[_yaml.Found]) -> Exception:
    """The error with file and line of the document that is to blame; it is read once more, alone."""
    for one in found:
        try:
            Inventory.from_documents(one.document)
        except InvalidInputError as again:
            return _yaml.FileError(one.name, one.line, str(again))
    # Each is fine alone: it stands there twice.
    same = [one for one in found if f"{one.document.get('kind')} {_name(one.document)}" == error.document]
    return _yaml.FileError(same[-1].name, same[-1].line, str(error)) if same else error


def _feature_gates(text: str) -> dict[str, bool]:
    gates: dict[str, bool] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if value.lower() not in ("true", "false"):
            raise InvalidInputError(f"{part!r} is not of the form NAME=true or NAME=false", "", "--feature-gates")
        gates[name] = value.lower() == "true"
    return gates


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return _BAD_INPUT


# --- allocate ---------------------------------------------------------------------------------------------------------


def _asked(options: argparse.Namespace, loaded: _Loaded) -> list[str] | None:
    """The claims asked for; nothing where a pod is."""
    if options.pod:
        return None
    named = [_qualified(name, options.namespace) for name in options.claim]
    # A claim may stand in the files, or among the arguments, more than once.
    asked = list(dict.fromkeys(named or [_name(claim) for claim in loaded.claims if not _is_allocated(claim)]))
    if not asked:
        pods = ", ".join(loaded.inventory.pods)
        hint = f"; ask for a pod with --pod: {pods}" if pods else ""
        raise InvalidInputError(f"nothing is asked: the files hold no claim without an allocation{hint}")
    return asked


def _allocate(options: argparse.Namespace, loaded: _Loaded) -> int:
    answer = _answer(options, loaded, _asked(options, loaded))
    if options.output == "table":
        _print_answer(answer)
    else:
        _render.document(sys.stdout, options.output, answer.to_dict())
    return _EXIT[answer.outcome]


def _answer(options: argparse.Namespace, loaded: _Loaded, asked: list[str] | None) -> Answer:
    return loaded.inventory.allocate(
        asked,
        pod=options.pod and _qualified(options.pod, options.namespace),
        nodes=None if options.node is None else [options.node],
        max_steps=options.max_steps,
        kubernetes=options.kubernetes,
        feature_gates=_feature_gates(options.feature_gates),
    )


def _is_allocated(claim: dict[str, Any]) -> bool:
    return _table(claim, "status").get("allocation") is not None


def _print_answer(answer: Answer) -> None:
    if answer.outcome == "placed":
        print(f"placed on node {answer.node}\n")
        _render.allocations(sys.stdout, answer.to_dict()["claims"])
    elif answer.outcome == "impossible":
        print(f"impossible{f' on node {answer.node}' if answer.node else ''}\n")
        print(answer.why)
    elif answer.outcome == "error":
        where = f" on node {answer.node}" if answer.node else ""
        print(f"error{where}: {answer.error}", file=sys.stderr)
    else:
        print(f"undecided after {answer.steps} steps; allow more with --max-steps")
    if sys.stdout.isatty() and not _render.has_rich():
        print("hint: pip install 'gpualloc[cli]' for tables that fit the terminal", file=sys.stderr)


# --- explain ----------------------------------------------------------------------------------------------------------


def _explain(options: argparse.Namespace, loaded: _Loaded) -> int:
    advice = loaded.inventory.explain(
        _asked(options, loaded),
        pod=options.pod and _qualified(options.pod, options.namespace),
        nodes=None if options.node is None else [options.node],
        max_steps=options.max_steps,
        kubernetes=options.kubernetes,
        feature_gates=_feature_gates(options.feature_gates),
    )
    if options.output == "table":
        print(advice)
    else:
        _render.document(sys.stdout, options.output, advice.to_dict())
    return _EXIT[advice.outcome]


# --- verify -----------------------------------------------------------------------------------------------------------


def _verify(options: argparse.Namespace, loaded: _Loaded) -> int:
    named = [_qualified(name, options.namespace) for name in options.claim]
    names = list(dict.fromkeys(named or [_name(claim) for claim in loaded.claims if _is_allocated(claim)]))
    if not names:
        raise InvalidInputError("nothing to judge: the files hold no claim with an allocation")
    gates = _feature_gates(options.feature_gates)
    judged: list[dict[str, Any]] = []
    rows: list[list[str]] = []
    for name in names:
        objections = loaded.inventory.verify(
            name, node=options.node, kubernetes=options.kubernetes, feature_gates=gates
        )
        namespace, _, short = name.rpartition("/")
        rows.extend([name, "no", objection.field, objection.text] for objection in objections)
        if not objections:
            rows.append([name, "yes", "", ""])
        judged.append(
            {
                "namespace": namespace,
                "name": short,
                "legal": not objections,
                "objections": [{"field": objection.field, "text": objection.text} for objection in objections],
            },
        )
    if options.output == "table":
        _render.table(sys.stdout, ("CLAIM", "LEGAL", "FIELD", "OBJECTION"), rows)
    else:
        _render.document(sys.stdout, options.output, {"claims": judged})
    return 0 if all(one["legal"] for one in judged) else 1


# --- prepare ----------------------------------------------------------------------------------------------------------


def _prepare(options: argparse.Namespace, loaded: _Loaded) -> int:
    inventory = loaded.inventory
    named = list(dict.fromkeys(_qualified(name, options.namespace) for name in options.claim))
    claims = None if options.pod else named or [_name(claim) for claim in loaded.claims]
    held = set(inventory.held_claims)
    if claims is None or not held.issuperset(claims):
        answer = _answer(options, loaded, claims if claims is None else [one for one in claims if one not in held])
        if not answer:
            _print_answer(answer)
            return _EXIT[answer.outcome]
        inventory = inventory.commit(answer)
        claims = claims or [one.claim for one in answer.claims]
    if not claims:
        raise InvalidInputError("nothing to prepare: the files hold no claim")
    plans = _cli_prepare.to_prepare(options, inventory, claims, loaded.domains, _feature_gates)
    if options.node is not None:
        plans = tuple(one for one in plans if one.node == options.node)
    _cli_prepare.render(plans, options.output)
    return 0


def _unprepare(options: argparse.Namespace, loaded: _Loaded) -> int:
    del loaded
    _cli_prepare.render(_cli_prepare.to_unprepare(options), options.output)
    return 0


_COMMANDS = {
    "allocate": _allocate,
    "explain": _explain,
    "verify": _verify,
    "prepare": _prepare,
    "unprepare": _unprepare,
}
_OF_MACHINES = {"discover": _discover.run, "topology": _topology.run, "fleet": _fleet.run}
