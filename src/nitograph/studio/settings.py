"""What bounds the studio: where it listens, how many processes work, how much may wait, and for how long.

This module starts nothing.

Try it: python -c "from nitograph.studio.settings import StudioSettings; print(StudioSettings())"
"""

import ipaddress
from dataclasses import dataclass

from nitograph.settings import Settings, setting

MIB = 2**20


@dataclass(frozen=True)
class StudioSettings(Settings):
    """Address and bounds of the studio."""

    host: str = setting("127.0.0.1", "address to listen on; one that other machines reach wants a token")
    port: int = setting(8765, "port to listen on; 0 takes any free one", low=0, high=65535)
    workers: int | None = setting(
        None, "processes that do the work; default: one a core, at most 4", low=1, high=64
    )
    queue: int = setting(128, "requests that may wait; further ones are answered 429", low=1, high=10_000)
    seconds: float = setting(120.0, "limit of one piece of work", unit="s", low=1, high=86_400)
    memory: int = setting(2048, "limit of one process", unit="MiB", low=512, high=2**20)
    upload: int = setting(32, "limit of one picture", unit="MiB", low=1, high=256)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
