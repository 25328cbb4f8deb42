"""Confidential computing written into slices that a driver has published, by the labels of their node.

Without this file nobody would notice if a label or a verdict were lost on a host without NVML, if a host in protected
PCIe were published in parts, or if a slice that says something odd were an exception that names nothing.
"""

from __future__ import annotations

import json

import pytest

import gpualloc as ga
from gpualloc.nvml import confidential
from nvml_hosts import HOSTS, Json, devices_of
from test_attestation import HOUR, NOON, verdict
from test_confidential import asking, inventory, said, taints


class TestAnnotate:
    """Slices that the driver published, with the labels of their node: no NVML there."""

    def golden(self, name: str = "t4-x2.passthrough") -> list[Json]:
        slices: list[Json] = json.loads((HOSTS / f"{name}.slices.json").read_text())["slices"]
        return slices

    def test_label_and_verdict(self) -> None:
        slices = self.golden()
        made = confidential.annotate(
            slices,
            labels={"nvidia.com/cc.mode": "on"},
            attestation=confidential.Attestation((verdict(-1, 1, "0000:00:1e.0"),), NOON),
        )
        claim = asking(0, "vfio.gpu.nvidia.com", confidential.ATTESTED_PRODUCTION)
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": slices[0]["spec"]["nodeName"]}}
        cluster = inventory({"slices": made.slices, "node": node})
        answer = cluster.allocate(claim)
        assert [one["device"] for one in answer.claims[0].to_dict()["devices"]["results"]] == ["gpu-vfio-0"]
        assert not cluster.commit(answer).allocate(asking(1, "vfio.gpu.nvidia.com", confidential.ATTESTED_PRODUCTION))
        assert slices == self.golden()

    def test_looked_at_again_later(self) -> None:
        first = confidential.annotate(
            self.golden(),
            labels={"nvidia.com/cc.mode": "on"},
            attestation=confidential.Attestation((verdict(),), NOON),
        )
        later = confidential.annotate(first.slices, attestation=confidential.Attestation((verdict(),), NOON + 2 * HOUR))
        renewed = confidential.annotate(
            later.slices, attestation=confidential.Attestation((verdict(1, 3),), NOON + 2 * HOUR)
        )
        for made, state in ((first, []), (later, [("attestation", "expired")]), (renewed, [])):
            for device in devices_of(made.slices).values():
                assert taints(device) == state
                assert said(device)["attested"] is not bool(state)
                assert ("attestedUntil" in said(device)) is not bool(state)

    def test_protected_pcie(self) -> None:
        slices = self.golden("gb200-x4.health-xid")
        made = confidential.annotate(slices, labels={"nvidia.com/cc.mode": "ppcie"})
        (device,) = devices_of(made.slices).values()
        assert (device["name"], said(device)["gpus"]) == ("ppcie", 4)
        # What keeps pods away from one GPU keeps them away from the host.
        assert [one["key"] for one in device["taints"]] == ["gpu.nvidia.com/xid"]
        assert ga.validate(list(made.slices)) == []

    def test_protected_pcie_needs_all_slices(self) -> None:
        slices = self.golden()
        slices[0]["spec"]["pool"]["resourceSliceCount"] = 2
        with pytest.raises(ga.InvalidInputError, match=r"spec.pool.resourceSliceCount: protected PCIe needs all"):
            confidential.annotate(slices, labels={"nvidia.com/cc.mode": "ppcie"})

    @pytest.mark.parametrize(("memory", "total"), [("80G", "625000000Ki"), ("1.5Ki", "12Ki"), ("1e3", "8000")])
    def test_protected_pcie_adds_up_any_quantity(self, memory: str, total: str) -> None:
        (one,) = self.golden("t4-x2.passthrough")
        first = next(device for device in one["spec"]["devices"] if device["name"] == "gpu-0")
        one["spec"]["devices"] = [
            {
                **first,
                "name": f"gpu-{number}",
                "attributes": {**first["attributes"], "uuid": {"string": f"GPU-{number}"}},
                "capacity": {"memory": {"value": memory}},
            }
            for number in range(8)
        ]
        made = confidential.annotate([one], labels={"nvidia.com/cc.mode": "ppcie"})
        assert devices_of(made.slices)["ppcie"]["capacity"] == {"memory": {"value": total}}

    @pytest.mark.parametrize(
        ("attribute", "value", "error"),
        [
            (
                "cc.gpualloc/protectedMemory",
                {"string": "80Gi"},
                r"attributes\[cc.gpualloc/protectedMemory\]: must be an",
            ),
            ("uuid", {"int": 1}, r"attributes\[uuid\]: is required in protected PCIe"),
        ],
    )
    def test_protected_pcie_of_odd_devices(self, attribute: str, value: Json, error: str) -> None:
        slices = self.golden()
        for device in slices[0]["spec"]["devices"]:
            device["attributes"][attribute] = value
        with pytest.raises(ga.InvalidInputError, match=f"device gpu-0: {error}"):
            confidential.annotate(slices, labels={"nvidia.com/cc.mode": "ppcie"})

    @pytest.mark.parametrize(
        ("document", "error"),
        [
            ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}, "must be a ResourceSlice"),
            ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}, "must be a ResourceSlice"),
            ({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "a"}}, "spec"),
        ],
    )
    def test_bad_input(self, document: Json, error: str) -> None:
        with pytest.raises(ga.InvalidInputError, match=error):
            confidential.annotate([document])

    @pytest.mark.parametrize("mode", ["on", "devtools", "ppcie"])
    def test_null_is_absent(self, mode: str) -> None:
        """A client's object has all fields, most of them null."""
        bare, full = self.golden(), self.golden()
        for one in full:
            for device in one["spec"]["devices"]:
                device |= {"taints": None, "consumesCounters": None}
        labels = {"nvidia.com/cc.mode": mode}
        assert confidential.annotate(full, labels=labels) == confidential.annotate(bare, labels=labels)
        for device in full[0]["spec"]["devices"]:
            device |= {"attributes": None, "capacity": None}
        assert confidential.annotate(full, labels={"nvidia.com/cc.mode": "on"}).slices

    def test_nothing_known(self) -> None:
        assert list(confidential.annotate(self.golden(), labels={}).slices) == self.golden()
