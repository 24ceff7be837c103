"""Answers that are not in a page in clear: a page can tell whether a chosen option is right.

Each question has a salt. The key of an option is the SHA-256 of the salt and the option's letter.
The page has the SHA-256 of the right option's key, and the explanation, encrypted with it: each 32
bytes are combined by exclusive or with the SHA-256 of the key and the number of the block. Who
tries all four options has the answer; nothing in a file can keep it from a program.
"""

import base64
import hashlib
from dataclasses import replace

from pipetrace.present.quiz_prompt import LETTERS
from pipetrace.present.views import Document, QuestionView

BLOCK = hashlib.sha256().digest_size
SALT = 16
"""Bytes of a salt."""


def hidden(made: Document, identity: str) -> Document:
    """A document whose questions have no answer in clear; its salts are of the quiz's identity."""
    sealed = (
        _sealed(question, hashlib.sha256(f"{identity} {number}".encode()).digest()[:SALT])
        for number, question in enumerate(made.quiz)
    )
    return replace(made, quiz=tuple(sealed))


def _sealed(question: QuestionView, salt: bytes) -> QuestionView:
    key = hashlib.sha256(salt + LETTERS[question.answer].encode()).digest()
    remark = question.remarks[question.answer].encode()
    parts = (salt, hashlib.sha256(key).digest(), _combined(remark, key))
    sealed = tuple(base64.b64encode(part).decode("ascii") for part in parts)
    return replace(question, answer=-1, remarks=(), sealed=sealed)


def _combined(text: bytes, key: bytes) -> bytes:
    blocks = -(-len(text) // BLOCK)
    stream = b"".join(
        hashlib.sha256(key + block.to_bytes(2, "big")).digest() for block in range(blocks)
    )
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))
