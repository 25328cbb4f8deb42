"""A node's tools, for scripts that are run for real: what they change is kept in a file, and they print as theirs do.

Called under the tool's name, from a folder that stands first in PATH. State: `$NODE/state.json`; /proc, /sys and /dev
are folders below `$NODE`, which scripts are made to use. What a real tool refuses is refused.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(os.environ["NODE"])
STATE = ROOT / "state.json"


def fail(message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(1)


def smi(state: dict, words: list[str]) -> None:
    if words == ["-L"]:
        for number, (uuid, gpu) in enumerate(state["gpus"].items()):
            print(f"GPU {number}: {gpu['product']} (UUID: {uuid})")
            for place, gi in enumerate(gpu["instances"]):
                print(f"  MIG {gi['name']:<12} Device {place:>2}: (UUID: {gi['uuid']})")
        return
    gpu = find(state, words[words.index("-i") + 1])
    at = words.index("-i")
    rest = words[:at] + words[at + 2 :]
    if rest == ["-q"]:
        query(gpu)
    elif rest[0] == "mig":
        partition(state, gpu, rest[1:])
    else:
        settle(gpu, rest)


def settle(gpu: dict, rest: list[str]) -> None:
    if rest[0] == "compute-policy":
        if gpu["mode"] != "DEFAULT":
            fail("time slices need the default compute mode")
        gpu["slice"] = int(rest[2])
    elif rest[0] == "-mig":
        if gpu["instances"]:
            fail("In use by another client")
        gpu["mig"] = rest[1] == "1"
    elif rest[0] == "-c":
        gpu["mode"] = rest[1]
    elif rest[0] == "-pm":
        gpu["persistence"] = rest[1] == "1"
    else:
        fail(f"unknown {rest}")
    print("All done.")


def find(state: dict, key: str) -> dict:
    for uuid, gpu in state["gpus"].items():
        if key in (uuid, gpu["bus"]):
            if gpu["driver"] != "nvidia":
                fail("No devices were found")
            return gpu
    fail(f"no GPU {key}")
    return {}


def query(gpu: dict) -> None:
    print("    MIG Mode\n        Current                           :", "Enabled" if gpu["mig"] else "Disabled")
    for place, gi in enumerate(gpu["instances"]):
        print("    MIG Device")
        print(f"        Index                             : {place}")
        print(f"        GPU Instance ID                   : {gi['id']}")
        print("        Compute Instance ID               : 0")
    print("    Processes\n        GPU instance ID                   : 99")


def partition(state: dict, gpu: dict, words: list[str]) -> None:
    if not gpu["mig"]:
        fail("No MIG-enabled devices found.")
    if words[0] == "-lgi":
        print("+-------------------------------------------------------+")
        print("| GPU instances:                                        |")
        print("| GPU   Name             Profile  Instance   Placement  |")
        print("|                          ID       ID       Start:Size |")
        for gi in gpu["instances"]:
            print(
                f"|   0  MIG {gi['name']:<16} {gi['profile']:>3}   {gi['id']:>6}   {gi['start']:>8}:{gi['size']}     |"
            )
        return
    if words[0] == "-cgi":
        create(state, gpu, words[1])
    else:
        change(gpu, words)


def create(state: dict, gpu: dict, place: str) -> None:
    profile, start = map(int, place.split(":"))
    name, size = state["profiles"][str(profile)]
    for gi in gpu["instances"]:
        if start < gi["start"] + gi["size"] and gi["start"] < start + size:
            fail("Insufficient Resources")
    state["next"] += 1
    gi = {
        "id": state["next"],
        "profile": profile,
        "name": name,
        "start": start,
        "size": size,
        "uuid": "",
        "full": 0,
    }
    gpu["instances"].insert(0, gi)
    print(f"Successfully created GPU instance ID {gi['id']:>2} on GPU  0 using profile MIG {name} (ID {profile})")


def change(gpu: dict, words: list[str]) -> None:
    [gi] = [one for one in gpu["instances"] if str(one["id"]) == words[1]]
    folder = ROOT / "proc/driver/nvidia/capabilities" / f"gpu{gpu['minor']}" / "mig" / f"gi{gi['id']}"
    if words[2] == "-cci":
        gi["full"], gi["uuid"] = 1, f"MIG-{gpu['minor']}-{gi['id']}"
        for path, minor in ((folder / "access", 100 + gi["id"]), (folder / "ci0" / "access", 200 + gi["id"])):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\n")
    elif words[2] == "-dci":
        gi["full"] = 0
    elif words[2] == "-dgi":
        if gi["full"]:
            fail("In use by another client")
        gpu["instances"].remove(gi)
    print("Successfully done")


def mps(state: dict, words: list[str]) -> None:
    pipe = os.environ["CUDA_MPS_PIPE_DIRECTORY"]
    if not Path(pipe).is_dir():
        fail("no pipe directory")
    if words[:1] == ["-d"]:
        state["daemons"][pipe] = {
            "devices": os.environ["CUDA_VISIBLE_DEVICES"].split(","),
            "log": os.environ["CUDA_MPS_LOG_DIRECTORY"],
            "multiUser": "-M" in words,
            "shm": os.environ.get("DEV_SHM", ""),
            "told": [],
        }
        return
    line = sys.stdin.read().strip()
    if line == "quit":
        del state["daemons"][pipe]
    else:
        state["daemons"][pipe]["told"].append(line)


def mount(state: dict, words: list[str]) -> None:
    if words[-1] in state["mounts"] or not Path(words[-1]).is_dir():
        fail("mount point")
    state["mounts"][words[-1]] = words[:-1]


def umount(state: dict, words: list[str]) -> None:
    del state["mounts"][words[0]]


def kubectl(state: dict, words: list[str]) -> None:
    if words[:2] == ["label", "node"]:
        key, _, value = words[3].partition("=")
        if words[3].endswith("-"):
            del state["labels"][words[3][:-1]]
        elif state["labels"].setdefault(key, value) != value:
            fail("already has a value")
    elif "wait" in words:
        state["waited"] = words
        if not state["labels"]:
            fail("timed out waiting for the condition")
    print("node labelled")


def fmpm(state: dict, words: list[str]) -> None:
    (state["partitions"].append if words[0] == "-a" else state["partitions"].remove)(int(words[1]))


def main() -> None:
    tool, words = Path(sys.argv[0]).name, sys.argv[1:]
    state = json.loads(STATE.read_text())
    state["calls"].append([tool, *words])
    if tool == "unshare":
        # A mount namespace of its own: what is bound to /dev/shm is told to the daemon.
        assert words[:4] == ["--mount", "sh", "-c", 'mount --bind "$0" /dev/shm && exec "$@"'], words
        STATE.write_text(json.dumps(state))
        os.environ["DEV_SHM"] = words[4]
        os.execvp(words[5], words[5:])
    if tool == "fuser":
        sys.exit(0 if words[1] in state["open"] else 1)
    tools = {"nvidia-smi": smi, "nvidia-cuda-mps-control": mps, "kubectl": kubectl, "fmpm": fmpm}
    others = {"mount": mount, "umount": umount, "modprobe": lambda _state, _words: None, "sleep": lambda _s, _w: None}
    ({**tools, **others}[tool])(state, words)
    STATE.write_text(json.dumps(state))


main()
