"""A server with OpenAI's interface on loopback that misbehaves as it is told: real sockets, no model behind them."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "served/model"


@dataclass
class Script:
    """What a server does, and what it has seen.

    Attributes:
        faults: prompt -> what its first tries meet, in order; later ones are answered.
        key: a request without it is refused; none: anyone may ask.
        delay: seconds that an answer takes.
        together: answers wait until so many requests are under way, for five seconds at most.
        change: fields put into every answer's only choice.
        around: fields put into every answer.
        elsewhere: address that the fault "307" sends to.
    """

    faults: dict[str, list[str]] = field(default_factory=dict)
    key: str | None = None
    delay: float = 0.0
    together: int = 0
    change: dict[str, Any] = field(default_factory=dict)
    around: dict[str, Any] = field(default_factory=dict)
    elsewhere: str = ""
    retry_after: str = "0.3"
    models: list[dict[str, Any]] | None = field(default_factory=lambda: [{"id": MODEL, "object": "model"}])
    address: str = ""
    tries: Counter[str] = field(default_factory=Counter)
    times: dict[str, list[float]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve(script: Script) -> Iterator[Script]:
    """Run the script on a free port of loopback; ``script.address`` is its base_url."""
    server = Server(("127.0.0.1", 0), type("Scripted", (Handler,), {"script": script}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    script.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield script
    finally:
        script.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Server(ThreadingHTTPServer):
    request_queue_size = 100

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away, which is what the tests make it do


class Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if not self.allowed():
            return
        if self.script.models is None:
            self.send(404, {"error": {"message": "no such path"}})
        else:
            self.send(200, {"object": "list", "data": self.script.models})

    def do_POST(self) -> None:
        script, body = self.script, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][0]["content"] if "messages" in body else body["prompt"]
        prompt = prompt if isinstance(prompt, str) else json.dumps(prompt)
        with script.lock:
            script.under_way += 1
            script.most_under_way = max(script.most_under_way, script.under_way)
            faults = script.faults.get(prompt, [])
            fault = faults[min(script.tries[prompt], len(faults) - 1)] if faults else ""
            fault = "" if script.tries[prompt] >= len(faults) and not fault.endswith("always") else fault
            script.tries[prompt] += 1
            script.times.setdefault(prompt, []).append(time.monotonic())
            script.bodies.append(body)
        try:
            if self.allowed():
                self.meet(fault.removesuffix(" always"), body, prompt)
        finally:
            with script.lock:
                script.under_way -= 1

    def allowed(self) -> bool:
        self.script.headers.append({name.lower(): value for name, value in self.headers.items()})
        sent = self.headers.get("Authorization", "")
        if self.script.key in (None, sent.removeprefix("Bearer ")):
            return True
        # Some servers are so unwise as to repeat the key.
        self.send(401, {"error": {"message": f"Incorrect API key provided: {sent}", "code": "invalid_api_key"}})
        return False

    def meet(self, fault: str, body: dict[str, Any], prompt: str) -> None:
        answer = self.answer(body, prompt)
        whole = json.dumps(answer).encode()
        if fault.isdigit():
            headers = {"429": {"Retry-After": self.script.retry_after}, "307": {"Location": self.script.elsewhere}}
            self.send(int(fault), {"error": {"message": f"fault {fault} as told"}}, headers.get(fault))
        elif fault == "quota":
            self.send(429, {"error": {"message": "the account is empty", "code": "insufficient_quota"}})
        elif fault == "echo late":
            key = self.headers.get("Authorization", "")
            self.send(400, {"error": {"message": f"{'x' * 470} {key}"}})
        elif fault == "echo inside":
            key = self.headers.get("Authorization", "")
            self.send(200, {**answer, "id": "x" * 120 + key, "choices": []})
        elif fault == "echo as answer":
            key = self.headers.get("Authorization", "")
            self.send(200, {**answer, "choices": [{**answer["choices"][0], "message": {"content": key}}]})
        elif fault == "too long":
            self.send(400, {"error": {"message": "maximum context length is 8 tokens, the prompt has 9"}})
        elif fault == "hang":
            self.script.stopped.wait(5)
            self.close_connection = True
        elif fault == "cut":
            self.send_bytes(200, whole[: len(whole) // 2], {}, length=len(whole))
            self.close_connection = True
            self.connection.close()
        elif fault == "malformed":
            self.send_bytes(200, whole[: len(whole) // 2], {})
        elif fault == "empty":
            self.send(200, {**answer, "choices": []})
        elif fault == "no usage":
            self.send(200, {**answer, "usage": None})
        elif fault == "html":
            self.send_bytes(200, b"<html>Bad day</html>", {"Content-Type": "text/html"})
        elif fault == "error inside":
            self.send(200, {"error": {"message": "upstream is down", "code": 502}})
        else:
            assert fault == "", fault
            deadline = time.monotonic() + 5
            while self.script.most_under_way < self.script.together and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(self.script.delay)
            self.send(200, answer)

    def answer(self, body: dict[str, Any], prompt: str) -> dict[str, Any]:
        text = f" answer to {prompt} seed {body.get('seed', '-')}"
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        if "messages" in body:
            choice["message"] = {"role": "assistant", "content": text}
            if body.get("logprobs"):
                choice["logprobs"] = {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]}
        else:
            choice["text"] = text
            if body.get("logprobs"):
                choice["logprobs"] = {"tokens": ["a", "b", "c", "d"], "token_logprobs": [-1.0, -2.0, -3.0, -2.0]}
        usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
        kind = "chat.completion" if "messages" in body else "text_completion"
        choice.update(self.script.change)
        answer = {"id": "1", "object": kind, "created": 0, "model": body["model"], "choices": [choice], "usage": usage}
        return {**answer, **self.script.around}

    def send(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.send_bytes(status, json.dumps(content).encode(), headers or {})

    def send_bytes(self, status: int, content: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
