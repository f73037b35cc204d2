"""Changes of a token, none of which may be accepted."""

import json
from base64 import urlsafe_b64decode
from random import Random

from tests.introspection.minting import encoded

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/!\n \0é"
_VALUES = (
    None, True, False, 0, 1, -1, 1e300, 2**53, "", "x", "none", "HS256", [], [1], {},
    {"a": 1}, "https://evil.example", "admin", "2033-05-18",
)  # fmt: skip


def mutated(token: str, random: Random) -> str:
    """Give another spelling of a token, or another token."""
    change = random.choice(
        (_letters, _letters, _bits, _claims, _claims, _parts, _bytes_appended)
    )
    found = change(token, random)
    return found if found != token else f"{token}A"


def _letters(token: str, random: Random) -> str:
    letters = list(token)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        place = random.randrange(len(letters))
        what = random.randrange(4)
        if what == 0:
            letters[place] = random.choice(_LETTERS)
        elif what == 1:
            letters.insert(place, random.choice(_LETTERS))
        elif what == 2:
            del letters[place]
        else:
            other = random.randrange(len(letters))
            letters[place], letters[other] = letters[other], letters[place]
    return "".join(letters)


def _bits(token: str, random: Random) -> str:
    parts = token.split(".")
    number = random.randrange(3)
    data = bytearray(_decoded(parts[number]))
    place = random.randrange(len(data))
    data[place] ^= 1 << random.randrange(8)
    parts[number] = encoded(bytes(data))
    return ".".join(parts)


def _claims(token: str, random: Random) -> str:
    parts = token.split(".")
    number = random.randrange(2)
    members = json.loads(_decoded(parts[number]))
    name = random.choice([*members, "crit", "jwk", "kid", "nonce", "cnf", "b64"])
    if random.random() < 0.3:
        members.pop(name, None)
    else:
        members[name] = random.choice(_VALUES)
    parts[number] = encoded(json.dumps(members).encode())
    return ".".join(parts)


def _parts(token: str, random: Random) -> str:
    parts = token.split(".")
    what = random.randrange(4)
    if what == 0:
        parts[random.randrange(3)] = ""
    elif what == 1:
        parts[2] = encoded(random.randbytes(random.choice((0, 1, 32, 64, 256, 512))))
    elif what == 2:
        random.shuffle(parts)
    else:
        parts.insert(random.randrange(4), random.choice(parts))
    return ".".join(parts)


def _bytes_appended(token: str, random: Random) -> str:
    parts = token.split(".")
    number = random.randrange(3)
    data = _decoded(parts[number])
    more = random.choice((b"\0", b" ", b"\n", b"\xff", b"}", data))
    parts[number] = encoded(data + more if random.random() < 0.5 else more + data)
    return ".".join(parts)


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
