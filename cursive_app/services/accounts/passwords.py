"""Passwords: argon2id at rest, at most two hashes at a time per process, one policy for every place that sets one."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cursive_app.errors import Invalid, Unavailable

MIN_LENGTH = 10
MAX_LENGTH = 128
ZXCVBN_LIMIT = (
    24  # characters that are judged; its time grows fast with letters that stand for others (measured: 0.5 s)
)
MIN_SCORE = 3  # "safely unguessable": 10^8 guesses or more

_hasher = PasswordHasher()  # argon2id, 64 MiB, t=3, p=4
PATIENCE_SECONDS = 8.0  # a request waits for its turn at hashing
JUDGE_PATIENCE_SECONDS = 3.0  # and at the estimator: whoever has many judged must not hold up all threads
_slots = threading.BoundedSemaphore(2)  # 64 MiB each: a flood of logins must not eat the memory (D-16)
_estimator = threading.Lock()  # zxcvbn keeps the caller's words in a module-level table


def normalize(password: str) -> str:
    """One form for all ways to type the same letters (NFKC), as NIST 800-63B asks."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, field: str = "password", about: Sequence[str] = ()) -> None:
    """Raises Invalid when a new password is too short, too long or easy to guess, and Unavailable when many are judged.

    This takes up to half a second of one processor, one at a time: a caller counts the try first.
    `about`: words an attacker tries first (name, address, workspace).
    """
    candidate = normalize(password[: MAX_LENGTH * 4])
    if "\0" in candidate:
        raise Invalid(fields={field: "A password must not contain NUL characters."})
    if len(candidate) < MIN_LENGTH:
        raise Invalid(fields={field: f"Use at least {MIN_LENGTH} characters."})
    if len(candidate) > MAX_LENGTH:
        raise Invalid(fields={field: f"Use at most {MAX_LENGTH} characters."})
    from zxcvbn import zxcvbn  # 50 ms and 80,000 words: only when a password is set

    words = [part for text in about for part in (text, *text.replace("@", " ").replace(".", " ").split()) if part]
    with _Turn(_estimator, JUDGE_PATIENCE_SECONDS):
        result = zxcvbn(candidate[:ZXCVBN_LIMIT], user_inputs=[*words, "cursive"])
    if result["score"] < MIN_SCORE:
        warning = result["feedback"]["warning"].rstrip(".")
        reason = f"{warning}. " if warning else "This password is easy to guess. "
        raise Invalid(fields={field: reason + "Add an uncommon word or two."})


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Raises Unavailable when the process is too busy hashing."""
    with _Turn(_slots, PATIENCE_SECONDS):
        return _hasher.hash(normalize(password))


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits. Without a hash the work is done all the same, so that the time tells nothing."""
    if len(password) > MAX_LENGTH * 4 or "\0" in password:
        password = ""
    with _Turn(_slots, PATIENCE_SECONDS):
        try:
            return _hasher.verify(hashed or _decoy(), normalize(password)) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False


def needs_rehash(hashed: str) -> bool:
    """Whether the hash was made with older parameters."""
    return _hasher.check_needs_rehash(hashed)


@cache
def _decoy() -> str:
    return _hasher.hash("no account has this password")


class _Turn:
    """One's turn at work that is limited per process. Raises Unavailable when it does not come in time."""

    def __init__(self, turns: threading.Lock | threading.Semaphore, patience: float) -> None:
        self.turns, self.patience = turns, patience

    def __enter__(self) -> None:
        if not self.turns.acquire(timeout=self.patience):
            raise Unavailable("Many people are logging in right now. Try again in a few seconds.")

    def __exit__(self, *_: object) -> None:
        self.turns.release()
