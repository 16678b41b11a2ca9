"""Sizes and switches of the network, as transformers configurations.

`QwenAudioConfig` holds two others: the audio encoder's (a Whisper encoder of any size) and the
decoder's, which is either `QwenAudioTextConfig` (our own decoder: Qwen-7B, Qwen2/3, Llama, SmolLM2)
or the configuration of any other decoder-only model of transformers. (`no_type_check`: their
`__init__` is wrapped by transformers to take any key, which a checker of signatures would refuse.)
"""

from typing import Any, no_type_check

from transformers import AutoConfig, PreTrainedConfig

from qwen_audio.errors import ConfigError

POOLINGS = ("mean", "stack")
PROJECTORS = ("linear", "mlp", "transformer")


@no_type_check
class QwenAudioEncoderConfig(PreTrainedConfig):
    """Audio encoder; the defaults are Whisper-large-v2's, as in the released Qwen-Audio.

    `pooling` is how `pool` neighbouring frames become one token: `"mean"` averages them before the
    last norm (the released model), `"stack"` puts them side by side after it (keeps their order).
    """

    model_type = "qwen_audio_encoder"

    num_mel_bins: int = 80
    hidden_size: int = 1280
    num_hidden_layers: int = 32
    num_attention_heads: int = 20
    max_position_embeddings: int = 1500
    pool: int = 2
    pooling: str = "mean"
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what a person can get wrong.

        Raises:
            ConfigError: sizes that do not divide, or an unknown pooling.
        """
        super().__post_init__(**kwargs)
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"encoder width {self.hidden_size} is not a multiple of its "
                f"{self.num_attention_heads} heads; change one of the two"
            )
        if self.pooling not in POOLINGS:
            raise ConfigError(f"pooling is {self.pooling!r}; use one of {', '.join(POOLINGS)}")

    @property
    def output_size(self) -> int:
        """Width of one audio token before the projection."""
        return self.hidden_size * (self.pool if self.pooling == "stack" else 1)


@no_type_check
class QwenAudioTextConfig(PreTrainedConfig):
    """Our decoder; the defaults are Qwen-7B's as released with Qwen-Audio.

    `dynamic_ntk` and `logn_attention` act past `train_length` tokens only (research: Qwen-7B).
    """

    model_type = "qwen_audio_text"

    vocab_size: int = 155_947
    hidden_size: int = 4096
    intermediate_size: int = 11_008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    max_position_embeddings: int = 8192
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    qkv_bias: bool = True
    qk_norm: bool = False
    dynamic_ntk: bool = False
    logn_attention: bool = False
    train_length: int = 2048
    initializer_range: float = 0.02
    use_cache: bool = True
    tie_word_embeddings: bool = False
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        """Fill in what follows from the rest, and check the heads.

        Raises:
            ConfigError: query heads that are not a multiple of the key heads.
        """
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.num_attention_heads
        if self.head_dim is None:
            self.head_dim = self.hidden_size // self.num_attention_heads
        super().__post_init__(**kwargs)
        if self.num_attention_heads % self.num_key_value_heads:
            raise ConfigError(
                f"{self.num_attention_heads} query heads cannot share "
                f"{self.num_key_value_heads} key heads evenly; change one of the two"
            )


@no_type_check
class QwenAudioConfig(PreTrainedConfig):
    """A whole Qwen-Audio: encoder, projection, decoder, and the ids of the audio tokens.

    `audio_token_id` marks one audio token; each clip's run of them stands between
    `audio_begin_id` and `audio_end_id`, whose embeddings are learnt with the encoder. A reader
    reads words in the units of the tokenizer's first `reader_merges` merges (0: all of them).
    """

    model_type = "qwen_audio"
    sub_configs = {"text_config": AutoConfig, "audio_config": QwenAudioEncoderConfig}  # noqa: RUF012

    text_config: dict | PreTrainedConfig | None = None
    audio_config: dict | PreTrainedConfig | None = None
    projector: str = "linear"
    projector_hidden_size: int | None = None
    projector_layers: int = 2
    reader: bool = False
    reader_every: int = 8
    reader_merges: int = 0
    audio_token_id: int = 151_851
    audio_begin_id: int = 155_163
    audio_end_id: int = 155_164
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Turn the two sub-configurations into objects and check the projector.

        Raises:
            ConfigError: an unknown projector.
        """
        self.audio_config = _as_config(self.audio_config, QwenAudioEncoderConfig)
        self.text_config = _as_config(self.text_config, QwenAudioTextConfig)
        self.tie_word_embeddings = bool(self.text_config.tie_word_embeddings)
        super().__post_init__(**kwargs)
        if self.projector not in PROJECTORS:
            raise ConfigError(
                f"projector is {self.projector!r}; use one of {', '.join(PROJECTORS)}"
            )

    @property
    def vocab_size(self) -> int:
        """Rows of the token embedding."""
        return self.text_config.vocab_size


def _as_config(value: Any, default: type[PreTrainedConfig]) -> PreTrainedConfig:
    """Return a configuration object from an object, a dict that names its type, or nothing."""
    if value is None:
        return default()
    if isinstance(value, PreTrainedConfig):
        return value
    fields = {name: field for name, field in value.items() if name != "model_type"}
    kind = value.get("model_type", default.model_type)
    return default(**fields) if kind == default.model_type else AutoConfig.for_model(kind, **fields)
