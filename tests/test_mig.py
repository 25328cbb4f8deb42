"""The tables of MIG cards against what the real driver published for recorded cards.

Without this file a wrong figure, name or start in a table, or a wrong word in a counter, would show only on a real
card: as partitions that nobody can create.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

import gpualloc as ga
from gpualloc import mig
from gpualloc.mig.profile import FIGURES
from mig_cluster import RECORDED, recorded_card, told

# Recorded figures of these cards that were made up to fill gaps; the tables have the gaps.
GAPS = ("b200-x8", "gb200-x4")
PARTITIONED = [host for host in RECORDED if RECORDED[host]["counterSet"]]


class TestTables:
    @pytest.mark.parametrize("host", RECORDED)
    def test_same_as_recorded(self, host: str) -> None:
        recorded = RECORDED[host]
        table = mig.card(recorded["product"], memory_bytes=recorded["memoryBytes"])
        assert recorded["pciDeviceId"] in table.pci_device_ids
        assert table == mig.card("?", pci_device_id=recorded["pciDeviceId"], memory_bytes=recorded["memoryBytes"])
        by_index = {profile.enum_index: profile for profile in recorded_card(host).profiles}
        assert len(by_index) == len(table.profiles)
        for profile in table.profiles:
            known = {figure: value for figure in FIGURES if (value := getattr(profile, figure)) is not None}
            filled = {figure: getattr(by_index[profile.enum_index], figure) for figure in profile.unpublished}
            assert dataclasses.replace(profile, **filled) == by_index[profile.enum_index]
            assert known or host in GAPS
        assert bool(table.unpublished) == (host in GAPS)

    def test_same_as_a_real_card_said(self) -> None:
        """The one card that was asked itself: `h200-x1` is no made-up host."""
        host = json.loads((Path(__file__).parent / "nvml" / "hosts" / "h200-x1.json").read_text())
        (said,) = host["migProfileSets"].values()
        table = {f"MIG {profile.name}": profile for profile in mig.card(host["gpus"][0]["name"]).profiles}
        assert set(table) == {one["nvmlName"] for one in said}
        for one in said:
            profile = dataclasses.asdict(table[one["nvmlName"]])
            figures = {re.sub("[A-Z]+[a-z]*", lambda word: f"_{word[0].lower()}", key): one[key] for key in one}
            figures = {key: value for key, value in figures.items() if key in profile}
            figures["starts"] = tuple(figures["starts"])
            assert figures.items() <= profile.items()
            assert set(FIGURES) - {"memory_mib"} <= set(figures)
            assert profile["memory_mib"] == one["memoryMiB"]

    @pytest.mark.parametrize("card", mig.cards(), ids=lambda card: card.key)
    def test_sound(self, card: mig.Card) -> None:
        assert len({profile.id for profile in card.profiles}) == len(card.profiles)
        assert len({profile.enum_index for profile in card.profiles}) == len(card.profiles)
        assert len({profile.name for profile in card.profiles}) == len(card.profiles)
        largest = max(card.profiles, key=lambda profile: profile.memory_slices)
        assert largest.starts == (0,)
        assert largest.memory_slices == card.memory_slices
        assert largest.name.startswith(f"{card.compute_slices}g.{card.memory_gib}gb")
        assert card.sources
        for profile in card.profiles:
            assert str(mig.ProfileName.parse(profile.name)) == profile.name
            assert profile.max_instances <= len(profile.starts)
            assert all(start + profile.memory_slices <= card.memory_slices for start in profile.starts)
            for figure in FIGURES:
                whole, part = getattr(largest, figure), getattr(profile, figure)
                assert whole is None or part is None or part <= whole, (profile.name, figure)

    def test_keys_are_unique(self) -> None:
        products = [name for card in mig.cards() for name in card.products]
        products += [name for other in mig.without_table() for name in other.products]
        ids = [number for card in mig.cards() for number in card.pci_device_ids]
        assert len(set(products)) == len(products)
        assert len(set(ids)) == len(ids)

    # Names that the vendor's tools print, by card; the second line of a card has another driver's memory.
    @pytest.mark.parametrize(
        ("product", "memory_mib", "names"),
        [
            ("NVIDIA A30", 24576, "1g.6gb 1g.6gb+me 2g.12gb 2g.12gb+me 4g.24gb"),
            ("A100 80GB PCIe", 81920, "1g.10gb 1g.10gb+me 1g.20gb 2g.20gb 3g.40gb 4g.40gb 7g.80gb"),
            ("NVIDIA H100 PCIe", 81559, "1g.10gb 1g.10gb+me 1g.20gb 2g.20gb 3g.40gb 4g.40gb 7g.80gb"),
            ("NVIDIA H100 NVL", 95830, "1g.12gb 1g.12gb+me 1g.24gb 2g.24gb 3g.47gb 4g.47gb 7g.94gb"),
            ("NVIDIA GH200 480GB", 97871, "1g.12gb 1g.12gb+me 1g.24gb 2g.24gb 3g.48gb 4g.48gb 7g.96gb"),
            ("NVIDIA H200", 143771, "1g.18gb 1g.18gb+me 1g.35gb 2g.35gb 3g.71gb 4g.71gb 7g.141gb"),
            ("NVIDIA B200", 183359, "1g.23gb 1g.23gb+me 1g.45gb 2g.45gb 3g.90gb 4g.90gb 7g.180gb"),
            ("NVIDIA GB200", 189471, "1g.23gb 1g.23gb+me 1g.47gb 2g.47gb 3g.93gb 4g.93gb 7g.186gb"),
            ("NVIDIA GB200", 192512, "1g.24gb 1g.24gb+me 1g.47gb 2g.47gb 3g.94gb 4g.94gb 7g.188gb"),
            ("NVIDIA B300 SXM6 AC", 275040, "1g.34gb 1g.34gb+me 1g.67gb 2g.67gb 3g.135gb 4g.135gb 7g.269gb"),
            ("NVIDIA GB300", 284208, "1g.35gb 1g.35gb+me 1g.70gb 2g.70gb 3g.139gb 4g.139gb 7g.278gb"),
            ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 97887,
             ("1g.24gb 1g.24gb+gfx 1g.24gb+me 1g.24gb+me.all 1g.24gb-me 2g.48gb 2g.48gb+gfx 2g.48gb+me.all 2g.48gb-me "
              "4g.96gb 4g.96gb+gfx")),
        ],
    )  # fmt: skip
    def test_names(self, product: str, memory_mib: int, names: str) -> None:
        card = mig.card(product, memory_bytes=memory_mib << 20)
        assert sorted(profile.name for profile in card.profiles) == names.split()

    @pytest.mark.parametrize(
        ("arguments", "error", "document", "field"),
        [
            ({"product_name": "Tesla T4"}, mig.UnknownCardError, "card 'Tesla T4'", ""),
            ({"product_name": "", "pci_device_id": 0x1EB8}, mig.UnknownCardError, "card ''", ""),
            ({"product_name": "NVIDIA A100-SXM4-40GB", "memory_bytes": 80 << 30}, mig.UnknownCardError,
             "card 'NVIDIA A100-SXM4-40GB'", "memory_bytes"),
            ({"product_name": "NVIDIA A30", "pci_device_id": 0x20B0}, mig.UnknownCardError, "card 'NVIDIA A30'",
             "pci_device_id"),
            ({"product_name": "NVIDIA A30", "memory_bytes": 0}, mig.UnknownCardError, "card 'NVIDIA A30'",
             "memory_bytes"),
            # No memory of a profile is published, so that the card's cannot be compared with it.
            ({"product_name": "NVIDIA H20", "memory_bytes": 0}, mig.UnknownCardError, "card 'NVIDIA H20'",
             "memory_bytes"),
            ({"product_name": "NVIDIA RTX PRO 5000 Blackwell"}, mig.UnpublishedError, "card rtx-pro-5000-48", "table"),
        ],
    )  # fmt: skip
    def test_refused(
        self, arguments: dict[str, Any], error: type[ga.InvalidInputError], document: str, field: str
    ) -> None:
        with pytest.raises(error) as caught:
            mig.card(**arguments)
        assert (caught.value.document, caught.value.field) == (document, field)


class TestCounters:
    @pytest.mark.parametrize("host", PARTITIONED)
    def test_as_the_driver_publishes(self, host: str) -> None:
        recorded = RECORDED[host]
        cards = [recorded_card(host)]
        if host not in GAPS:
            cards.append(mig.card(recorded["product"]))
        for card in cards:
            assert mig.counter_set(card, recorded["minor"]) == recorded["counterSet"]
            parts = mig.partition_devices(card, recorded["minor"], {"parentUUID": {"string": "GPU-1"}})
            for part in parts:
                assert part["attributes"].pop("parentUUID") == {"string": "GPU-1"}
                assert part["attributes"].pop("type") == {"string": "mig"}
            made = [mig.whole_device(card, recorded["minor"], {}), *parts]
            for device in made:
                device["profile"] = device.pop("attributes").get("profile", {}).get("string")
            # On Ampere the driver never switches the mode, so with MIG on it leaves the whole card out.
            expected = recorded["devices"]
            assert made[len(made) - len(expected) :] == expected
            assert len(made) - len(expected) == (host == "a100-40-x8-static")

    @pytest.mark.parametrize("key", ["h20-96", "gh200-144", "b200-180", "gb200-186", "b300-269", "gb300-278"])
    def test_nothing_is_made_up(self, key: str) -> None:
        card = next(card for card in mig.cards() if card.key == key)
        assert card.unpublished
        for make in (
            lambda: mig.counter_set(card, 0),
            lambda: mig.whole_device(card, 0, {}),
            lambda: mig.partition_devices(card, 0, {}),
        ):
            with pytest.raises(mig.UnpublishedError, match="not published") as caught:
                make()
            assert caught.value.document == f"card {key}"
            assert caught.value.field in card.unpublished

    def test_names_that_collapse_keep_their_ids(self) -> None:
        card = mig.card("NVIDIA RTX PRO 6000 Blackwell Server Edition")
        names = [mig.device_name(7, card.profile(name), 3) for name in ("1g.24gb+me", "1g.24gb-me", "1g.24gb+me.all")]
        assert names == ["gpu-7-mig-1g24gb-me-21-3", "gpu-7-mig-1g24gb-me-67-3", "gpu-7-mig-1g24gb-meall-65-3"]
        for device in mig.partition_devices(card, 7, {}):
            assert re.fullmatch(r"gpu-(\d+)-mig-(.+)-(\d+)-(\d+)", device["name"])


class TestFromNvml:
    @pytest.mark.parametrize("host", RECORDED)
    def test_places_come_from_the_table_where_nvml_keeps_them(self, host: str) -> None:
        recorded = RECORDED[host]
        card = mig.from_nvml(recorded["product"], recorded["memoryBytes"], told(host, with_placements=False))
        assert card == recorded_card(host)

    def refused(self, field: str, **changes: Any) -> str:
        infos = told("b200-x8")
        infos[1] = dataclasses.replace(infos[1], **changes)
        with pytest.raises(ga.InvalidInputError) as caught:
            mig.from_nvml("NVIDIA B200", RECORDED["b200-x8"]["memoryBytes"], infos)
        assert caught.value.document == "card 'NVIDIA B200'"
        assert caught.value.field == field
        return caught.value.message

    def test_contradictions(self) -> None:
        assert "two profiles" in self.refused("profiles.id", id=19)
        assert "two profiles" in self.refused("profiles.enum_index", enum_index=0)
        for placements in ((), ((0, 1), (2, 2)), ((0, 0),), ((-1, 1),), ((1, 1), (1, 1))):
            self.refused("profiles[enum 7].placements", placements=placements)
        assert "table b200-180 says 1" in self.refused("profiles[enum 7].slice_count", slice_count=2, placements=None)
        assert "table b200-180" in self.refused("profiles[enum 8]", enum_index=8, placements=None)

    def test_unknown_card_without_placements(self) -> None:
        infos = told("b200-x8", with_placements=False)
        with pytest.raises(mig.UnknownCardError):
            mig.from_nvml("NVIDIA B999", 1 << 38, infos)
        found = mig.from_nvml("NVIDIA B999", RECORDED["b200-x8"]["memoryBytes"], infos, pci_device_id=0x2901)
        assert found.profiles == recorded_card("b200-x8").profiles
        assert mig.from_nvml("NVIDIA B999", RECORDED["b200-x8"]["memoryBytes"], told("b200-x8")).memory_slices == 8

    def test_nothing_told(self) -> None:
        with pytest.raises(ga.InvalidInputError, match="no profile"):
            mig.from_nvml("NVIDIA B200", 1 << 38, [])
        with pytest.raises(ga.InvalidInputError, match="memory"):
            mig.from_nvml("NVIDIA B200", 0, told("b200-x8"))


class TestNames:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("1g.5gb", (1, 1, 5, "")),
            ("7g.278gb", (7, 7, 278, "")),
            ("1c.3g.20gb", (1, 3, 20, "")),
            ("1g.24gb+me.all", (1, 1, 24, "+me.all")),
            ("1g.24gb-me", (1, 1, 24, "-me")),
            ("2g.0gb+gfx", (2, 2, 0, "+gfx")),
        ],
    )
    def test_parts(self, text: str, parts: tuple[int, int, int, str]) -> None:
        assert mig.ProfileName.parse(text) == mig.ProfileName(*parts)
        assert str(mig.ProfileName.parse(text)) == text

    @pytest.mark.parametrize(
        "text",
        ["", "1g", "g.5gb", "1g.5", "1g.5GB", " 1g.5gb", "1g.5gb\n", "0g.5gb", "1g.05gb", "1g.5gb+me+gfx", "1g.5gb+",
         "1g.24gb-me.all", "4c.3g.20gb", "1c.1c.1g.5gb", "\uff11g.5gb", "MIG 1g.5gb"],
    )  # fmt: skip
    def test_no_name(self, text: str) -> None:
        with pytest.raises(ga.InvalidInputError):
            mig.ProfileName.parse(text)

    def test_card_has_no_such(self) -> None:
        card = mig.card("NVIDIA A30")
        with pytest.raises(ga.InvalidInputError, match=r"1g\.6gb, 2g\.12gb"):
            card.profile("1g.5gb")
        with pytest.raises(ga.InvalidInputError, match="no profile with id 99"):
            card.profile_by_id(99)
