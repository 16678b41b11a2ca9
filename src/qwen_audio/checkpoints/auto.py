"""Our classes under transformers' Auto classes, the released layout included.

Importing this module registers them, which is all it does. `AutoModelForMultimodalLM`,
`AutoModelForCausalLM`, `AutoProcessor` and `AutoTokenizer` then open our folders and the released
ones, with no remote code.
"""

from pathlib import Path
from typing import Any, no_type_check

from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMultimodalLM,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from qwen_audio.checkpoints.folder import load_processor, load_released
from qwen_audio.checkpoints.released import config_from_released
from qwen_audio.model.configuration import (
    QwenAudioConfig,
    QwenAudioEncoderConfig,
    QwenAudioTextConfig,
)
from qwen_audio.model.decoder import QwenAudioDecoder
from qwen_audio.model.encoder import QwenAudioEncoder
from qwen_audio.model.features import QwenAudioFeatureExtractor
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration
from qwen_audio.model.processing import QwenAudioProcessor
from qwen_audio.text.tokenizers import load_qwen_tiktoken


@no_type_check
class ReleasedConfig(QwenAudioConfig):
    """How the Auto classes tell a released folder: model_type "qwen" (Qwen-7B's own name)."""

    model_type = "qwen"

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Return the configuration of a released config.json, as ours."""
        ours = config_from_released(config_dict)
        config = cls(text_config=ours.text_config, audio_config=ours.audio_config)
        return (config, kwargs) if kwargs.pop("return_unused_kwargs", False) else config


class ReleasedQwenAudio(QwenAudioForConditionalGeneration):
    """Opens a released folder; what comes back is an ordinary Qwen-Audio of ours."""

    config_class = ReleasedConfig

    @classmethod
    def from_pretrained(cls, folder: str | Path, *_: Any, **kwargs: Any) -> Any:
        """Return the model of a released folder, its tensors under our names."""
        return load_released(
            Path(folder),
            dtype=kwargs.get("dtype") or kwargs.get("torch_dtype") or "auto",
            device_map=kwargs.get("device_map"),
        )


class QWenTokenizer(PreTrainedTokenizerFast):
    """Opens `qwen.tiktoken` under the name that a released tokenizer_config.json gives."""

    @classmethod
    def from_pretrained(cls, folder: str | Path, *_: Any, **__: Any) -> Any:
        """Return the released vocabulary as a fast tokenizer."""
        return load_qwen_tiktoken(Path(folder) / "qwen.tiktoken")


class ReleasedProcessor(QwenAudioProcessor):
    """Opens the processor of a released folder, which ships none of its own."""

    @classmethod
    def from_pretrained(cls, folder: str | Path, *_: Any, **__: Any) -> Any:
        """Return our processor with the released vocabulary."""
        return load_processor(Path(folder))


def register() -> None:
    """Make the Auto classes know ours; a second call changes nothing."""
    for config in (QwenAudioConfig, QwenAudioTextConfig, QwenAudioEncoderConfig, ReleasedConfig):
        AutoConfig.register(config.model_type, config, exist_ok=True)
    AutoModel.register(QwenAudioTextConfig, QwenAudioDecoder, exist_ok=True)
    AutoModel.register(QwenAudioEncoderConfig, QwenAudioEncoder, exist_ok=True)
    for auto in (AutoModel, AutoModelForCausalLM, AutoModelForMultimodalLM):
        auto.register(QwenAudioConfig, QwenAudioForConditionalGeneration, exist_ok=True)
        auto.register(ReleasedConfig, ReleasedQwenAudio, exist_ok=True)
    AutoFeatureExtractor.register(QwenAudioConfig, QwenAudioFeatureExtractor, exist_ok=True)
    AutoProcessor.register(QwenAudioConfig, QwenAudioProcessor, exist_ok=True)
    AutoProcessor.register(ReleasedConfig, ReleasedProcessor, exist_ok=True)
    AutoTokenizer.register(ReleasedConfig, fast_tokenizer_class=QWenTokenizer, exist_ok=True)


register()
