"""Writes cases in which selectors leave exactly one choice of devices, with upstream's verdict on that choice.

Every recorded case of upstream's suite is taken apart: in each answer one device is exchanged for another, and where there
is no answer some devices are drawn. The choice is pinned by an attribute that names the device and a selector on it, so
that upstream has no other; "placed" then says that the choice is legal, "unfit" that it is not.

    python3 tests/verify/pin.py build/oracle > tests/vectors/verify/pinned.ndjson
"""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "upstream"
SEED = 20260826
CHOICES_PER_CASE = 8
LARGEST_CASE = 12_000
DOMAIN = "pin.example.com"

Device = tuple[str, str, str]
# Per claim and request: the alternative (or None) and the devices.
Choice = list[list[tuple[str | None, list[Device]]]]


def devices_of(case: dict) -> list[Device]:
    """All devices published, in order, each once."""
    ids = {}
    for piece in case["slices"]:
        spec = piece["spec"]
        for device in spec.get("devices", []):
            ids[spec["driver"], spec["pool"]["name"], device["name"]] = True
    return list(ids)


def ways(request: dict) -> list[tuple[str | None, dict]]:
    """The ways to serve a request, by the name of the alternative."""
    if request.get("firstAvailable"):
        return [(way["name"], way) for way in request["firstAvailable"]]
    return [(None, request["exactly"])]


def recorded(case: dict, results: list[dict]) -> Choice:
    """The choice that upstream made."""
    choice: Choice = []
    for claim, result in zip(case["claims"], results, strict=True):
        entries = result.get("devices", {}).get("results", [])
        chosen = []
        for request in claim["spec"]["devices"].get("requests", []):
            own = [e for e in entries if e["request"].split("/")[0] == request["name"]]
            alternative = own[0]["request"].partition("/")[2] if own else ""
            ids = [(e["driver"], e["pool"], e["device"]) for e in own]
            chosen.append((alternative or None, ids))
        choice.append(chosen)
    return choice


def drawn(case: dict, rng: random.Random) -> Choice:
    """Any choice with the right counts."""
    devices = devices_of(case)
    choice: Choice = []
    for claim in case["claims"]:
        chosen = []
        for request in claim["spec"]["devices"].get("requests", []):
            name, way = rng.choice(ways(request))
            count = min(way.get("count", 0), len(devices))
            chosen.append((name, rng.sample(devices, count)))
        choice.append(chosen)
    return choice


def exchanged(choice: Choice, devices: list[Device], rng: random.Random) -> Choice:
    """The choice with one device exchanged."""
    changed = copy.deepcopy(choice)
    places = [ids for chosen in changed for _, ids in chosen if ids]
    if places:
        ids = rng.choice(places)
        ids[rng.randrange(len(ids))] = rng.choice(devices)
    return changed


def pinned(case: dict, node: dict, choice: Choice) -> dict | None:
    """The case with nothing left to choose; None where that cannot be said with selectors."""
    new = copy.deepcopy({key: case[key] for key in case if key not in {"expect", "origin", "nodes"}})
    new["nodes"] = [
        {
            "metadata": node["metadata"],
            "status": {"declaredFeatures": node.get("status", {}).get("declaredFeatures", [])},
        }
    ]
    for piece in new["slices"]:
        spec = piece["spec"]
        for device in spec.get("devices", []):
            name = "/".join((spec["driver"], spec["pool"]["name"], device["name"]))
            device.setdefault("attributes", {})[f"{DOMAIN}/id"] = {"string": name}
    new["pinned"] = []
    for claim, chosen in zip(new["claims"], choice, strict=True):
        results = []
        requests = claim["spec"]["devices"].get("requests", [])
        for request, (alternative, ids) in zip(requests, chosen, strict=True):
            found = [way for name, way in ways(request) if name == alternative]
            if not found or len(set(ids)) != found[0].get("count") or found[0].get("allocationMode") == "All":
                return None
            way = found[0]
            names = json.dumps(["/".join(device) for device in ids])
            expression = f'device.attributes["{DOMAIN}"].id in {names}'
            way["selectors"] = [{"cel": {"expression": expression}}, *way.get("selectors", [])]
            if alternative is not None:
                request["firstAvailable"] = [way]
            reference = request["name"] if alternative is None else f"{request['name']}/{alternative}"
            results += [{"request": reference, "driver": d, "pool": p, "device": n} for d, p, n in ids]
        new["pinned"].append({"devices": {"results": results}})
    return new


def candidates() -> list[dict]:
    """All pinned cases, without verdict."""
    rng = random.Random(SEED)
    cases = []
    for name in ("allocator.ndjson", "lexicographical.ndjson"):
        for line in (VECTORS / name).read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            devices = devices_of(case)
            if not devices or len(line) > LARGEST_CASE:
                continue
            for node, answer in zip(case["nodes"], case["expect"]["nodes"], strict=True):
                if answer["outcome"] == "placed":
                    base = recorded(case, answer["results"])
                    choices = [base] + [exchanged(base, devices, rng) for _ in range(CHOICES_PER_CASE)]
                elif answer["outcome"] == "unfit":
                    choices = [drawn(case, rng) for _ in range(CHOICES_PER_CASE)]
                else:
                    continue
                seen = []
                for choice in choices:
                    new = pinned(case, node, choice)
                    if new is not None and new["pinned"] not in seen:
                        seen.append(new["pinned"])
                        new["name"] += f" #{len(seen)}"
                        cases.append(new)
    return cases


def main() -> None:
    """Asks the oracle and prints the cases on which it has a verdict."""
    cases = candidates()
    bare = [{key: case[key] for key in case if key != "pinned"} for case in cases]
    lines = "".join(json.dumps(case) + "\n" for case in bare)
    asked = subprocess.run([sys.argv[1], "allocate"], input=lines, capture_output=True, text=True, check=True)
    for case, line in zip(cases, asked.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        outcome = answer["nodes"][0]["outcome"]
        if outcome in {"placed", "unfit"}:
            case["expect"] = answer
            case["origin"] = "kubernetes v0.37.2, asked by tests/verify/pin.py"
            print(json.dumps(case, separators=(",", ":")))


if __name__ == "__main__":
    main()
