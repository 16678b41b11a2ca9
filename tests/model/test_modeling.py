"""The whole network: the splice, losses, generation and citizenship in transformers."""

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForMultimodalLM

import qwen_audio.checkpoints.auto
from qwen_audio.errors import ConfigError, PromptError
from qwen_audio.model.configuration import QwenAudioConfig
from qwen_audio.model.modeling import QwenAudioForConditionalGeneration

BEGIN, PAD, END = 121, 120, 122


def prompt(frames, *, text=(1, 2, 3)):
    """Return ids with one clip of so many mel frames, then text."""
    tokens = frames // 4
    return [BEGIN, *[PAD] * tokens, END, *text]


def features(*frames):
    torch.manual_seed(3)
    widest = max(frames)
    mask = torch.arange(widest)[None] < torch.tensor(frames)[:, None]
    return {
        "input_features": torch.randn(len(frames), 80, widest) * mask[:, None],
        "input_features_mask": mask,
    }


def test_every_slot_gets_its_vector_and_the_text_keeps_its_own(tiny):
    model = tiny()
    ids = torch.tensor([prompt(16) + prompt(8)])

    tokens, counts = model.get_audio_features(**features(16, 8))
    spliced = model.splice(ids, tokens, counts)

    begin, end = model.boundaries.weight
    text = model.get_input_embeddings()(torch.tensor([1, 2, 3]))
    first = torch.cat([begin[None], tokens[:4], end[None], text])
    second = torch.cat([begin[None], tokens[4:], end[None], text])
    assert counts.tolist() == [4, 2]
    torch.testing.assert_close(spliced[0], torch.cat([first, second]))


def test_slots_and_clips_that_do_not_match_are_counted(tiny):
    model = tiny()

    with pytest.raises(PromptError, match="has 6 audio slots but the 1 clips given make 4"):
        model(torch.tensor([prompt(16)]), **features(8))


def test_the_embedding_is_not_written_to(tiny):
    model = tiny()
    before = model.get_input_embeddings().weight.clone()

    model(torch.tensor([prompt(16)]), **features(16)).logits.sum().backward()

    assert torch.equal(model.get_input_embeddings().weight, before)
    assert model.projector.proj.weight.grad.abs().sum() > 0


def test_loss_is_the_mean_over_learnt_ids_either_way(tiny):
    model = tiny()
    ids = torch.tensor([prompt(16), prompt(16)])
    labels = ids.clone()
    labels[:, :7] = -100
    sound = features(16, 16)

    whole = model(ids, labels=labels, **sound)
    sparse = model(ids, labels=labels, learnt_logits_only=True, **sound)

    expected = F.cross_entropy(whole.logits[:, 6:8].flatten(0, 1), labels[:, 7:].flatten())
    torch.testing.assert_close(whole.loss, expected)
    torch.testing.assert_close(sparse.loss, expected)
    assert sparse.logits.shape == (4, 128)


@pytest.mark.parametrize(
    "options",
    [
        {"do_sample": False},
        {"num_beams": 3, "num_return_sequences": 2, "do_sample": False},
        {"do_sample": True, "num_return_sequences": 3},
        {"do_sample": False, "cache_implementation": "static"},
        {"do_sample": False, "use_cache": False},
    ],
)
def test_transformers_generate_works_with_audio(tiny, options):
    model = tiny(text={"eos_token_id": 127})
    ids = torch.tensor([prompt(16), prompt(16)])
    model.generation_config.pad_token_id = 0

    out = model.generate(input_ids=ids, **features(16, 16), max_new_tokens=5, **options)

    assert out.shape[0] == 2 * options.get("num_return_sequences", 1)
    assert ids.shape[1] < out.shape[1] <= ids.shape[1] + 5


def test_greedy_with_and_without_a_cache_agree(tiny):
    model = tiny(text={"dynamic_ntk": True, "logn_attention": True, "train_length": 6})
    ids = torch.tensor([prompt(16)])
    options = {"max_new_tokens": 1, "do_sample": False}

    with_cache = model.generate(input_ids=ids, **features(16), **options)
    without = model.generate(input_ids=ids, **features(16), **options, use_cache=False)

    assert torch.equal(with_cache, without)


def test_the_prefills_ntk_factor_is_kept_while_decoding(tiny):
    model = tiny(text={"dynamic_ntk": True, "train_length": 4})
    ids = torch.tensor([[1, 2, 3]])

    first = model(ids, use_cache=True)
    kwargs = model._update_model_kwargs_for_generation(first, {})

    assert first.rope_alpha is None
    assert kwargs["rope_alpha"].tolist() == [1.0]


@pytest.mark.filterwarnings("ignore:.*deprecated and will be removed in v6:FutureWarning")
def test_gradient_checkpointing_gives_the_same_gradients(tiny):
    model = tiny().train()
    ids = torch.tensor([prompt(16)])

    def gradient():
        model.zero_grad()
        model(ids, labels=ids, **features(16)).loss.backward()
        return model.encoder.conv1.weight.grad.clone()

    plain = gradient()
    model.gradient_checkpointing_enable({"use_reentrant": False})

    torch.testing.assert_close(gradient(), plain)


def test_save_and_load_give_the_same_logits_and_tied_rows(tiny, tmp_path):
    model = tiny(projector="mlp", audio={"pooling": "stack"})
    ids = torch.tensor([prompt(16)])
    expected = model(ids, **features(16)).logits

    model.save_pretrained(tmp_path)
    again = AutoModelForMultimodalLM.from_pretrained(tmp_path)

    assert isinstance(again, QwenAudioForConditionalGeneration)
    assert again.lm_head.weight is again.language_model.embed_tokens.weight
    torch.testing.assert_close(again(ids, **features(16)).logits, expected)


def test_any_decoder_of_transformers_fits(tiny):
    torch.manual_seed(0)
    text = AutoConfig.for_model(
        "gpt_neox", hidden_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=128
    )
    config = tiny().config
    other = QwenAudioConfig(
        text_config=text,
        audio_config=config.audio_config,
        audio_token_id=PAD,
        audio_begin_id=BEGIN,
        audio_end_id=END,
    )
    model = QwenAudioForConditionalGeneration(other).eval()
    model.generation_config.pad_token_id = 0
    ids = torch.tensor([prompt(16)])

    out = model.generate(input_ids=ids, **features(16), max_new_tokens=3, do_sample=False)

    assert out.shape == (1, ids.shape[1] + 3)


@pytest.mark.filterwarnings("ignore:.*deprecated and will be removed in v6:FutureWarning")
def test_adapters_of_peft_learn_and_nothing_else(tiny):
    peft = pytest.importorskip("peft")
    names = ["q_proj", "v_proj", "query", "value"]
    model = peft.get_peft_model(tiny(), peft.LoraConfig(r=2, target_modules=names))
    ids = torch.tensor([prompt(16)])

    model(input_ids=ids, labels=ids, **features(16)).loss.backward()

    learnt = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learnt
    assert all("lora_" in name for name in learnt)


def test_an_unknown_projector_is_named():
    with pytest.raises(ConfigError, match="projector is 'cnn'; use one of linear, mlp"):
        QwenAudioConfig(projector="cnn")


def test_importing_registers_our_classes():
    assert qwen_audio.checkpoints.auto.register() is None
    assert AutoConfig.for_model("qwen_audio").model_type == "qwen_audio"
