"""Verdicts of attestations: which holds at a time, and reading them.

Without this file nobody would notice if an expired or failed verdict held, if the order of verdicts decided, or if a
verdict that cannot be read were guessed at.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpualloc as ga
from gpualloc.nvml import confidential
from gpualloc.nvml.confidential.verdict import judge

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def verdict(issued: float = -1, expires: float = 1, *gpus: str, passed: bool = True) -> confidential.Verdict:
    """Hours before and after noon."""
    return confidential.Verdict(
        passed=passed,
        issued=NOON + issued * HOUR,
        expires=NOON + expires * HOUR,
        verifier="verifier.example",
        gpus=frozenset(gpus),
    )


A, B = "GPU-a", "GPU-b"
verdicts = st.builds(
    verdict,
    st.integers(-5, 0),
    st.integers(1, 5),
    st.sampled_from((A, B)),
    passed=st.booleans(),
)


class TestVerdicts:
    # Verdicts, hours after noon; whether attested, and what stands against it.
    @pytest.mark.parametrize(
        ("given_verdicts", "hours", "attested", "against"),
        [
            ([], 0, False, None),
            ([verdict()], 0, True, None),
            ([verdict()], 0.99, True, None),
            ([verdict()], 1, False, "expired"),
            ([verdict()], -1.01, False, None),
            ([verdict(passed=False)], 0, False, "failed"),
            ([verdict(passed=False), verdict(-0.5)], 0, True, None),
            ([verdict(), verdict(-0.5, passed=False)], 0, False, "failed"),
            ([verdict(), verdict(passed=False)], 0, False, "failed"),
            ([verdict(-1, 9), verdict(-0.5, 1)], 2, False, "expired"),
            ([verdict(-1, 1, B)], 0, False, None),
            ([verdict(-1, 1, A, B)], 0, True, None),
        ],
    )
    def test_one_gpu(
        self, given_verdicts: list[confidential.Verdict], hours: float, *, attested: bool, against: str | None
    ) -> None:
        found = judge([{A, "0000:07:00.0"}], confidential.Attestation(tuple(given_verdicts), NOON + hours * HOUR))
        assert (found.attested, found.against) == (attested, against)

    @given(st.lists(verdicts, max_size=6), st.integers(-6, 6), st.randoms(use_true_random=False))
    def test_any(self, given_verdicts: list[confidential.Verdict], hours: int, random: Any) -> None:
        """Order says nothing; together is each; nothing is both attested and refused; what holds was passed."""
        now = NOON + hours * HOUR
        attestation = confidential.Attestation(tuple(given_verdicts), now)
        both, first, second = (judge(members, attestation) for members in ([{A}, {B}], [{A}], [{B}]))
        random.shuffle(given_verdicts)
        assert judge([{A}, {B}], confidential.Attestation(tuple(given_verdicts), now)) == both
        assert both.attested == (first.attested and second.attested)
        assert (both.against is None) == (first.against is None and second.against is None)
        if first.attested:
            assert first.against is None
            assert any(one.passed and one.issued <= now < one.expires and A in one.gpus for one in given_verdicts)

    @pytest.mark.parametrize(
        ("row", "error"),
        [
            ({}, "attestation: verdicts[0].passed: must be true or false"),
            ({"passed": 1}, "verdicts[0].passed"),
            ({"passed": True}, "verdicts[0].issuedAt: None is no time"),
            ({"passed": True, "issuedAt": "2026-01-31T12:00:00"}, "verdicts[0].issuedAt"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 1}, "verdicts[0].expiresAt: is not after it was issued"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 1 << 80}, "verdicts[0].expiresAt"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 2, "verifier": 5}, "verdicts[0].verifier: must be text"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 2, "verifier": "v" * 65}, "verdicts[0].verifier: is longer"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 2, "gpus": [1]}, "verdicts[0].gpus: must be a list"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 2, "gpus": []}, "verdicts[0].gpus: is empty"),
            ({"passed": True, "issuedAt": 1, "expiresAt": 2, "expires": 2}, "verdicts[0].expires: no such field"),
            ("x", "verdicts[0]: must be an object"),
        ],
    )
    def test_bad_input(self, row: object, error: str) -> None:
        with pytest.raises(ga.InvalidInputError) as caught:
            confidential.verdicts_from({"verdicts": [row]})
        assert error in str(caught.value)

    def test_claims_of_a_token(self) -> None:
        claims = {"iss": "v", "iat": 1769860800, "exp": 1769864400, "x-nvidia-overall-att-result": True, "sub": "s"}
        made = confidential.verdict_from_claims(claims, [A])
        assert made == confidential.Verdict(
            passed=True, issued=NOON, expires=NOON + HOUR, verifier="v", gpus=frozenset([A])
        )
        with pytest.raises(ga.InvalidInputError, match="exp"):
            confidential.verdict_from_claims({**claims, "exp": None})

    def test_time_has_a_zone(self) -> None:
        with pytest.raises(ga.InvalidInputError, match="now: has no time zone"):
            confidential.Attestation((), NOON.replace(tzinfo=None))
