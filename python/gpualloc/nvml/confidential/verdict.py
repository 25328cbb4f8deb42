"""Attestation verdicts: what somebody else found when they verified a token, and whether it still holds.

Verifies no signature and reads no clock: whoever hands in a verdict vouches for it, and the time is a parameter. Start
at :class:`Verdict` and :func:`judge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from gpualloc._errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["Attestation", "Judgement", "Verdict", "judge", "time_from", "verdict_from_claims", "verdicts_from"]

_DOCUMENT: Final = "attestation"
_FIELDS = {"passed", "issuedAt", "expiresAt", "verifier", "gpus"}
# The overall result in the tokens of NVIDIA's remote and local verifiers.
_RESULT: Final = "x-nvidia-overall-att-result"
_ATTRIBUTE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one attestation.

    Raises:
        InvalidInputError: for times without a zone or in the wrong order, or a verifier too long for an attribute.
    """

    passed: bool
    issued: datetime
    expires: datetime
    """From this moment on it says nothing any more."""
    verifier: str = ""
    """Who verified: the issuer of the token. At most 64 characters."""
    gpus: frozenset[str] = frozenset()
    """UUIDs or PCI addresses of the GPUs that it is about; empty for all of the node."""

    def __post_init__(self) -> None:
        for name, time in (("issued", self.issued), ("expires", self.expires)):
            _check_zone(time, name)
        if self.expires <= self.issued:
            raise InvalidInputError("is not after it was issued", _DOCUMENT, "expires")
        if len(self.verifier) > _ATTRIBUTE:
            raise InvalidInputError(f"is longer than {_ATTRIBUTE} characters", _DOCUMENT, "verifier")


@dataclass(frozen=True, slots=True)
class Attestation:
    """Verdicts, and the moment at which they are looked at.

    Raises:
        InvalidInputError: for a moment without a zone.
    """

    verdicts: tuple[Verdict, ...]
    now: datetime

    def __post_init__(self) -> None:
        _check_zone(self.now, "now")


class Judgement(NamedTuple):
    """What verdicts come to for a device."""

    attested: bool = False
    until: datetime | None = None
    verifier: str = ""
    against: Literal["failed", "expired"] | None = None
    """Why the device must not be used; nothing where nobody attested it."""


def judge(members: Sequence[Collection[str]], attestation: Attestation) -> Judgement:
    """What holds of a device made of these GPUs, each given by its names.

    Of each GPU the newest verdict counts, and of two equally new ones the one against it. All GPUs must be attested.
    """
    each = [_judge(names, attestation) for names in members]
    if not each:
        return Judgement()
    if all(one.attested for one in each):
        verifiers = {one.verifier for one in each}
        until = min(one.until for one in each if one.until is not None)
        return Judgement(attested=True, until=until, verifier=verifiers.pop() if len(verifiers) == 1 else "")
    against = [one.against for one in each]
    return Judgement(against="failed" if "failed" in against else "expired" if "expired" in against else None)


def _judge(names: Collection[str], attestation: Attestation) -> Judgement:
    about = [
        one
        for one in attestation.verdicts
        if one.issued <= attestation.now and (not one.gpus or not one.gpus.isdisjoint(names))
    ]
    if not about:
        return Judgement()
    newest = max(about, key=lambda one: (one.issued, not one.passed, one.expires))
    if not newest.passed:
        return Judgement(against="failed")
    if newest.expires <= attestation.now:
        return Judgement(against="expired")
    return Judgement(attested=True, until=newest.expires, verifier=newest.verifier)


# --- reading ----------------------------------------------------------------------------------------------------------


def verdicts_from(document: object) -> tuple[Verdict, ...]:
    """Verdicts from `{"verdicts": [{"passed": true, "issuedAt": …, "expiresAt": …, "verifier": …, "gpus": […]}]}`.

    Times are RFC 3339 texts, or seconds since 1970 as in tokens. `verifier` and `gpus` may be left out.

    Raises:
        InvalidInputError: with the field at fault, also where a field is unknown.
    """
    rows = cast("dict[str, object]", document).get("verdicts") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise InvalidInputError("must be a list", _DOCUMENT, "verdicts")
    return tuple(_verdict(row, f"verdicts[{index}]") for index, row in enumerate(cast("list[object]", rows)))


def _verdict(row: object, path: str) -> Verdict:
    if not isinstance(row, dict):
        raise InvalidInputError("must be an object", _DOCUMENT, path)
    table = cast("dict[str, object]", row)
    for name in table:
        if name not in _FIELDS:
            raise InvalidInputError("no such field", _DOCUMENT, f"{path}.{name}")
    gpus = table.get("gpus", [])
    if not isinstance(gpus, list) or not all(isinstance(one, str) for one in cast("list[object]", gpus)):
        raise InvalidInputError("must be a list of UUIDs or PCI addresses", _DOCUMENT, f"{path}.gpus")
    if "gpus" in table and not gpus:
        raise InvalidInputError("is empty; leave it out for all GPUs of the node", _DOCUMENT, f"{path}.gpus")
    return _made(table, ("passed", "issuedAt", "expiresAt", "verifier"), path, frozenset(cast("list[str]", gpus)))


def verdict_from_claims(claims: Mapping[str, Any], gpus: Collection[str] = ()) -> Verdict:
    """The verdict in the claims of a token whose signature somebody else has verified.

    Args:
        claims: The token's overall claims: `iat`, `exp`, `iss` and NVIDIA's overall result.
        gpus: UUIDs or PCI addresses of the GPUs whose evidence it was; all of the node where none is named.

    Raises:
        InvalidInputError: with the claim at fault.
    """
    return _made(claims, (_RESULT, "iat", "exp", "iss"), "", frozenset(gpus))


def _made(table: Mapping[str, object], names: tuple[str, str, str, str], path: str, gpus: frozenset[str]) -> Verdict:
    at = [f"{path}.{name}".removeprefix(".") for name in names]
    passed, issued, expires, verifier = (table.get(name) for name in names)
    if not isinstance(passed, bool):
        raise InvalidInputError("must be true or false", _DOCUMENT, at[0])
    if not isinstance(verifier, str | None):
        raise InvalidInputError("must be text", _DOCUMENT, at[3])
    times = time_from(issued, _DOCUMENT, at[1]), time_from(expires, _DOCUMENT, at[2])
    try:
        return Verdict(passed=passed, issued=times[0], expires=times[1], verifier=verifier or "", gpus=gpus)
    except InvalidInputError as error:
        field = {"expires": at[2], "verifier": at[3]}.get(error.field, error.field)
        raise InvalidInputError(error.message, _DOCUMENT, field) from None


def time_from(value: object, document: str, field: str) -> datetime:
    """A moment from RFC 3339 text, or from seconds since 1970.

    Raises:
        InvalidInputError: for anything else; a time without a zone is no moment.
    """
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidInputError(f"{value!r} is no time like 2026-01-31T12:00:00Z", document, field)


def _check_zone(time: datetime, field: str) -> None:
    if time.utcoffset() is None:
        raise InvalidInputError("has no time zone", _DOCUMENT, field)
