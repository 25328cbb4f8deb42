"""Configuration files of mig-parted: read strictly, written back as the same, and made for cards.

Without this file a configuration could be misread in silence, and a node come up with other instances than its
administrator wrote down.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc import _yaml, mig
from gpualloc.mig import parted
from gpualloc.mig.parted import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = """\
version: v1
mig-configs:
  all-disabled:
    - devices: all
      mig-enabled: false
  all-enabled:
    - devices: all
      mig-enabled: true
      mig-devices: {}
  mixed:
    - device-filter: ["0x233010DE", "0x20B510de:0x153310DE"]
      devices: [0, 3]
      mig-enabled: true
      mig-devices:
        1g.10gb+me: 1
        "1c.3g.40gb": 2
        2g.20gb: 0
    - device-filter: "0x20B710DE"
      devices: all
      mig-enabled: false
      mig-devices:
"""


class TestReading:
    def test_file(self) -> None:
        assert parted.read(FILE) == {
            "all-disabled": (Entry(None, mig_enabled=False),),
            "all-enabled": (Entry(None, mig_enabled=True, mig_devices={}),),
            "mixed": (
                Entry(
                    (0, 3),
                    mig_enabled=True,
                    mig_devices={"1g.10gb+me": 1, "1c.3g.40gb": 2, "2g.20gb": 0},
                    device_filter=("0x233010DE", "0x20B510de:0x153310DE"),
                ),
                Entry(None, mig_enabled=False, device_filter=("0x20B710DE",)),
            ),
        }

    def test_version_alone(self) -> None:
        assert parted.read("version: v1") == {}

    # What is put in the place of the whole file, of the configurations, or of one entry; and the field at fault.
    @pytest.mark.parametrize(
        ("text", "field"),
        [
            ("", ""),
            ("[]", ""),
            ("version: v1\n---\nversion: v1", ""),
            ("version: v1\nversion: v1", "line 2"),
            ("version: v1\nmig-configs: {", "line 3"),
            ("mig-configs: {a: [{devices: all, mig-enabled: false}]}", "version"),
            ("version: v2", "version"),
            ("version: 1", "version"),
            ("version: v1\nbogus: 1", "bogus"),
            ("version: v1\nmig-configs: {}", "mig-configs"),
            ("version: v1\nmig-configs:", "mig-configs"),
            ("version: v1\nmig-configs: {a: []}", "mig-configs.a"),
            ("version: v1\nmig-configs: {a: {devices: all}}", "mig-configs.a"),
            ("version: v1\nmig-configs: {a: [all]}", "mig-configs.a[0]"),
        ],
    )
    def test_refused_file(self, text: str, field: str) -> None:
        with pytest.raises(ga.InvalidInputError) as caught:
            parted.read(text, "config.yaml")
        assert (caught.value.document, caught.value.field) == ("config.yaml", field)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"devices": ...}, "devices"),
            ({"devices": None}, "devices"),
            ({"devices": "some"}, "devices"),
            ({"devices": {}}, "devices"),
            ({"devices": [0, "1"]}, "devices[1]"),
            ({"devices": [0, True]}, "devices[1]"),
            ({"devices": [-1]}, "devices[0]"),
            ({"devices": [2, 2]}, "devices[1]"),
            ({"mig-enabled": ...}, "mig-enabled"),
            ({"mig-enabled": None}, "mig-enabled"),
            ({"mig-enabled": "true"}, "mig-enabled"),
            ({"mig-enabled": 1}, "mig-enabled"),
            ({"mig-enabled": False}, "mig-devices"),
            ({"mig-devices": ...}, "mig-devices"),
            ({"mig-devices": None}, "mig-devices"),
            ({"mig-devices": ["1g.5gb"]}, "mig-devices"),
            ({"mig-devices": {"bogus": 1}}, "mig-devices.bogus"),
            ({"mig-devices": {"1g.5gb": -1}}, "mig-devices.1g.5gb"),
            ({"mig-devices": {"1g.5gb": 1.5}}, "mig-devices.1g.5gb"),
            ({"mig-devices": {"1g.5gb": True}}, "mig-devices.1g.5gb"),
            ({"mig-devices": {"1g.5gb": 0}}, "mig-devices"),
            ({"device-filter": None}, "device-filter"),
            ({"device-filter": "MODEL"}, "device-filter"),
            ({"device-filter": 0x20B010DE}, "device-filter"),
            ({"device-filter": ["0x20B010DE", ""]}, "device-filter[1]"),
            ({"device-filter": ["0x20B010DE:0x1:0x2"]}, "device-filter[0]"),
            ({"bogus": 1}, "bogus"),
        ],
    )
    def test_refused_entry(self, change: dict[str, Any], field: str) -> None:
        entry = {"devices": "all", "mig-enabled": True, "mig-devices": {"1g.5gb": 7}, **change}
        entry = {key: value for key, value in entry.items() if value is not ...}
        good = {"devices": "all", "mig-enabled": False}
        with pytest.raises(ga.InvalidInputError) as caught:
            parted.read(json.dumps({"version": "v1", "mig-configs": {"a": [good, entry]}}), "c")
        assert (caught.value.document, caught.value.field) == ("c", f"mig-configs.a[1].{field}")


profiles = st.sampled_from(sorted({profile.name for card in mig.cards() for profile in card.profiles} | {"1c.2g.10gb"}))
counts = st.dictionaries(profiles, st.integers(0, 7)).filter(lambda wanted: not wanted or any(wanted.values()))
pci_ids = st.builds("0x{:04X}10DE".format, st.integers(0, 0xFFFF))
filters = st.lists(pci_ids | st.builds("{}:{}".format, pci_ids, pci_ids), max_size=3).map(tuple)
indices = st.none() | st.lists(st.integers(0, 15), unique=True, max_size=4).map(tuple)
entries = st.builds(
    Entry, devices=indices, mig_enabled=st.just(value=True), mig_devices=counts, device_filter=filters
) | st.builds(
    Entry,
    devices=indices,
    mig_enabled=st.just(value=False),
    mig_devices=st.sampled_from([None, {}]),
    device_filter=filters,
)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


@given(st.dictionaries(names, st.lists(entries, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3))
def test_written_is_read_back(configurations: dict[str, tuple[Entry, ...]]) -> None:
    text = parted.write(configurations)
    assert parted.read(text) == configurations
    assert list(parted.read(text)) == list(configurations)
    (found,) = _yaml.read("x", text)
    assert parted.read(json.dumps(found.document)) == configurations


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("all") | st.just("0x20B010DE"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["devices", "mig-enabled", "mig-devices", "device-filter", "1g.5gb", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values)
def test_hostile(value: Any) -> None:
    text = json.dumps({"version": "v1", "mig-configs": {"a": [value]}})
    try:
        configurations = parted.read(text)
    except ga.InvalidInputError as error:
        assert error.field  # noqa: PT017  # either outcome is fine, each with its own promise
    else:
        assert parted.read(parted.write(configurations)) == configurations


@pytest.mark.parametrize(
    "entry",
    [
        Entry(None, mig_enabled=True),
        Entry(None, mig_enabled=False, mig_devices={"1g.5gb": 1}),
        Entry((-1,), mig_enabled=False),
        Entry(None, mig_enabled=False, device_filter=("A100",)),
    ],
)
def test_nothing_is_written_that_could_not_be_read(entry: Entry) -> None:
    with pytest.raises(ga.InvalidInputError, match="mig-configs"):
        parted.write({"a": (entry,)})
    with pytest.raises(ga.InvalidInputError, match="at least one"):
        parted.write({})


class TestMatching:
    def test_device_filter(self) -> None:
        entry = Entry((1, 2), mig_enabled=False, device_filter=("0x20b710DE", "0x2BB510DE:0x204E10DE"))
        assert entry.matches(1, 0x20B7)
        assert entry.matches(1, 0x20B7, (0x1532, 0x10DE))
        assert not entry.matches(0, 0x20B7)
        assert not entry.matches(2, 0x2BB5)
        assert not entry.matches(2, 0x2BB5, (0x204F, 0x10DE))
        assert entry.matches(2, 0x2BB5, (0x204E, 0x10DE))
        assert Entry(None, mig_enabled=False).matches(99, 0)

    def test_last_entry_wins(self) -> None:
        found = parted.read(
            "version: v1\nmig-configs: {a: [{devices: all, mig-enabled: false}, {devices: [1], mig-enabled: true, "
            "mig-devices: {}}]}"
        )["a"]
        wanted = [parted.entry_for(found, index, 0x2330) for index in (0, 1)]
        assert [entry and entry.mig_enabled for entry in wanted] == [False, True]
        assert parted.entry_for(found[1:], 0, 0x2330) is None


# `all-balanced` as mig-parted ships it, by PCI device id.
BALANCED = {
    0x20B0: "1g.5gb 1g.5gb 2g.10gb 3g.20gb",
    0x20B5: "1g.10gb 1g.10gb 2g.20gb 3g.40gb",
    0x20B7: "1g.6gb 1g.6gb 2g.12gb",
    0x2321: "1g.12gb 1g.12gb 2g.24gb 3g.47gb",
    0x2329: "1g.12gb 1g.12gb 2g.24gb 3g.48gb",
    0x2331: "1g.10gb 1g.10gb 2g.20gb 3g.40gb",
    0x2342: "1g.12gb 1g.12gb 2g.24gb 3g.48gb",
    0x2348: "1g.18gb 1g.18gb 2g.36gb 3g.72gb",
    0x233B: "1g.18gb 1g.18gb 2g.35gb 3g.71gb",
    0x2901: "1g.23gb 1g.23gb 2g.45gb 3g.90gb",
    0x2BB5: "1g.24gb 1g.24gb 2g.48gb",
}


def fits(card: mig.Card, wanted: Mapping[str, int]) -> bool:
    return next(mig.layouts_of(card, wanted), None) is not None


class TestStandard:
    def test_balanced_as_shipped(self) -> None:
        made = parted.read(parted.write(mig.standard_configurations(mig.cards())))["all-balanced"]
        for number, names in BALANCED.items():
            entry = parted.entry_for(made, 0, number)
            assert entry is not None
            assert entry.mig_devices == Counter(names.split())

    def test_counts_differ_between_cards(self) -> None:
        made = mig.standard_configurations(mig.cards())
        assert list(made)[:2] == ["all-disabled", "all-enabled"]
        wanted = {
            number: parted.entry_for(made["all-1g.10gb"], 0, number) for number in (0x20B0, 0x20B2, 0x2330, 0x20B7)
        }
        assert {number: entry and entry.mig_devices for number, entry in wanted.items()} == {
            0x20B0: {"1g.10gb": 4},
            0x20B2: {"1g.10gb": 7},
            0x2330: {"1g.10gb": 7},
            0x20B7: None,
        }
        assert "all-1g.24gb.me.all" in made
        assert "all-1g.24gb-me" in made

    @pytest.mark.parametrize("card", mig.cards(), ids=lambda card: card.key)
    def test_all_of_it_fits_and_no_more(self, card: mig.Card) -> None:
        for name, entries in mig.standard_configurations([card]).items():
            for entry in entries:
                assert bool(entry.device_filter) == (
                    len(card.pci_device_ids) > 1 and name not in ("all-disabled", "all-enabled")
                )
                wanted = entry.mig_devices or {}
                assert fits(card, wanted)
                if name.startswith("all-") and len(wanted) == 1:
                    ((profile, count),) = wanted.items()
                    assert not fits(card, {profile: count + 1})

    def test_refused(self) -> None:
        with pytest.raises(ga.InvalidInputError, match="no card"):
            mig.standard_configurations([])
        told = mig.from_nvml("NVIDIA X", 80 << 30, [mig.ProfileInfo(0, 19, 1, 7, 16, 1, 1, 0, 1, 0, 9984, ((0, 1),))])
        with pytest.raises(ga.InvalidInputError, match="PCI device ids"):
            mig.standard_configurations([told])
