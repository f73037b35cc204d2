"""How often somebody may do something."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from math import ceil

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

MAX_SOURCES = 10_000


@define(eq=False)
class Allowance:
    """
    Lets each source do a number of things at once, and so many a minute.

    Whoever was seen longest ago is forgotten first.

    :ivar per_minute: how many.
    """

    _clock: IReactorTime = field(repr=False)
    per_minute: int
    _used: OrderedDict[str, tuple[float, float]] = field(
        factory=OrderedDict, init=False, repr=False
    )

    def take(self, source: str) -> int:
        """
        Take one thing.

        :return: 0 when it was given, else in how many seconds to ask again.
        """
        now = self._clock.seconds()
        a_second = self.per_minute / 60
        used, at = self._used.pop(source, (0.0, now))
        used = max(0.0, used - (now - at) * a_second)
        given = used + 1 <= self.per_minute
        self._used[source] = (used + given, now)
        if len(self._used) > MAX_SOURCES:
            self._used.popitem(last=False)
        return 0 if given else ceil((used + 1 - self.per_minute) / a_second)


def network_of(address: str) -> str:
    """Give whom an address belongs to: of IPv6 the whole network of a subscriber."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
