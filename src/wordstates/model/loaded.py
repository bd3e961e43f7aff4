"""A model ready to read: its engines, its tokenizer, what was found about it, and the limits that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wordstates.model.anatomy import Anatomy
from wordstates.model.engine import EngineChooser
from wordstates.model.found import Found
from wordstates.model.template import Template
from wordstates.model.tokenizer import Tokenizer

# Without a limit of its own a model gets the window that such models are trained with; and no window is longer than
# what fits a machine, whatever a config promises.
_USUAL_WINDOW, _LONGEST_WINDOW = 512, 8192
SLOW = 2.0  # times as long as in float32: who asks for such a precision is warned


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """How a model is to be loaded.

    Args:
        device: Where to run; default the GPU if there is one. A module in memory stays where it is.
        precision: Precision to compute in; default float32, or what a module in memory has.
        engine: The engine asked for.
        bos: Beginning-of-sequence token of causal models: ``auto`` as the tokenizer does, ``always``, or ``never``.
        special_tokens: How special tokens are read in texts: ``auto`` as the tokenizer does, ``token``, or ``text``.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run code that comes with the model.
        unsafe_weights: Also load pickled weights.
        surprisal: Also load the output head of a causal model.
        config: Keys of the config of a model that is loaded, in place of those in its ``config.json``.
    """

    device: Any = None
    precision: str | None = None
    engine: str = "auto"
    bos: str = "auto"
    special_tokens: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    unsafe_weights: bool = False
    surprisal: bool = False
    config: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A model that can be asked for hidden states.

    Args:
        name: What the user called it.
        revision: Commit on the hub, if it came from there.
        weights: Fingerprint of the weights, 16 hex digits.
        tokenizer: Its tokenizer.
        template: The special tokens around each window, after the policy for the beginning of sequence.
        anatomy: What the probe found.
        engines: What can run it.
        limit: Most subwords one pass can read, special tokens included; None if there is no limit.
        vocabulary_rows: Ids from here on have no vector in the model; 0 if it has no such table.
        pad_id: Id to pad with.
        precision: Precision that it computes in.
        versions: Of the libraries that make the vectors.
        head: The `OutputHead` that says how probable each next subword is; None unless surprisal is asked for.
        config: Keys of the config that were given in place of the model's own.
    """

    name: str
    revision: str | None
    weights: str
    tokenizer: Tokenizer
    template: Template
    anatomy: Anatomy
    engines: EngineChooser
    limit: int | None
    vocabulary_rows: int
    pad_id: int
    precision: str
    versions: Mapping[str, str]
    head: Any = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        found: Found,
        tokenizer: Tokenizer,
        options: LoadOptions,
        engines: EngineChooser,
        *,
        revision: str | None,
        precision: str,
        head: Any = None,
    ) -> LoadedModel:
        """Give the model of which something was found, as it is wanted.

        Raises:
            InputError: If it has no beginning of sequence as is asked for.
        """
        name, bos = tokenizer.name, tokenizer.tokenizer.bos_token_id
        return cls(
            name=name,
            revision=revision,
            weights=found.weights,
            tokenizer=tokenizer,
            template=tokenizer.template.with_bos(options.bos, bos, name, causal=found.anatomy.causal),
            anatomy=found.anatomy,
            engines=engines,
            limit=found.limit,
            vocabulary_rows=found.vocabulary_rows,
            pad_id=found.pad_id,
            precision=precision,
            versions=found.versions,
            head=head,
            config=dict(options.config or {}),
        )

    @property
    def default_window(self) -> int:
        """Subwords in a window, special tokens included, where the user names none."""
        promised = self.tokenizer.tokenizer.model_max_length
        return min(self.limit or (promised if promised < 1_000_000 else _USUAL_WINDOW), _LONGEST_WINDOW)
