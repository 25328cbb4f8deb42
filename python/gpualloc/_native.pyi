"""The engine. Everything here is immutable and may be shared between threads."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, final

from gpualloc.kube import Document, Documents

__all__ = [
    "Advice", "Answer", "ClaimAllocation", "Device", "Explanation", "Held", "Inventory", "Objection", "Remark",
    "Selector", "Survey", "Violation", "__version__", "validate",
]  # fmt: skip

__version__: str

_Claims: TypeAlias = Documents | Iterable[Document]
"""ResourceClaim documents, or names `namespace/name` of claims in the inventory, or a row of both."""

_Gates: TypeAlias = dict[str, bool] | None

@final
class Inventory:
    """What exists and what is held at one moment.

    `update`, `commit` and `release` give a new inventory that shares what did not change; the old one still stands.
    Documents: see `gpualloc.kube`. Names of claims and pods are `namespace/name`.
    """

    def __new__(cls) -> Inventory: ...
    @staticmethod
    def from_documents(documents: Documents, *, apply_defaults: bool = True) -> Inventory:
        """Reads documents of v1, v1beta2 and v1beta1 in any order; lists too.

        Args:
            apply_defaults: Whether to fill in the API server's defaults; documents from an API server have them.

        Raises:
            InvalidInputError: for text that is no JSON, or a document that is not the shape of its kind.
        """

    @staticmethod
    def from_state(state: bytes) -> Inventory:
        """Reads what `to_state` wrote."""

    def to_state(self) -> bytes:
        """The inventory as one versioned JSON document; equal inventories give equal bytes."""

    def update(self, documents: Documents | None = None, deleted: Documents | None = None) -> Inventory:
        """Applies new and changed documents after removing those that are gone.

        Args:
            documents: Known by kind, namespace and name; a new UID is a new object; older versions are ignored.
            deleted: Documents, or texts such as `ResourceSlice/name` and `ResourceClaim/namespace/name`.
        """

    def with_nodes_like(self, like: str, names: Sequence[str]) -> Inventory:
        """More nodes: copies of `like`, its slices and its pools, under other names; no attribute is another then."""

    def allocate(
        self,
        claims: _Claims | None = None,
        *,
        pod: str | None = None,
        nodes: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        max_steps: int | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
        share_ids: dict[tuple[str, str, int], str] | None = None,
    ) -> Answer:
        """Devices for the claims on the first node that takes them all.

        Args:
            claims: What is asked for; the order counts.
            pod: A pod of the inventory whose claims are asked for, instead of `claims`.
            nodes: Nodes to try in this order; default is all, by name. A node without a document is a bare node.
            exclude: Nodes, and devices as `driver/pool/device`, to leave out.
            max_steps: Search steps on each node after which the answer is `undecided`.
            kubernetes: The version whose default feature gates hold: 1.34, 1.35, 1.36 or 1.37.
            feature_gates: Gates that differ, such as `{"DRAAdminAccess": False}`.
            share_ids: IDs for shares, by claim, `request[/subrequest]` and number there from 0; others are computed.

        Raises:
            InvalidInputError: for arguments that cannot be read or name what is not there.
            KeyboardInterrupt: on Ctrl-C.
        """

    def allocate_each_node(
        self,
        claims: _Claims | None = None,
        *,
        pod: str | None = None,
        nodes: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        max_steps: int | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
        share_ids: dict[tuple[str, str, int], str] | None = None,
    ) -> list[Answer]:
        """As `allocate`, for each node on its own: one answer per node, in their order."""

    def allocate_many(
        self,
        asks: Sequence[_Claims] | None = None,
        *,
        pods: Sequence[str] | None = None,
        nodes: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        max_steps: int | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
        share_ids: dict[tuple[str, str, int], str] | None = None,
    ) -> tuple[Inventory, list[Answer]]:
        """Allocates for many pods in turn; each finds what those before it have left.

        Args:
            asks: The claims of each pod.
            pods: Pods of the inventory whose claims are asked for, instead of `asks`.

        Returns:
            The inventory with all that was placed, and one answer per pod.
        """

    def explain(
        self,
        claims: _Claims | None = None,
        *,
        pod: str | None = None,
        nodes: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        max_steps: int | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
    ) -> Advice:
        """Why the claims fit on none of the nodes, and the cheapest changes with which they would.

        Every change is tried out by allocating with it, except waiting for an incomplete pool. With many nodes changes
        are tried on some nodes of each group; see `Advice.tried_on` and `Advice.cut_short`.

        Args:
            max_steps: As in `allocate`; most trials get fewer steps.

        Raises:
            InvalidInputError: for arguments that cannot be read or name what is not there.
            KeyboardInterrupt: on Ctrl-C.
        """

    def survey(
        self,
        claims: _Claims,
        *,
        before: Survey | None = None,
        max_steps: int | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
    ) -> Survey:
        """Which nodes can take the claims, all at once: nodes that the claims cannot tell apart are searched once.

        Args:
            before: A survey of an earlier snapshot; if for equal claims, only what changed is looked at again.
        """

    def prove(
        self,
        claims: _Claims,
        *,
        node: str,
        exclude: Sequence[str] | None = None,
        max_steps: int | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
    ) -> dict[str, Any] | None:
        """Why the claims do not fit on a node, as a proof for `check_proof`.

        Returns:
            The proof: `kind` is `few` (some demands need more devices than there is room for), `sum` (too little is
            left of some counters), `limit` (more than 32 devices in a claim), `byValue`, `byAlternative` or `byDevice`
            (a distinction of cases, with a proof each), or `exhausted` (the search went through everything). Nothing
            where the claims fit or the answer is an error or undecided.
        """

    def check_proof(
        self,
        proof: dict[str, Any] | str | bytes,
        claims: _Claims,
        *,
        node: str,
        exclude: Sequence[str] | None = None,
        kubernetes: str = "1.37",
        feature_gates: _Gates = None,
    ) -> list[str]:
        """Checks a proof against this inventory, without the search that found it.

        Returns:
            What is wrong with it; empty if it shows that the claims do not fit on the node.
        """

    def commit(self, answer: Answer) -> Inventory:
        """The inventory in which the answer's claims hold what they were given.

        An answer made on another snapshot is checked again.

        Raises:
            ConflictError: if the answer placed nothing, or no longer holds here.
        """

    def release(self, claim: str) -> Inventory:
        """The inventory in which the claim holds nothing; its document stays.

        Raises:
            InvalidInputError: for a claim that the inventory does not know.
        """

    def held(self, claim: str) -> Held | None:
        """What the claim holds."""

    def with_caller_data(
        self,
        claim: str,
        *,
        owner: str | None = None,
        priority: int | None = None,
        queue: str | None = None,
        preemptible: bool | None = None,
    ) -> Inventory:
        """The inventory in which these data of the caller, never read here, stand beside what the claim holds."""

    def verify(
        self, claim: str, *, node: str | None = None, kubernetes: str = "1.37", feature_gates: _Gates = None
    ) -> list[Objection]:
        """Judges what a claim holds, whoever allocated it, as if everything else was held before it.

        Args:
            claim: A claim that holds something.
            node: The node it is used on; default is any node that the allocation allows.

        Returns:
            What stands against it; empty when it is legal.
        """

    def claims_of_pod(
        self, pod: str, *, kubernetes: str = "1.37", feature_gates: _Gates = None
    ) -> list[dict[str, Any]]:
        """The claims of a pod in its order, from templates too; that of its extended resources comes last."""

    @property
    def report(self) -> tuple[Remark, ...]:
        """What the last load or update had to say: kinds not understood, stale documents."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes that a document names, by name."""

    @property
    def claims(self) -> tuple[str, ...]:
        """All claims with a document, as `namespace/name`."""

    @property
    def held_claims(self) -> tuple[str, ...]:
        """All claims that hold something."""

    @property
    def pods(self) -> tuple[str, ...]:
        """All pods."""

    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class Answer:
    """What was found. True only if the claims were placed."""

    @property
    def outcome(self) -> Literal["placed", "impossible", "error", "undecided"]:
        """`error` is a failure of upstream's on valid documents; `undecided` means that the steps were spent."""

    @property
    def node(self) -> str | None:
        """The node it is about; none when several were tried and none is to blame."""

    @property
    def steps(self) -> int:
        """Search steps taken: as upstream counts them, with what was looked ahead at or cut off where it got stuck."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The claims asked for."""

    @property
    def claims(self) -> tuple[ClaimAllocation, ...]:
        """What each claim gets, in the order asked; empty unless placed."""

    @property
    def why(self) -> Explanation | None:
        """Why it is impossible."""

    @property
    def error(self) -> str | None:
        """The text of upstream's error."""

    @property
    def scope(self) -> Literal["node", "pod"] | None:
        """Whether an error is of this node only or fatal for the pod."""

    @property
    def refused(self) -> tuple[tuple[str, str], ...]:
        """The nodes tried before, each with its reason."""

    def to_dict(self) -> dict[str, Any]:
        """The answer as the command line prints it with `-o json`."""

    def __bool__(self) -> bool: ...
    def __getitem__(self, claim: str, /) -> ClaimAllocation: ...

@final
class Survey:
    """All nodes with what claims come to on each, by name."""

    @property
    def fitting(self) -> tuple[str, ...]:
        """The nodes that can take the claims, by name."""

    @property
    def first(self) -> str | None:
        """The first of them."""

    def first_in(self, nodes: list[str]) -> str | None:
        """The first of these nodes, the best one first by whatever measure, that can take the claims."""

    @property
    def outcomes(self) -> dict[str, Literal["placed", "impossible", "error", "undecided"]]:
        """The outcome on every node."""

    def answer(self, node: str) -> Answer:
        """The answer for a node, as `allocate` gives it.

        Raises:
            InvalidInputError: for a node that is not in the inventory.
        """

    def __len__(self) -> int: ...

@final
class ClaimAllocation:
    """What one claim gets."""

    @property
    def claim(self) -> str:
        """`namespace/name`."""

    @property
    def namespace(self) -> str:
        """Namespace of the claim."""

    @property
    def name(self) -> str:
        """Name of the claim."""

    @property
    def uid(self) -> str:
        """UID of the claim; empty if it has none yet."""

    @property
    def was_allocated(self) -> bool:
        """Whether it was allocated before and only kept its devices."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices in the order of the requests."""

    def to_dict(self) -> dict[str, Any]:
        """The AllocationResult for `status.allocation`, exactly as the API wants it."""

@final
class Device:
    """One device of a claim."""

    @property
    def request(self) -> str:
        """`request` or `request/subrequest`."""

    @property
    def id(self) -> str:
        """`driver/pool/device`."""

    @property
    def driver(self) -> str:
        """Driver of the device."""

    @property
    def pool(self) -> str:
        """Pool of the device."""

    @property
    def device(self) -> str:
        """Name of the device in its pool."""

    @property
    def share_id(self) -> str | None:
        """Identifies one share of a shared device."""

    @property
    def admin_access(self) -> bool:
        """Whether it is for administration only."""

    @property
    def consumed_capacity(self) -> dict[str, str]:
        """What the share consumes: quantity by capacity name."""

@final
class Explanation:
    """Why nothing fits; `str()` renders it for people."""

    def to_dict(self) -> dict[str, Any]:
        """The reasons as data."""

@final
class Advice:
    """Why claims do not fit, and what to change; `str()` renders it for people."""

    @property
    def outcome(self) -> Literal["placed", "impossible", "error", "undecided"]:
        """As that of `Inventory.allocate`; `placed` means that nothing has to change."""

    @property
    def node(self) -> str | None:
        """The node that takes the claims, or the one that an error is about."""

    @property
    def error(self) -> str | None:
        """The text of upstream's error."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The claims asked for."""

    @property
    def summary(self) -> tuple[dict[str, Any], ...]:
        """The nodes in groups that refuse for the same reasons, the largest first.

        Each with `text`, `count`, `nodes` and `reason`; where devices are too few also `requests`: where they went, in
        pairs of the least and the most over the nodes; and the `proof` of the first node, unless that took too long.
        """

    @property
    def changes(self) -> tuple[dict[str, Any], ...]:
        """What would make it fit, the cheapest first.

        Each with `text`, `cost`, `checked`, the `node` on which it then fits, and its `edits`: one, or two where no
        single one helps. An edit has `kind`, `document`, `path`, `claim`, `request`, `before` and `after`; where
        claims are to be released, also their names as `release`.
        """

    @property
    def hints(self) -> tuple[dict[str, Any], ...]:
        """Names and values in selectors, constraints and capacity requests that no device publishes.

        Each with `text`, `kind`, `place`, `name`, the number of `devices` looked at, and the `nearest` published one.
        """

    @property
    def tried_on(self) -> int:
        """On how many of the nodes changes were tried; with many nodes on some of each group."""

    @property
    def trials(self) -> int:
        """Allocations made to try changes."""

    @property
    def cut_short(self) -> bool:
        """Whether there was too much to try all of it on these nodes, so that there may be other or cheaper changes."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as the command line prints it with `-o json`."""

@final
class Held:
    """What a claim holds, and what the caller wrote beside it."""

    @property
    def claim(self) -> str:
        """`namespace/name`."""

    @property
    def uid(self) -> str:
        """UID of the claim."""

    @property
    def allocation(self) -> dict[str, Any]:
        """The AllocationResult."""

    @property
    def reserved_for(self) -> list[dict[str, Any]]:
        """The consumers, as in `status.reservedFor`."""

    @property
    def owner(self) -> str | None:
        """Data of the caller."""

    @property
    def priority(self) -> int | None:
        """Data of the caller."""

    @property
    def queue(self) -> str | None:
        """Data of the caller."""

    @property
    def preemptible(self) -> bool | None:
        """Data of the caller."""

@final
class Remark:
    """A remark on a document that was read; `str()` is a sentence."""

    @property
    def kind(self) -> Literal["unknown kind", "stale", "not found"]:
        """What the remark is about."""

    @property
    def document(self) -> str:
        """Kind and namespace/name."""

@final
class Objection:
    """What stands against an allocation; `str()` is a sentence."""

    @property
    def claim(self) -> str:
        """The claim."""

    @property
    def field(self) -> str:
        """Path within the AllocationResult."""

    @property
    def text(self) -> str:
        """What is wrong."""

@final
class Violation:
    """A rule of the API that a document breaks; `str()` is a sentence."""

    @property
    def document(self) -> str:
        """Kind and namespace/name."""

    @property
    def field(self) -> str:
        """Path of the field."""

    @property
    def text(self) -> str:
        """What the rule is."""

def validate(documents: Documents) -> list[Violation]:
    """Judges documents by the API server's rules for new objects, each on its own and with every feature gate on.

    Loading asks only for the shape of a document, since upstream's allocator answers for documents that no API server
    would store. Left out is what needs the cluster, the cost of selectors, `status.devices` and
    `nodeAllocatableResources`.

    Args:
        documents: See `gpualloc.kube`; documents of other kinds are passed over.

    Returns:
        Every rule that is broken, document by document; empty when an API server would take them all.

    Raises:
        InvalidInputError: for a document that is not the shape of its kind.
    """

@final
class Selector:
    """A compiled selector. See `gpualloc.cel`."""

    def __new__(cls, expression: str) -> Selector: ...
    @property
    def expression(self) -> str:
        """The text it was compiled from."""

    @property
    def reads(self) -> tuple[str, ...]:
        """What it reads of a device, such as `attributes["gpu.example.com"].model`; the name of a whole means any part.

        Devices that agree on these get the same result.
        """

    def matches(self, device: Document, *, driver: str) -> bool:
        """Whether the device matches.

        Args:
            device: With `attributes`, `capacity` and `allowMultipleAllocations` as in a ResourceSlice.
            driver: The driver that publishes it.

        Raises:
            CelEvaluationError: with the text that Kubernetes gives.
        """

    def cost(self, device: Document, *, driver: str) -> int:
        """The run-time cost of evaluating it on the device, as Kubernetes counts it."""
