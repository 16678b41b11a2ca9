"""A server whose model answers at once with what it was asked, and one with a tiny real model."""

import socket
import threading

import pytest
import torch
import uvicorn
from fastapi.testclient import TestClient

from qwen_audio.serving.app import create_app
from qwen_audio.serving.settings import Settings
from qwen_audio.serving.work import ChatAnswer, Choice, Piece, SpeechAnswer
from qwen_audio.text.segments import Segment
from qwen_audio.text.timestamps import Span, Word


class Parrot:
    """Says what it was told and how long the clips were; waits at a gate if there is one."""

    max_clip_s = 30.0
    hears_long = False

    def __init__(self):
        self.works, self.batches, self.stopped = [], [], threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.error = None

    def chat(self, work, *, on_piece, should_stop):
        self.works.append(work)
        self._wait(should_stop)
        heard = "".join(f" [{clip.duration_s:g} s]" for m in work.messages for clip in m.clips)
        words = f"{work.messages[-1].text}{heard}".split(" ")
        for choice in range(work.choices):
            for number, word in enumerate(words):
                on_piece(Piece(choice, word if number == 0 else f" {word}"))
        spans = (Span(0.25, 0.5, "tone"),) if "when" in words else ()
        reply = Choice(text=" ".join(words), spans=spans, num_tokens=len(words))
        return ChatAnswer(choices=(reply,) * work.choices, prompt_tokens=7, audio_tokens=2)

    def speak(self, works, *, on_piece, should_stop):
        self.works += works
        self.batches.append(len(works))
        self._wait(should_stop)
        return [self._said(work, on_piece) for work in works]

    def _said(self, work, on_piece):
        length = f"{work.clip.duration_s:g}"
        for piece in (work.task, " ", length):
            on_piece(Piece(0, piece))
        words = (Word(work.task, 0.0, 0.5), Word(length, 0.5, 1.0)) if work.words else ()
        text = f"{work.task} {length}"
        whole = Segment(text=text, start_s=0.0, end_s=1.0, language="en", words=words)
        return SpeechAnswer(
            language="en", duration_s=float(work.clip.duration_s), segments=(whole,)
        )

    def _wait(self, should_stop):
        if self.error:
            raise self.error
        while not self.gate.wait(0.005):
            if should_stop():
                self.stopped.set()
                return


@pytest.fixture
def parrot():
    return Parrot()


@pytest.fixture
def serve(parrot):
    """Give `start(**settings)`: a client of a server with the parrot behind it."""
    started = []

    def start(**settings):
        client = TestClient(create_app(parrot, Settings(**settings)))
        client.__enter__()
        started.append(client)
        return client

    yield start
    parrot.gate.set()
    for client in started:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve):
    return serve()


class Listening:
    """A server on a free port, until the block ends."""

    def __init__(self, voice, **settings):
        self.app = create_app(voice, Settings(**settings))
        self.socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.app, log_level="warning", timeout_graceful_shutdown=5)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            threading.Event().wait(0.005)
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()


@pytest.fixture
def listening_to(parrot):
    """Give `start(voice, **settings)`: a server on a real port with that voice."""
    started = []

    def start(voice, **settings):
        started.append(Listening(voice, **settings).__enter__())
        return started[-1]

    yield start
    parrot.gate.set()
    for server in started:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def tiny_voice(tmp_path_factory):
    """A voice with random weights, whose every token is a byte."""
    import qwen_audio
    from qwen_audio.checkpoints.assemble import assemble
    from qwen_audio.serving.voice import QwenVoice

    folder = tmp_path_factory.mktemp("tiny")
    assemble(*_tiny_parts(folder), folder / "model", pool=4, pooling="stack", projector="mlp")
    return QwenVoice(qwen_audio.load(folder / "model"), max_prompt_tokens=2000)


def _tiny_parts(folder):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
        WhisperConfig,
        WhisperForConditionalGeneration,
    )

    from qwen_audio.text import vocab

    torch.manual_seed(0)
    sizes = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    rest = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16}
    whisper = WhisperConfig(**sizes, **ids, **rest, encoder_ffn_dim=64, vocab_size=60)
    WhisperForConditionalGeneration(whisper).save_pretrained(folder / "whisper")
    llama = LlamaConfig(
        vocab_size=259,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.4,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(llama).save_pretrained(folder / "llm")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    ends = [vocab.END_OF_TEXT, vocab.CHAT_BEGIN, vocab.CHAT_END]
    tokenizer.add_special_tokens({"additional_special_tokens": ends})
    tokenizer.save_pretrained(folder / "llm")
    return folder / "whisper", folder / "llm"
