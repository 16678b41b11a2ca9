# Two commands do everything on a fresh machine with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/
TORCH := torch==2.13.0
CLIP := examples/clips/sentence.flac

.PHONY: demo test check format bench bench-train train-mini install clean

install: $(VENV)/.installed

# torch is pinned before the rest. Where the index has only its CUDA build (gigabytes), name PyTorch's
# own CPU index in PIP_EXTRA_INDEX_URL.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install --quiet --upgrade pip
	$(RUN)python -m pip install --quiet "$(TORCH)"
	$(RUN)python -m pip install --quiet --editable ".[all]"
	touch $@

# The main job on real clips: what is said, and questions about what is heard.
demo: install
	$(RUN)qwen-audio transcribe --words $(CLIP)
	$(RUN)qwen-audio ask $(CLIP) "What does the person say?"
	$(RUN)qwen-audio ask examples/clips/rooster.flac "What do you hear?"

test: install
	$(RUN)python -m pytest --quiet

# Before each commit: style and the fast tests.
check: install
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)python -m pytest --quiet -m "not slow"

format: install
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

bench: install
	$(RUN)python benchmarks/inference.py
	$(RUN)python benchmarks/default_model.py
	$(RUN)python benchmarks/conversation.py

# How fast training is, beside transformers' Trainer on the same network and clips.
bench-train: install
	$(RUN)python benchmarks/training.py

# The default model from the shards in data/, stage by stage; each resumes from its last checkpoint.
train-mini: install
	for stage in mini_0_align mini_1_chat; do \
	  $(RUN)python -m qwen_audio.training.run recipes/$$stage.toml --output runs/$$stage --resume auto \
	  || exit 1; done

clean:
	rm -rf $(VENV) build dist src/*.egg-info
