"""The command line: exit status, output forms, files, bad input."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster import Json, claim
from gpualloc import cli

if TYPE_CHECKING:
    from collections.abc import Sequence

# Captured output belongs to one thread.
pytestmark = pytest.mark.parallel_threads(1)

NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
Out = pytest.CaptureFixture[str]


@pytest.fixture
def cluster(tmp_path: Path, documents: list[Json]) -> str:
    return write(tmp_path, *documents[:-1], name="cluster.yaml")


def write(folder: Path, *documents: Json, name: str = "claims.yaml") -> str:
    path = folder / name
    path.write_text(yaml.safe_dump_all(documents))  # pyright: ignore[reportUnknownMemberType]
    return str(path)


def run(*arguments: str) -> int:
    return cli.main(arguments)


class TestAllocate:
    def test_placed(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        assert run("allocate", "-f", cluster, write(tmp_path, claim("two", 2))) == 0
        out = capsys.readouterr().out
        assert "placed on node a" in out
        assert "gpu-1" in out

    def test_json(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        # Names in reverse: asked in the order of the files, not by name.
        claims = write(tmp_path, claim("w"), claim("v"))
        assert run("allocate", "-f", cluster, "-f", claims, "-o", "json", "--node", "b") == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["outcome"], answer["node"]) == ("placed", "b")
        given = [(one["name"], one["allocation"]["devices"]["results"][0]["device"]) for one in answer["claims"]]
        assert given == [("w", "gpu-0"), ("v", "gpu-1")]

    def test_yaml(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        assert run("allocate", "-f", cluster, write(tmp_path, claim("x")), "-o", "yaml") == 0
        assert yaml.safe_load(capsys.readouterr().out)["outcome"] == "placed"

    def test_impossible(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        claims = write(tmp_path, claim("five", 5))
        assert run("allocate", "-f", cluster, claims) == 1
        assert "wants 5" in capsys.readouterr().out
        assert run("allocate", "-f", cluster, claims, "-o", "json") == 1
        answer = json.loads(capsys.readouterr().out)
        assert (answer["outcome"], answer["node"], answer["claims"]) == ("impossible", None, [])
        assert answer["why"]["nodes"]

    def test_error(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        wanted = claim("x")
        wanted["spec"]["devices"]["requests"][0]["exactly"]["deviceClassName"] = "missing"
        claims = write(tmp_path, wanted)
        assert run("allocate", "-f", cluster, claims) == 2
        assert "missing" in capsys.readouterr().err
        assert run("allocate", "-f", cluster, claims, "-o", "json") == 2
        answer = json.loads(capsys.readouterr().out)
        assert answer["outcome"] == "error"
        assert "missing" in answer["error"]

    def test_undecided(self, cluster: str, tmp_path: Path) -> None:
        assert run("allocate", "-f", cluster, write(tmp_path, claim("x")), "--max-steps", "1") == 3

    def test_named_claims(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        claims = write(tmp_path, claim("x"), claim("w"))
        assert run("allocate", "-f", cluster, claims, "--claim", "team/w", "-o", "json") == 0
        assert [one["name"] for one in json.loads(capsys.readouterr().out)["claims"]] == ["w"]

    def test_claims_stand_there_twice(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        asked = write(tmp_path, claim("one", 2))
        assert run("allocate", "-f", cluster, asked, asked) == 0
        assert run("allocate", "-f", cluster, asked, "--claim", "team/one", "--claim", "team/one") == 0
        assert capsys.readouterr().out.count("gpu-0") == 2

    def test_namespace_as_kubectl_has_it(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        document = claim("one")
        del document["metadata"]["namespace"]
        asked = write(tmp_path, document)
        assert run("allocate", "-f", cluster, asked, "--claim", "one") == 0
        assert "default/one" in capsys.readouterr().out
        assert run("allocate", "-f", cluster, asked, "--claim", "team/one", "-n", "team") == 0

    def test_gates(self, cluster: str, tmp_path: Path) -> None:
        claims = write(tmp_path, claim("x", adminAccess=True))
        assert run("allocate", "-f", cluster, claims) == 0
        assert run("allocate", "-f", cluster, claims, "--feature-gates", "DRAAdminAccess=false") == 2
        assert run("allocate", "-f", cluster, claims, "--feature-gates", "DRAAdminAccess") == 2
        assert run("allocate", "-f", cluster, claims, "--kubernetes", "1.20") == 2

    def test_stdin_folder_list(
        self, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
    ) -> None:
        class Stdin:
            buffer = io.BytesIO(json.dumps({"kind": "List", "apiVersion": "v1", "items": [claim("x")]}).encode())

        monkeypatch.setattr(sys, "stdin", Stdin())
        assert run("allocate", "-f", str(Path(cluster).parent), "-", "-o", "json") == 0
        assert json.loads(capsys.readouterr().out)["claims"][0]["name"] == "x"
        assert tmp_path == Path(cluster).parent

    def test_typed_list(self, cluster: str, tmp_path: Path) -> None:
        item = {key: value for key, value in claim("x").items() if key in ("metadata", "spec")}
        listed = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimList", "items": [item]}
        assert run("allocate", "-f", cluster, write(tmp_path, listed)) == 0

    def test_unknown_kinds_are_noted(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
        assert run("allocate", "-f", cluster, write(tmp_path, web, claim("x"))) == 0
        assert "note: Deployment web" in capsys.readouterr().err


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("a: 1\nb: [\n", "bad.yaml:3: not YAML"),
            ("kind: Node\nkind: Pod\n", "bad.yaml:2: key 'kind' is given twice"),
            ("---\nkind: Node\napiVersion: v1\n---\n- 1\n", "bad.yaml:5: a document is a mapping"),
            ("\n\napiVersion: v1\nkind: Node\nmetadata: {name: 7}\n", "bad.yaml:3: "),
            (
                NODE + "---\n" + NODE.replace("}", ", uid: x}"),
                "bad.yaml:5: ",
            ),
            ("x: &x [*x]\n", "bad.yaml:1: "),
            ("[" * 100_000, "bad.yaml: nested too deeply"),
            ("{" * 100_000, "nesting depth"),
            ("", "nothing is asked"),
        ],
    )
    def test_file_and_line(self, tmp_path: Path, text: str, complaint: str, capsys: Out) -> None:
        path = tmp_path / "bad.yaml"
        path.write_text(text)
        assert run("allocate", "-f", str(path)) == 2
        assert complaint in capsys.readouterr().err

    def test_no_such_file(self, tmp_path: Path, capsys: Out) -> None:
        assert run("allocate", "-f", str(tmp_path / "none.yaml")) == 2
        assert "none.yaml: No such file" in capsys.readouterr().err

    def test_not_text(self, tmp_path: Path, capsys: Out) -> None:
        path = tmp_path / "bad.json"
        path.write_bytes(b'{\n"a": "\xff"}')
        assert run("allocate", "-f", str(path)) == 2
        assert "bad.json:2: not UTF-8" in capsys.readouterr().err

    def test_no_such_claim(self, cluster: str, capsys: Out) -> None:
        assert run("allocate", "-f", cluster, "--claim", "team/none") == 2
        assert "team/none" in capsys.readouterr().err

    def test_usage(self) -> None:
        for arguments in ([], ["allocate"], ["allocate", "-f", "x", "--pod", "a/b", "--claim", "a/c"]):
            with pytest.raises(SystemExit) as caught:
                run(*arguments)
            assert caught.value.code == 2


class TestVerify:
    def allocated(self, device: str) -> Json:
        document = claim("x")
        results = [{"request": "gpus", "driver": "gpu.example.com", "pool": "a", "device": device}]
        selector = {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}]
        }
        document["status"] = {"allocation": {"devices": {"results": results}, "nodeSelector": selector}}
        return document

    def test_legal(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        assert run("verify", "-f", cluster, write(tmp_path, self.allocated("gpu-1"))) == 0
        assert "yes" in capsys.readouterr().out

    def test_not_legal(self, cluster: str, tmp_path: Path, capsys: Out) -> None:
        claims = write(tmp_path, self.allocated("gpu-9"))
        assert run("verify", "-f", cluster, claims, "--claim", "team/x") == 1
        assert "gpu-9" in capsys.readouterr().out
        assert run("verify", "-f", cluster, claims, "-o", "json") == 1
        (judged,) = json.loads(capsys.readouterr().out)["claims"]
        assert judged["legal"] is False
        assert judged["objections"]

    def test_nothing(self, cluster: str) -> None:
        assert run("verify", "-f", cluster) == 2


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1e3", 1000),
            ("190:20:30", "190:20:30"),
            ("2001-01-01", "2001-01-01"),
            ("'yes'", "yes"),
            ("yes", True),
            ("off", False),
            ("0x1F", 31),
            ("0o17", 15),
            ("017", 15),
            ("1_000", 1000),
            ("~", None),
            ("1.5", 1.5),
            ("80Gi", "80Gi"),
            ("!!str 5", "5"),
            ("'5'", "5"),
            ("18446744073709551615", 18446744073709551615),
            ("1e400", "1e400"),
            ("=", "="),
        ],
    )
    def test_scalars(self, text: str, value: object) -> None:
        from gpualloc import _yaml

        (found,) = _yaml.read("x", f"a: {text}\n")
        assert found.document == {"a": value}
        assert type(found.document["a"]) is type(value)
        (again,) = _yaml.read("x", _yaml.dump(found.document))
        assert again.document == found.document

    def test_merge_and_alias(self) -> None:
        from gpualloc import _yaml

        (found,) = _yaml.read("x", "a: &a {x: 1, z: 2}\nb: {<<: *a, z: 3}\nc: *a\n")
        assert found.document["b"] == {"x": 1, "z": 3}
        assert found.document["c"] == {"x": 1, "z": 2}


def process(arguments: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def test_as_a_program(cluster: str, tmp_path: Path) -> None:
    claims = write(tmp_path, claim("x"))
    done = process(["-m", "gpualloc", "allocate", "-f", cluster, claims])
    assert (done.returncode, done.stderr) == (0, "")


def test_without_extras(documents: list[Json], tmp_path: Path) -> None:
    """JSON works without PyYAML and rich; YAML says what is missing."""
    path = tmp_path / "all.json"
    path.write_text(json.dumps(documents))
    hide = (
        "import sys; sys.modules['yaml'] = sys.modules['rich'] = None; from gpualloc import cli; sys.exit(cli.main())"
    )
    done = process(["-c", hide, "allocate", "-f", str(path)])
    assert done.returncode == 0, done.stderr
    (tmp_path / "x.yaml").write_text("kind: Node\n")
    done = process(["-c", hide, "allocate", "-f", str(tmp_path / "x.yaml")])
    assert done.returncode == 2
    assert "gpualloc[cli]" in done.stderr


def test_import_is_light() -> None:
    code = "import sys; before = set(sys.modules); import gpualloc; print(*sorted(set(sys.modules) - before))"
    loaded = process(["-c", code], env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout.split()
    assert set(loaded) <= {"__future__", "gpualloc", "gpualloc._errors", "gpualloc._native"}
