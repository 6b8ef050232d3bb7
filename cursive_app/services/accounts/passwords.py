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
ZXCVBN_LIMIT = 72  # longer input is refused by the estimator, and long enough anyway
MIN_SCORE = 3  # "safely unguessable": 10^8 guesses or more

_hasher = PasswordHasher()  # argon2id, 64 MiB, t=3, p=4
_slots = threading.BoundedSemaphore(2)  # 64 MiB each: a flood of logins must not eat the memory (D-16)
_estimator = threading.Lock()  # zxcvbn keeps the caller's words in a module-level table


def normalize(password: str) -> str:
    """One form for all ways to type the same letters (NFKC), as NIST 800-63B asks."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, field: str = "password", about: Sequence[str] = ()) -> None:
    """Raises Invalid when a new password is too short, too long or easy to guess.

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
    with _estimator:
        result = zxcvbn(candidate[:ZXCVBN_LIMIT], user_inputs=[*words, "cursive"])
    if result["score"] < MIN_SCORE:
        warning = result["feedback"]["warning"].rstrip(".")
        reason = f"{warning}. " if warning else "This password is easy to guess. "
        raise Invalid(fields={field: reason + "Add an uncommon word or two."})


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Raises Unavailable when the process is too busy hashing."""
    with _Slot():
        return _hasher.hash(normalize(password))


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits. Without a hash the work is done all the same, so that the time tells nothing."""
    if len(password) > MAX_LENGTH * 4 or "\0" in password:
        password = ""
    with _Slot():
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


class _Slot:
    def __enter__(self) -> None:
        if not _slots.acquire(timeout=8):
            raise Unavailable("Many people are logging in right now. Try again in a few seconds.")

    def __exit__(self, *_: object) -> None:
        _slots.release()
