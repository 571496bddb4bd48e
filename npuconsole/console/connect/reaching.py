"""How a client gets to this server from where it runs, and what stands in its way. Pure, but for
`look_at_machine`.
"""

from __future__ import annotations

import ipaddress
import platform
import socket
import sys
from dataclasses import dataclass
from enum import StrEnum

import psutil

from npuconsole.listening import Place, url_of

WSL_NETWORK = "172.16.0.0/12"
UNKNOWN_WINDOWS = "WINDOWS-ADDRESS"


class Where(StrEnum):
    """Where the client runs."""

    HERE = "here"
    WSL_NAT = "wsl-nat"
    WSL_MIRRORED = "wsl-mirrored"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Machine:
    """What counts of the machine that the server runs on: `platform` is a `sys.platform`, `lan` its
    address in the local network ("" if it has none), `wsl` that of Windows in WSL2's network."""

    platform: str
    is_wsl: bool
    lan: str
    wsl: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to see to: what it is, whether it is done (None: nobody can know from here), and
    what to type, where and what for."""

    words: str
    is_done: bool | None = None
    command: str = ""
    terminal: str = ""


def look_at_machine() -> Machine:
    """This machine. No packet is sent and no name server asked."""
    return Machine(
        platform=sys.platform,
        is_wsl="microsoft" in platform.release().lower(),
        lan=_lan_address(),
        wsl=_wsl_address(),
    )


def address_for(where: Where, machine: Machine, place: Place, asked_host: str = "") -> str:
    """The server's address for a client there. `asked_host` is the name by which the page itself
    was asked for: from elsewhere it is one that works."""
    if where in (Where.HERE, Where.WSL_MIRRORED):
        return url_of(place.host, place.port)
    if where is Where.WSL_NAT:
        return f"http://{machine.wsl or UNKNOWN_WINDOWS}:{place.port}"
    if asked_host and not _is_loopback(asked_host):
        return f"http://{asked_host}"
    host = machine.lan if place.is_everywhere or place.is_only_here else place.host
    return url_of(host or "THIS-MACHINE", place.port)


def steps_for(where: Where, machine: Machine, place: Place) -> tuple[Step, ...]:
    """What must be so for a client there to get here."""
    if where is Where.HERE:
        return (Step("Nothing else to do: programs on this machine reach the server.", True),)
    if where is Where.WSL_MIRRORED:
        return _mirrored_steps(machine, place)
    if where is Where.WSL_NAT:
        return _nat_steps(machine, place)
    return _elsewhere_steps(machine, place)


def _mirrored_steps(machine: Machine, place: Place) -> tuple[Step, ...]:
    shares = place.is_only_here or place.is_everywhere
    return (
        *_not_windows(machine),
        Step(
            "WSL2 shares Windows' network once .wslconfig in your Windows user folder says so "
            "(Windows 11 22H2 or newer):",
            command="[wsl2]\nnetworkingMode=mirrored",
            terminal=".wslconfig",
        ),
        Step("Restart WSL2 for it:", command="wsl --shutdown", terminal="PowerShell"),
        Step(
            f"The server listens on {place.host}, which WSL2 then reaches as 127.0.0.1; "
            "no firewall rule is needed."
            if shares
            else f"The server listens on {place.host} only; WSL2 reaches 127.0.0.1.",
            shares,
        ),
    )


def _nat_steps(machine: Machine, place: Place) -> tuple[Step, ...]:
    known = (
        Step(f"Windows has the address {machine.wsl} in WSL2's network.", True)
        if machine.wsl
        else Step(
            "Ask WSL2 for Windows' address, and write it for WINDOWS-ADDRESS below; it may change "
            "when Windows restarts:",
            command="ip route show default | awk '{print $3}'",
            terminal="WSL2",
        )
    )
    return (
        *_not_windows(machine),
        _binding(place),
        Step(
            "Let WSL2's network through Windows' firewall, once, as administrator:",
            command=_windows_rule("npuconsole from WSL2", place.port, WSL_NETWORK),
            terminal="PowerShell",
        ),
        known,
    )


def _elsewhere_steps(machine: Machine, place: Place) -> tuple[Step, ...]:
    steps = [_binding(place)]
    if machine.platform == "win32":
        steps.append(
            Step(
                "Let the local network through Windows' firewall, once, as administrator:",
                command=_windows_rule("npuconsole", place.port, "LocalSubnet"),
                terminal="PowerShell",
            )
        )
    elif machine.is_wsl:
        steps.append(
            Step(
                "This server runs inside WSL2: have Windows hand its port on, as administrator:",
                command=f"netsh interface portproxy add v4tov4 listenport={place.port} "
                f"connectport={place.port} connectaddress={machine.lan}",
                terminal="PowerShell",
            )
        )
    elif machine.platform.startswith("linux"):
        steps.append(
            Step(
                "If a firewall is on, let the local network through:",
                command=f"sudo ufw allow from {_network(machine.lan)} to any port {place.port} "
                "proto tcp",
                terminal="terminal",
            )
        )
    steps.append(
        Step("Whoever reaches the port uses the models: the API asks for no password.", None)
    )
    return tuple(steps)


def _not_windows(machine: Machine) -> tuple[Step, ...]:
    if machine.platform == "win32":
        return ()
    if machine.is_wsl:
        words = (
            "This server itself runs inside WSL2: for programs in there choose “On this machine”."
        )
        return (Step(words),)
    return (Step("These steps are for a server on Windows; this one runs elsewhere."),)


def _binding(place: Place) -> Step:
    if place.is_only_here:
        return Step(
            f"The server listens on {place.host}, which only this machine reaches. Set the address "
            "to 0.0.0.0 in the settings, and start the server anew.",
            False,
        )
    if place.is_everywhere:
        return Step(
            f"The server listens on every address of this machine, port {place.port}.", True
        )
    return Step(f"The server listens on {place.host}, port {place.port}.", True)


def _windows_rule(name: str, port: int, source: str) -> str:
    return (
        f'New-NetFirewallRule -DisplayName "{name}" -Direction Inbound -Action Allow '
        f"-Protocol TCP -LocalPort {port} -RemoteAddress {source}"
    )


def _network(address: str) -> str:
    """The /24 around an address: what home networks are."""
    try:
        return str(ipaddress.ip_network(f"{address}/24", strict=False))
    except ValueError:
        return "192.168.1.0/24"


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if host.count(":") == 1 or "]" in host else host
    name = name.strip("[]") or host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _lan_address() -> str:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
    except OSError:
        return ""
    return "" if address.startswith(("127.", "0.")) else address


def _wsl_address() -> str:
    """Windows' own address in WSL2's network, where this is Windows."""
    if sys.platform != "win32":
        return ""
    for name, addresses in psutil.net_if_addrs().items():
        if name.startswith("vEthernet (WSL"):
            for found in addresses:
                if found.family == socket.AF_INET:
                    return str(found.address)
    return ""
