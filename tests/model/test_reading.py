"""Audio tokens read as words: what the decoder sees, and that the rest costs nothing."""

import pytest
import torch

from qwen_audio.model.reading import Hearing, Reader, ctc_loss, keep_only

BEGIN, PAD, END = 121, 120, 122


@pytest.fixture
def reading(tiny):
    """A model with a reader that finds some frames blank and others not."""
    model = tiny(projector="transformer", projector_hidden_size=64, reader=True, reader_every=4)
    model.reader.allow(range(5, 60))
    torch.manual_seed(0)
    with torch.no_grad():
        model.reader.blank.normal_(std=2.0)
        model.projector.proj.weight.normal_(std=0.5)
    return model


def features(*frames):
    torch.manual_seed(3)
    mask = torch.arange(max(frames))[None] < torch.tensor(frames)[:, None]
    sound = torch.randn(len(frames), 80, max(frames)) * mask[:, None]
    return {"input_features": sound, "input_features_mask": mask}


def prompt(frames):
    return [BEGIN, *[PAD] * (frames // 4), END, 1, 2, 3]


def test_a_hidden_slot_is_as_if_it_was_not_there(reading):
    ids = torch.tensor([prompt(80)])
    sound = features(80)
    heard = reading.hear(**sound)

    whole = reading(ids, **sound).logits[0, -1]

    left = torch.cat([torch.ones(1), heard.is_kept, torch.ones(4)]).bool()
    short = reading.splice(ids, heard.tokens, heard.counts)[:, left]
    assert 0 < heard.is_kept.sum() < len(heard.is_kept)
    torch.testing.assert_close(whole, reading(inputs_embeds=short).logits[0, -1])


def test_replies_of_a_batch_are_those_of_each_alone(reading):
    rows = [prompt(80), prompt(32)]
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    greedy = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None}

    together = reading.generate(ids, attention_mask=mask, **features(80, 32), **greedy)

    sound = features(80, 32)
    for place, row in enumerate(rows):
        frames = (len(row) - 5) * 4
        one = {name: tensor[place : place + 1, ..., :frames] for name, tensor in sound.items()}
        alone = reading.generate(torch.tensor([row]), **one, **greedy)
        assert alone[0, len(row) :].tolist() == together[place, longest:].tolist()


def test_decoding_with_a_cache_gives_what_the_whole_sequence_gives(reading):
    ids, sound = torch.tensor([prompt(80)]), features(80)
    greedy = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}

    reply = reading.generate(ids, **sound, **greedy)

    logits = reading(reply, **sound).logits[0, ids.shape[1] - 1 : -1]
    assert logits.argmax(dim=-1).tolist() == reply[0, ids.shape[1] :].tolist()


def test_one_blank_token_in_so_many_stays():
    reader = Reader(8, 20, every=4)
    reader.allow([3, 4])
    with torch.no_grad():
        reader.bias.fill_(100.0)  # all is blank

    heard = reader(torch.zeros(14, 8), torch.tensor([9, 5]), torch.nn.Embedding(20, 8))

    assert heard.is_kept.nonzero().squeeze(1).tolist() == [2, 6, 11]


def test_a_token_that_is_surely_read_gets_that_tokens_embedding():
    reader, words = Reader(8, 20), torch.nn.Embedding(20, 8)
    reader.allow([3, 7])
    with torch.no_grad():
        reader.gain.zero_()
        reader.log_scale.fill_(6.0)

    heard = reader(words.weight[[7]], torch.tensor([1]), words)

    torch.testing.assert_close(heard.tokens, words.weight[[7]])


def test_a_reader_without_choices_changes_nothing():
    tokens, counts = torch.randn(5, 8), torch.tensor([5])

    heard = Reader(8, 20)(tokens, counts, torch.nn.Embedding(20, 8))

    assert heard.tokens is tokens
    assert heard.is_kept is None


def test_only_slots_that_are_not_kept_are_masked():
    is_slot = torch.tensor([[False, True, True, False], [True, False, False, True]])
    is_kept = torch.tensor([True, False, False, True])
    hearing = Hearing(tokens=torch.zeros(4, 2), counts=torch.tensor([2, 2]), is_kept=is_kept)
    padded = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])

    assert keep_only(is_slot, hearing, None).tolist() == [[1, 1, 0, 1], [0, 1, 1, 1]]
    assert keep_only(is_slot, hearing, padded).tolist() == [[0, 1, 0, 1], [0, 1, 1, 1]]


def test_ctc_weighs_every_target_token_the_same():
    torch.manual_seed(1)
    logits, counts = torch.randn(10, 5), torch.tensor([6, 4])
    targets, lengths = torch.tensor([1, 2, 3, 4]), torch.tensor([3, 1])

    both = ctc_loss(logits, counts, targets, lengths)

    first = ctc_loss(logits[:6], counts[:1], targets[:3], lengths[:1])
    second = ctc_loss(logits[6:], counts[1:], targets[3:], lengths[1:])
    torch.testing.assert_close(both, (3 * first + second) / 4)
