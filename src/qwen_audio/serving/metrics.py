"""What Prometheus may know: counts and times, never what anybody said."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from qwen_audio.serving.work import Answer, ChatAnswer

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_BATCHES = (1, 2, 4, 8, 16, 32)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "qwen_audio_requests", "Requests answered", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "qwen_audio_request_seconds",
            "From a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._waits = Histogram(
            "qwen_audio_queue_seconds", "Time in the queue", buckets=_SECONDS, registry=registry
        )
        self._batches = Histogram(
            "qwen_audio_batch_size", "Jobs done together", buckets=_BATCHES, registry=registry
        )
        self._tokens = Counter(
            "qwen_audio_tokens", "Tokens of conversations", ["kind"], registry=registry
        )
        self._audio = Counter("qwen_audio_audio_seconds", "Sound heard", registry=registry)
        self._waiting = Gauge("qwen_audio_jobs_waiting", "Jobs in the queue", registry=registry)
        self._running = Gauge("qwen_audio_jobs_running", "Jobs being done", registry=registry)

    def watch_queue(self, waiting: Callable[[], int], running: Callable[[], int]) -> None:
        """Read the queue's lengths whenever somebody asks for them."""
        self._waiting.set_function(waiting)
        self._running.set_function(running)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def waited(self, seconds: float) -> None:
        """Note how long a job was in the queue."""
        self._waits.observe(seconds)

    def batched(self, size: int) -> None:
        """Note how many jobs are done together."""
        self._batches.observe(size)

    def answered(self, answer: Answer, *, audio_s: float) -> None:
        """Count what an answer took."""
        self._audio.inc(audio_s)
        if isinstance(answer, ChatAnswer):
            self._tokens.labels("prompt").inc(answer.prompt_tokens)
            self._tokens.labels("completion").inc(answer.completion_tokens)

    def render(self) -> bytes:
        """Return all of it in Prometheus' text form."""
        return generate_latest(self.registry)
